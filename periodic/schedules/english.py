"""Words for schedules: durations, lists, and what a crontab says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from .fields import DAY_OF_WEEK, HOUR, MINUTE, MONTH_OF_YEAR

_DAY_NAMES = tuple(name.capitalize() for name in DAY_OF_WEEK.names)
_MONTH_NAMES = ("", *(name.capitalize() for name in MONTH_OF_YEAR.names))
_WEEKDAYS = frozenset({1, 2, 3, 4, 5})
#: More clock times than this are told as minutes and hours.
MOST_TIMES = 6
# A regular row of so many numbers is told by its step.
_LONG_ROW = 5


class Numbers(Protocol):
    """A parsed field of any dialect."""

    @property
    def values(self) -> frozenset[int]:
        """The numbers that match."""
        ...

    @property
    def starred(self) -> bool:
        """Whether its text begins with a star."""
        ...


def length(delta: timedelta) -> str:
    """Return a positive time in words.

    >>> length(timedelta(days=1)), length(timedelta(minutes=90))
    ('1 day', '1 hour 30 minutes')
    """
    seconds = str(delta.seconds % 60)
    if delta.microseconds:
        seconds += f".{delta.microseconds:06}".rstrip("0")
    units = (
        ("day", str(delta.days)),
        ("hour", str(delta.seconds // 3600)),
        ("minute", str(delta.seconds // 60 % 60)),
        ("second", seconds),
    )
    return " ".join(f"{n} {unit}" if n == "1" else f"{n} {unit}s" for unit, n in units if n != "0")


def duration(delta: timedelta) -> str:
    """Return a positive time in words, for use after "every".

    >>> duration(timedelta(days=1)), duration(timedelta(minutes=90))
    ('day', '1 hour 30 minutes')
    """
    words = length(delta)
    return words.removeprefix("1 ") if words.count(" ") == 1 else words


def listed(words: Iterable[str]) -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    items = list(words)
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} and {items[-1]}"


def ordinal(n: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th, ..."""
    if n % 100 in (11, 12, 13):
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"


def crontab_words(
    minute: Numbers,
    hour: Numbers,
    day_of_week: Numbers,
    day_of_month: Numbers,
    month_of_year: Numbers,
) -> str:
    """Return the five fields in words."""
    return on_days(clock_words(minute, hour), day_of_week, day_of_month, month_of_year)


def on_days(
    clock: tuple[str, bool], day_of_week: Numbers, day_of_month: Numbers, month_of_year: Numbers
) -> str:
    """Return times on days in words, where both day fields must match.

    Args:
        clock: as `clock_words` returns them.
        day_of_week: 0 to 6, 0 is Sunday.
        day_of_month: 1 to 31.
        month_of_year: 1 to 12.
    """
    times, often = clock
    all_weekdays = is_every_weekday(day_of_week)
    all_months = is_every_month(month_of_year)
    all_days = is_every_day(day_of_month)
    months = month_names(month_of_year)
    if all_days and all_weekdays:
        if often:
            return times if all_months else f"{times} in {months}"
        return f"{times} every day" if all_months else f"{times} every day in {months}"
    if all_days:
        if often:
            words = f"{times} on {_plural_days(day_of_week.values)}"
        else:
            words = f"every {single_days(day_of_week.values)} {times}"
        return words if all_months else f"{words} in {months}"
    words = f"{times} on {dates(day_of_month)} of {'every month' if all_months else months}"
    if all_weekdays:
        return words
    return f"{words} if it is a {either_weekday(day_of_week.values)}"


def is_every_weekday(field: Numbers) -> bool:
    """Tell whether every day of the week matches."""
    return len(field.values) == DAY_OF_WEEK.size


def is_every_month(field: Numbers) -> bool:
    """Tell whether every month matches."""
    return len(field.values) == MONTH_OF_YEAR.size


def is_every_day(field: Numbers) -> bool:
    """Tell whether every day of the month matches."""
    return len(field.values) == 31  # noqa: PLR2004  # the days of the longest month


