"""Leases: locks with an end, so that a holder that dies frees what it held.

No lock with an end can promise that two holders never work at once: one of them may be paused and
not know that its time is over. The promise is one live holder, and a fencing token by which what
they guard can refuse the older one (M. Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from .clock import Clock, SystemClock, Wake, to_utc
from .errors import LeaseLost

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lease:
    """A key that one owner holds until an end.

    Args:
        key: what is held.
        owner: who holds it: a token that no other holder has.
        token: the fencing token: grows with each claim of the key.
        expires_at: when it ends unless renewed, by the clock of the store; aware, UTC.
    """

    key: str
    owner: str
    token: int
    expires_at: datetime


class LeaseStore(ABC):
    """Keeps the leases of one namespace; each call is one atomic step of the store."""

    @abstractmethod
    def claim(self, key: str, owner: str, ttl: timedelta) -> Lease | None:
        """Take a key that nobody holds, or whose lease has ended.

        Args:
            key: what to hold.
            owner: a token that no other holder has; the same owner claiming again renews.
            ttl: how long the lease lasts, by the clock of the store; above zero.

        Returns:
            The lease, or None while another owner holds the key.

        Raises:
            ValueError: `ttl` is not above zero.
            BrokerUnreachable: the store did not answer; the key may be held all the same.
        """

    @abstractmethod
    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Let a lease end `ttl` from now, with the token that it has.

        Raises:
            LeaseLost: it has ended, even if nobody has claimed the key since, or it was released.
            ValueError: `ttl` is not above zero.
            BrokerUnreachable: the store did not answer.
        """

    @abstractmethod
    def release(self, lease: Lease) -> bool:
        """Give a key back if this owner still holds it, and wake who waits for it.

        Returns:
            Whether it was still held; a lease that has ended frees nobody else's.

        Raises:
            BrokerUnreachable: the store did not answer; the lease ends by itself.
        """

    @abstractmethod
    def holder(self, key: str) -> Lease | None:
        """Return who holds a key now.

        Raises:
            BrokerUnreachable: the store did not answer.
        """

    @abstractmethod
    def wait_released(self, key: str, timeout: timedelta, wake: Wake) -> None:
        """Wait until the key may be free: it was released, time is up, or `wake` was set.

        It may also return early for no reason: whoever waits claims again and sees.

        Args:
            key: what to wait for.
            timeout: the longest wait.
            wake: ends the wait early.

        Raises:
            BrokerUnreachable: the store did not answer.
        """


def refuse_ttl(key: str, ttl: timedelta) -> None:
    """Refuse a lease that would end before it begins.

    Args:
        key: what the lease is for, for the message.
        ttl: how long it would last.

    Raises:
        ValueError: `ttl` is not above zero.
    """
    if ttl <= timedelta(0):
        raise ValueError(
            f"a lease on {key!r} cannot last {ttl!r}; give a timedelta above zero, "
            "for example timedelta(seconds=15)"
        )


#: How long a wait sleeps before it looks at the clock again, in real seconds: an injected clock
#: may move without waking anybody.
_LOOK = 0.05
#: How many leases are kept before those that have ended are swept out.
_SWEEP = 256


class MemoryLeases(LeaseStore):
    """Leases in this process: they live as long as this object does.

    Args:
        clock: the clock of the store; a lease has ended when its wall time reads `expires_at`.

    Whoever shares the object shares the leases, threads included. Tokens are at least the clock's
    milliseconds since 1970, so that those of a new process are above those of the last one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._waiters: dict[str, list[_Waiter]] = {}
        self._token = 0
        self._sweep_at = _SWEEP

    def claim(self, key: str, owner: str, ttl: timedelta) -> Lease | None:
        """Take a free key, or renew what this owner holds."""
        refuse_ttl(key, ttl)
        with self._lock:
            now = self._clock.now()
            held = self._live(key, now)
            if held is None:
                self._sweep(now)
                self._token = max(self._token + 1, milliseconds(now))
                held = Lease(key, owner, self._token, now)
            elif held.owner != owner:
                return None
            return self._keep(held, now + ttl)

    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Move the end of a lease that has not come yet."""
        refuse_ttl(lease.key, ttl)
        with self._lock:
            now = self._clock.now()
            held = self._live(lease.key, now)
            if held is None or held.token != lease.token:
                raise lost(lease, held)
            return self._keep(held, now + ttl)

    def release(self, lease: Lease) -> bool:
        """Free the key, unless the lease has ended."""
        with self._lock:
            held = self._live(lease.key, self._clock.now())
            if held is None or held.token != lease.token:
                return False
            del self._leases[lease.key]
            waiters = list(self._waiters.get(lease.key, ()))
        for waiter in waiters:
            waiter.released = True
            waiter.wake.nudge()
        return True

    def holder(self, key: str) -> Lease | None:
        """Return the lease on a key, if it has one that has not ended."""
        with self._lock:
            return self._live(key, self._clock.now())

    def wait_released(self, key: str, timeout: timedelta, wake: Wake) -> None:
        """Wait for a release in this process, the end of the lease, the timeout or `wake`."""
        waiter = _Waiter(wake)
        with self._lock:
            self._waiters.setdefault(key, []).append(waiter)
        try:
            deadline = self._clock.monotonic() + timeout.total_seconds()
            while not (waiter.released or wake.is_set() or self.holder(key) is None):
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    return
                wake.sleep(min(left, _LOOK))
        finally:
            with self._lock:
                waiters = self._waiters[key]
                waiters.remove(waiter)
                if not waiters:
                    del self._waiters[key]

    # -- under the lock -------------------------------------------------------------------------

    def _live(self, key: str, now: datetime) -> Lease | None:
        lease = self._leases.get(key)
        return lease if lease is not None and now < lease.expires_at else None

    def _keep(self, lease: Lease, expires_at: datetime) -> Lease:
        kept = replace(lease, expires_at=expires_at)
        self._leases[lease.key] = kept
        return kept

    def _sweep(self, now: datetime) -> None:
        """Drop what has ended, so often that a claim costs the same however many there were."""
        if len(self._leases) >= self._sweep_at:
            live = {key: lease for key, lease in self._leases.items() if now < lease.expires_at}
            self._leases = live
            self._sweep_at = max(_SWEEP, 2 * len(live))


@dataclass(slots=True, eq=False)
class _Waiter:
    wake: Wake
    released: bool = False


def milliseconds(instant: datetime) -> int:
    """Return an aware instant in whole milliseconds since 1970."""
    return (to_utc(instant) - _EPOCH) // timedelta(milliseconds=1)


def lost(lease: Lease, holder: Lease | None) -> LeaseLost:
    """Return the error that says how a lease was lost.

    Args:
        lease: the one that was lost.
        holder: who holds the key now, if somebody does.
    """
    now = f"{holder.owner!r} holds the key" if holder is not None else "nobody holds the key"
    return LeaseLost(
        f"the lease on {lease.key!r} with token {lease.token} has ended, {now} now; "
        "stop the work that it guards and claim again"
    )
