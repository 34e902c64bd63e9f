"""The search that leaves nothing out: every rule about gaps and folds, stretch by stretch.

`wall` asks it about the few days of a year on which something happens to the clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime

from .days import Days
from .instants import DAY, DAYS, datetime_of
from .offsets import Stretch, Stretches

#: 29 February falls on a given weekday every 28 years, every 40 where a century year has none.
_HORIZON = 41 * 366 * DAY
# More than any two offsets of one zone differ: 26 hours, and 31 with the mean times of old.
_SLACK = 2 * DAY
# How many gaps are remembered.
_MEMORY = 64


class Search:
    """The instants of matching readings, in whole seconds since 0001-01-01.

    Args:
        days: which days match.
        times: the matching times of such a day in seconds after midnight, in order.
        stretches: what readings mean.
        fixed: whether a reading counts once (else its every real moment counts).
        gap_seconds: the seconds of a minute, in order, at which the run after a gap may be;
            None for any.
    """

    __slots__ = ("_days", "_fixed", "_gap_seconds", "_gaps", "_times", "stretches")

    def __init__(
        self,
        days: Days,
        times: tuple[int, ...],
        stretches: Stretches,
        *,
        fixed: bool,
        gap_seconds: tuple[int, ...] | None,
    ) -> None:
        self.stretches: Stretches = stretches
        self._days = days
        self._times = times
        self._fixed = fixed
        self._gap_seconds = gap_seconds
        self._gaps: dict[Stretch, bool] = {}

    def datetime(self, found: tuple[int, Stretch] | None) -> datetime | None:
        """Return an instant as a datetime in the zone; None outside datetime's range."""
        if found is None:
            return None
        reading, fold = found[0] + found[1].offset, found[1].fold
        if not 0 <= reading < DAYS * DAY:
            return None
        return datetime_of(reading, self.stretches.zone, fold)

    def first_from(self, second: int) -> tuple[int, Stretch] | None:
        """Return the first instant that is `second` or later, with its stretch."""
        limit = second + _HORIZON
        while second < limit:
            stretch = self.stretches.at(second)
            if stretch.gap is not None:
                landing = self._landing(stretch)
                if second <= landing and self._lost(stretch):
                    return landing, stretch
            found = stretch.end
            if not stretch.silent:
                reading = self._reading_from(second + stretch.offset)
                if reading is not None:
                    found = min(found, reading - stretch.offset)
            if stretch.ghost is not None:
                reading = self._reading_from(second + stretch.ghost)
                if reading is not None:
                    found = min(found, reading - stretch.ghost)
            if found < stretch.end:
                return found, stretch
            # Nothing here. A later stretch may read less than this one, so look from there.
            reading = self._reading_from(second + stretch.offset - _SLACK)
            if reading is None:
                return None
            second = max(stretch.end, reading - stretch.offset - _SLACK)
        return None

    def last_upto(self, second: int) -> tuple[int, Stretch] | None:
        """Return the last instant that is `second` or earlier, with its stretch."""
        limit = second - _HORIZON
        while second > limit:
            stretch = self.stretches.at(second)
            found = stretch.start - 1
            if not stretch.silent:
                reading = self._reading_upto(second + stretch.offset)
                if reading is not None:
                    found = max(found, reading - stretch.offset)
            if stretch.ghost is not None:
                reading = self._reading_upto(second + stretch.ghost)
                if reading is not None:
                    found = max(found, reading - stretch.ghost)
            if stretch.gap is not None and self._lost(stretch):
                landing = self._landing(stretch)
                if landing <= second:
                    found = max(found, landing)
            if found >= stretch.start:
                return found, stretch
            # Nothing here. An earlier stretch may read more than this one, so look from there.
            reading = self._reading_upto(second + stretch.offset + _SLACK)
            if reading is None:
                return None
            second = min(stretch.start - 1, reading - stretch.offset + _SLACK)
        return None

    def _landing(self, stretch: Stretch) -> int:
        """Return the first instant after a gap at which its run may be."""
        gap_end = stretch.start if stretch.gap is None else stretch.gap[1] - stretch.offset
        if self._gap_seconds is None:
            return gap_end
        second = (gap_end + stretch.offset) % 60
        index = bisect_left(self._gap_seconds, second)
        if index < len(self._gap_seconds):
            return gap_end + self._gap_seconds[index] - second
        return gap_end + self._gap_seconds[0] + 60 - second

    def _lost(self, stretch: Stretch) -> bool:
        """Tell whether the gap before a stretch swallowed a reading that must run at its end."""
        known = self._gaps.get(stretch)
        if known is None:
            if len(self._gaps) >= _MEMORY:
                self._gaps.clear()
            known = self._gaps[stretch] = self._loses(stretch)
        return known

    def _loses(self, stretch: Stretch) -> bool:
        if stretch.gap is None:
            return False
        first, end = stretch.gap
        before = first - (end - stretch.offset)  # the offset that held until the gap
        reading = self._reading_from(first)
        while reading is not None and reading < end:
            if self._fixed or not self._runs_at(reading - before):
                return True
            reading = self._reading_from(reading + 1)
        return False

    def _runs_at(self, second: int) -> bool:
        """Tell whether an instant's own reading matches and counts."""
        stretch = self.stretches.at(second)
        reading = second + stretch.offset
        return not stretch.silent and self._reading_from(reading) == reading

    def _reading_from(self, second: int) -> int | None:
        """Return the first matching reading that is `second` or later."""
        day, rest = divmod(second, DAY)
        first = self._days.first_from(day)
        if first is None:
            return None
        if first == day:
            index = bisect_left(self._times, rest)
            if index < len(self._times):
                return day * DAY + self._times[index]
            first = self._days.first_from(day + 1)
            if first is None:
                return None
        return first * DAY + self._times[0]

    def _reading_upto(self, second: int) -> int | None:
        """Return the last matching reading that is `second` or earlier."""
        day, rest = divmod(second, DAY)
        last = self._days.last_upto(day)
        if last is None:
            return None
        if last == day:
            index = bisect_right(self._times, rest)
            if index:
                return day * DAY + self._times[index - 1]
            last = self._days.last_upto(day - 1)
            if last is None:
                return None
        return last * DAY + self._times[-1]
