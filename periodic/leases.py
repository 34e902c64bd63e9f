"""Leases: locks with an end, so that a holder that dies frees what it held.

No lock with an end can promise that two holders never work at once: one of them may be paused and
not know that its time is over. The promise is one live holder, and a fencing token by which what
they guard can refuse the older one (M. Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta

from .clock import Wake


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
            BrokerUnreachable: the store did not answer; the key may be held all the same.
        """

    @abstractmethod
    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Let a lease end `ttl` from now, with the token that it has.

        Raises:
            LeaseLost: it has ended, or another owner holds the key.
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
            timeout: the longest wait, in real time.
            wake: ends the wait early.

        Raises:
            BrokerUnreachable: the store did not answer.
        """
