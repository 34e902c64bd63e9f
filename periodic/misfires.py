"""What to dispatch of an entry that is due, and what to give up: pure, and soon found.

Occurrences up to `misfire_threshold` old are late, and all of them are dispatched; what is older is
missed, and the entry's policy decides. The cost depends on how many are dispatched, never on how
many were missed: the newest are asked for backwards from the threshold, the oldest forwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .clock import to_utc
from .due import MOST_LATE, Found, Missed, Reason
from .errors import ScheduleError
from .policies import CatchUp, CatchUpPolicy
from .schedules.base import Schedule

_MICROSECOND = timedelta(microseconds=1)
_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Rule:
    """A schedule and what is done about its missed occurrences, shared by entries alike.

    Args:
        schedule: when.
        policy: what is done.
        threshold: how late is late and not yet missed.
    """

    schedule: Schedule
    policy: CatchUpPolicy
    threshold: timedelta
    _asked: datetime | None = None
    _answer: datetime | None = None

    def forget(self) -> None:
        """Forget what the schedule has answered: the rules of its zone have changed."""
        self._asked = None

    def after(self, at: datetime) -> datetime | None:
        """Return the schedule's first instant after `at` (UTC), in UTC.

        Raises:
            ScheduleError: the schedule names one that is not after it.
        """
        # Nothing lies between an instant and the next one, wherever in between one stands: entries
        # alike ask together, and one search serves them all.
        if self._asked is not None and self._asked <= at:
            answer = self._answer
            if answer is None or at < answer:
                return answer
        answer = self.schedule.next_after(at)
        if answer is not None:
            answer = to_utc(answer)
            if answer <= at:  # a loop over it would never end
                raise self._stands_still("next instant after", at, answer)
        self._asked, self._answer = at, answer
        return answer

    def before(self, at: datetime, first: datetime) -> datetime:
        """Return the schedule's last instant before `at`, in UTC, but at least `first`.

        Args:
            at: UTC.
            first: an instant of the schedule before `at`; UTC.

        Raises:
            ScheduleError: the schedule names one that is not before it.
        """
        found = self.schedule.previous_before(at)
        if found is None:
            return first
        found = to_utc(found)
        if found >= at:
            raise self._stands_still("last instant before", at, found)
        return max(found, first)

    def find(self, first: datetime, now: datetime) -> Found:
        """Return what is to be dispatched now, and what is given up.

        Args:
            first: the oldest instant that is due; UTC.
            now: not before `first`; UTC.
        """
        late_from = _back(now, self.threshold)
        if first >= late_from:
            late, flood = self._late(first, now)
            return Found(late, 0, flood)
        following = self.after(late_from - _MICROSECOND)
        late, flood = (), ()
        if following is not None and following <= now:
            late, flood = self._late(following, now)
        newest = self.before(late_from, first)
        oldest, too_old = self._within_window(first, newest, now)
        chosen: tuple[datetime, ...] = ()
        given_up: tuple[Missed, ...] = ()
        if oldest is not None:
            chosen, given_up = self._catch_up(oldest, newest, superseded=bool(late))
        return Found((*chosen, *late), len(chosen), (*too_old, *given_up, *flood))

    def find_from_start(self, start: datetime, now: datetime) -> Found:
        """Return the same for an entry that owes its run at the start.

        `catch_up` is not asked about that run, because no other one stands for it; the window is.

        Args:
            start: when that run should happen; UTC.
            now: not before `start`; UTC.
        """
        following = self.after(start)
        found = Found(()) if following is None or following > now else self.find(following, now)
        window = self.policy.catch_up_window
        missed = start < _back(now, self.threshold)
        if missed and window is not None and start < _back(now, window):
            given_up = (Missed(start, start, Reason.WINDOW), *found.given_up)
            return found._replace(given_up=given_up)
        return Found((start, *found.fire_times), found.caught_up + int(missed), found.given_up)

    def _late(
        self, first: datetime, now: datetime
    ) -> tuple[tuple[datetime, ...], tuple[Missed, ...]]:
        late = [first]
        following = self.after(first)
        while following is not None and following <= now:
            if len(late) == MOST_LATE:
                return self._flood(first, now)
            late.append(following)
            following = self.after(following)
        return tuple(late), ()

    def _flood(
        self, first: datetime, now: datetime
    ) -> tuple[tuple[datetime, ...], tuple[Missed, ...]]:
        late = self._newest(self.before(now + _MICROSECOND, first), first, MOST_LATE)
        return late, (Missed(first, self.before(late[0], first), Reason.MOST_LATE),)

    def _newest(self, newest: datetime, oldest: datetime, most: int) -> tuple[datetime, ...]:
        found = [newest]
        while len(found) < most and found[-1] > oldest:
            found.append(self.before(found[-1], oldest))
        return tuple(reversed(found))

    def _within_window(
        self, first: datetime, newest: datetime, now: datetime
    ) -> tuple[datetime | None, tuple[Missed, ...]]:
        """Return the oldest missed occurrence within the window, and those that are older."""
        window = self.policy.catch_up_window
        start = _FIRST if window is None else _back(now, window)
        if first >= start:
            return first, ()
        if newest < start:
            return None, (Missed(first, newest, Reason.WINDOW),)
        too_old = Missed(first, self.before(start, first), Reason.WINDOW)
        return self.after(too_old.last), (too_old,)

    def _catch_up(
        self, oldest: datetime, newest: datetime, *, superseded: bool
    ) -> tuple[tuple[datetime, ...], tuple[Missed, ...]]:
        """Choose from the missed occurrences; with `superseded` later ones are due anyway."""
        kind = self.policy.catch_up
        if kind is CatchUp.EARLIEST:
            rest = self.after(oldest) if oldest < newest else None
            if rest is None:
                return (oldest,), ()
            return (oldest,), (Missed(rest, newest, Reason.POLICY),)
        most, reason = 1, Reason.POLICY
        if kind is CatchUp.ALL:
            most, reason = self.policy.max_catch_up, Reason.MAX_CATCH_UP
        elif kind is CatchUp.SKIP or superseded:
            return (), (Missed(oldest, newest, reason),)
        chosen = self._newest(newest, oldest, most)
        if chosen[0] == oldest:
            return chosen, ()
        return chosen, (Missed(oldest, self.before(chosen[0], oldest), reason),)

    def _stands_still(self, what: str, at: datetime, answer: datetime) -> ScheduleError:
        where = "after" if what.endswith("after") else "before"
        return ScheduleError(
            f"{self.schedule!r} says that its {what} {at.isoformat()} is {answer.isoformat()}, "
            f"which is not {where} it"
        )


def _back(now: datetime, by: timedelta) -> datetime:
    """Return the instant so long before `now`, or the first of all."""
    try:
        return now - by
    except OverflowError:
        return _FIRST
