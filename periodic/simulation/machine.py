"""One simulated beat: its machine, with a clock of its own, and what its beat does not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..beat import Beat, Render
from ..broker import Broker
from ..clock import ManualClock
from ..due import Due
from ..planner import Planner
from ..schedules.zones import ZoneWatch
from .broker import Line
from .leading import SimulatedLeadership

_NOTHING = timedelta(0)


class _Silence:
    """The message of a simulated run: nobody reads it."""

    def publish(self, producer: Any) -> None:
        """Publish nothing."""


#: The message of every run.
SILENCE: _Silence = _Silence()


class TellingPlanner(Planner):
    """A planner that says what it gives up.

    Args:
        tell: is told.
    """

    def __init__(self, tell: Callable[[Due], None]) -> None:
        super().__init__()
        self._tell = tell

    def due(
        self, now: datetime, *, limit: int | None = None, catch_up: int | None = None
    ) -> list[Due]:
        """Take what is due, and say what is given up."""
        taken = super().due(now, limit=limit, catch_up=catch_up)
        for due in taken:
            if due.given_up:
                self._tell(due)
        return taken


class _SettledZones(ZoneWatch):
    """Zones whose rules stay as they are: nobody updates them in the midst of a simulation."""

    def look(self, monotonic: float) -> bool:  # noqa: ARG002
        return False


class SimulatedBeat(Beat):
    """A beat that looks at no files: a year has half a million of its looks."""

    def __init__(self, broker: Broker, render: Render, **options: Any) -> None:
        super().__init__(broker, render, **options)
        self._zones = _SettledZones()


@dataclass(slots=True)
class Machine:
    """One beat's machine: its clock goes on while the beat is dead.

    Args:
        number: of the beat, from 1.
        offset: how far its clock is from undisturbed time.
        clock: read by the beat; this and what follows are None while the beat is dead.
        line: to the broker.
        beat: the beat.
        leadership: whether it leads; None where nobody contends.
        ticked_at: when it ticked last.
        tick_at: when its next tick is; another tick of it in the plan is stale.
        turn_at: when its next turn for the lease is; likewise.
    """

    number: int
    offset: timedelta = _NOTHING
    clock: ManualClock | None = None
    line: Line | None = None
    beat: Beat | None = None
    leadership: SimulatedLeadership | None = None
    ticked_at: datetime | None = None
    tick_at: datetime | None = None
    turn_at: datetime | None = None
