"""What a simulation tells: runs, what did not run, and what went wrong, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from ..clock_changes import utc
from ..effects import Effect
from ..explain import run_data, run_line


class How(StrEnum):
    """How a run came to be."""

    ON_TIME = "on_time"
    #: It was sent late, within the misfire threshold.
    LATE = "late"
    #: It was missed, and sent all the same by its entry's `catch_up`.
    CAUGHT_UP = "caught_up"


class Run(NamedTuple):
    """One occurrence that was sent.

    Args:
        entry: whose it is.
        fire_time: when it should happen, in its schedule's zone.
        sent_at: what the clock of its beat read then; UTC.
        beat: the number of the beat that sent it.
        how: on time, late or caught up.
        late: how late, by the beat's clock.
        effect: the clock change that moved, merged or doubled it, or None.
        overlaps: whether the entry's run before is still going.
        duplicate: whether it was sent before; no simulation should ever show one.
        executed: whether its task was run.
        result: what the task returned.
        error: what the task raised: its type and text, or "".
    """

    entry: str
    fire_time: datetime
    sent_at: datetime
    beat: int
    how: How
    late: timedelta
    effect: Effect | None = None
    overlaps: bool = False
    duplicate: bool = False
    executed: bool = False
    result: Any = None
    error: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it runs then: nothing for an ordinary run."""
        found: list[str] = []
        if self.how is not How.ON_TIME:
            found.append(f"{_WORDS[self.how]} {_span(self.late)} late")
        if self.effect is not None:
            found.append(self.effect.text)
        if self.overlaps:
            found.append("its previous run is still going")
        if self.duplicate:
            found.append("DUPLICATE")
        if self.error:
            found.append(f"raised {self.error}")
        elif self.executed:
            found.append(f"returned {_shown(self.result)}")
        return tuple(found)

    def line(self) -> str:
        """Return it as one line of text."""
        reasons = "; ".join(self.reasons)
        return f"{run_line(self.fire_time)}  {self.entry}{f'  ({reasons})' if reasons else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "what": "run",
            "entry": self.entry,
            **run_data(self.fire_time),
            "sent_at": utc(self.sent_at),
            "beat": self.beat,
            "how": str(self.how),
            "late_seconds": self.late.total_seconds(),
            "clock_change": None if self.effect is None else self.effect.what,
            "overlaps": self.overlaps,
            "duplicate": self.duplicate,
            **self._outcome(),
            "reasons": list(self.reasons),
        }

    def _outcome(self) -> dict[str, Any]:
        if not self.executed:
            return {}
        return {"returned": _shown(self.result), "raised": self.error or None}


class NotSent(StrEnum):
    """Why occurrences were not sent."""

    #: `catch_up` does not ask for them.
    POLICY = "policy"
    #: They are older than `catch_up_window`.
    WINDOW = "window"
    #: `all` has `max_catch_up` newer ones.
    MAX_CATCH_UP = "max_catch_up"
    #: More are late at once than a beat sends.
    MOST_LATE = "most_late"
    #: No beat had sent them when the simulation ended.
    UNSENT = "unsent"
    #: Nothing says why: no simulation should ever show one.
    LOST = "lost"


class Missed(NamedTuple):
    """Occurrences of one entry that were not sent, one after the other.

    Args:
        entry: whose they are.
        first: the fire time of the oldest, in its schedule's zone.
        last: the fire time of the newest.
        number: how many.
        reason: why.
    """

    entry: str
    first: datetime
    last: datetime
    number: int
    reason: NotSent

    def line(self) -> str:
        """Return it as one line of text."""
        span = run_line(self.first)
        if self.number > 1:
            span = f"{span} and {self.number - 1} more up to {run_line(self.last)}"
        return f"{span}  {self.entry}  (missed: {_WHY[self.reason]})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "what": "missed",
            "entry": self.entry,
            "first": run_data(self.first),
            "last": run_data(self.last),
            "count": self.number,
            "reason": str(self.reason),
        }


