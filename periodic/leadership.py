"""Which of several beats works: the beat lease, and how beats show themselves.

The claim is what makes each occurrence happen once; the lease only saves the others the work. A
beat that loses it stands by and contends again; it never ends because of it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from .broker import Broker, Capability
from .clock import Clock, SystemClock, Wake
from .errors import BrokerUnreachable, LeaseLost
from .leases import Lease, LeaseStore
from .registry import BeatState, BeatStatus

logger: logging.Logger = logging.getLogger(__name__)

#: How long the lease of a beat that says nothing lasts: the longest pause after a crash.
TTL: timedelta = timedelta(seconds=15)
#: How often the lease is renewed, and how often a beat shows itself.
RENEW_EVERY: timedelta = timedelta(seconds=5)
#: How much earlier than the server a beat believes that its lease has ended.
_MARGIN = timedelta(seconds=1)
_NOTHING = timedelta(0)
#: Between two tries of a beat that cannot reach the broker.
_TRY_AGAIN = timedelta(seconds=1)
#: Between two signs of life of a connection that leads, and between two looks of one that stands
#: by: how long a clean hand-over takes.
_STAY_EVERY, _STAND_EVERY = timedelta(seconds=1), timedelta(milliseconds=100)
#: The key of the beat lease.
KEY = "beat"


def beat_id() -> str:
    """Return an id that says where a beat runs, and that no other beat has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to come after a turn.

    Args:
        wait: how long until the next turn, at most.
        holder: the lease of another beat, whose end or release ends the wait; None where this
            beat leads, or nobody can tell.
        store: where that lease is.
    """

    wait: timedelta
    holder: Lease | None = None
    store: LeaseStore | None = None


class Leadership:
    """Contends for the beat lease and shows the beat, turn by turn, on a thread of its own.

    A simulation calls `attend` and `turn` itself, and starts no thread.

    Args:
        broker: keeps leases and registry, or knows itself who leads; one that declares none of it
            lets every beat lead, and shows none.
        beat: the beat's id.
        clock: whose monotonic time counts; the machine's unless given.
        all_active: take no lease: every beat works, and claims decide. Where the broker itself
            lets only one lead this has no effect.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        beat: str | None = None,
        clock: Clock | None = None,
        all_active: bool = False,
    ) -> None:
        self.beat: str = beat if beat is not None else beat_id()
        self._broker = broker
        self._clock = clock if clock is not None else SystemClock()
        #: The server itself knows who leads, and lets nobody else claim.
        self._elected = Capability.LEADERSHIP in broker.capabilities
        self._leased = (
            Capability.LEASES in broker.capabilities and not all_active and not self._elected
        )
        self._shown = Capability.REGISTRY in broker.capabilities
        self._wake = Wake()
        self._stopping = False
        self._aside = False
        self._told_at: float | None = None
        self._thread: threading.Thread | None = None
        self._trusted_until = 0.0
        self._lease: Lease | None = None
        self._holder = ""
        self._others_led_until: datetime | None = None
        self._led = False
        self._stood_by = False
        self._outage: BrokerUnreachable | None = None
        self._reported: set[type[Exception]] = set()
        self._changed: Callable[[], None] = _nothing
        self._status: Callable[[], BeatStatus] | None = None

    @property
    def leading(self) -> bool:
        """Whether this beat works now; never while the renewal of its lease is in doubt."""
        if not (self._leased or self._elected):
            return True
        return self._clock.monotonic() < self._trusted_until

    @property
    def holder(self) -> str:
        """The id of the beat that leads, as far as this one knows, or ""."""
        return self.beat if self.leading else self._holder

    @property
    def outage(self) -> BrokerUnreachable | None:
        """Why the lease could not be asked for the last time, or None."""
        return self._outage

    @property
    def others_led_until(self) -> datetime | None:
        """Up to when, at least, runs were another beat's, by this one's clock; None: never seen."""
        return self._others_led_until

    def start(self, changed: Callable[[], None], status: Callable[[], BeatStatus]) -> None:
        """Begin to contend; again does nothing.

        Args:
            changed: called on the thread when `leading` may have changed.
            status: what the beat says of itself.
        """
        if self._thread is not None or not (self._leased or self._elected or self._shown):
            return
        self.attend(changed, status)
        self._thread = threading.Thread(target=self._run, name="periodic-lease", daemon=True)
        self._thread.start()

    def attend(self, changed: Callable[[], None], status: Callable[[], BeatStatus]) -> None:
        """Say whom turns concern; whoever calls this and not `start` calls `turn`, too.

        Args:
            changed: called in a turn when `leading` may have changed.
            status: what the beat says of itself.
        """
        self._changed, self._status = changed, status

    @property
    def aside(self) -> bool:
        """Whether this beat takes no lease for now."""
        return self._aside

    def stand_aside(self, *, aside: bool) -> None:
        """Give the lease back and take none, or contend again: the clock is wrong, or right again.

        A beat whose clock is wrong claims nothing, so it must not keep others from it either.
        """
        if aside != self._aside:
            self._aside = aside
            self._wake.set()

    def announce(self) -> None:
        """Let the thread show the beat's new state now; safe in a signal handler."""
        self._wake.set()

    def leave(self) -> None:
        """Release the lease and say good-bye on the thread; safe in a signal handler."""
        if self._told_at is None:
            self._told_at = self._clock.monotonic()
        self._stopping = True
        self._wake.set()

    def stop(self, timeout: float = 0.9) -> None:
        """Leave, and wait until the thread has done so; again does nothing.

        Args:
            timeout: how long the thread has for it since it was told to leave, in seconds.
        """
        self.leave()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            since = self._clock.monotonic() - (self._told_at or 0.0)
            thread.join(max(timeout - since, 0.0))

    def turn(self, ahead: timedelta = _NOTHING) -> Turn:
        """Show the beat and contend once; nothing is waited for.

        Args:
            ahead: how much longer than usual a lease is taken or renewed for: what renewals of
                that time would do, for one who knows that nothing will happen until then.
        """
        try:
            self._show()
            return self._contend(ahead)
        except BrokerUnreachable as error:
            return self._failed(error)

    # -- on the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.clear()
            if self._stopping:  # looked at after the clearing, so that no stop is missed
                break
            try:
                self._rest(self.turn())
            except Exception as error:  # noqa: BLE001  # without this thread it would never lead again
                self._report(error)
                self._pause(_TRY_AGAIN)
            else:
                if self._outage is None:
                    self._reported.clear()
        self._leave()

    def _report(self, error: Exception) -> None:
        """Show an error that was not foreseen; each kind once until all is well again."""
        if self._stopping:  # its connection was closed under it
            return
        if type(error) not in self._reported:
            logger.error(
                "this beat (%s) could not ask for the beat lease and tries again: %s",
                self.beat,
                error,
                exc_info=error,
                extra={"event": "lease-failed"},
            )
        self._reported.add(type(error))

    def _rest(self, turn: Turn) -> None:
        """Wait for the next turn."""
        try:
            if turn.store is not None:
                turn.store.wait_released(KEY, turn.wait, self._wake)
            else:
                self._pause(turn.wait)
        except BrokerUnreachable as error:
            self._pause(self._failed(error).wait)

    def _failed(self, error: BrokerUnreachable) -> Turn:
        self._outage = error
        self._changed()  # the beat says so, once
        return Turn(_TRY_AGAIN)

    def _contend(self, ahead: timedelta) -> Turn:
        if self._elected:
            return self._stand()
        if not self._leased:
            return Turn(RENEW_EVERY)
        if self._aside:
            self._step_down()
            return Turn(RENEW_EVERY)
        store = self._broker.leases()
        started = self._clock.monotonic()
        holds = self._hold(store, TTL + ahead)
        self._outage = None
        if holds:
            self._trusted_until = started + (TTL - _MARGIN + ahead).total_seconds()
            self._note(leads=True)
            return Turn(RENEW_EVERY)
        self._trusted_until = 0.0
        self._note(leads=False)
        holder = store.holder(KEY)
        self._holder = "" if holder is None else holder.owner
        if holder is not None:
            # Its holder lived when it was last renewed; what the one before had in hand when it
            # died was sent at the latest one more end of a lease before.
            renewed = min(holder.expires_at - TTL, self._clock.now())
            self._others_led_until = renewed - TTL
            return Turn(RENEW_EVERY, holder, store)
        return Turn(_NOTHING)  # it has just ended

    def _stand(self) -> Turn:
        """Lead, where the server lets this broker: its connection is the lease."""
        try:
            leads = self._broker.lead()
        except BrokerUnreachable:
            self._trusted_until = 0.0
            raise
        self._outage = None
        # No time ends it: a claim of one that does not lead any more is refused by the server.
        self._trusted_until = inf if leads else 0.0
        self._note(leads=leads)
        if not leads:
            self._others_led_until = self._clock.now() - TTL
        return Turn(_STAY_EVERY if leads else _STAND_EVERY)

    def _step_down(self) -> None:
        lease, self._lease, self._trusted_until = self._lease, None, 0.0
        if lease is None:
            return
        self._broker.leases().release(lease)
        self._led, self._stood_by = False, True
        logger.warning(
            "this beat (%s) has given back the lease until its clock is right",
            self.beat,
            extra={"event": "beat-stands-aside"},
        )
        self._show()

    def _hold(self, store: LeaseStore, ttl: timedelta) -> bool:
        if self._lease is not None:
            try:
                self._lease = store.renew(self._lease, ttl)
            except LeaseLost:
                self._lease = None
        if self._lease is None:
            self._lease = store.claim(KEY, self.beat, ttl)
        return self._lease is not None

    def _note(self, *, leads: bool) -> None:
        """Say a change once, and tell the beat."""
        if leads and not self._led:
            logger.info("this beat leads (%s)", self.beat, extra={"event": "beat-leads"})
        elif not leads and self._led:
            logger.warning(
                "this beat (%s) has lost the lease, another leads; it stands by and contends again",
                self.beat,
                extra={"event": "beat-lost-lease"},
            )
        elif not leads and not self._stood_by:
            logger.info(
                "another beat leads; this one (%s) stands by",
                self.beat,
                extra={"event": "beat-stands-by"},
            )
        changed = leads != self._led
        self._led, self._stood_by = leads, not leads
        if changed:
            self._changed()
            self._show()

    def _show(self) -> None:
        if self._shown and self._status is not None:
            self._broker.registry().announce(self._status())

    def _pause(self, wait: timedelta) -> None:
        self._clock.wait_until(self._clock.monotonic() + wait.total_seconds(), self._wake)

    def _leave(self) -> None:
        lease, self._lease, self._trusted_until = self._lease, None, 0.0
        if self._outage is not None:
            return  # another try would hold up the stop: the lease ends by itself
        try:
            if lease is not None:
                self._broker.leases().release(lease)
            if self._elected:
                self._broker.resign()
            self._say_goodbye()
        except Exception as error:  # noqa: BLE001  # the connection may be closed under it
            logger.debug("the beat lease cannot be released, it ends by itself: %s", error)

    def _say_goodbye(self) -> None:
        if self._shown and self._status is not None:
            self._broker.registry().announce(self._status().with_state(BeatState.STOPPED))


def _nothing() -> None:
    return
