"""Leases that tell what they are asked, and what tests of locks wait with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import pytest

from periodic import BrokerUnreachable, Lease, LeaseLost, Lock, ManualClock, MemoryLeases

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TTL = timedelta(seconds=15)
#: Real seconds after which something that does not come is missing.
STUCK = 10.0


class Leases(MemoryLeases):
    """Leases that tell what they are asked for and when, and that can be away or slow."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.down = False
        self.slow = timedelta(0)
        self.asked: SimpleQueue[tuple[str, float]] = SimpleQueue()

    def _ask(self, what: str, answer: Callable[..., Any], *arguments: Any) -> Any:
        at = self.clock.monotonic()
        try:
            if self.down:
                raise BrokerUnreachable("the store is down")
            answered = answer(*arguments)
            if self.slow:
                self.clock.advance(self.slow)
            return answered
        finally:
            self.asked.put((what, at))

    def claim(self, key: str, owner: str, ttl: timedelta) -> Lease | None:
        """Claim, and tell."""
        return self._ask("claim", super().claim, key, owner, ttl)

    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Renew, and tell."""
        return self._ask("renew", super().renew, lease, ttl)

    def release(self, lease: Lease) -> bool:
        """Release, and tell."""
        return self._ask("release", super().release, lease)

    def next(self) -> tuple[str, float]:
        """Return what is asked for next, and when: in seconds of the clock."""
        return self.asked.get(timeout=STUCK)

    def taken_over(self, lock: Lock) -> Lease:
        """Let another holder take over, as after a lease that has ended."""
        assert lock.lease is not None
        MemoryLeases.release(self, lock.lease)
        lease = MemoryLeases.claim(self, lock.key, "rival", timedelta(days=1))
        assert lease is not None
        return lease


def lock_threads() -> set[threading.Thread]:
    """Return the threads of all locks, those that other suites in this process left included."""
    return {each for each in threading.enumerate() if each.name.startswith("periodic-lock")}


def seconds(lock: Lock) -> float:
    """Return how many seconds after noon the lock's lease ends."""
    assert lock.lease is not None
    return (lock.lease.expires_at - NOON).total_seconds()


def until(condition: Callable[[], bool]) -> bool:
    """Give another thread time to make something true."""
    deadline = time.monotonic() + STUCK
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def background(call: Callable[..., Any], *arguments: Any, **options: Any) -> Future[Any]:
    """Call in a daemon thread, so that what never comes back does not hold up the run."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call(*arguments, **options))
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@contextmanager
def ends_lost(lock: Lock, why: str | None = None) -> Iterator[Lock]:
    """Hold the lock, and demand that leaving it says that it was lost, and why."""
    with pytest.raises(LeaseLost, match=why), lock:
        yield lock


def advance_until(clock: ManualClock, waited: Future[Any]) -> None:
    """Let time pass until something that waits has ended."""
    for _ in range(200):
        if waited.done():
            return
        clock.advance(timedelta(seconds=1))
        time.sleep(0.05)
