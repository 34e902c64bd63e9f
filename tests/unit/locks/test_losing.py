"""Locks that are lost: who is told, and how the work is interrupted."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from periodic import BrokerUnreachable, Lease, LeaseLost, Lock, ManualClock

from .watched import STUCK, TTL, Leases, ends_lost, until

# -- being told ----------------------------------------------------------------------------------


def test_on_lost_is_called_once_with_the_reason(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """Who is told need not ask."""
    told: SimpleQueue[LeaseLost] = SimpleQueue()
    with ends_lost(make(on_lost=told.put)) as lock:
        leases.taken_over(lock)
        clock.advance(TTL / 3)
        assert "'rival' holds the key now" in str(told.get(timeout=STUCK))
        clock.advance(TTL * 2)

    assert told.empty()


def test_on_lost_does_not_wait_for_a_store_that_does_not_answer(
    make: Callable[..., Lock], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewal may hang in the network: the end of the trust is told all the same."""
    told: SimpleQueue[LeaseLost] = SimpleQueue()
    answer = threading.Event()

    def hang(*_: Any) -> Lease:
        answer.wait(STUCK)
        raise BrokerUnreachable("timed out")

    monkeypatch.setattr(Leases, "renew", hang)
    with ends_lost(make(on_lost=told.put)):
        clock.advance(TTL / 3)
        clock.advance(TTL)
        assert "was not renewed in time" in str(told.get(timeout=STUCK))
        answer.set()


def test_on_lost_is_not_called_when_nothing_was_lost(
    make: Callable[..., Lock], clock: ManualClock
) -> None:
    """After the release time goes on, and nobody is told anything."""
    told: SimpleQueue[LeaseLost] = SimpleQueue()
    with make(on_lost=told.put):
        pass
    clock.advance(TTL * 2)

    assert told.empty()


def test_on_lost_may_release_and_may_fail(
    make: Callable[..., Lock],
    leases: Leases,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is called cannot harm the lock; its error is logged."""
    released: SimpleQueue[bool] = SimpleQueue()

    def give_up(_: LeaseLost) -> None:
        released.put(lock.release())
        raise KeyError("of the callback")

    lock = make(on_lost=give_up)
    lock.acquire()
    leases.taken_over(lock)
    clock.advance(TTL / 3)

    assert released.get(timeout=STUCK) is False
    assert until(lambda: "on_lost of the lock on 'report' failed" in caplog.messages)


# -- interrupting --------------------------------------------------------------------------------


def work() -> None:
    """Work that never looks at its lock, in bytecodes."""
    deadline = time.monotonic() + STUCK
    while time.monotonic() < deadline:
        pass
    raise TimeoutError("nobody interrupted the work")


@pytest.mark.usefixtures("unmeasured")
def test_a_loss_can_interrupt_the_work(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """The thread that acquired the lock gets LeaseLost, with the reason, in the middle of it."""

    def lose_and_work() -> None:
        with make(interrupt=True) as lock:
            leases.taken_over(lock)
            clock.advance(TTL / 3)
            work()

    with pytest.raises(LeaseLost, match="'rival' holds the key now") as caught:
        lose_and_work()
    pickled = pickle.loads(pickle.dumps(caught.value))

    assert "LeaseLost" == type(caught.value).__name__
    assert (LeaseLost, str(caught.value)) == (type(pickled), str(pickled))
    assert "rival" == getattr(leases.holder("report"), "owner", None)


@pytest.mark.usefixtures("unmeasured")
def test_work_that_swallows_the_interrupt_is_told_at_its_end(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """Catching everything does not make an overlap unknown."""
    with ends_lost(make(interrupt=True)) as lock:
        leases.taken_over(lock)
        clock.advance(TTL / 3)
        with pytest.raises(LeaseLost):
            work()


@pytest.mark.usefixtures("unmeasured")
def test_nothing_is_interrupted_after_the_work(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """What happens to the key after the release is no business of the thread."""
    with make(interrupt=True) as lock:
        pass
    leases.claim("report", "rival", TTL)
    clock.advance(TTL * 2)
    for _ in range(10_000):
        assert lock.lost is False
