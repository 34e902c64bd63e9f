"""The beat: plan, claim, dispatch, next wake. The only place that waits.

The thread that calls `tick` owns the planner and the broker; `put`, `remove`, `replace` and `stop`
may be called from any thread, and `stop` from a signal handler too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from .broker import Broker, Dispatch, Message, Outcome, Status
from .clock import Clock, SystemClock, Wake, seconds_until
from .cursors import Adoption
from .entry import Entry, Occurrence
from .errors import BrokerUnreachable
from .planner import Due, Planner
from .retries import BackOff, Outage
from .schedules.zones import ZoneWatch

logger: logging.Logger = logging.getLogger(__name__)

#: The longest sleep between two ticks: what bounds the delay after the wall clock was set.
MAX_INTERVAL: timedelta = timedelta(seconds=5)
#: How many entries go to the broker in one batch.
BATCH: int = 500
#: A wall clock that moves this much more or less than the monotonic clock was set by somebody.
CLOCK_STEP: timedelta = timedelta(seconds=2)

_LONGEST_ENTRY_RETRY = timedelta(minutes=5)

Render = Callable[[Entry, Occurrence], Message]
Observer = Callable[[Entry, Outcome], None]


@dataclass(frozen=True, slots=True)
class _Put:
    entry: Entry
    anchor: datetime


@dataclass(frozen=True, slots=True)
class _Remove:
    name: str


def _no_observer(_entry: Entry, _outcome: Outcome) -> None:
    return


class Beat:
    """The process that ticks.

    Args:
        broker: where messages and cursors live.
        render: makes the message of an occurrence.
        namespace: separates applications that share a broker.
        clock: where time comes from.
        max_interval: the longest sleep between two ticks.
        observer: told every outcome, on the beat's thread.
    """

    def __init__(
        self,
        broker: Broker,
        render: Render,
        *,
        namespace: str,
        clock: Clock | None = None,
        max_interval: timedelta = MAX_INTERVAL,
        observer: Observer = _no_observer,
    ) -> None:
        self.broker: Broker = broker
        self.namespace: str = namespace
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.max_interval: timedelta = max_interval
        self.planner: Planner = Planner()
        #: How often the wall clock was seen to have been set.
        self.clock_steps: int = 0
        self._render = render
        self._observer = observer
        self._wake = Wake()
        self._stopping = False
        self._changes: SimpleQueue[_Put | _Remove] = SimpleQueue()
        self._entries: dict[str, Entry] = {}
        self._unadopted: dict[str, _Put] = {}
        self._fingerprints: dict[str, str] = {}
        self._failing: dict[str, BackOff] = {}
        self._reported: set[str] = set()
        self._outage = Outage(self.clock)
        self._last_seen: tuple[datetime, float] | None = None
        self._zones = ZoneWatch()

    # -- changes, from any thread ---------------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Add or change an entry; the running beat takes it up at once."""
        self._entries[entry.name] = entry
        self._changes.put(_Put(entry, self.clock.now()))
        self._wake.set()

    def remove(self, name: str) -> None:
        """Take an entry out; an unknown name is no error."""
        self._entries.pop(name, None)
        self._changes.put(_Remove(name))
        self._wake.set()

    def replace(self, entries: Iterable[Entry]) -> None:
        """Make `entries` the whole set: put what is new or changed, remove what is gone."""
        wanted = {entry.name: entry for entry in entries}
        for name in [name for name in self._entries if name not in wanted]:
            self.remove(name)
        for name, entry in wanted.items():
            if self._entries.get(name) != entry:
                self.put(entry)

    def stop(self) -> None:
        """Make `run` return at its next look, which is now; safe from a signal handler."""
        self._stopping = True
        self._wake.set()

    # -- the loop -------------------------------------------------------------------------------

    def run(self) -> None:
        """Tick and wait until `stop` is called."""
        while not self._stopping:
            self.wait(self.tick())

    def wait(self, until: datetime | None) -> None:
        """Wait for an instant of the wall clock, a change or a stop, at most `max_interval`."""
        if self._stopping:
            return
        longest = self.max_interval.total_seconds()
        seconds = seconds_until(until, self.clock, at_most=longest)
        self.clock.wait_until(self.clock.monotonic() + seconds, self._wake)

    def tick(self) -> datetime | None:
        """Do all there is to do now.

        Returns:
            When there will be something to do again, in UTC; None when nothing is planned.
        """
        self._wake.clear()
        self._watch_clock()
        if self._zones.look(self.clock.monotonic()):
            self.planner.replan()
        self._take_changes()
        if not self._outage.waiting and self._adopt():
            self._dispatch_due()
        self._report_set_aside()
        return self._outage.retry_instant() if self._outage.waiting else self.planner.next_wake()

    # -- steps of a tick ------------------------------------------------------------------------

    def _watch_clock(self) -> None:
        now, monotonic = self.clock.now(), self.clock.monotonic()
        if self._last_seen is not None:
            last_now, last_monotonic = self._last_seen
            step = (now - last_now) - timedelta(seconds=monotonic - last_monotonic)
            if abs(step) > CLOCK_STEP:
                self.clock_steps += 1
                logger.warning(
                    "the wall clock was set by %+.1f s, to %s; "
                    "what was dispatched does not run again",
                    step.total_seconds(),
                    now.isoformat(),
                    extra={"event": "clock-step", "seconds": step.total_seconds()},
                )
        self._last_seen = now, monotonic

    def _take_changes(self) -> None:
        while True:
            try:
                change = self._changes.get_nowait()
            except Empty:
                return
            if isinstance(change, _Put):
                self._failing.pop(change.entry.name, None)
                self._unadopted[change.entry.name] = change
            else:
                self._unadopted.pop(change.name, None)
                self._fingerprints.pop(change.name, None)
                self._failing.pop(change.name, None)
                self.planner.remove(change.name)

    def _adopt(self) -> bool:
        """Give new and changed entries their cursors; False when the broker is unreachable."""
        if not self._unadopted:
            return True
        puts = list(self._unadopted.values())
        for put in puts:
            self._fingerprints[put.entry.name] = put.entry.fingerprint
        adoptions = [
            Adoption(put.entry.name, self._fingerprints[put.entry.name], put.anchor) for put in puts
        ]
        try:
            cursors = self.broker.adopt(adoptions)
        except BrokerUnreachable as error:
            self._outage.failed(error, adopting=True)
            return False
        self._outage.adopted()
        self._unadopted.clear()
        for put in puts:
            self.planner.put(put.entry, cursors[put.entry.name])
        self._report_future(cursors)
        return True

    def _dispatch_due(self) -> None:
        # The instant is fixed once, so that entries due by the end of a long pass wait their turn.
        now = self.clock.now()
        while not self._stopping:
            due = self.planner.due(now, limit=BATCH)
            if not due:
                return
            self._dispatch(due)
            if self._outage.waiting:
                return

    def _dispatch(self, due: list[Due]) -> None:
        batch: list[Dispatch] = []
        broken: dict[str, Exception] = {}
        for one in due:
            try:
                batch.extend(self._chain(one))
            except Exception as error:  # noqa: BLE001  # rendering runs users' code
                broken[one.entry.name] = error
        outcomes: dict[str, list[Outcome]] = {}
        for outcome in self.broker.dispatch(batch) if batch else ():
            outcomes.setdefault(outcome.occurrence.entry, []).append(outcome)
        for one in due:
            name = one.entry.name
            if name in broken:
                self._failed(one.entry, broken[name], one.cursor)
            elif name in outcomes:
                self._settle(one, outcomes[name])
            else:
                self.planner.settle(name, one.cursor)

    def _chain(self, due: Due) -> list[Dispatch]:
        fingerprint = self._fingerprints[due.entry.name]
        chain: list[Dispatch] = []
        previous = due.cursor
        for fire_time in due.fire_times:
            occurrence = Occurrence(self.namespace, due.entry.name, fire_time)
            message = self._render(due.entry, occurrence)
            chain.append(Dispatch(occurrence, previous, fingerprint, message))
            previous = fire_time
        return chain

    def _settle(self, due: Due, outcomes: list[Outcome]) -> None:
        entry = due.entry
        for outcome in outcomes:
            self._observer(entry, outcome)
        if any(outcome.status is Status.DISPATCHED for outcome in outcomes):
            self._outage.over()
            self._report_missed(due)
        failure = next((each for each in outcomes if each.status is Status.FAILED), None)
        cursor = outcomes[-1].cursor
        if failure is None:
            self._recovered(entry)
            self.planner.settle(entry.name, cursor)
        elif isinstance(failure.error, BrokerUnreachable):
            self._outage.failed(failure.error, adopting=False)
            self.planner.postpone(entry.name, self.clock.now(), cursor)
        else:
            self._failed(entry, failure.error, cursor)

    # -- failure --------------------------------------------------------------------------------

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
        self.planner.postpone(entry.name, self.clock.now() + delay, cursor)

    def _recovered(self, entry: Entry) -> None:
        if self._failing.pop(entry.name, None) is not None:
            logger.info(
                "entry %r is dispatched again",
                entry.name,
                extra={"event": "dispatch-recovered", "entry": entry.name},
            )

    def _report_missed(self, due: Due) -> None:
        if due.missed is not None:
            logger.warning(
                "entry %r: occurrences from %s on were missed and are not sent; sent from %s on",
                due.entry.name,
                due.missed.isoformat(),
                due.fire_times[0].isoformat(),
                extra={"event": "missed", "entry": due.entry.name},
            )

    def _report_future(self, cursors: Mapping[str, datetime]) -> None:
        """Say which entries stand in the future: a clock that was wrong has moved them there."""
        horizon = self.clock.now() + CLOCK_STEP
        ahead = {name: at for name, at in cursors.items() if at > horizon}
        if ahead:
            name, at = max(ahead.items(), key=lambda item: item[1])
            logger.warning(
                "%d entries were dispatched up to instants that are still to come and run again "
                "after them, the last is %r after %s: was a clock ahead? To count from now "
                "on, stop the beats and remove the cursors",
                len(ahead),
                name,
                at.isoformat(),
                extra={"event": "cursor-ahead", "entries": sorted(ahead)},
            )

    def _report_set_aside(self) -> None:
        for name in self.planner.set_aside.keys() - self._reported:
            logger.error(
                "entry %r is set aside, its schedule failed: %s",
                name,
                self.planner.set_aside[name],
                extra={"event": "set-aside", "entry": name},
            )
        self._reported = set(self.planner.set_aside)