class Skipped(NamedTuple):
    """Readings of a schedule that a clock change leaves out, by its own rule.

    Args:
        entry: whose they are.
        effect: what the clock change does.
    """

    entry: str
    effect: Effect

    def line(self) -> str:
        """Return it as one line of text."""
        return f"{utc(self.effect.change.at)}  {self.entry}  (skipped: {self.effect.text})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"what": "skipped", "entry": self.entry, **self.effect.to_dict()}


class Note(NamedTuple):
    """Something that happened to a beat or the broker.

    Args:
        at: when, on the undisturbed clock; UTC.
        beat: the number of the beat; 0 is the broker, or all.
        event: one word, as in the beat's log: `killed`, `broker-unreachable`, `beat-leads`, ...
        text: one sentence.
    """

    at: datetime
    beat: int
    event: str
    text: str

    def line(self) -> str:
        """Return it as one line of text."""
        who = f"beat {self.beat}: " if self.beat else ""
        return f"-- {utc(self.at)}  {who}{self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "what": "note",
            "at": utc(self.at),
            "beat": self.beat,
            "event": self.event,
            "text": self.text,
        }


Happening = Run | Missed | Skipped | Note


@dataclass(slots=True)
class Summary:
    """The numbers of a simulation.

    Args:
        runs: occurrences that were sent.
        late: of them, how many were late but not missed.
        caught_up: of them, how many were missed and sent all the same.
        overlapping: of them, how many began while their entry's run before was still going.
        duplicates: how many were sent that had been sent before.
        missed: occurrences that were given up, by reason.
        unsent: occurrences that no beat had sent when the simulation ended.
        lost: occurrences that were neither sent nor given up.
        unexpected: runs at an instant that their schedule does not have.
        failed: runs whose task raised, where tasks are run.
        skipped: readings that clock changes left out, by the rule of their schedule.
        latest: the longest that a run was late.
        set_aside: entry -> why its schedule failed.
    """

    runs: int = 0
    late: int = 0
    caught_up: int = 0
    overlapping: int = 0
    duplicates: int = 0
    missed: int = 0
    unsent: int = 0
    lost: int = 0
    unexpected: int = 0
    failed: int = 0
    skipped: int = 0
    latest: timedelta = timedelta(0)
    set_aside: dict[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, sent twice or sent at an instant of nobody's schedule."""
        return not (self.duplicates or self.lost or self.unexpected)

    def line(self) -> str:
        """Return it as one line of text."""
        counts = (
            f"{self.runs} runs",
            f"{self.late} late",
            f"{self.caught_up} caught up",
            f"{self.missed} missed",
            f"{self.unsent} unsent",
            f"{self.skipped} skipped",
            f"{self.overlapping} overlapping",
            f"{self.duplicates} duplicates",
            f"{self.lost} lost",
        )
        return ", ".join([*counts, *([f"{self.failed} raised"] if self.failed else [])])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "what": "summary",
            "runs": self.runs,
            "late": self.late,
            "caught_up": self.caught_up,
            "missed": self.missed,
            "unsent": self.unsent,
            "skipped": self.skipped,
            "overlapping": self.overlapping,
            "duplicates": self.duplicates,
            "lost": self.lost,
            "unexpected": self.unexpected,
            "failed": self.failed,
            "latest_seconds": self.latest.total_seconds(),
            "set_aside": dict(self.set_aside),
        }


_LONGEST_RESULT = 200
_WORDS = {How.LATE: "sent", How.CAUGHT_UP: "caught up"}
_WHY = {
    NotSent.POLICY: "catch_up does not ask for it",
    NotSent.WINDOW: "older than catch_up_window",
    NotSent.MAX_CATCH_UP: "more than max_catch_up",
    NotSent.MOST_LATE: "too many are late at once",
    NotSent.UNSENT: "no beat had sent it by the end",
    NotSent.LOST: "LOST",
}


def _shown(result: object) -> str:
    """Return a result in a few words."""
    text = repr(result)
    return text if len(text) <= _LONGEST_RESULT else f"{text[:_LONGEST_RESULT]}..."


def _span(length: timedelta) -> str:
    """Return a length of time in seconds, minutes, hours and days.

    >>> _span(timedelta(minutes=90))
    '1 h 30 min'
    """
    seconds = length.total_seconds()
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    parts: list[str] = []
    rest = int(seconds)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
