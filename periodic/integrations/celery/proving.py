"""Whether Celery itself would run a crontab at the same instants: both are asked, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from celery import Celery, schedules

from ...clock import iso_utc, to_utc
from ...clock_changes import clock_changes
from ...schedules import Schedule, crontab
from .foreign import ForeignSchedule

#: A year with no more runs than this is compared whole; a busier one around its clock changes.
_FEW = 500
_AROUND = timedelta(hours=30)
_TOLD = 3


def differences(schedule: crontab, start: datetime, end: datetime) -> str:
    """Return one sentence about the instants at which only one of the two runs; "" for none.

    Args:
        schedule: of ours, with the fields of Celery's; its zone is settled.
        start: aware; included.
        end: aware; not included.
    """
    zone = schedule.tz or UTC
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    data = schedule.to_dict()
    fields = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
    app = Celery("proving", set_as_current=False)
    wrapped: Any = schedules.crontab(**{key: data[key] for key in fields}, app=app)
    wrapped.tz = zone
    theirs = ForeignSchedule(wrapped, app, zone)
    ours_only: list[datetime] = []
    theirs_only: list[datetime] = []
    for first, last in _spans(schedule, start, end):
        here, there = _runs(schedule, first, last), _runs(theirs, first, last)
        ours_only += sorted(here - there)
        theirs_only += sorted(there - here)
    told = [
        f"{who} {', '.join(map(iso_utc, runs[:_TOLD]))}{', ...' if len(runs) > _TOLD else ''}"
        for who, runs in (("here alone at", ours_only), ("in Celery alone at", theirs_only))
        if runs
    ]
    if not told:
        return ""
    return f"where the clock changes it runs otherwise in the coming year: {'; '.join(told)}"


def _spans(
    schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    if len(list(islice(schedule.between(start, end), _FEW + 1))) <= _FEW:
        yield start, end
        return
    yield start, start + _AROUND
    for change in clock_changes(schedule.tz or UTC, start, end):
        yield change.at - _AROUND, change.at + _AROUND


def _runs(schedule: Schedule, start: datetime, end: datetime) -> set[datetime]:
    found: set[datetime] = set()
    at = schedule.next_after(to_utc(start) - datetime.resolution)
    while at is not None and to_utc(at) < to_utc(end):
        found.add(to_utc(at))
        at = schedule.next_after(at)
    return found
