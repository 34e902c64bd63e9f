"""What the BY... parts of a recurrence rule leave: days of a year, and times of a day.

What they make of a year depends on little: on which day of the week it begins, whether it is a
leap year, and whether the year before is one. So python-dateutil is asked about 21 years at most,
each once, whatever the number of years. Times are arithmetic.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from ..errors import ScheduleError
from .instants import DAY, DAYS
from .recurrence_text import FREQUENCIES, RuleText

_WEEK = 7
#: Units of a day, and their seconds, for the frequencies below a day.
UNITS = {"HOURLY": (24, 3600), "MINUTELY": (1440, 60), "SECONDLY": (DAY, 1)}


class DayRule(NamedTuple):
    """Which days of a year the BY... parts leave.

    Args:
        monthly: whether numbers of days of the week count within the month.
        wkst, byday, bymonth, byweekno, byyearday, bymonthday: as in `RuleText`.
    """

    monthly: bool
    wkst: int
    byday: tuple[tuple[int, int], ...]
    bymonth: tuple[int, ...]
    byweekno: tuple[int, ...]
    byyearday: tuple[int, ...]
    bymonthday: tuple[int, ...]


class TimeRule(NamedTuple):
    """Which times of a day the BY... parts leave, and where the periods below a day begin.

    Args:
        unit: how many periods a day has; 0 for a day or longer.
        interval: how many of them lie between two.
        start: the number of the first of them, counted from day 0; 0 for a day or longer.
        byhour, byminute, bysecond: all that match; empty where all do.
        bysetpos: which of those within a period; empty for all.
    """

    unit: int
    interval: int
    start: int
    byhour: tuple[int, ...]
    byminute: tuple[int, ...]
    bysecond: tuple[int, ...]
    bysetpos: tuple[int, ...]


def day_rule(rule: RuleText, start: datetime) -> DayRule:
    """Return the day rule, with what RFC 5545 takes from the start where the rule is silent."""
    byday, bymonth, bymonthday = rule.byday, rule.bymonth, rule.bymonthday
    if not (byday or bymonthday or rule.byweekno or rule.byyearday):
        if rule.freq == "YEARLY":
            bymonth, bymonthday = bymonth or (start.month,), (start.day,)
        elif rule.freq == "MONTHLY":
            bymonthday = (start.day,)
        elif rule.freq == "WEEKLY":
            byday = ((0, start.weekday()),)
        else:
            byday = tuple((0, day) for day in range(_WEEK))
    return DayRule(
        monthly=rule.freq == "MONTHLY" and any(number for number, _ in byday),
        wkst=rule.wkst if rule.byweekno else 0,
        byday=byday,
        bymonth=bymonth,
        byweekno=rule.byweekno,
        byyearday=rule.byyearday,
        bymonthday=bymonthday,
    )


def time_rule(rule: RuleText, start: datetime) -> TimeRule:
    """Return the time rule, with what RFC 5545 takes from the start where the rule is silent."""
    level = FREQUENCIES.index(rule.freq)
    unit, seconds = UNITS.get(rule.freq, (0, 1))
    time = start.hour * 3600 + start.minute * 60 + start.second
    short = level >= FREQUENCIES.index("DAILY")
    return TimeRule(
        unit=unit,
        interval=rule.interval if unit else 1,
        start=(start.toordinal() - 1) * unit + time // seconds if unit else 0,
        byhour=rule.byhour or (() if unit else (start.hour,)),
        byminute=rule.byminute or (() if unit > UNITS["HOURLY"][0] else (start.minute,)),
        bysecond=rule.bysecond or (() if unit == DAY else (start.second,)),
        bysetpos=rule.bysetpos if short else (),
    )


@lru_cache(maxsize=1024)
def times_of(rule: TimeRule, first: int) -> tuple[int, ...]:
    """Return a day's times in seconds; `first` is the first unit that INTERVAL leaves."""
    hours, minutes, seconds = rule.byhour, rule.byminute, rule.bysecond
    if rule.unit == 0:
        within = [h * 3600 + m * 60 + s for h in hours for m in minutes for s in seconds]
        return tuple(_taken(within, rule.bysetpos))
    row = range(first, rule.unit, rule.interval)
    match rule.unit:
        case 24:
            within = [m * 60 + s for m in minutes for s in seconds]
            starts = [hour * 3600 for hour in row if not hours or hour in hours]
        case 1440:
            within = list(seconds)
            starts = [
                minute * 60
                for minute in row
                if (not hours or minute // 60 in hours) and (not minutes or minute % 60 in minutes)
            ]
        case _:
            within = [0]
            starts = [
                second
                for second in row
                if (not hours or second // 3600 in hours)
                and (not minutes or second // 60 % 60 in minutes)
                and (not seconds or second % 60 in seconds)
            ]
    within = _taken(within, rule.bysetpos)
    return tuple(start + offset for start in starts for offset in within)


def _taken(items: list[int], places: tuple[int, ...]) -> list[int]:
    """Return the items at these places, counted from 1, or from -1 at the end; all if none."""
    if not places:
        return items
    wanted = {place - 1 if place > 0 else len(items) + place for place in places}
    return [item for index, item in enumerate(items) if index in wanted]


def first_of(year: int, month: int) -> int:
    """Return the number of the first day of a month; beyond the calendar, of the day after it."""
    return date(year, month, 1).toordinal() - 1 if year <= date.max.year else DAYS


def _kind(year: int) -> tuple[int, bool, bool]:
    """Return all that the BY... parts can see of a year."""
    weekday = (date(year, 1, 1).toordinal() - 1) % _WEEK
    return weekday, isleap(year), isleap(year - 1)


# The last years of the calendar hold every kind; python-dateutil stops soon after them.
_YEARS_OF_KIND = {_kind(year): year for year in range(9972, 10_000)}


def days_of_year(rule: DayRule, day: int) -> tuple[int, tuple[int, ...]]:
    """Return the first day of a day's year, and the days that match, counted from it."""
    year = date.fromordinal(day + 1).year
    return first_of(year, 1), _matching(rule, _YEARS_OF_KIND[_kind(year)])


@lru_cache(maxsize=8192)
def _matching(rule: DayRule, year: int) -> tuple[int, ...]:
    """Ask python-dateutil, the extra `rrule`, which days of a year match; 0 is 1 January."""
    try:
        from dateutil import rrule as dateutil  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ScheduleError(
            "recurrence rules need the library python-dateutil; "
            'pip install "periodic-celery[rrule]"'
        ) from error
    start = datetime(year, 1, 1)  # noqa: DTZ001  # a reading
    found = dateutil.rrule(
        dateutil.MONTHLY if rule.monthly else dateutil.YEARLY,
        dtstart=start,
        until=datetime(year, 12, 31),  # noqa: DTZ001  # a reading
        wkst=rule.wkst,
        byweekday=[dateutil.weekday(day, number or None) for number, day in rule.byday] or None,
        bymonth=rule.bymonth or None,
        byweekno=rule.byweekno or None,
        byyearday=rule.byyearday or None,
        bymonthday=rule.bymonthday or None,
    )
    return tuple(day.toordinal() - start.toordinal() for day in found)
