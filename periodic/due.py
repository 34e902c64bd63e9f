"""What is due of an entry and what is given up of it: values that the planner hands out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .entry import Entry

#: At most this many late occurrences of one entry are run at once; older ones are given up.
MOST_LATE: int = 1000


class Reason(StrEnum):
    """Why occurrences were given up."""

    #: `catch_up` does not ask for them.
    POLICY = "policy"
    #: They are older than `catch_up_window`.
    WINDOW = "window"
    #: `all` has `max_catch_up` newer ones.
    MAX_CATCH_UP = "max_catch_up"
    #: 1000 newer ones are late, too.
    MOST_LATE = "most_late"


class Missed(NamedTuple):
    """Occurrences of one entry that were given up, without a gap between them.

    They are not counted, because counting costs as much as there are.

    Args:
        first: the fire time of the oldest; UTC.
        last: the fire time of the newest; UTC.
        reason: why.
    """

    first: datetime
    last: datetime
    reason: Reason


class Found(NamedTuple):
    """What there is to do for entries of one rule that stand at one place.

    Args:
        fire_times: the instants to dispatch, oldest first; UTC.
        caught_up: how many of them, from the oldest on, were missed.
        given_up: what is not dispatched, oldest first.
    """

    fire_times: tuple[datetime, ...]
    caught_up: int = 0
    given_up: tuple[Missed, ...] = ()

    def cut(self, most: int) -> Found:
        """Return the oldest `most` of it; the rest is found again once they are dispatched."""
        left = self.fire_times[most]
        given_up = tuple(each for each in self.given_up if each.last < left)
        return Found(self.fire_times[:most], min(self.caught_up, most), given_up)


class Due(NamedTuple):
    """The occurrences of one entry that are due, oldest first.

    Args:
        entry: whose they are.
        cursor: where the entry stood; UTC.
        fire_times: the instants to dispatch, in order; UTC.
        caught_up: how many of them, from the oldest on, were missed.
        given_up: the occurrences that are not dispatched, oldest first, with the reason.
    """

    entry: Entry
    cursor: datetime
    fire_times: tuple[datetime, ...]
    caught_up: int = 0
    given_up: tuple[Missed, ...] = ()

    @property
    def missed(self) -> datetime | None:
        """When the first occurrence that is given up should have happened; UTC, or None."""
        return self.given_up[0].first if self.given_up else None

    @property
    def missed_until(self) -> datetime | None:
        """When the last occurrence that is given up should have happened; UTC, or None."""
        return self.given_up[-1].last if self.given_up else None

    @property
    def up_to(self) -> datetime | None:
        """Where the cursor goes when that is beyond the last of `fire_times`; UTC, or None.

        So it is when occurrences newer than the dispatched ones are given up: `earliest` sends
        the oldest once, not one more of them after each restart.
        """
        until = self.missed_until
        return until if until and self.fire_times and until > self.fire_times[-1] else None

    def tell_missed(self) -> str:
        """Return one sentence about what is given up, why, and what is sent at once."""
        given_up = "; ".join(self._tell(each) for each in self.given_up)
        return f"missed and not sent: {given_up}; sent now: {_span(self.fire_times)}"

    def _tell(self, missed: Missed) -> str:
        policy = self.entry.catch_up_policy
        why = {
            Reason.POLICY: f"catch_up is {policy.catch_up}",
            Reason.WINDOW: f"older than catch_up_window, {policy.catch_up_window}",
            Reason.MAX_CATCH_UP: f"more than max_catch_up, {policy.max_catch_up}",
            Reason.MOST_LATE: f"more than {MOST_LATE} are late at once",
        }
        return f"{_span((missed.first, missed.last))} ({why[missed.reason]})"


def _span(instants: tuple[datetime, ...]) -> str:
    if not instants:
        return "nothing"
    first, last = instants[0].isoformat(), instants[-1].isoformat()
    return first if first == last else f"{first} to {last}"
