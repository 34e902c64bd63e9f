"""The planner: (entries, cursors, now) -> what is due, when to look next. Pure: no I/O, no clock.

Entries wait in buckets, one for each instant, under a heap of those instants: one look costs
O(due), never O(all), and entries that are alike and due together are looked up once.
"""

from __future__ import annotations

import heapq
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from weakref import WeakValueDictionary

from .clock import to_utc
from .due import Due, Found
from .entry import Entry
from .misfires import Rule
from .policies import CatchUpPolicy
from .schedules.base import Schedule
from .start_runs import owed

#: An occurrence seen later than this is missed, not late, unless its entry says otherwise.
MISFIRE_THRESHOLD: timedelta = timedelta(seconds=60)
#: At most this many occurrences are dispatched in one tick; the next tick follows at once.
MOST_PER_TICK: int = 10_000
#: At most this many of them were missed: others' punctual runs do not wait behind a catch-up.
MOST_CATCH_UP_PER_TICK: int = 1000

# Stale heap items that are not worth a clean-up.
_FEW = 64
# Rules that are found by the identity of their schedule.
_MOST_ALIKE = 4096


@dataclass(slots=True)
class _Planned:
    """An entry's place in the plan.

    Args:
        entry: whose it is.
        rule: its schedule and policy, shared with entries alike.
        cursor: where it stands at the broker; UTC.
        given_up: the newest occurrence given up, which the cursor at the broker may not show.
        fire: the next occurrence after both; UTC.
        wake: in whose bucket it waits; None while it is handed out, or catches up.
        out: what was handed out, where that gives something up.
        start: the run at the start, while the cursor owes it; UTC.
    """

    entry: Entry
    rule: Rule
    cursor: datetime
    fire: datetime
    given_up: datetime | None = None
    wake: datetime | None = None
    out: Due | None = None
    start: datetime | None = None

    @property
    def at_start(self) -> bool:
        """Whether the next occurrence is the run at the start."""
        return self.fire == self.start and self.entry.run_on_start

    def after(self, at: datetime) -> datetime | None:
        """Return the first occurrence after `at`, in UTC, of an entry that began at `start`."""
        if self.start is None or at >= self.start:
            return self.rule.after(at)
        if self.entry.run_on_start:
            return self.start
        # It does not ask for the run any more: its schedule's own counts, at that second too.
        return self.rule.after(self.start - datetime.resolution)


_Key = tuple[type[Schedule], Schedule, CatchUpPolicy]


def _no_rules() -> WeakValueDictionary[_Key, Rule]:
    return WeakValueDictionary()


