"""The planner: (entries, cursors, now) -> what is due, when to look next. Pure: no I/O, no clock.

A heap keyed by each entry's next wake makes one look cost O(due x log n), never O(n).
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import to_utc
from .entry import Entry
from .errors import ScheduleError
from .schedules.base import Schedule

#: At most this many late occurrences of one entry are run at once; older ones are missed.
MOST_LATE: int = 1000

#: An occurrence seen later than this is missed, not late; the usual catch-up then takes one.
MISFIRE_THRESHOLD: timedelta = timedelta(seconds=60)

_MICROSECOND = timedelta(microseconds=1)
# Stale heap items that are not worth a clean-up.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Due:
    """The occurrences of one entry that are due, oldest first.

    Args:
        entry: whose they are.
        cursor: where the entry stood; UTC.
        fire_times: the instants to dispatch, in order; UTC.
        missed: when the first occurrence that was given up should have happened; UTC, or None.
            More may lie between it and the first of `fire_times`; they are not counted, because
            counting costs O(missed).
    """

    entry: Entry
    cursor: datetime
    fire_times: tuple[datetime, ...]
    missed: datetime | None = None


@dataclass(slots=True)
class _Planned:
    """An entry's place in the plan; `ticket` tells its live heap item from stale ones."""

    entry: Entry
    cursor: datetime
    fire: datetime | None = None
    ticket: int = -1


@dataclass(slots=True)
class Planner:
    """Plans entries against instants that it is told.

    Args:
        misfire_threshold: how late an occurrence may be and still count as late, not missed.
    """

    misfire_threshold: timedelta = MISFIRE_THRESHOLD
    #: Entries whose schedule raised: out of the plan until they are put again.
    set_aside: dict[str, Exception] = field(default_factory=dict)
    _planned: dict[str, _Planned] = field(default_factory=dict)
    _heap: list[tuple[datetime, int, str]] = field(default_factory=list)
    _tickets: itertools.count[int] = field(default_factory=itertools.count)
    _shared: dict[tuple[Schedule, datetime], datetime | None] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        """Tell whether an entry of this name is planned."""
        return name in self._planned

    def put(self, entry: Entry, cursor: datetime) -> None:
        """Plan an entry, or plan it anew after an edit.

        Args:
            entry: a disabled one leaves the plan.
            cursor: the newest fire time dispatched or given up; aware.
        """
        self.remove(entry.name)
        if entry.enabled:
            planned = self._planned[entry.name] = _Planned(entry, to_utc(cursor))
            self._plan_next(planned)

    def remove(self, name: str) -> None:
        """Take an entry out of the plan; an unknown name is no error."""
        self._planned.pop(name, None)
        self.set_aside.pop(name, None)

    def replan(self) -> None:
        """Look for every entry's next instant again: the rules of a zone have changed."""
        self._shared.clear()
        for planned in list(self._planned.values()):
            planned.ticket = -1
            self._plan_next(planned)

    def next_wake(self) -> datetime | None:
        """Return the instant of the next thing to do, in UTC, or None when there is none."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime, *, limit: int | None = None) -> list[Due]:
        """Take what is due out of the plan; each must come back by `settle` or `postpone`.

        Args:
            now: aware.
            limit: at most this many entries; what is over stays planned.
        """
        now = to_utc(now)
        self._shared.clear()
        taken: list[Due] = []
        while limit is None or len(taken) < limit:
            self._drop_stale()
            if not self._heap or self._heap[0][0] > now:
                break
            _, _, name = heapq.heappop(self._heap)
            planned = self._planned[name]
            planned.ticket = -1
            try:
                taken.append(self._look(planned, now))
            except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
                self._set_aside(planned, error)
        return taken

    def settle(self, name: str, cursor: datetime) -> None:
        """Put an entry back after its dispatch: the cursor stands at `cursor` now."""
        planned = self._planned.get(name)
        if planned is not None:
            planned.cursor = to_utc(cursor)
            self._plan_next(planned)

    def postpone(self, name: str, until: datetime, cursor: datetime | None = None) -> None:
        """Put an entry back after a failed dispatch; its occurrences are due again at `until`.

        Args:
            name: whose dispatch failed.
            until: when to try again; aware.
            cursor: where the entry stands, if part of its occurrences were dispatched.
        """
        planned = self._planned.get(name)
        if planned is not None:
            if cursor is not None:
                planned.cursor = to_utc(cursor)
            self._push(planned, to_utc(until))

    def _look(self, planned: _Planned, now: datetime) -> Due:
        schedule = planned.entry.schedule
        latest = schedule.previous_before(now + _MICROSECOND)
        first = planned.fire
        if first is None or first <= planned.cursor:  # after a postponed, partly dispatched batch
            first = _after(schedule, planned.cursor)
        if first is None or first > now:
            return Due(planned.entry, planned.cursor, ())
        late_from = now - self.misfire_threshold
        last = first if latest is None else max(first, to_utc(latest))
        late: Iterable[datetime]
        if last < late_from:
            late = (last,)
        elif first >= late_from:
            late = (first, *self._chain(schedule, first, now))
        else:
            late = self._chain(schedule, late_from - _MICROSECOND, now)
        fire_times = tuple(deque(late, maxlen=MOST_LATE))
        return Due(
            planned.entry, planned.cursor, fire_times, first if first < fire_times[0] else None
        )

    @staticmethod
    def _chain(schedule: Schedule, after: datetime, now: datetime) -> Iterable[datetime]:
        at = _after(schedule, after)
        while at is not None and at <= now:
            yield at
            at = _after(schedule, at)

    def _plan_next(self, planned: _Planned) -> None:
        try:
            planned.fire = self._next(planned.entry.schedule, planned.cursor)
        except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
            self._set_aside(planned, error)
            return
        if planned.fire is not None:
            self._push(planned, planned.fire)

    def _next(self, schedule: Schedule, after: datetime) -> datetime | None:
        # Entries that share a schedule are usually due together: one search serves them all.
        key = (schedule, after)
        if key not in self._shared:
            self._shared[key] = _after(schedule, after)
        return self._shared[key]

    def _push(self, planned: _Planned, wake: datetime) -> None:
        planned.ticket = next(self._tickets)
        heapq.heappush(self._heap, (wake, planned.ticket, planned.entry.name))
        if len(self._heap) > 2 * len(self._planned) + _FEW:
            # Edits of far-off entries leave stale items that would never come to the top.
            self._heap = [item for item in self._heap if self._is_live(item)]
            heapq.heapify(self._heap)

    def _is_live(self, item: tuple[datetime, int, str]) -> bool:
        _, ticket, name = item
        planned = self._planned.get(name)
        return planned is not None and planned.ticket == ticket

    def _drop_stale(self) -> None:
        while self._heap and not self._is_live(self._heap[0]):
            heapq.heappop(self._heap)

    def _set_aside(self, planned: _Planned, error: Exception) -> None:
        self._planned.pop(planned.entry.name, None)
        self.set_aside[planned.entry.name] = error


def _after(schedule: Schedule, at: datetime) -> datetime | None:
    """Ask a schedule for its next instant in UTC, and refuse one that does not move on."""
    following = schedule.next_after(at)
    if following is None:
        return None
    following = to_utc(following)
    if following <= at:  # a loop over it would never end
        raise ScheduleError(
            f"{schedule!r} says that its next instant after {at.isoformat()} is "
            f"{following.isoformat()}, which is not after it"
        )
    return following
