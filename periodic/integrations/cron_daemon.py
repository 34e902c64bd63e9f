"""When a system's cron runs a line: Vixie's program, as Debian's cron and cronie have it.

Once a minute it compares its clock with the minute that it did last. A clock that has gone forward
by less than three hours makes it run the fixed lines of the minutes between at once, one for each;
one that has gone back by as much makes it run the lines with a star alone until it has caught up.
After larger leaps it goes on as if nothing were.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from ..clock import to_utc, to_zone
from ..clock_changes import ClockChange, clock_changes
from ..schedules import cron

#: From here on a change of the clock counts as its being set right.
_CORRECTION = timedelta(hours=3)
_DAY = timedelta(days=1)


def daemon_runs(schedule: cron, start: datetime, end: datetime) -> list[datetime]:
    """Return when cron runs a line in `[start, end)`, in UTC, in order.

    An instant is there as often as it runs the line then.

    Args:
        schedule: of a line: five fields, its zone settled.
        start: aware.
        end: aware.
    """
    zone = schedule.tz or UTC
    first, last = (to_utc(at).replace(second=0, microsecond=0) for at in (start, end))
    # One whose clock never changes shows what the clock must read.
    readings = cron(schedule.expression, tz=UTC, name=schedule.name)
    changes = list(clock_changes(zone, first - _DAY, last + _DAY))
    edges = [first - _DAY, *(change.at for change in changes), last + _DAY]
    found: list[datetime] = []
    for number, (low, high) in enumerate(pairwise(edges)):
        change = changes[number - 1] if number else None
        offset = change.after if change is not None else _offset(low, zone)
        found += _at_change(schedule, readings, change)
        runs = [to_utc(at) - offset for at in readings.between(low + offset, high + offset)]
        if change is not None and schedule.fixed and not change.forward:
            caught_up = change.at + change.size if change.size <= _CORRECTION else change.at
            runs = [at for at in runs if at >= caught_up]
        found += runs
    return [at for at in found if to_utc(start) <= at < to_utc(end)]


def _at_change(schedule: cron, readings: cron, change: ClockChange | None) -> list[datetime]:
    """Return what runs at once where the clock has gone forward."""
    if change is None or not change.forward or not schedule.fixed or change.size >= _CORRECTION:
        return []
    low, high = (at.replace(tzinfo=UTC) for at in (change.old_reading, change.new_reading))
    return [change.at for _ in readings.between(low, high)]


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return to_zone(at, zone).utcoffset() or timedelta(0)