@dataclass(slots=True)
class Planner:
    """Plans entries against instants that it is told.

    Args:
        misfire_threshold: how late an occurrence may be and still count as late, not missed,
            where the entry does not say it.
    """

    misfire_threshold: timedelta = MISFIRE_THRESHOLD
    #: Entries whose schedule raised: out of the plan until they are put again.
    set_aside: dict[str, Exception] = field(default_factory=dict)
    _planned: dict[str, _Planned] = field(default_factory=dict)
    _buckets: dict[datetime, dict[str, _Planned]] = field(default_factory=dict)
    _heap: list[datetime] = field(default_factory=list)
    #: Entries that have missed occurrences to dispatch, first come, first served.
    _catching_up: dict[str, _Planned] = field(default_factory=dict)
    _rules: WeakValueDictionary[_Key, Rule] = field(default_factory=_no_rules)
    #: Schedules that were met last, by `id`; a rule keeps its schedule, and with it that number.
    _alike: dict[int, Rule] = field(default_factory=dict)
    _found: dict[tuple[Rule, datetime], Found] = field(default_factory=dict)
    _now: datetime | None = None

    def __contains__(self, name: object) -> bool:
        """Tell whether an entry of this name is planned."""
        return name in self._planned

    def put(self, entry: Entry, cursor: datetime) -> None:
        """Plan an entry, or plan it anew after an edit.

        Args:
            entry: a disabled one leaves the plan.
            cursor: the newest fire time dispatched or given up; aware.
        """
        former = self._planned.get(entry.name)
        if former is not None or self.set_aside:
            self.remove(entry.name)
        if not entry.enabled:
            return
        cursor = to_utc(cursor)
        try:
            planned = _Planned(entry, self._rule(entry), cursor, cursor, start=owed(cursor))
        except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
            self.set_aside[entry.name] = error
            return
        if former is not None and former.rule.schedule == planned.rule.schedule:
            # Another policy makes up for nothing that was given up under the former one.
            planned.given_up = former.given_up
        self._planned[entry.name] = planned
        self._plan_next(planned)

    def remove(self, name: str) -> None:
        """Take an entry out of the plan; an unknown name is no error."""
        self.set_aside.pop(name, None)
        planned = self._planned.pop(name, None)
        if planned is not None:
            self._catching_up.pop(name, None)
            self._leave_bucket(planned)

    def replan(self) -> None:
        """Look for every entry's next instant again: the rules of a zone have changed."""
        for rule in list(self._rules.values()):
            rule.forget()
        self._found.clear()
        self._catching_up.clear()
        for planned in list(self._planned.values()):
            self._plan_next(planned)

    def next_wake(self) -> datetime | None:
        """Return the instant of the next thing to do, in UTC, or None when there is none."""
        for planned in self._catching_up.values():
            return planned.fire
        return self._first_wake()

    def upcoming(self, limit: int) -> list[Due]:
        """Return what will be due at the next wake, without taking it out of the plan.

        Args:
            limit: at most this many entries.
        """
        wake = self._first_wake()
        waiting = () if wake is None else islice(self._buckets[wake].values(), limit)
        return [
            Due(planned.entry, planned.cursor, (planned.fire,))
            for planned in waiting
            if planned.fire == wake
        ]

    def due(
        self, now: datetime, *, limit: int | None = None, catch_up: int | None = None
    ) -> list[Due]:
        """Take what is due out of the plan; each must come back by `settle` or `postpone`.

        Entries that have missed occurrences to dispatch come after all others.

        Args:
            now: aware.
            limit: at most this many occurrences; what is over stays planned.
            catch_up: at most this many of them may be missed ones.
        """
        now = to_utc(now)
        self._see(now)
        wake = self._first_wake()
        if not self._catching_up and (wake is None or wake > now):
            return []  # a beat asks until it hears this, at each tick
        taken: list[Due] = []
        room = sys.maxsize if limit is None else limit
        while room > 0 and (wake := self._first_wake()) is not None and wake <= now:
            for planned in list(islice(self._buckets[wake].values(), room)):
                self._leave_bucket(planned)
                found = self._look(planned, now)
                if found is None:
                    continue
                if found.caught_up:
                    self._catching_up[planned.entry.name] = planned
                    continue
                due = self._hand_out(planned, found, room, 0)
                taken.append(due)
                room -= len(due.fire_times) or 1
                if room <= 0:
                    break
        missed = sys.maxsize if catch_up is None else catch_up
        for planned in list(islice(self._catching_up.values(), max(min(room, missed), 0))):
            if room <= 0 or missed <= 0:
                break
            del self._catching_up[planned.entry.name]
            found = self._look(planned, now)
            if found is not None:
                due = self._hand_out(planned, found, room, missed)
                taken.append(due)
                room -= len(due.fire_times) or 1
                missed -= due.caught_up
        return taken

    def settle(self, name: str, cursor: datetime) -> None:
        """Put an entry back after its dispatch: the cursor stands at `cursor` now."""
        planned = self._planned.get(name)
        if planned is not None:
            self._move(planned, to_utc(cursor))
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
            if cursor is not None and to_utc(cursor) != planned.cursor:
                self._move(planned, to_utc(cursor))
            # What was given up beside occurrences that were not dispatched is looked at again.
            planned.out = None
            self._plan_next(planned, to_utc(until))

    # -- looking --------------------------------------------------------------------------------

    def _rule(self, entry: Entry) -> Rule:
        schedule, policy = entry.schedule, entry.catch_up_policy
        # Entries that are read together are alike, and share what they are made of.
        known = self._alike.get(id(schedule))
        if known is not None and known.schedule is schedule and known.policy is policy:
            return known
        # The type too: a subclass may answer otherwise and call itself equal.
        key = (type(schedule), schedule, policy)
        rule = self._rules.get(key)
        if rule is None:
            threshold = policy.misfire_threshold or self.misfire_threshold
            rule = self._rules[key] = Rule(schedule, policy, threshold)
        if len(self._alike) >= _MOST_ALIKE:
            self._alike.clear()
        if rule.schedule is schedule:
            self._alike[id(schedule)] = rule
        return rule

    def _see(self, now: datetime) -> None:
        if now == self._now:
            return
        self._found.clear()
        if self._now is not None and now < self._now:
            # The clock was set back: what a wrong one made give up comes again.
            for planned in list(self._planned.values()):
                if planned.given_up is not None and planned.given_up > now:
                    planned.given_up = None
                    self._plan_next(planned)
        self._now = now

    def _look(self, planned: _Planned, now: datetime) -> Found | None:
        key = (planned.rule, planned.fire)
        at_start = planned.start is not None and planned.at_start
        found = None if at_start else self._found.get(key)
        if found is None:
            try:
                if at_start:  # others of this rule have no occurrence at that second
                    return planned.rule.find_from_start(planned.fire, now)
                found = self._found[key] = planned.rule.find(planned.fire, now)
            except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
                self._set_aside(planned, error)
        return found

    @staticmethod
    def _hand_out(planned: _Planned, found: Found, room: int, missed: int) -> Due:
        if len(found.fire_times) > room or found.caught_up > missed:
            found = found.cut(min(room, missed) if found.caught_up > missed else room)
        due = Due(planned.entry, planned.cursor, *found)
        planned.out = due if due.given_up else None
        return due

    @staticmethod
    def _move(planned: _Planned, cursor: datetime) -> None:
        planned.cursor = cursor
        if planned.start is not None:
            planned.start = owed(cursor)
        if planned.out is not None:
            left = next((at for at in planned.out.fire_times if at > cursor), None)
            for each in planned.out.given_up:
                if left is None or each.last < left:
                    planned.given_up = each.last
            planned.out = None

    # -- waiting --------------------------------------------------------------------------------

    def _plan_next(self, planned: _Planned, until: datetime | None = None) -> None:
        at = planned.cursor
        if planned.given_up is not None and planned.given_up > at:
            at = planned.given_up
        if planned.wake is not None:
            self._leave_bucket(planned)
        try:
            fire = planned.rule.after(at) if planned.start is None else planned.after(at)
        except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
            self._set_aside(planned, error)
            return
        if fire is None:
            return
        planned.fire = fire
        wake = planned.wake = fire if until is None or until < fire else until
        bucket = self._buckets.get(wake)
        if bucket is None:
            bucket = self._buckets[wake] = {}
            heapq.heappush(self._heap, wake)
            if len(self._heap) > 2 * len(self._buckets) + _FEW:
                # Edits of far-off entries leave stale items that would never come to the top.
                self._heap = list(self._buckets)
                heapq.heapify(self._heap)
        bucket[planned.entry.name] = planned

    def _leave_bucket(self, planned: _Planned) -> None:
        wake = planned.wake
        if wake is not None:
            planned.wake = None
            bucket = self._buckets[wake]
            del bucket[planned.entry.name]
            if not bucket:
                del self._buckets[wake]

    def _first_wake(self) -> datetime | None:
        while self._heap and self._heap[0] not in self._buckets:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def _set_aside(self, planned: _Planned, error: Exception) -> None:
        self._planned.pop(planned.entry.name, None)
        self.set_aside[planned.entry.name] = error
