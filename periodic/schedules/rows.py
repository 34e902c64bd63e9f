"""Spans of instants, row by row: whole days and months are one midnight plus prepared distances.

Adding a timedelta to an aware datetime moves its wall clock, so where the wall clock is plain
arithmetic a row is a midnight and a table. Making such a distance takes ten times as long as
adding it, which is why they are kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate, repeat

from .days import Days, MonthDays, lowest
from .instants import DAY, DAYS, datetime_of
from .offsets import Stretches
from .search import Search

# Spans of more days than this are told by the month.
_LONG = 10
# No clock change moves a run by more than a day from its reading.
_SLACK = 2
# Schedules of at most so many times a day have a row for the month, others one for each day.
_FEW = 4
# Rows of more than the minutes of a day are not kept: they would take megabytes.
_MANY = 1440
# How many different months are remembered; by weekday and length there are 28.
_MEMORY = 32
_MONTH = 31


def _multiples(unit: timedelta, count: int) -> tuple[timedelta, ...]:
    return tuple(accumulate(repeat(unit, count - 1), initial=timedelta(0)))


def _day_at(stretches: Stretches, second: int) -> int:
    return (second + stretches.at(second).offset) // DAY


#: The distance of each second from the start of its minute, of each minute from midnight, and of
#: each day from the first of a stretch; no stretch has more than 388 days.
SECONDS_ON = _multiples(timedelta(seconds=1), 60)
MINUTES_ON = _multiples(timedelta(minutes=1), 1440)
DAYS_ON = _multiples(timedelta(days=1), 450)


class Rows:
    """The instants of matching readings, in rows.

    Args:
        days: which days match.
        times: the matching times of such a day in seconds after midnight, in order.
    """

    __slots__ = ("_day", "_days", "_months", "_times")

    def __init__(self, days: Days, times: tuple[int, ...]) -> None:
        self._days = days
        self._times = times
        self._day: tuple[timedelta, ...] | None = None
        self._months: dict[int, tuple[timedelta, ...]] = {}

    def between(self, search: Search, second: int, end: int) -> Iterator[Iterable[datetime]]:
        """Yield the instants in `[second, end)`: from the first calm midnight on by months."""
        days, stretches = self._days, search.stretches
        if end - second > _LONG * DAY and isinstance(days, MonthDays):
            day, last_day = _day_at(stretches, second), _day_at(stretches, end)
            first, last = stretches.calm_near(day + 1, 1), stretches.calm_near(last_day - 1, -1)
            if first is not None and last is not None:
                # Every instant belongs to a matching day, its own or, after a gap, one near by.
                start = days.first_from(day - _SLACK)
                if start is not None and start < first[0]:
                    yield from self._near(search, second, first[1])
                yield from self._months_of(days, search, first[0], last[0])
                final = days.last_upto(last_day + _SLACK)
                if final is not None and final >= last[0]:
                    yield from self._near(search, last[1], end)
                return
        yield from self._near(search, second, end)

    def _months_of(
        self, days: MonthDays, search: Search, day: int, end: int
    ) -> Iterator[Iterable[datetime]]:
        """Yield the instants from one calm midnight to another, by months."""
        stretches, rows = search.stretches, self._months
        few = len(self._times) <= _FEW
        for first, length, matching in days.matches(day, end):
            midnight, rough = stretches.month(first, length)
            bits = matching
            if day > first:  # a change at the end of a month took days of this one with it
                bits = bits >> (day - first) << (day - first)
            rough &= bits
            while rough:
                place = lowest(rough)
                if few and self._is_plain(stretches, first + place):
                    rough &= rough - 1
                    continue
                # Up to the first day that is not calm; then what is between its calm neighbours.
                yield from self._each_day(midnight, bits & ((1 << place) - 1))
                before = stretches.calm_near(first + place, -1)
                after = stretches.calm_near(first + place, 1)
                if before is None or after is None:
                    return
                yield from self._near(search, before[1] + DAY, after[1])
                day = after[0]
                bits = bits >> (day - first) << (day - first)
                rough &= bits
            if few and bits:
                yield map(midnight.__add__, rows.get(bits) or self._month(bits))
            elif bits:
                yield from self._each_day(midnight, bits)

    def _is_plain(self, stretches: Stretches, day: int) -> bool:
        """Tell whether a change on this day, and none next to it, leaves its readings alone."""
        if not (stretches.calm(day - 1).high and stretches.calm(day + 1).high):
            return False
        for time in self._times:
            reading = day * DAY + time
            # Any stretch near the reading tells the offset; whether it holds is seen below.
            stretch = stretches.at(reading - stretches.at(reading).offset)
            if not stretch.calm_from <= reading - stretch.offset < stretch.end:
                return False
        return True

    def _each_day(self, midnight: datetime, bits: int) -> Iterator[Iterable[datetime]]:
        """Yield the rows of calm days of a month."""
        for place in range(bits.bit_length()):
            if bits >> place & 1:
                yield self._part(midnight + DAYS_ON[place], 0, DAY)

    def _near(self, search: Search, second: int, end: int) -> Iterator[Iterable[datetime]]:
        """Yield the instants in `[second, end)`, stretch by stretch, whatever happens there."""
        while second < end:
            stretch = search.stretches.at(second)
            if second >= stretch.calm_from:
                until = min(end, stretch.end)
                low, high = second + stretch.offset, until + stretch.offset
                yield from self._readings(search.stretches.zone, low, high)
                # Nothing later on? But a later stretch may read less than this one.
                if until - second > _LONG * DAY and self._days.first_from(high // DAY - 2) is None:
                    return
                second = until
            else:
                found = search.first_from(second)
                at = search.datetime(found)
                if found is None or at is None or found[0] >= end:
                    return
                yield (at,)
                second = found[0] + 1

    def _readings(self, zone: tzinfo, low: int, high: int) -> Iterator[Iterable[datetime]]:
        """Yield the readings in `[low, high)`, in rows; at most a stretch of them."""
        low, high = max(low, 0), min(high, DAYS * DAY)
        start, rest = divmod(low, DAY)
        day = self._days.first_from(start)
        if day is None or day * DAY >= high:
            return
        midnight = datetime_of(start * DAY, zone)
        while day is not None and day * DAY < high:
            time = rest if day == start else 0
            yield self._part(midnight + DAYS_ON[day - start], time, high - day * DAY)
            day = self._days.first_from(day + 1)

    def _part(self, midnight: datetime, low: int, high: int) -> Iterable[datetime]:
        """Return the datetimes of a matching day from `low` to `high` seconds after midnight."""
        times = self._times
        first, last = bisect_left(times, low), bisect_left(times, high)
        if len(times) > _MANY:
            return (midnight + distance for distance in _distances(times[first:last]))
        if self._day is None:
            self._day = tuple(_distances(times))
        whole = last - first == len(times)
        return map(midnight.__add__, self._day if whole else self._day[first:last])

    def _month(self, bits: int) -> tuple[timedelta, ...]:
        """Return the distances from the first of a month; bit n stands for day n + 1."""
        if len(self._months) >= _MEMORY:
            self._months.clear()
        days = [DAYS_ON[n] for n in range(_MONTH) if bits >> n & 1]
        times = tuple(_distances(self._times))
        found = self._months[bits] = tuple(day + time for day in days for time in times)
        return found


def _distances(times: Sequence[int]) -> Iterator[timedelta]:
    return (MINUTES_ON[time // 60] + SECONDS_ON[time % 60] for time in times)
