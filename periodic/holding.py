"""One lease while it is held: renewed in time, and known to be lost before others may hold it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from weakref import ref

from .clock import Clock, Wake
from .errors import BrokerUnreachable, LeaseLost
from .interrupts import ThreadInterrupt
from .leases import Lease, LeaseStore

logger: logging.Logger = logging.getLogger(__name__)

#: How much of a lease's time is trusted: clocks run differently, and work needs time to stop.
_TRUSTED = 0.9
#: After how much of its time it is renewed, and after how much more when the store did not answer.
_RENEW, _AGAIN = 1 / 3, 1 / 10


class Holding:
    """Renews a lease on a daemon thread, and tells when it is lost.

    The threads hold no reference to this object between two renewals: one that nobody can release
    any more is not renewed for ever. Nothing here takes a lock, because the thread that works may
    be interrupted at any bytecode: `why` is set once, and once it is set the lease is lost.

    Args:
        store: keeps the lease.
        lease: as it was claimed.
        ttl: how long it lasts from each renewal on.
        clock: whose monotonic time counts.
        began: its reading before the claim was sent.
    """

    def __init__(
        self, store: LeaseStore, lease: Lease, ttl: timedelta, clock: Clock, began: float
    ) -> None:
        self.lease: Lease = lease
        #: Whether it was given back.
        self.ended: bool = False
        #: How it was lost, or "".
        self.why: str = ""
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._seconds = ttl.total_seconds()
        self._trusted_until = began + self._seconds * _TRUSTED
        self._gone = False  # the store itself has said so
        self._last_error = ""
        self._renewing, self._watching = Wake(), Wake()
        self._threads: list[threading.Thread] = []
        self._interrupt: ThreadInterrupt | None = None

    @property
    def lost(self) -> bool:
        """Whether the lease is not, or was not until the end, to be trusted; never false again."""
        if not self.why and not self.ended and self._clock.monotonic() >= self._trusted_until:
            reason = f" ({self._last_error})" if self._last_error else ""
            self._lose(
                f"the lease on {self.lease.key!r} with token {self.lease.token} was not renewed "
                f"in time{reason}; somebody else may hold the key by now"
            )
        return bool(self.why)

    def start(
        self, on_lost: Callable[[LeaseLost], None] | None, interrupt: ThreadInterrupt | None
    ) -> None:
        """Begin to renew.

        Args:
            on_lost: called once when the lease is lost.
            interrupt: fired once when the lease is lost.
        """
        self._interrupt = interrupt
        due = self._trusted_until + self._seconds * (_RENEW - _TRUSTED)
        self._thread("renewal", _renew, due)
        if on_lost is not None or interrupt is not None:
            # A thread of its own: the other one may wait for a store that does not answer.
            self._thread("watch", _watch, self._trusted_until, on_lost)

    def end(self) -> bool:
        """Give the lease back; again does nothing.

        Returns:
            Whether it was held until now, and the store knows that it is not any more.
        """
        if self._interrupt is not None:
            self._interrupt.disarm()
        if self.ended:
            return False
        held = not self.lost  # looked at before the end: the time after the work does not count
        self.ended = True
        self._renewing.set()
        self._watching.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        return self._release() and held

    # -- steps of the threads ------------------------------------------------------------------

    def renew(self) -> float | None:
        """Renew once.

        Returns:
            When to do it again, by the monotonic clock; None when there is nothing to renew.
        """
        began = self._clock.monotonic()
        if self.lost or self.ended:
            return None
        try:
            lease = self._store.renew(self.lease, self._ttl)
        except LeaseLost as error:
            self._gone = True
            self._lose(str(error))
            return None
        except Exception as error:  # noqa: BLE001  # the lease counts as lost when its time is over
            first, self._last_error = not self._last_error, str(error) or type(error).__name__
            if first:
                logger.warning("the lease on %r could not be renewed: %s", self.lease.key, error)
            return began + self._seconds * _AGAIN
        if self.lost:  # an answer that comes too late does not bring the trust back
            return None
        self.lease = lease
        self._trusted_until = began + self._seconds * _TRUSTED
        self._last_error = ""
        return began + self._seconds * _RENEW

    def watch(self, on_lost: Callable[[LeaseLost], None] | None) -> float | None:
        """Tell that the lease is lost, if it is.

        Returns:
            When to look again, by the monotonic clock; None when there is nothing to watch.
        """
        if self.ended:
            return None
        if not self.lost:
            return self._trusted_until
        if self._interrupt is not None:
            self._interrupt.fire(self.why)
        if on_lost is not None:
            try:
                on_lost(LeaseLost(self.why))
            except Exception:
                logger.exception("on_lost of the lock on %r failed", self.lease.key)
        return None

    def _thread(self, what: str, run: Callable[..., None], due: float, *more: object) -> None:
        wake = self._renewing if run is _renew else self._watching
        thread = threading.Thread(
            target=run,
            args=(ref(self), self._clock, wake, due, *more),
            name=f"periodic-lock-{what}-{self.lease.key}",
            daemon=True,
        )
        thread.start()
        self._threads.append(thread)

    def _lose(self, why: str) -> None:
        self.why = self.why or why
        self._watching.set()

    def _release(self) -> bool:
        if self._gone:
            return False
        try:
            released = self._store.release(self.lease)
        except BrokerUnreachable as error:
            logger.warning(
                "the lease on %r could not be given back, it ends by itself at %s: %s",
                self.lease.key,
                self.lease.expires_at.isoformat(),
                error,
            )
            return False
        if not released:
            self._lose(
                f"the lease on {self.lease.key!r} with token {self.lease.token} was found to have "
                "ended when it was given back; somebody else may have held the key"
            )
        return released


def _renew(holding: ref[Holding], clock: Clock, wake: Wake, due: float | None) -> None:
    while due is not None and not clock.wait_until(due, wake):
        held = holding()
        due = None if held is None else held.renew()
        del held


def _watch(
    holding: ref[Holding],
    clock: Clock,
    wake: Wake,
    due: float | None,
    on_lost: Callable[[LeaseLost], None] | None,
) -> None:
    while due is not None:
        clock.wait_until(due, wake)
        held = holding()
        due = None if held is None else held.watch(on_lost)
        del held
