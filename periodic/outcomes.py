"""What becomes of what was sent: settled, tried again later, told in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .broker import Outcome, Status
from .clock import Clock
from .copies import CursorCopy
from .due import Due
from .entry import Entry
from .errors import BrokerUnreachable
from .planner import Planner
from .retries import BackOff, Outage
from .roster import Roster

#: What is told of an entry is told in the beat's name, wherever its lines stand.
logger: logging.Logger = logging.getLogger(f"{__package__}.beat")

_LONGEST_ENTRY_RETRY = timedelta(minutes=5)

Observer = Callable[[Entry, Outcome], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch that went to the broker, and what came of it.

    Args:
        due: what was sent.
        outcomes: what the broker said of it.
        broken: entry -> why no message of it could be made.
    """

    due: list[Due]
    outcomes: list[Outcome]
    broken: dict[str, Exception]

    @property
    def unreachable(self) -> bool:
        """Whether the broker could not be reached, so that sending more makes no sense."""
        return bool(self.outcomes) and isinstance(self.outcomes[-1].error, BrokerUnreachable)


class Outcomes:
    """Takes what the broker said to the planner, the copy of the cursors, the observer and the log.

    Args:
        planner: told what is settled and what is tried again.
        roster: knows the fingerprints of entries.
        copy: where a copy of the cursors is kept.
        outage: told when the broker is away, and when it takes messages.
        clock: the beat's.
        observer: told every outcome; None when nobody asks.
    """

    def __init__(
        self,
        planner: Planner,
        roster: Roster,
        copy: CursorCopy,
        outage: Outage,
        clock: Clock,
        observer: Observer | None,
    ) -> None:
        self._planner = planner
        self._roster = roster
        self._copy = copy
        self._outage = outage
        self._clock = clock
        self._observer = observer
        self._failing: dict[str, BackOff] = {}
        self._reported: set[str] = set()

    def take(self, sent: Sent) -> None:
        """Settle what went out and is over, and plan again what failed."""
        outcomes: dict[str, list[Outcome]] = {}
        for outcome in sent.outcomes:
            outcomes.setdefault(outcome.occurrence.entry, []).append(outcome)
        for one in sent.due:
            name = one.entry.name
            if name in sent.broken:
                self._failed(one.entry, sent.broken[name], one.cursor)
            elif name in outcomes:
                self._settle(one, outcomes[name])
            else:
                _report_missed(one)
                self._planner.settle(name, one.cursor)

    def forget(self, names: Iterable[str]) -> None:
        """Forget the failures of entries that were changed or are gone: they begin anew."""
        if self._failing:
            for name in names:
                self._failing.pop(name, None)

    def report_set_aside(self) -> None:
        """Tell, once each, which entries the planner has set aside."""
        set_aside = self._planner.set_aside
        if not (set_aside or self._reported):
            return
        for name in set_aside.keys() - self._reported:
            logger.error(
                "entry %r is set aside, its schedule failed: %s",
                name,
                set_aside[name],
                extra={"event": "set-aside", "entry": name},
            )
        self._reported = set(set_aside)

    def _settle(self, due: Due, outcomes: list[Outcome]) -> None:
        entry = due.entry
        dispatched = False
        failure: Outcome | None = None
        for outcome in outcomes:
            if self._observer is not None:
                self._observer(entry, outcome)
            if outcome.status is Status.DISPATCHED:
                dispatched = True
            elif failure is None and outcome.status is Status.FAILED:
                failure = outcome
        if dispatched:
            self._outage.over()
            _report_missed(due)
        # Behind a failure a chain's forerunners are only what would have been dispatched.
        cursor = (failure or outcomes[-1]).cursor
        fingerprint = self._roster.fingerprint(entry.name) if self._copy.kept else None
        if fingerprint is not None:
            self._copy.record(entry.name, cursor, fingerprint)
        if failure is None:
            if self._failing:
                self._recovered(entry)
            self._planner.settle(entry.name, cursor)
        elif isinstance(failure.error, BrokerUnreachable):
            self._outage.failed(failure.error, asking=False)
            self._planner.postpone(entry.name, self._clock.now(), cursor)
        else:
            self._failed(entry, failure.error, cursor)

    def _failed(self, entry: Entry, error: Exception | None, cursor: datetime) -> None:
        back_off = self._failing.setdefault(entry.name, BackOff(_LONGEST_ENTRY_RETRY))
        delay = back_off.next()
        if back_off.failures == 1:
            logger.error(
                "entry %r could not be dispatched and is tried again: %s",
                entry.name,
                error,
                extra={"event": "dispatch-failed", "entry": entry.name},
            )
        self._planner.postpone(entry.name, self._clock.now() + delay, cursor)

    def _recovered(self, entry: Entry) -> None:
        if self._failing.pop(entry.name, None) is not None:
            logger.info(
                "entry %r is dispatched again",
                entry.name,
                extra={"event": "dispatch-recovered", "entry": entry.name},
            )


def _report_missed(due: Due) -> None:
    if due.missed is not None and due.missed_until is not None:
        logger.warning(
            "entry %r: %s",
            due.entry.name,
            due.tell_missed(),
            extra={
                "event": "missed",
                "entry": due.entry.name,
                "first": due.missed.isoformat(),
                "last": due.missed_until.isoformat(),
                "policy": str(due.entry.catch_up),
                "sent": len(due.fire_times),
            },
        )
