"""Beats that tick under clocks that are driven, and what became of it."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from .beats import make_entry

if TYPE_CHECKING:
    import pytest

    import periodic

    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

_MICROSECOND = timedelta(microseconds=1)


def ahead_of(clock: periodic.Clock, by: timedelta) -> periodic.Clock:
    """Return a clock that is ahead of another one, as that of a second machine."""
    return cast("periodic.Clock", _Ahead(clock, by))


class _Ahead:
    def __init__(self, clock: periodic.Clock, by: timedelta) -> None:
        self._clock = clock
        self._by = by

    def now(self) -> datetime:
        return self._clock.now() + self._by

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def wait_until(self, deadline: float, wake: periodic.Wake) -> bool:
        return self._clock.wait_until(deadline, wake)


def let_tick(beat: periodic.Beat, clock: DrivenClock, units: int) -> None:
    """Let a beat tick once after each of so many units."""
    for _ in range(units):
        clock.advance(clock.units(1))
        beat.tick()


def fire_times(entry: periodic.Entry, after: datetime, until: datetime) -> list[str]:
    """Return the fire times of an entry after one instant and up to another, as messages say."""
    times = entry.schedule.between(after + _MICROSECOND, until + _MICROSECOND)
    return [at.isoformat() for at in times]


def count(received: list[Received], entry: str) -> dict[str, int]:
    """Return how often each fire time of an entry was received, the oldest first."""
    counted = Counter(message.fire_time for message in received if message.entry == entry)
    return dict(sorted(counted.items()))


def once(times: list[str]) -> dict[str, int]:
    """Return what `count` says where each of these was received once."""
    return dict.fromkeys(times, 1)


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[logging.LogRecord]:
    """Return what was logged of an event."""
    return [record for record in caplog.records if record.__dict__.get("event") == event]


def due_at(
    core: Core, clock: DrivenClock, broker: periodic.Broker, name: str, now: datetime
) -> periodic.Entry:
    """Make an entry that another beat has taken up three units ago, so that it is due now."""
    entry = make_entry(core, name, core.interval(clock.units(1)))
    broker.adopt([core.Adoption(name, entry.fingerprint, now - clock.units(3))])
    return entry
