"""The beat: plan, claim, dispatch, next wake. The only place that waits.

The thread that calls `tick` owns the planner and the broker; `put`, `remove`, `replace` and `stop`
may be called from any thread, and `stop` from a signal handler too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from .ahead import Ahead
from .broker import Broker, Dispatch, Message
from .clock import Clock, SystemClock, Wake, seconds_until
from .clock_watch import ClockWatch
from .collector import keep, without_collector
from .copies import CursorCopy
from .cursors import CursorStore
from .due import Due
from .entry import Entry, Occurrence
from .errors import BrokerUnreachable
from .leadership import Leadership
from .outcomes import Observer, Outcomes, Sent
from .planner import MOST_CATCH_UP_PER_TICK, MOST_PER_TICK, Planner
from .registry import BeatState, BeatStatus
from .retries import Outage
from .roster import Roster
from .schedules.zones import ZoneWatch
from .skew import MAX_SKEW, SkewWatch

#: The longest sleep between two ticks: what bounds the delay after the wall clock was set.
MAX_INTERVAL: timedelta = timedelta(seconds=5)

#: How many occurrences are sent before outcomes are looked at: what is due goes out first.
_AHEAD = 10_000
#: How long a batch may take, in seconds, where its size is all it takes: a stop waits for it.
_LONGEST_BATCH = 0.5
_SMALLEST_BATCH = 50
#: When to look again at clocks that do not agree.
_LOOK_AGAIN = timedelta(seconds=1)

Render = Callable[[Entry, Occurrence], Message]


class Companion(Protocol):
    """What lives as long as a beat works, such as the watcher of a store."""

    @property
    def trouble(self) -> str:
        """What keeps it from its work, in a sentence; "" when nothing does."""
        ...

    def start(self) -> None:
        """Begin; calling it again does nothing."""
        ...

    def stop(self) -> None:
        """End."""
        ...


class Beat:
    """The process that ticks.

    Args:
        broker: where messages and cursors live.
        render: makes the message of an occurrence.
        namespace: separates applications that share a broker.
        clock: where time comes from.
        max_interval: the longest sleep between two ticks.
        observer: told every outcome, on the beat's thread.
        max_skew: how far the clock and the broker's may be apart; None does not compare them.
        copy: where a copy of the cursors is kept, for a broker that loses its data.
        leadership: which of several beats works; all of them do unless given.
        planner: decides what is due; a new one unless given.
    """

    def __init__(
        self,
        broker: Broker,
        render: Render,
        *,
        namespace: str,
        clock: Clock | None = None,
        max_interval: timedelta = MAX_INTERVAL,
        observer: Observer | None = None,
        max_skew: timedelta | None = MAX_SKEW,
        copy: CursorStore | None = None,
        leadership: Leadership | None = None,
        planner: Planner | None = None,
    ) -> None:
        self.broker: Broker = broker
        self.namespace: str = namespace
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.max_interval: timedelta = max_interval
        self.planner: Planner = planner if planner is not None else Planner()
        self._render = render
        self._wake = Wake()
        self._stopping = False
        self._copy = CursorCopy(copy, namespace, self.clock)
        self._roster = Roster(broker, self.planner, self._copy, self.clock)
        self._clocks = ClockWatch(self.clock)
        self._zones = ZoneWatch()
        self._skew = SkewWatch(broker, self.clock, max_skew)
        self._outage = Outage(self.clock)
        self._leadership = leadership
        self._companion: Companion | None = None
        self._led = leadership is None
        #: How many occurrences go out at a time; it is not known yet how long they take.
        self._batch = min(Broker.batch_size, broker.batch_size)
        self._ahead = Ahead(broker, self.planner, self.clock, self._chain)
        self._outcomes = Outcomes(
            self.planner, self._roster, self._copy, self._outage, self.clock, observer
        )
        self._started_at = self._ticked_at = self.clock.now()
        self._lag = 0.0

    def accompany(self, companion: Companion) -> None:
        """Let something begin with the first tick and end with `close`."""
        self._companion = companion

    # -- changes, from any thread ---------------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Add or change an entry; the running beat takes it up at once."""
        self._roster.put(entry)
        self._wake.set()

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Add or change entries; the running beat is woken once for all of them."""
        self._roster.put_all(entries)
        self._wake.set()

    def remove(self, name: str) -> None:
        """Take an entry out; an unknown name is no error."""
        self._roster.remove(name)
        self._wake.set()

    def replace(self, entries: Iterable[Entry]) -> None:
        """Make `entries` the whole set: put what is new or changed, remove what is gone."""
        self._roster.replace(entries)
        self._wake.set()

    def stop(self) -> None:
        """Make `run` return at its next look, which is now; safe from a signal handler."""
        self._stopping = True
        self._wake.set()
        if self._leadership is not None:
            self._leadership.leave()

    # -- the loop -------------------------------------------------------------------------------

    def run(self) -> None:
        """Tick and wait until `stop` is called, then close."""
        try:
            while not self._stopping:
                self.wait(self.tick())
        finally:
            self.close()

    def close(self) -> None:
        """Hand over to another beat, keep what was not kept yet and close the broker.

        Calling it again does nothing.
        """
        self._stopping = True
        if self._companion is not None:
            self._companion.stop()
        if self._leadership is not None:
            self._leadership.stop()
        self._copy.save(now=True)
        self.broker.close()

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
        if self._companion is not None and not self._stopping:
            self._companion.start()
        if self._clocks.look():
            self._skew.look_now()
        if self._zones.look(self.clock.monotonic()):
            self.planner.replan()
        self._outcomes.forget(self._roster.take_changes())
        wake = self._work()
        self._outcomes.report_set_aside()
        self._copy.save()
        self._ticked_at = self.clock.now()
        return wake

    @property
    def clock_steps(self) -> int:
        """How often the wall clock was seen to have been set."""
        return self._clocks.steps

    def status(self) -> BeatStatus:
        """Return what this beat says of itself; from any thread."""
        state, reason = self._state()
        return BeatStatus(
            beat=self._leadership.beat if self._leadership is not None else "",
            host=socket.gethostname(),
            pid=os.getpid(),
            state=state,
            reason=reason,
            started_at=self._started_at,
            ticked_at=self._ticked_at,
            entries=len(self._roster),
            lag=self._lag,
        )

    def _state(self) -> tuple[BeatState, str]:
        if self._outage.reason:
            return BeatState.UNREACHABLE, self._outage.reason
        if self._skew.reason:
            return BeatState.SKEWED, self._skew.reason
        trouble = self._companion.trouble if self._companion is not None else ""
        if self._leadership is not None and not self._leadership.leading:
            return BeatState.STANDBY, trouble
        return BeatState.ACTIVE, trouble

    # -- steps of a tick ------------------------------------------------------------------------

    def _work(self) -> datetime | None:
        """Claim and dispatch, where this beat may; return when to work again."""
        if self._outage.waiting:
            return self._outage.retry_instant()
        try:
            if not self._may_claim():
                # The lease's thread wakes the beat; nobody says when a clock is right again.
                return self.clock.now() + _LOOK_AGAIN if self._skew.reason else None
            with without_collector():  # a hundred thousand may be adopted at once
                adopted = self._roster.adopt()
                self._ahead.welcome(adopted)
                keep(len(adopted))
            self._roster.forget_gone()
        except BrokerUnreachable as error:
            self._outage.failed(error, asking=True)
            return self._outage.retry_instant()
        self._outage.answered()
        with without_collector():
            self._dispatch_due()
        if self._outage.waiting:
            return self._outage.retry_instant()
        wake = self.planner.next_wake()
        return self.clock.now() if self._ahead.work(wake) else wake

    def _may_claim(self) -> bool:
        """Tell whether this beat leads and its clock is right; a wrong one lets another lead."""
        if not self._skew.reason and not self._leads():
            return False
        agrees = self._skew.agrees()
        if self._leadership is not None:
            self._leadership.stand_aside(aside=not agrees)
        return agrees and self._leads()

    def _leads(self) -> bool:
        if self._leadership is None:
            return True
        self._leadership.start(self._wake.set, self.status)
        leads = self._leadership.leading
        if leads and not self._led:
            self._roster.adopt_again(self._leadership.others_led_until)
        self._led = leads
        if not leads:
            if self._leadership.outage is not None:
                raise self._leadership.outage
            self._outage.over()  # the broker says who leads; what it takes is that beat's matter
        return leads

    def _dispatch_due(self) -> None:
        # The instant is fixed once, so that entries due by the end of a long pass wait their turn.
        now = self.clock.now()
        left, catch_up = MOST_PER_TICK, MOST_CATCH_UP_PER_TICK
        sent: list[Sent] = []
        ahead = 0
        while not self._stopping:
            limit = min(self._batch, left)
            due = self.planner.due(now, limit=limit, catch_up=catch_up)
            if due:
                count = sum([len(one.fire_times) for one in due])
                ahead, left = ahead + count, left - count
                catch_up -= sum([one.caught_up for one in due])
                started = self.clock.monotonic()
                sent.append(self._send(due))
                self._batch = self._fitting(count, self.clock.monotonic() - started)
            if not due or sent[-1].unreachable or ahead >= _AHEAD:
                for batch in sent:
                    self._outcomes.take(batch)
                # What is settled may be due again: a long catch-up goes out in pieces.
                wake = self.planner.next_wake()
                finished = not due and (not sent or wake is None or wake > now)
                sent.clear()
                ahead = 0
                if finished or self._outage.waiting:
                    return
        for batch in sent:
            self._outcomes.take(batch)

    def _fitting(self, count: int, took: float) -> int:
        most = self.broker.batch_size
        if took * most <= _LONGEST_BATCH * max(count, 1):
            return most
        # Messages that users' code has a hand in take a hundred times as long as others.
        return min(most, max(_SMALLEST_BATCH, int(_LONGEST_BATCH * count / took)))

    def _send(self, due: list[Due]) -> Sent:
        batch: list[Dispatch] = []
        broken: dict[str, Exception] = {}
        for one in due:
            ready = self._ahead.take(one)
            if ready is not None:
                batch.append(ready)
                continue
            try:
                batch.extend(self._chain(one))
            except Exception as error:  # noqa: BLE001  # rendering runs users' code
                broken[one.entry.name] = error
        sent = Sent(due, self.broker.dispatch(batch) if batch else [], broken)
        # What is caught up is old, whatever this beat does.
        punctual = next(
            (one for one in reversed(due) if one.fire_times and not one.caught_up), None
        )
        if punctual is not None:
            self._lag = (self.clock.now() - punctual.fire_times[-1]).total_seconds()
        return sent

    def _chain(self, due: Due) -> list[Dispatch]:
        fingerprint = self._roster.fingerprint(due.entry.name) or due.entry.fingerprint
        chain: list[Dispatch] = []
        previous = due.cursor
        for fire_time in due.fire_times:
            occurrence = Occurrence(self.namespace, due.entry.name, fire_time)
            message = self._render(due.entry, occurrence)
            chain.append(Dispatch(occurrence, previous, fingerprint, message))
            previous = fire_time
        if due.given_up and due.up_to is not None:
            chain[-1] = replace(chain[-1], up_to=due.up_to)
        return chain
