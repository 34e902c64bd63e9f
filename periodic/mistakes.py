"""Near-by mistakes: what a person who wrote an expression may have meant otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from .clock import to_utc
from .clock_changes import offset
from .errors import ScheduleError
from .schedules.base import Schedule
from .schedules.cron import cron
from .schedules.crontab import crontab
from .schedules.english import listed, ordinal
from .schedules.fields import DAY_OF_WEEK, MONTH_OF_YEAR

# How cron and `crontab.from_string` order the fields.
_ORDER = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_LIST = re.compile(r"[0-9, ]+")
_STAR_STEP = re.compile(r"\*/([0-9]+)")
_MONTHS = tuple(name.capitalize() for name in MONTH_OF_YEAR.names)
_DAYS = tuple(name.capitalize() for name in DAY_OF_WEEK.names)
# How long each month is, January first, in a leap year.
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY, _LEAP_DAY = 2, 29
_ALL_MINUTES = 60
_ALL_HOURS = 24


class _Field(NamedTuple):
    """One field of an expression, the same for both dialects."""

    text: str
    values: frozenset[int]
    starred: bool
    special: bool = False

    @property
    def star(self) -> bool:
        return self.text in ("*", "?")


class _Fields(NamedTuple):
    """An expression's fields, and what to do with its two day fields."""

    second: _Field
    minute: _Field
    hour: _Field
    day_of_month: _Field
    month_of_year: _Field
    day_of_week: _Field
    either_day: bool
    celery: bool


#: One word for each kind of mistake.
Kind = Literal["both_days", "uneven_step", "every_minute", "no_star", "short_months"]


def mistakes(schedule: Schedule, after: datetime) -> list[str]:
    """Return sentences about what may not be meant as it was written.

    Args:
        schedule: only the two cron dialects have such traps.
        after: examples are looked for from here on; aware.
    """
    return [sentence for _, sentence in mistakes_by_kind(schedule, after)]


def mistakes_by_kind(schedule: Schedule, after: datetime) -> list[tuple[Kind, str]]:
    """Return the same with one word for the kind of each.

    Args:
        schedule: only the two cron dialects have such traps.
        after: examples are looked for from here on; aware.
    """
    fields = _fields_of(schedule)
    if fields is None:
        return []
    found: list[tuple[Kind, Iterator[str]]] = [
        ("both_days", _both_days(schedule, fields, after)),
        ("uneven_step", _uneven_steps(fields)),
        ("every_minute", _every_minute(fields)),
        ("no_star", _no_star(fields)),
        ("short_months", _short_months(fields)),
    ]
    return [(kind, sentence) for kind, sentences in found for sentence in sentences]


def _fields_of(schedule: Schedule) -> _Fields | None:
    if isinstance(schedule, cron):
        parsed = schedule.parsed
        second, *others = (
            _Field(
                each.given,
                each.values,
                each.starred,
                bool(each.hashes or each.month_specials or each.week_specials),
            )
            for each in parsed
        )
        return _fields(second, others, either_day=parsed.either_day, celery=False)
    if isinstance(schedule, crontab):
        data = schedule.to_dict()
        second = _Field("0", frozenset({0}), starred=False)
        others = [
            _Field(_text(data[name]), getattr(schedule, name), _text(data[name]).startswith("*"))
            for name in _ORDER
        ]
        return _fields(second, others, either_day=False, celery=True)
    return None


def _fields(second: _Field, others: list[_Field], *, either_day: bool, celery: bool) -> _Fields:
    minute, hour, day_of_month, month_of_year, day_of_week = others
    return _Fields(
        second, minute, hour, day_of_month, month_of_year, day_of_week, either_day, celery
    )


def _both_days(schedule: Schedule, fields: _Fields, after: datetime) -> Iterator[str]:
    """Day of month with day of week: cron and Celery read it in different ways."""
    if fields.day_of_month.star or fields.day_of_week.star:
        return
    if not fields.celery and not fields.either_day:
        yield (
            "Day of month and day of week are both given, and one begins with a star: so both "
            "must match. Where neither begins with a star, cron runs when either matches."
        )
        return
    other = _in_other_dialect(schedule)
    mine = schedule.next_after(after)
    theirs = None if other is None else other.next_after(after)
    if fields.celery:
        words = "both must match, as in Celery. cron would run when either matches"
    else:
        words = "it runs when either matches, as cron. Celery's crontab would want both"
    example = ""
    if mine is not None and theirs is not None and to_utc(mine) != to_utc(theirs):
        example = f": next at {_moment(theirs)}, not at {_moment(mine)}"
    yield f"Day of month and day of week are both given: {words}{example}."


