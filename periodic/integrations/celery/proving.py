"""When Celery itself runs a schedule: it is asked, for comparing with ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from celery import Celery, schedules

from ...clock import to_utc
from ...schedules import Schedule, crontab, solar, window
from .foreign import ForeignSchedule

_CRON_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")


def celery_runs(
    schedule: Schedule,
) -> Callable[[datetime, datetime], Sequence[datetime]] | None:
    """Return what tells when Celery runs a schedule of ours; None where it has no such schedule.

    Args:
        schedule: its zone settled; a crontab, the sun's, or one of them within a window.
    """
    if isinstance(schedule, window):
        within, start, end = celery_runs(schedule.schedule), schedule.start, schedule.end
        if within is None:
            return None
        return lambda low, high: within(max(low, start or low), min(high, end or high))
    asked = _asked(schedule)
    return None if asked is None else lambda low, high: runs_of(asked, low, high)


def runs_of(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """Return the instants of a schedule in `[start, end)`, in UTC, each asked from the one before.

    So Celery's beat goes on: from the last run to the next.

    Args:
        schedule: whose.
        start: aware.
        end: aware.
    """
    found: list[datetime] = []
    at = schedule.next_after(to_utc(start) - datetime.resolution)
    while at is not None and to_utc(at) < to_utc(end):
        found.append(to_utc(at))
        at = schedule.next_after(at)
    return found


def _asked(schedule: Schedule) -> Schedule | None:
    zone: tzinfo = schedule.tz or UTC
    app = Celery("proving", set_as_current=False)
    if isinstance(schedule, crontab):
        data = schedule.to_dict()
        wrapped: Any = schedules.crontab(**{key: data[key] for key in _CRON_FIELDS}, app=app)
        wrapped.tz = zone
        return ForeignSchedule(wrapped, app, zone)
    if isinstance(schedule, solar) and not schedule.offset:
        event: Any = schedule.event
        sun: Any = schedules.solar(event, schedule.lat, schedule.lon, app=app)
        return ForeignSchedule(sun, app, zone)
    return None
