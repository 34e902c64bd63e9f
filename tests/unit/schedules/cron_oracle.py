"""What a cron expression means, by definition: a day matches if walking its month says so.

Nothing here is shared with the package: no masks, no kinds of months, no arithmetic of weekdays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

DayTest = Callable[[date], bool]
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class CronRule:
    """What each field of a cron expression means, and the options.

    The numbers of the fields; for the day fields a test for each part of their lists.
    """

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: tuple[DayTest, ...]
    months: frozenset[int]
    weekdays: tuple[DayTest, ...]
    either: bool
    fixed: bool
    on_gap: str
    on_fold: str
    known: dict[date, bool] = field(default_factory=dict)

    def matches(self, reading: datetime) -> bool:
        """Tell whether a reading of the wall clock (naive, a full minute) matches."""
        return (
            reading.minute in self.minutes
            and reading.hour in self.hours
            and self.on(reading.date())
        )

    def on(self, day: date) -> bool:
        """Tell whether a date matches."""
        if day not in self.known:
            self.known[day] = day.month in self.months and self._on(day)
        return self.known[day]

    def _on(self, day: date) -> bool:
        of_month = any(test(day) for test in self.days)
        of_week = any(test(day) for test in self.weekdays)
        return of_month or of_week if self.either else of_month and of_week


@lru_cache(maxsize=65_536)
def name(day: date) -> str:
    """Return a date's weekday, such as "mon"."""
    return day.strftime("%a").lower()


@lru_cache(maxsize=4096)
def month(year: int, number: int) -> tuple[date, ...]:
    """Return the days of a month, found by walking it."""
    day = date(year, number, 1)
    days = []
    while day.month == number:
        days.append(day)
        day += ONE_DAY
    return tuple(days)


def is_number(number: int) -> DayTest:
    """Return the test for a day of the month."""
    return lambda day: day.day == number


def is_last(minus: int) -> DayTest:
    """Return the test for `L` and `L-3`."""
    return lambda day: day + minus * ONE_DAY == month(day.year, day.month)[-1]


def is_nearest(number: int) -> DayTest:
    """Return the test for `15W`: the Monday to Friday of the month with the fewest days between."""

    def test(day: date) -> bool:
        days = month(day.year, day.month)
        if number > len(days):
            return False
        weekdays = [d for d in days if name(d) not in ("sat", "sun")]
        return day == min(weekdays, key=lambda d: abs(d.day - number))

    return test


def is_last_weekday() -> DayTest:
    """Return the test for `LW`: the last Monday to Friday of the month."""

    def test(day: date) -> bool:
        days = month(day.year, day.month)
        return day == max(d for d in days if name(d) not in ("sat", "sun"))

    return test


def is_weekday(weekday: str) -> DayTest:
    """Return the test for a day of the week, such as "mon"."""
    return lambda day: name(day) == weekday


def is_nth(weekday: str, nth: int) -> DayTest:
    """Return the test for `fri#2`: the nth day of its name when the month is counted through."""

    def test(day: date) -> bool:
        same = [d for d in month(day.year, day.month) if name(d) == weekday]
        return len(same) >= nth and day == same[nth - 1]

    return test


def is_last_named(weekday: str) -> DayTest:
    """Return the test for `friL`: the last day of its name when the month is counted through."""
    return lambda day: day == [d for d in month(day.year, day.month) if name(d) == weekday][-1]
