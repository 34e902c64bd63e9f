"""What a simulation is to show: entries, a span, and what goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..broker import Broker
from ..clock import Clock
from ..entry import Entry, Occurrence
from .faults import Fault

#: Runs the task of an entry's occurrence at an instant, and returns its result.
Execute = Callable[[Entry, Occurrence, datetime], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated.

    Args:
        entries: whose runs.
        start: where the simulation begins; included; UTC.
        end: where it ends; not included; UTC.
        beats: how many.
        faults: what goes wrong.
        durations: name of an entry or a task -> how long it runs.
        seed: decides which of several beats acts first at one instant.
        all_active: every beat works, claims decide; else one leads.
        open_broker: makes the broker on its clock, for a namespace.
        execute: runs the task of an occurrence, told what the beat's clock reads; None runs none.
    """

    entries: Sequence[Entry]
    start: datetime
    end: datetime
    open_broker: Callable[[Clock, str], Broker]
    beats: int = 1
    faults: Sequence[Fault] = ()
    durations: Mapping[str, timedelta] = field(default_factory=dict)
    seed: int = 0
    all_active: bool = False
    execute: Execute | None = None
