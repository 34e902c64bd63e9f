"""Calendar days by bit masks: one number per month says which of its days match."""

from __future__ import annotations

from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Protocol

from .instants import DAYS

_MONTHS = 12
# 29 February on a given weekday: every 28 years, every 40 around a century year without one.
_YEARS = 41
# How many months are remembered: fifty years of them.
_MEMORY = 600

# A month's number, its first day, the first day of the next one, and its matching days as bits.
_Month = tuple[int, int, int, int]


class Days(Protocol):
    """Which days match; day 0 is 0001-01-01."""

    def first_from(self, day: int) -> int | None:
        """Return the first matching day that is `day` or later; None when there is none."""
        ...

    def last_upto(self, day: int) -> int | None:
        """Return the last matching day that is `day` or earlier; None when there is none."""
        ...


class MonthDays(ABC):
    """Days that are told month by month; day 0 is 0001-01-01.

    Months are numbered `year * 12 + month - 1`. What a month says is asked once and remembered,
    so a search is a look into a dictionary and a shift.

    Args:
        months: 1 to 12; the others have no matching day.
        every: whether each day of the calendar matches.
    """

    def __init__(self, months: Iterable[int], *, every: bool) -> None:
        allowed = frozenset(months)
        # How far it is from each month of the year to the next allowed one, and to the one before.
        self._ahead = tuple(_distance(place, allowed, 1) for place in range(_MONTHS))
        self._behind = tuple(_distance(place, allowed, -1) for place in range(_MONTHS))
        self._allowed = allowed
        self._every = every
        self._last: _Month = (0, 0, 0, 0)  # the month of the last question
        self._known: dict[int, _Month] = {}
        # By month: the first matching day behind it, the last one before it, and their months.
        self._next: dict[int, tuple[int | None, _Month]] = {}
        self._previous: dict[int, tuple[int | None, _Month]] = {}

    @abstractmethod
    def bits(self, year: int, month: int, first: int, length: int) -> int:
        """Return the matching days of an allowed month: bit n stands for day n + 1.

        Args:
            year: 1 to 9999.
            month: 1 to 12.
            first: the number of the month's first day; `first % 7` is 0 on a Monday.
            length: how many days the month has.
        """

    def first_from(self, day: int) -> int | None:
        """Return the first matching day that is `day` or later; None if none in 41 years."""
        day = max(day, 0)
        if day >= DAYS:
            return None
        if self._every:
            return day
        number, first, end, bits = self._last
        if not first <= day < end:
            number, first, end, bits = self._month_of(day)
        later = bits >> (day - first)
        if later:
            return day if later & 1 else day + lowest(later)
        try:
            found, self._last = self._next[number]
        except KeyError:
            found, self._last = self._next[number] = self._after(number)
        return found

    def last_upto(self, day: int) -> int | None:
        """Return the last matching day that is `day` or earlier; None if none in 41 years."""
        day = min(day, DAYS - 1)
        if day < 0:
            return None
        if self._every:
            return day
        number, first, end, bits = self._last
        if not first <= day < end:
            number, first, end, bits = self._month_of(day)
        earlier = bits & ((2 << (day - first)) - 1)
        if earlier:
            return first + earlier.bit_length() - 1
        try:
            found, self._last = self._previous[number]
        except KeyError:
            found, self._last = self._previous[number] = self._before(number)
        return found

    def matches(self, day: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield the months with matching days in `[day, end)`.

        Yields:
            The number of the month's first day, its length, and those days as bits.
        """
        number, first, behind, bits = self._month_of(day)
        bits = bits >> (day - first) << (day - first)
        while first < end:
            if behind > end:
                bits &= (1 << (end - first)) - 1
            if bits:
                yield first, behind - first, bits
            try:
                found, month = self._next[number]
            except KeyError:
                found, month = self._next[number] = self._after(number)
            if found is None:
                return
            number, first, behind, bits = month

    def _month_of(self, day: int) -> _Month:
        """Return the month of a day, and remember it for the next question."""
        on = date.fromordinal(day + 1)
        number = on.year * _MONTHS + on.month - 1
        self._last = self._known.get(number) or self._learn(number)
        return self._last

    def _after(self, number: int) -> tuple[int | None, _Month]:
        """Return the first matching day behind a month, and its month."""
        limit = number + _YEARS * _MONTHS
        while (number := number + self._ahead[number % _MONTHS]) < limit:
            month = self._known.get(number) or self._learn(number)
            if month[3]:
                return month[1] + lowest(month[3]), month
        return None, self._last

    def _before(self, number: int) -> tuple[int | None, _Month]:
        """Return the last matching day before a month, and its month."""
        limit = number - _YEARS * _MONTHS
        while (number := number - self._behind[number % _MONTHS]) > limit:
            month = self._known.get(number) or self._learn(number)
            if month[3]:
                return month[1] + month[3].bit_length() - 1, month
        return None, self._last

    def _learn(self, number: int) -> _Month:
        """Look at a month for the first time."""
        year, place = divmod(number, _MONTHS)
        if not date.min.year <= year <= date.max.year:
            edge = DAYS if year > 0 else 0
            return number, edge, edge, 0
        month = place + 1
        first = date(year, month, 1).toordinal() - 1
        length = monthrange(year, month)[1]
        bits = self.bits(year, month, first, length) if month in self._allowed else 0
        if len(self._known) >= _MEMORY:
            for memory in (self._known, self._next, self._previous):
                memory.clear()
        found = (number, first, first + length, bits & ((1 << length) - 1))
        self._known[number] = found
        return found


class CalendarDays(MonthDays):
    """The days that match all three of a crontab's date fields.

    Args:
        days_of_month: 1 to 31.
        months: 1 to 12.
        days_of_week: 0 to 6, 0 is Sunday.
    """

    def __init__(
        self, days_of_month: Iterable[int], months: Iterable[int], days_of_week: Iterable[int]
    ) -> None:
        self._days = sum(1 << (day - 1) for day in days_of_month)
        # Bit n stands for the n-th day after a Monday, for six weeks: longer than any month.
        week = sum(1 << ((day - 1) % 7) for day in days_of_week)
        self._weeks = sum(week << (7 * number) for number in range(6))
        allowed = frozenset(months)
        whole = self._days == (1 << 31) - 1 and self._weeks == (1 << 42) - 1
        super().__init__(allowed, every=whole and len(allowed) == _MONTHS)

    def bits(self, year: int, month: int, first: int, length: int) -> int:  # noqa: ARG002
        """Return the matching days of a month: day of month AND day of week."""
        return self._days & (self._weeks >> (first % 7))


@lru_cache(maxsize=1024)
def calendar_days(
    days_of_month: frozenset[int], months: frozenset[int], days_of_week: frozenset[int]
) -> CalendarDays:
    """Return the one `CalendarDays` of these arguments: most schedules share their date fields."""
    return CalendarDays(days_of_month, months, days_of_week)


def _distance(place: int, allowed: frozenset[int], step: int) -> int:
    steps = range(1, _MONTHS + 1)
    return next((n for n in steps if (place + n * step) % _MONTHS + 1 in allowed), _MONTHS)


def lowest(mask: int) -> int:
    """Return the place of the lowest set bit."""
    return (mask & -mask).bit_length() - 1