def month_names(field: Numbers) -> str:
    """Return the months, such as "January and July"."""
    return listed(_MONTH_NAMES[number] for number in sorted(field.values))


def clock_words(minute: Numbers, hour: Numbers) -> tuple[str, bool]:
    """Return the times in words, and whether they say how often rather than when."""
    minutes, hours = sorted(minute.values), sorted(hour.values)
    every_hour = "every hour" if len(hours) == HOUR.size else every(hour, "hour", HOUR.size)
    if every_hour and len(minutes) == 1:
        return every_hour if minutes == [0] else f"{every_hour} at {units('minute', minutes)}", True
    if len(minutes) * len(hours) <= MOST_TIMES:
        clock = [f"{h:02}:{m:02}" for h in hours for m in minutes]
        return f"at {listed(clock)}", False
    return _often(minute, minutes, hours), True


def _often(minute: Numbers, minutes: list[int], hours: list[int]) -> str:
    every_minutes = every(minute, "minute", MINUTE.size)
    at_minutes = f"at {units('minute', minutes)}"
    if len(hours) == HOUR.size:
        return every_minutes or f"{at_minutes} of every hour"
    span = hours == list(range(hours[0], hours[-1] + 1))
    often = "every hour" if len(minutes) == 1 else every_minutes
    if often and span:
        start, end = f"{hours[0]:02}:{minutes[0]:02}", f"{hours[-1]:02}:{minutes[-1]:02}"
        return f"{often} from {start} to {end}"
    past = f"{hours[0]} to {hours[-1]}" if span else listed(str(hour) for hour in hours)
    return f"{every_minutes or at_minutes} of the hours {past}"


def every(parsed: Numbers, unit: str, size: int) -> str | None:
    """Return "every 15 minutes" where a starred field is a regular beat around the clock."""
    values = sorted(parsed.values)
    step = size // len(values)
    if not parsed.starred or values != list(range(0, size, step)) or step * len(values) != size:
        return None
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def units(unit: str, values: list[int]) -> str:
    """Return which ones, such as "minute 5 and 20"."""
    step = _regular(values)
    if step is None:
        return f"{unit} {listed(map(str, values))}"
    return f"every {_nth(step)}{unit} from {values[0]} to {values[-1]}"


def dates(field: Numbers) -> str:
    """Return the days of the month, such as "the 1st and 15th"."""
    days = sorted(field.values)
    step = _regular(days)
    if step is None:
        return f"the {listed(map(ordinal, days))}"
    return f"every {_nth(step)}day from the {ordinal(days[0])} to the {ordinal(days[-1])}"


def _regular(values: list[int]) -> int | None:
    """Return the step of a regular row that is too long to be listed."""
    if len(values) < _LONG_ROW:
        return None
    step = values[1] - values[0]
    return step if values == list(range(values[0], values[-1] + 1, step)) else None


def _nth(step: int) -> str:
    return "" if step == 1 else f"{ordinal(step)} "


def _ordered(days: frozenset[int]) -> list[int]:
    return sorted(days, key=lambda day: (day - 1) % 7)  # Monday first, Sunday last


def single_days(days: frozenset[int]) -> str:
    """Return days of the week for use after "every", such as "Monday and Friday"."""
    return "weekday" if days == _WEEKDAYS else listed(_DAY_NAMES[day] for day in _ordered(days))


def _plural_days(days: frozenset[int]) -> str:
    return "weekdays" if days == _WEEKDAYS else listed(f"{_DAY_NAMES[d]}s" for d in _ordered(days))


def either_weekday(days: frozenset[int]) -> str:
    """Return days of the week for use after "a", such as "Monday or Friday"."""
    if days == _WEEKDAYS:
        return "weekday"
    *others, last = [_DAY_NAMES[day] for day in _ordered(days)]
    return f"{', '.join(others)} or {last}" if others else last
