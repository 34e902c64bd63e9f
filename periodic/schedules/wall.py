"""The wall clock: which instants a rule over local readings has, clock changes included.

A rule says which days match and which times of such a day. Days are found by the calendar and
times by bisection, so no search steps through minutes. On calm days (see `offsets`) that is the
whole answer: a table of times on top of a midnight. Where the clock changes, the stretches of the
zone say what a reading means.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import chain

from .days import Days
from .instants import DAY, since_origin
from .offsets import NOT_CALM, Calm, OnFold, OnGap, Stretches, stretches_of
from .rows import DAYS_ON, MINUTES_ON, SECONDS_ON, Rows
from .search import Search
from .zones import place_of

__all__ = ["Days", "Wall"]


class Wall:
    """The instants of matching readings in one zone.

    Args:
        days: which days match.
        times: the matching times of such a day in seconds after midnight, in order.
        zone: whose wall clock is read; one with an IANA name is read by its newest rules.
        fixed: whether a reading counts once (else its every real moment counts).
        on_gap: what happens to readings that a gap swallows.
        on_fold: which pass of a repeated reading counts.
        gap_seconds: the seconds of a minute, in order, at which the run after a gap may be;
            None for any.
    """

    __slots__ = (
        "_calm",
        "_days",
        "_fixed",
        "_gap_seconds",
        "_match",
        "_on_fold",
        "_on_gap",
        "_place",
        "_rows",
        "_search",
        "_times",
    )

    def __init__(
        self,
        days: Days,
        times: tuple[int, ...],
        zone: tzinfo,
        *,
        fixed: bool,
        on_gap: OnGap,
        on_fold: OnFold,
        gap_seconds: tuple[int, ...] | None = None,
    ) -> None:
        self._days = days
        self._times = times
        self._fixed = fixed
        self._on_gap: OnGap = on_gap
        self._on_fold: OnFold = on_fold
        self._gap_seconds = gap_seconds
        self._rows = Rows(days, times)
        self._place = place_of(zone)
        self._search = self._new_search()
        self._calm = NOT_CALM  # the calm days of the last question
        self._match = -1  # the last day that was seen to match

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None if none in 41 years."""
        zone = self._place.zone
        calm = self._calm
        if at.tzinfo is zone and not at.fold:
            day = at.toordinal() - 1
            if not calm.low <= day < calm.high or calm.zone is not zone:
                calm = self._calm_on(day)
            rest = at.hour * 3600 + at.minute * 60 + at.second
        else:
            elapsed = since_origin(at)
            second = elapsed.days * DAY + elapsed.seconds
            if not calm.start <= second < calm.end or calm.zone is not zone:
                calm = self._calm_at(second)
            day, rest = divmod(second + calm.offset, DAY)
        if calm.high:
            index = 0
            found = day if day == self._match else self._days.first_from(day)
            if found == day:
                index = bisect_right(self._times, rest)
                if index == len(self._times):
                    found, index = self._days.first_from(day + 1), 0
            if found is not None:
                if found >= calm.high:
                    calm = self._calm_on(found)
                # Nothing matches in between, so if that day is calm, too, it is the answer's.
                if calm.high:
                    self._match = found
                    time = self._times[index]
                    answer = calm.midnight + DAYS_ON[found - calm.low] + MINUTES_ON[time // 60]
                    return answer + SECONDS_ON[time % 60] if time % 60 else answer
        elapsed = since_origin(at)
        return self._search.datetime(
            self._search.first_from(elapsed.days * DAY + elapsed.seconds + 1)
        )

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None if none in 41 years."""
        elapsed = since_origin(at)
        # The last whole second before `at`.
        second = elapsed.days * DAY + elapsed.seconds - (0 if elapsed.microseconds else 1)
        calm = self._calm
        if not calm.start <= second < calm.end or calm.zone is not self._place.zone:
            calm = self._calm_at(second)
        if calm.high:
            day, rest = divmod(second + calm.offset, DAY)
            index = 0
            found = day if day == self._match else self._days.last_upto(day)
            if found == day:
                index = bisect_right(self._times, rest)
                if not index:
                    found = self._days.last_upto(day - 1)
            if found is not None:
                if found < calm.low:
                    calm = self._calm_on(found)
                if calm.high:
                    self._match = found
                    time = self._times[index - 1]  # of an earlier day the last one
                    answer = calm.midnight + DAYS_ON[found - calm.low] + MINUTES_ON[time // 60]
                    return answer + SECONDS_ON[time % 60] if time % 60 else answer
        return self._search.datetime(self._search.last_upto(second))

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the instants in `[start, end)` (both aware), lazily, in order."""
        first, last = since_origin(start), since_origin(end)
        self._stretches()  # the zone's present rules
        return chain.from_iterable(
            self._rows.between(self._search, _ceiling(first), _ceiling(last))
        )

    def _new_search(self) -> Search:
        stretches = stretches_of(self._place.zone, self._on_gap, self._on_fold)
        return Search(
            self._days,
            self._times,
            stretches,
            fixed=self._fixed,
            gap_seconds=self._gap_seconds,
        )

    def _stretches(self) -> Stretches:
        """Return what readings mean by the zone's present rules."""
        if self._search.stretches.zone is not self._place.zone:
            self._search = self._new_search()
        return self._search.stretches

    def _calm_on(self, day: int) -> Calm:
        """Return the calm days around a day, `NOT_CALM` where it is not one of them."""
        found = self._stretches().calm(day)
        if found.high:
            self._calm = found
        return found

    def _calm_at(self, second: int) -> Calm:
        """Return the calm days around an instant, `NOT_CALM` where it is not on one of them."""
        found = self._calm_on((second + self._stretches().at(second).offset) // DAY)
        return found if found.start <= second < found.end else NOT_CALM


def _ceiling(elapsed: timedelta) -> int:
    """Return the first whole second that is not before."""
    return elapsed.days * DAY + elapsed.seconds + (1 if elapsed.microseconds else 0)
