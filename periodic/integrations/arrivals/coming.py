"""One entry that comes along, and what the readers of all sources share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ...clock import iso_utc, to_utc
from ...schedules import Schedule, crontab, interval
from ..holding_against import Found

#: When the source itself would run something: the instants in `[start, end)`, in UTC, in order.
Theirs = Callable[[datetime, datetime], Sequence[datetime]]

#: What Celery's and its packages' own start makes; here the code has it.
CLEANUP = "celery.backend_cleanup"


@dataclass(slots=True)
class Coming:
    """One entry that comes along, or does not.

    Args:
        name: the entry's; the place in a file where nothing could be named.
        given: the keywords of `put`.
        notes: what changes its meaning, one sentence each.
        problem: why it cannot come along; "" when it can.
        pause: note and end of a pause that comes along.
        theirs: when the source itself would run it; None for "as Celery runs such a schedule".
        also: instants at which the source runs it besides, in UTC.
        who: who runs it there, for messages.
        where: its place in a file, such as "line 7"; "" where it has none.
        own: the source is an export of ours; there is nothing to hold it against.
        found: once it was held against what the source would do, what differs.
    """

    name: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])
    problem: str = ""
    pause: Mapping[str, Any] | None = None
    theirs: Theirs | None = None
    also: list[datetime] = field(default_factory=list[datetime])
    who: str = "Celery"
    where: str = ""
    own: bool = False
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where entries arrive.

    Args:
        now: what is over by then does not come along; aware.
        zone: read where the source names none.
        given: whether somebody typed the zone; else it is the app's.
    """

    now: datetime
    zone: tzinfo
    given: bool = False

    def zone_note(self, who: str) -> str:
        """Return the sentence about a source that names no zone."""
        whose = "as you said" if self.given else "the app's zone; give --tz for another"
        return f"{who} names no zone: its clock is read in {self.zone}, {whose}"


def instant(value: datetime | str | None) -> datetime | None:
    """Return an instant of a table, which SQLite keeps as text in UTC, in whole seconds."""
    if value is None or value == "":
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return to_utc(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def steady(
    every: timedelta, last: datetime | None, coming: Coming, *, first: bool = False
) -> Schedule:
    """Return the grid that goes on from the last run, with a note; that of the epoch without one.

    Args:
        every: the time between two runs.
        last: when it ran last; aware, or None.
        coming: gets the note, and what Celery would do.
        first: `last` is its first run, to come.
    """
    if last is None:
        coming.notes.append(
            "its interval runs on a grid that restarts do not move, not from the last run on"
        )
        return interval(every)
    anchor = to_utc(last).replace(microsecond=0)
    which = "first" if first else "last"
    coming.notes.append(
        f"its interval goes on from its {which} run, {iso_utc(anchor)}, on a grid that neither "
        "restarts nor late runs move"
    )
    # Celery counts from each run; where each is in time, that is the grid of the last one.
    theirs = interval(every, anchor=last)
    coming.theirs = lambda start, end: [*map(to_utc, theirs.between(start, end))]
    return interval(every, anchor=anchor)


def note_days(schedule: Schedule, coming: Coming) -> None:
    """Note what two restricted day fields mean, because cron and Celery read them differently."""
    if isinstance(schedule, crontab):
        data = schedule.to_dict()
        if data["day_of_week"] != "*" and data["day_of_month"] != "*":
            coming.notes.append(
                "its day of the month AND its day of the week must fit, as in Celery; "
                "a system's cron would run it when either does"
            )
