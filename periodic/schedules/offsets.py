"""Where a zone's UTC offset changes, as stretches of constant offset.

Between two changes a wall clock is plain arithmetic: reading = instant + offset. So all that a
schedule needs of its zone is the list of stretches, made once per zone and per 388 days.
Instants and readings are whole seconds since 0001-01-01.

Most days lie wholly inside one stretch and no rule about gaps and folds bears on them: these are
*calm*, and next to each other for months. On calm days the answer is a look into a table.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from ..clock import to_zone
from .instants import DAY, DAYS, MINUTE, ORIGIN, datetime_of

OnGap = Literal["run", "skip", "shift"]
OnFold = Literal["first", "last", "both"]

# A block is 2**25 seconds, 388 days: a shift finds the block of an instant.
_BLOCK = 25
# No clock change moves the wall clock by more than a day (Apia, 2011-12-30), so changes up to
# this far outside a block can reach into it.
_MARGIN = 2 * DAY
# The shortest time that any zone ever kept a different offset and went back is 3.98 days
# (Freetown, 1939), so asking every 3 days sees every change.
_STEP = 3 * DAY
# How many days are remembered as calm or not; most questions are about a few days near now.
_MEMORY = 4096
# Around a change a few days are not calm; more than so many only where time ends.
_NEAR = 20


class Stretch(NamedTuple):
    """A span of instants in which the offset is constant and every rule stays the same.

    Args:
        start: the first instant; included.
        end: not included.
        offset: what to add to an instant to get its reading.
        fold: 1 where the readings happened before already, else 0.
        twice: whether the readings happen twice, in this stretch and in another one.
        silent: whether the schedule's `on_fold` keeps this pass quiet.
        ghost: the offset from before a gap, where `on_gap="shift"` reads the clock with it too.
        gap: with `on_gap="run"`, the swallowed readings `[first, end)` if a gap ends at `start`,
            or less than a minute before.
    """

    start: int
    end: int
    offset: int
    fold: int
    twice: bool
    silent: bool
    ghost: int | None
    gap: tuple[int, int] | None

    @property
    def calm_from(self) -> int:
        """The first instant from which on the wall clock is plain arithmetic; `end` if none."""
        if self.twice or self.ghost is not None:
            return self.end
        return self.start if self.gap is None else min(self.start + MINUTE, self.end)


class Calm(NamedTuple):
    """Whole days, one after the other, on which the wall clock is plain arithmetic.

    Every reading of them exists, happens once, and lies in one stretch; no option bears on them.

    Args:
        zone: as it was when this was made.
        low: the first day; included. Day 0 is 0001-01-01.
        high: not included.
        start: the instant of the first day's midnight.
        end: the instant of `high`'s midnight; not included.
        offset: what to add to an instant to get its reading.
        midnight: the first day's midnight in the zone.
    """

    zone: tzinfo
    low: int
    high: int
    start: int
    end: int
    offset: int
    midnight: datetime


#: No day is calm.
NOT_CALM = Calm(UTC, 0, 0, 0, 0, 0, ORIGIN)


class Stretches:
    """The stretches of one zone, as a schedule with these options sees them."""

    def __init__(self, zone: tzinfo, on_gap: OnGap, on_fold: OnFold) -> None:
        self.zone = zone
        self._on_gap = on_gap
        self._on_fold = on_fold
        self._blocks: dict[int, tuple[list[int], list[Stretch]]] = {}
        self._calm: dict[int, Calm] = {}
        self._months: dict[int, tuple[datetime, int]] = {}

    def at(self, second: int) -> Stretch:
        """Return the stretch that holds an instant."""
        number = second >> _BLOCK
        block = self._blocks.get(number)
        if block is None:
            stretches = self._cut(number)
            block = self._blocks[number] = ([stretch.start for stretch in stretches], stretches)
        return block[1][bisect_right(block[0], second) - 1]

    def calm(self, day: int) -> Calm:
        """Return the calm days around a day, `NOT_CALM` where something happens on it."""
        try:
            return self._calm[day]
        except KeyError:
            if len(self._calm) >= _MEMORY:
                self._calm.clear()
            found = self._calm[day] = self._calm_around(day)
            return found

    def month(self, first: int, length: int) -> tuple[datetime, int]:
        """Return the midnight of a month's first day, and as bits the days that are not calm.

        Args:
            first: the number of the first day.
            length: how many days count; bit n stands for day `first + n`.
        """
        try:
            return self._months[first]
        except KeyError:
            rough, day, end = 0, first, first + length
            while day < end:
                calm = self.calm(day)
                rough |= 0 if calm.high else 1 << (day - first)
                day = calm.high or day + 1
            if len(self._months) >= _MEMORY:
                self._months.clear()
            found = self._months[first] = datetime_of(first * DAY, self.zone), rough
            return found

    def calm_near(self, day: int, step: int) -> tuple[int, int] | None:
        """Return the nearest calm day from `day` on, and the instant of its midnight.

        Args:
            day: where to begin.
            step: 1 to go forward, -1 to go back.

        Returns:
            None at the ends of time.
        """
        for near in range(day, day + _NEAR * step, step):
            calm = self.calm(near)
            if calm.high:
                return near, near * DAY - calm.offset
        return None

    def _calm_around(self, day: int) -> Calm:
        # Any stretch near the day tells the offset; whether it is the right one is seen below.
        near = self.at(day * DAY)
        stretch = self.at(day * DAY - near.offset)
        low = max(-(-(stretch.calm_from + stretch.offset) // DAY), 0)
        high = min((stretch.end + stretch.offset) // DAY, DAYS)
        if not low <= day < high:
            return NOT_CALM
        start, end = low * DAY - stretch.offset, high * DAY - stretch.offset
        midnight = datetime_of(low * DAY, self.zone)
        return Calm(self.zone, low, high, start, end, stretch.offset, midnight)

    def _cut(self, number: int) -> list[Stretch]:
        low, high = number << _BLOCK, (number + 1) << _BLOCK
        first, changes = _changes(self.zone, number)
        edges = {low}
        for at, before, after in changes:
            size = after - before
            # A fold's two passes; after a gap, the readings that it shifted.
            around = [at + size, at, at - size] if size < 0 else [at]
            if size > 0 and self._on_gap == "shift":
                around.append(at + size)
            edges.update(edge for edge in around if low < edge < high)
        return [
            self._stretch(start, end, first, changes)
            for start, end in pairwise([*sorted(edges), high])
        ]

    def _stretch(
        self, start: int, end: int, offset: int, changes: tuple[tuple[int, int, int], ...]
    ) -> Stretch:
        fold, twice, silent = 0, False, False
        ghost: int | None = None
        gap: tuple[int, int] | None = None
        for at, before, after in changes:
            size = abs(after - before)
            if at <= start:
                offset = after
            if after > before:
                if self._on_gap == "run" and at <= start < at + MINUTE:
                    gap = (at + before, at + after)
                if self._on_gap == "shift" and at <= start < at + size:
                    ghost = before
            elif at <= start < at + size:
                fold, twice = 1, True
                silent = silent or self._on_fold == "first"
            elif at - size <= start < at:
                twice = True
                silent = silent or self._on_fold == "last"
        return Stretch(start, end, offset, fold, twice, silent, ghost, gap)


@lru_cache(maxsize=4096)
def stretches_of(zone: tzinfo, on_gap: OnGap, on_fold: OnFold) -> Stretches:
    """Return the one `Stretches` of these arguments."""
    return Stretches(zone, on_gap, on_fold)


@lru_cache(maxsize=16_384)
def _changes(zone: tzinfo, block: int) -> tuple[int, tuple[tuple[int, int, int], ...]]:
    """Return the offset before a block, and `(instant, offset before, offset after)` of changes."""
    low, high = (block << _BLOCK) - _MARGIN, ((block + 1) << _BLOCK) + _MARGIN
    first = before = _offset(zone, low)
    if zone is UTC:
        return first, ()
    changes: list[tuple[int, int, int]] = []
    while low < high:
        step = min(low + _STEP, high)
        after = _offset(zone, step)
        if after == before:
            low = step
            continue
        same, other = low, step
        while other - same > 1:
            middle = (same + other) // 2
            if _offset(zone, middle) == before:
                same = middle
            else:
                other = middle
        after = _offset(zone, other)
        changes.append((other, before, after))
        low, before = other, after
    return first, tuple(changes)


def _offset(zone: tzinfo, second: int) -> int:
    """Return the zone's offset at an instant, in seconds; at the ends of time, the last known."""
    second = min(max(second, 2 * DAY), (DAYS - 2) * DAY)
    offset = to_zone(ORIGIN + timedelta(seconds=second), zone).utcoffset() or timedelta(0)
    return offset.days * DAY + offset.seconds
