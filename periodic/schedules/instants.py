"""Instants as whole numbers, which neither overflow nor know of time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from ..clock import to_utc, to_zone
from ..errors import ScheduleError

#: The first instant that a datetime can hold, in UTC; counts start here.
ORIGIN = datetime(1, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MINUTE = 60
DAY = 86_400
#: How many days the calendar has; day 0 is 0001-01-01, a Monday.
DAYS = 3_652_059

# An instance, because a frozen clock replaces the class by one whose arithmetic loses `fold`.
_FIRST = ORIGIN.replace(tzinfo=None)


def since_origin(at: datetime) -> timedelta:
    """Return the real time from `ORIGIN` to an aware instant.

    Raises:
        ValueError: `at` is naive.
    """
    try:
        return at - ORIGIN
    except TypeError:
        to_utc(at)  # a naive datetime: this says so
        raise


def from_origin(elapsed: timedelta, zone: tzinfo) -> datetime | None:
    """Return the instant that much real time after `ORIGIN`; None outside datetime's range."""
    try:
        return to_zone(ORIGIN + elapsed, zone)
    except OverflowError:
        return None


def datetime_of(reading: int, zone: tzinfo, fold: int = 0) -> datetime:
    """Return a reading of the wall clock, in seconds since 0001-01-01, as a datetime.

    Raises:
        OverflowError: it is outside datetime's range.
    """
    return (_FIRST + timedelta(seconds=reading)).replace(tzinfo=zone, fold=fold)


def check_instant(at: object, field: str) -> None:
    """Refuse what names no instant.

    Raises:
        ScheduleError: it is naive or no datetime; the message names the field.
    """
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise ScheduleError(
            f"{field}={at!r} names no instant; pass an aware datetime, for example "
            "datetime(2026, 3, 8, 9, tzinfo=ZoneInfo('Europe/London'))"
        )


def parse_instant(text: str, field: str) -> datetime:
    """Read an aware datetime in ISO 8601.

    Raises:
        ScheduleError: the text is not one; the message names the field.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ScheduleError(
            f"{field}={text!r} is not an ISO 8601 date and time such as "
            f"'2026-03-08T09:00:00+00:00': {error}"
        ) from None
