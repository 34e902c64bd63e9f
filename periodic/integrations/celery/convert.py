"""What Celery calls a schedule, as a schedule of ours with the same meaning."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, tzinfo
from typing import Any

from celery import Celery, schedules

from ...errors import ScheduleError
from ...schedules import Schedule, crontab, interval, solar
from .days import EveryDays
from .foreign import ForeignSchedule
from .settings import Settings

logger: logging.Logger = logging.getLogger(__name__)

_ALLOWED = (
    "a number of seconds, a timedelta, crontab(...), solar(...), interval(...), clocked(...) "
    "or another schedule object"
)
_CRON_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

#: A date whose local midnight anchors "by the clock" grids that do not divide a day.
_ANCHOR = (2020, 1, 1)


def to_schedule(
    value: object,
    app: Celery,
    *,
    relative: bool = False,
    zone: tzinfo | None = None,
    name: str | None = None,
) -> Schedule:
    """Return any schedule that Celery accepts as one of ours, its zone settled.

    Numbers and timedeltas become the interval grid; Celery's `schedule`, `crontab` and `solar`
    keep Celery's meaning (days of month AND of week); our own pass through; other classes built
    on `celery.schedules.BaseSchedule` are asked themselves.

    `nowfun` of a Celery schedule is not called: the beat's clock says what time it is. A
    warning says so, once for each entry.

    Args:
        value: the `schedule` of an entry.
        app: whose time zone applies where the schedule has none.
        relative: Celery's `relative` for numbers and timedeltas: runs are aligned to the clock.
        zone: applies instead of the app's zone.
        name: the entry's name, for messages.

    Raises:
        ScheduleError: `value` is not a schedule; the message says what is.
    """
    zone = zone if zone is not None else Settings.of(app).timezone
    if isinstance(value, Schedule):
        return value.in_zone(zone)
    if isinstance(value, bool):
        raise ScheduleError(f"{value!r} is not a schedule; give {_ALLOWED}")
    if isinstance(value, int | float | timedelta):
        return _every(value, zone, relative=relative)
    if isinstance(value, schedules.BaseSchedule):
        return _from_celery(value, app, zone, name)
    if isinstance(value, str):
        raise ScheduleError(f"the string {value!r} is not a schedule; give {_ALLOWED}")
    raise ScheduleError(f"{value!r} is not a schedule; give {_ALLOWED}")


def _from_celery(value: Any, app: Celery, zone: tzinfo, name: str | None) -> Schedule:
    known: type | None = next(
        (
            each
            for each in (schedules.schedule, schedules.crontab, schedules.solar)
            if isinstance(value, each) and _keeps_meaning(type(value), each)
        ),
        None,
    )
    if known is None:
        return ForeignSchedule(value, app, zone)
    given: Any = value
    if getattr(value, "nowfun", None) is not None:
        logger.warning(
            "entry %r: the nowfun of %r is not used, the beat's clock says what time it is; "
            "for another time zone give the entry a 'tz'",
            name,
            value,
            extra={"event": "nowfun-ignored", "entry": name},
        )
    own = vars(value).get("tz")
    if type(value) is not known and isinstance(own, tzinfo):
        zone = own  # a subclass that sets `tz`; on Celery's own classes it is only a cache
    if known is schedules.schedule:
        if given.run_every is None:
            raise ScheduleError(f"{type(value).__name__}() has no interval; give run_every=...")
        return _every(given.run_every, zone, relative=bool(given.relative))
    if known is schedules.crontab:
        fields = {field: getattr(value, f"_orig_{field}") for field in _CRON_FIELDS}
        return crontab(**fields).in_zone(zone)
    return solar(given.event, given.lat, given.lon).in_zone(zone)


def _keeps_meaning(cls: type, known: type) -> bool:
    """Tell whether a subclass leaves alone all that decides when a schedule is due."""
    decisive = (
        *("is_due", "remaining_estimate", "remaining_delta", "now", "tz"),
        *("maybe_make_aware", "to_local"),
    )
    return all(getattr(cls, each, None) is getattr(known, each, None) for each in decisive)


def _every(value: float | timedelta, zone: tzinfo, *, relative: bool) -> Schedule:
    grid = interval(value)  # refuses what is not more than zero
    every = grid.every
    if not relative or every < _MINUTE:
        return grid.in_zone(zone)
    # Celery rounds to the minute, hour or day. The wall clock serves what divides one; for the
    # rest a grid from a local midnight keeps the interval, which Celery loses (90 minutes
    # become 60).
    if every < _HOUR and not every % _MINUTE and not _HOUR % every:
        return crontab(minute=f"*/{every // _MINUTE}").in_zone(zone)
    if every < _DAY and not every % _HOUR and not _DAY % every:
        return crontab(minute=0, hour=f"*/{every // _HOUR}").in_zone(zone)
    if not every % _DAY:
        return EveryDays(every // _DAY).in_zone(zone)
    return interval(every, anchor=datetime(*_ANCHOR, tzinfo=zone)).in_zone(zone)
