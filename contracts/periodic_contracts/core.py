"""What the contracts use of the core: a seam, so that a vendored copy can be proved as well.

Nothing of the contracts imports the core at run time; the fixture `core` hands over the package
that the ini option `periodic_core` names, whose classes and errors are the ones that count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import periodic


class Core(Protocol):
    """The public names of the core that contracts speak of."""

    Adoption: type[periodic.Adoption]
    Beat: type[periodic.Beat]
    BeatState: type[periodic.BeatState]
    BeatStatus: type[periodic.BeatStatus]
    Broker: type[periodic.Broker]
    Capability: type[periodic.Capability]
    Clock: type[periodic.Clock]
    CursorStore: type[periodic.CursorStore]
    Dispatch: type[periodic.Dispatch]
    DuplicateEntry: type[periodic.DuplicateEntry]
    Entry: type[periodic.Entry]
    EntryError: type[periodic.EntryError]
    LeaseLost: type[periodic.LeaseLost]
    Lock: type[periodic.Lock]
    ManualClock: type[periodic.ManualClock]
    MemoryCursors: type[periodic.MemoryCursors]
    NotLeading: type[periodic.NotLeading]
    NotSupported: type[periodic.NotSupported]
    Occurrence: type[periodic.Occurrence]
    RunClaim: type[periodic.RunClaim]
    RunClaims: type[periodic.RunClaims]
    Schedule: type[periodic.Schedule]
    ScheduleStore: type[periodic.ScheduleStore]
    Schedules: type[periodic.Schedules]
    StaleVersion: type[periodic.StaleVersion]
    Status: type[periodic.Status]
    SystemClock: type[periodic.SystemClock]
    UnknownEntry: type[periodic.UnknownEntry]
    crontab: type[periodic.crontab]
    interval: type[periodic.interval]
    Wake: type[periodic.Wake]
    to_utc: Callable[[datetime], datetime]
    to_zone: Callable[[datetime, tzinfo], datetime]
