"""Which days a cron expression means, as bit masks: one for each kind of month.

A month is told by its length (28 to 31) and the weekday of its first day, so there are 28 kinds.
Whatever day of month, day of week, `L`, `W` and `#` say together, it is a table of 28 masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from .days import MonthDays

_MONTHS = 12
_WEEK = 7
_SATURDAY, _SUNDAY = 5, 6  # counted from Monday = 0
_SHORTEST, _LONGEST = 28, 31
# How long each month can be; the position is its number.
_31, _30 = (31,), (30,)
_LENGTHS = ((), _31, (28, 29), _31, _30, _31, _30, _31, _31, _30, _31, _30, _31)


class Special(Protocol):
    """A day that its number alone does not tell.

    Those below are no tuples: `L-5` and `5W` hold the same number and must never be equal.
    """

    def day(self, length: int, first: int) -> int | None:
        """Return its number in a month, or None where that month has none.

        Args:
            length: how many days the month has.
            first: the weekday of its first day, Monday is 0.
        """
        ...


@dataclass(frozen=True, slots=True)
class LastDay:
    """`L` and `L-3`: the last day of the month, minus so many days."""

    minus: int

    def day(self, length: int, first: int) -> int | None:  # noqa: ARG002
        """Return its number in a month; see `Special`."""
        number = length - self.minus
        return number if number >= 1 else None


@dataclass(frozen=True, slots=True)
class NearestWeekday:
    """`15W` and `LW`: the Monday to Friday nearest to a day, within its month."""

    near: int | None

    def day(self, length: int, first: int) -> int | None:
        """Return its number in a month; see `Special`."""
        number = length if self.near is None else self.near
        if number > length:
            return None
        weekday = (first + number - 1) % _WEEK
        if weekday == _SATURDAY:
            return number - 1 if number > 1 else number + 2
        if weekday == _SUNDAY:
            return number + 1 if number < length else number - 2
        return number


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`fri#2`: a weekday's nth day in the month; Sunday is 0."""

    weekday: int
    nth: int

    def day(self, length: int, first: int) -> int | None:
        """Return its number in a month; see `Special`."""
        number = 1 + (self.weekday - 1 - first) % _WEEK + _WEEK * (self.nth - 1)
        return number if number <= length else None


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """`5L`: a weekday's last day in the month; Sunday is 0."""

    weekday: int

    def day(self, length: int, first: int) -> int | None:
        """Return its number in a month; see `Special`."""
        return length - (first + length - 1 - (self.weekday - 1)) % _WEEK


class Dates(NamedTuple):
    """What the three date fields say.

    Args:
        days_of_month: plain numbers, 1 to 31.
        month_specials: `L`, `L-3`, `15W`, `LW`.
        days_of_week: plain numbers, 0 to 6, 0 is Sunday.
        week_specials: `fri#2`, `5L`.
        months: 1 to 12.
        either: whether day of month OR day of week suffices; else both must match.
    """

    days_of_month: frozenset[int]
    month_specials: tuple[LastDay | NearestWeekday, ...]
    days_of_week: frozenset[int]
    week_specials: tuple[NthWeekday | LastWeekday, ...]
    months: frozenset[int]
    either: bool


class MonthKinds(MonthDays):
    """The days that match; day 0 is 0001-01-01.

    Args:
        dates: what the date fields say.
    """

    def __init__(self, dates: Dates) -> None:
        self._masks = tuple(_masks(dates))
        #: The months in which a day can match.
        self.months: frozenset[int] = frozenset(
            month
            for month in dates.months
            if any(any(self._row(length)) for length in _LENGTHS[month])
        )
        every = len(self.months) == _MONTHS and all(
            set(self._row(length)) == {(1 << length) - 1}
            for length in range(_SHORTEST, _LONGEST + 1)
        )
        super().__init__(self.months, every=every)

    def meaning(self) -> tuple[tuple[int, ...], ...]:
        """Return what is equal for rules that match the same days: the months and their masks."""
        lengths = sorted({length for month in self.months for length in _LENGTHS[month]})
        return (tuple(sorted(self.months)), *(self._row(length) for length in lengths))

    def bits(self, year: int, month: int, first: int, length: int) -> int:  # noqa: ARG002
        """Return the matching days of a month; see `MonthDays`."""
        # Day 0, 0001-01-01, was a Monday.
        return self._masks[(length - _SHORTEST) * _WEEK + first % _WEEK]

    def _row(self, length: int) -> tuple[int, ...]:
        start = (length - _SHORTEST) * _WEEK
        return self._masks[start : start + _WEEK]


@lru_cache(maxsize=1024)
def month_kinds(dates: Dates) -> MonthKinds:
    """Return the one `MonthKinds` of these dates."""
    return MonthKinds(dates)


def _masks(dates: Dates) -> Iterator[int]:
    """Yield the matching days of each kind of month; bit n stands for day n + 1."""
    days = sum(1 << (day - 1) for day in dates.days_of_month)
    # Bit n stands for the n-th day after a Monday, for six weeks: longer than any month.
    week = sum(1 << ((day - 1) % _WEEK) for day in dates.days_of_week)
    weeks = sum(week << (_WEEK * number) for number in range(6))
    for length in range(_SHORTEST, _LONGEST + 1):
        whole = (1 << length) - 1
        for first in range(_WEEK):
            of_month = days | _bits(dates.month_specials, length, first)
            of_week = (weeks >> first) | _bits(dates.week_specials, length, first)
            yield whole & (of_month | of_week if dates.either else of_month & of_week)


def _bits(specials: Iterable[Special], length: int, first: int) -> int:
    days = (special.day(length, first) for special in specials)
    return sum({1 << (day - 1) for day in days if day is not None})