def _in_other_dialect(schedule: Schedule) -> Schedule | None:
    """Return the same texts read by the other dialect; None where it cannot read them."""
    tz = schedule.tz
    try:
        if isinstance(schedule, cron):
            return crontab.from_string(" ".join(schedule.expression.split()[-5:]), tz=tz)
        data = schedule.to_dict()
        return cron(" ".join(_text(data[name]) for name in _ORDER), tz=tz)
    except ScheduleError:
        return None


def _text(given: int | str | list[int]) -> str:
    return ",".join(map(str, given)) if isinstance(given, list) else str(given)


def _uneven_steps(fields: _Fields) -> Iterator[str]:
    """`*/7` starts again with each hour, so its last step is shorter."""
    for field, size, unit, larger in (
        (fields.second, 60, "second", "minute"),
        (fields.minute, 60, "minute", "hour"),
        (fields.hour, 24, "hour", "day"),
    ):
        match = _STAR_STEP.fullmatch(field.text)
        if match is None or size % int(match[1]) == 0:
            continue
        last = max(field.values)
        rest = size - last
        yield (
            f"'{field.text}' starts again with each {larger}: from {unit} {last} to the next "
            f"{larger}'s {unit} 0 it is {_units(rest, unit)}, not {_units(int(match[1]), unit)}. "
            f"For an even pace use interval({unit}s={match[1]})."
        )
    match = _STAR_STEP.fullmatch(fields.day_of_month.text)
    if match is not None and int(match[1]) > 1:
        last = max(fields.day_of_month.values)
        yield (
            f"'{fields.day_of_month.text}' as day of month starts again with each month: after "
            f"the {ordinal(last)} comes the 1st. For an even pace use interval(days={match[1]})."
        )
    match = _STAR_STEP.fullmatch(fields.day_of_week.text)
    if match is not None and int(match[1]) > 1:
        names = listed(_DAYS[day] for day in sorted(fields.day_of_week.values))
        yield f"'{fields.day_of_week.text}' as day of week is {names}, in every week the same."
    match = _STAR_STEP.fullmatch(fields.month_of_year.text)
    if match is not None and len(_MONTHS) % int(match[1]):
        names = listed(_MONTHS[month - 1] for month in sorted(fields.month_of_year.values))
        yield f"'{fields.month_of_year.text}' as month is {names}, in every year the same."


def _every_minute(fields: _Fields) -> Iterator[str]:
    """`* 2 * * *` is sixty runs."""
    hours = sorted(fields.hour.values)
    if fields.minute.text == "*" and _LIST.fullmatch(fields.hour.text):
        first = hours[0]
        yield (
            f"The minute is '*', so it runs 60 times from {first:02}:00 to {first:02}:59. "
            "For once an hour write minute 0."
        )
    if fields.second.text == "*" and not fields.minute.starred:
        yield "The second is '*', so it runs 60 times a minute. For once write second 0."


def _no_star(fields: _Fields) -> Iterator[str]:
    """`0-23` is every hour, and no star."""
    if fields.minute.starred or fields.hour.starred:
        return
    if fields.minute.special or fields.hour.special:
        return
    whole = len(fields.hour.values) == _ALL_HOURS or len(fields.minute.values) == _ALL_MINUTES
    if whole:
        yield (
            "Neither minute nor hour begins with a star, so each reading of the clock counts "
            "once: in autumn the hour that comes twice is served once. A star keeps the pace."
        )


def _short_months(fields: _Fields) -> Iterator[str]:
    """`0 0 31 * *` has no run in five months."""
    days = fields.day_of_month
    if days.special or not days.values or fields.either_day:
        return
    first = min(days.values)
    short = [
        _MONTHS[month - 1]
        for month in sorted(fields.month_of_year.values)
        if _LENGTHS[month - 1] < first
    ]
    last_day = "" if fields.celery else " For the last day of a month write 'L'."
    if short:
        yield f"There is no day {first} in {listed(short)}: no run then.{last_day}"
    if first == _LEAP_DAY and _FEBRUARY in fields.month_of_year.values:
        yield f"February has a day 29 in leap years only.{last_day}"


def _units(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _moment(at: datetime) -> str:
    shift = at.utcoffset()
    return f"{at:%a} {at.date()} {at:%H:%M} {'' if shift is None else offset(shift)}".rstrip()
