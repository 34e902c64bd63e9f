"""A lock that several processes share: a lease that is renewed while the work goes on."""

from __future__ import annotations

import logging
import math
import os
import platform
import uuid
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from .clock import Clock, SystemClock, Wake
from .errors import BrokerUnreachable, LeaseLost
from .holding import Holding
from .interrupts import ThreadInterrupt
from .leases import Lease, LeaseStore, refuse_ttl
from .retries import BackOff

logger: logging.Logger = logging.getLogger(__name__)

#: How long a holder that died keeps others out.
TTL: timedelta = timedelta(seconds=15)

# Whoever waits claims again this often: an announcement of a release may be lost.
_LONGEST_WAIT = timedelta(seconds=5)


class Lock:
    """Guards work that must not overlap, in any number of processes; not re-entrant.

    The lease is renewed on a daemon thread each third of its `ttl`. A holder trusts it only for
    nine tenths of `ttl` after the start of the last claim or renewal that went through, so when the
    store cannot be reached it is lost here before it ends there. Once lost it stays lost: release
    it and acquire anew.

    Args:
        store: keeps the leases: `broker.leases()`.
        key: what is locked.
        ttl: how long a holder that died keeps others out; above zero.
        clock: whose monotonic time counts; the machine's unless given.
        owner: a text that no other holder has; one is made unless given.
        on_lost: called with the error when the lease is lost, on a thread of the lock's own, once,
            and never after `release`.
        interrupt: raise `LeaseLost` in the thread that acquired the lock when the lease is lost,
            before its next Python bytecode: a call that waits in C ends first. Not for gevent and
            eventlet.

    Raises:
        ValueError: `ttl` is not above zero.

    >>> from periodic import MemoryLeases
    >>> leases = MemoryLeases()
    >>> with Lock(leases, "report") as lock:
    ...     Lock(leases, "report").acquire(blocking=False)
    False
    >>> lock.lost
    False
    """

    def __init__(
        self,
        store: LeaseStore,
        key: str,
        ttl: timedelta = TTL,
        *,
        clock: Clock | None = None,
        owner: str | None = None,
        on_lost: Callable[[LeaseLost], None] | None = None,
        interrupt: bool = False,
    ) -> None:
        refuse_ttl(key, ttl)
        self.key: str = key
        self.ttl: timedelta = ttl
        self.owner: str = owner if owner is not None else new_owner()
        self._store = store
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._on_lost = on_lost
        self._interrupt = interrupt
        self._holding: Holding | None = None

    # -- what it is --------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """Whether the lock is acquired and its lease can be trusted."""
        return self._current is not None and not self._current.lost

    @property
    def lost(self) -> bool:
        """Whether the lease was lost since the lock was last acquired, released since or not."""
        return self._holding is not None and self._holding.lost

    @property
    def lease(self) -> Lease | None:
        """The lease as last renewed, lost or not; None while the lock is not acquired."""
        return None if self._current is None else self._current.lease

    @property
    def token(self) -> int:
        """The fencing token: it grows with each claim of the key.

        Hand it to what the lock guards, which refuses a smaller one than it has seen.

        Raises:
            RuntimeError: the lock is not acquired.
        """
        return self._acquired().lease.token

    def check(self) -> None:
        """Go on only while the lease can be trusted.

        Raises:
            LeaseLost: somebody else may hold the key by now.
            RuntimeError: the lock is not acquired.
        """
        holding = self._acquired()
        if holding.lost:
            raise LeaseLost(holding.why)

    # -- taking and giving back --------------------------------------------------------------

    def acquire(
        self,
        blocking: bool = True,  # noqa: FBT001, FBT002  # as threading.Lock has it
        timeout: timedelta | None = None,
        *,
        wake: Wake | None = None,
    ) -> bool:
        """Take the lock.

        Args:
            blocking: wait for it; else one try.
            timeout: the longest wait; without end unless given.
            wake: ends the wait early when it is set.

        Returns:
            Whether the lock is acquired; False when another holder has it and the wait is over.

        Raises:
            BrokerUnreachable: the store did not answer; while waiting it is asked again until the
                timeout is over.
            RuntimeError: this object holds the lock already.
        """
        self._refuse_held()
        wake = wake if wake is not None else Wake()
        deadline = math.inf
        if timeout is not None:
            deadline = self._clock.monotonic() + timeout.total_seconds()
        back_off = BackOff(_LONGEST_WAIT)
        while True:
            began = self._clock.monotonic()
            try:
                if self._claim(began):
                    return True
                left = self._left(deadline)
                if not blocking or left <= timedelta(0) or wake.is_set():
                    return False
                self._store.wait_released(self.key, left, wake)
                back_off = BackOff(_LONGEST_WAIT)
            except BrokerUnreachable as error:
                if not blocking or self._clock.monotonic() >= deadline:
                    raise
                if back_off.failures == 0:
                    logger.warning("the lock on %r cannot be asked for yet: %s", self.key, error)
                again = began + back_off.next().total_seconds()
                if self._clock.wait_until(min(again, deadline), wake):
                    return False

    def release(self) -> bool:
        """Give the lock back, and end its threads.

        Returns:
            Whether it was held until now. False when the lease was lost, or when the store did not
            answer, which is logged: the lease then ends by itself.

        Raises:
            RuntimeError: the lock is not acquired.
        """
        return self._acquired().end()

    def __enter__(self) -> Self:
        """Acquire the lock, however long it takes."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock, unless the work has done so.

        Raises:
            LeaseLost: it was lost, and the work raised nothing itself.
        """
        holding = self._holding
        if holding is not None:
            holding.end()
            if holding.lost and kind is None:
                raise LeaseLost(holding.why)

    # -- steps -------------------------------------------------------------------------------

    @property
    def _current(self) -> Holding | None:
        return None if self._holding is None or self._holding.ended else self._holding

    def _acquired(self) -> Holding:
        if self._current is None:
            raise RuntimeError(f"the lock on {self.key!r} is not acquired; acquire() it first")
        return self._current

    def _refuse_held(self) -> None:
        if self.held:
            raise RuntimeError(
                f"this lock on {self.key!r} is acquired already; release() it first, "
                "and make a Lock for each thread"
            )
        if self._current is not None:
            # Lost, and interrupted on the way to its release.
            self._current.end()

    def _claim(self, began: float) -> bool:
        lease = self._store.claim(self.key, self.owner, self.ttl)
        if lease is None:
            return False
        holding = Holding(self._store, lease, self.ttl, self._clock, began)
        if holding.lost:
            holding.end()
            raise BrokerUnreachable(
                f"the store took so long to answer that the lease on {self.key!r} "
                f"({self.ttl}) is no longer to be trusted; give the lock a longer ttl"
            )
        self._holding = holding
        try:
            holding.start(self._on_lost, ThreadInterrupt(LeaseLost) if self._interrupt else None)
        except BaseException:
            holding.end()
            raise
        return True

    def _left(self, deadline: float) -> timedelta:
        longest = _LONGEST_WAIT.total_seconds()
        return timedelta(seconds=min(deadline - self._clock.monotonic(), longest))


def new_owner() -> str:
    """Return a text that no other holder has, and that says where it runs."""
    return f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
