"""Locks: held, renewed while the work goes on, given back."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from datetime import timedelta
from queue import Empty
from typing import Any

import pytest

from periodic import (
    Lease,
    LeaseLost,
    LeaseStore,
    Lock,
    ManualClock,
    MemoryLeases,
    SystemClock,
    Wake,
)

from .watched import TTL, Leases, ends_lost, lock_threads, seconds, until

# -- holding -------------------------------------------------------------------------------------


def test_a_lock_is_held_inside_and_free_after(make: Callable[..., Lock], leases: Leases) -> None:
    """The key has the lock's owner while the work goes on, and nobody after it."""
    with make() as lock:
        assert leases.holder("report") == lock.lease
        assert (True, False) == (lock.held, lock.lost)
        assert lock.lease is not None
        assert (lock.owner, lock.token) == (lock.lease.owner, lock.lease.token)
        lock.check()

    assert leases.holder("report") is None
    assert (False, False, None) == (lock.held, lock.lost, lock.lease)


def test_an_owner_says_where_it_runs_and_is_unique(make: Callable[..., Lock]) -> None:
    """Two locks never have one owner, unless somebody gives it to them."""
    owners = {make().owner for _ in range(100)}

    assert 100 == len(owners)
    assert {"beat"} == {make(owner="beat").owner}


def test_another_lock_is_refused(make: Callable[..., Lock]) -> None:
    """One try, or a wait of no time, says that somebody holds the key."""
    with make():
        assert make().acquire(blocking=False) is False
        assert make().acquire(timeout=timedelta(0)) is False

    other = make()
    assert other.acquire(blocking=False) is True
    assert other.release() is True


def test_each_acquisition_has_a_larger_token(make: Callable[..., Lock]) -> None:
    """A lock can be used again and again; what it guards can tell the times apart."""
    lock = make()
    tokens = []
    for _ in range(3):
        with lock:
            tokens.append(lock.token)

    assert sorted(set(tokens)) == tokens


def test_a_lock_is_not_re_entrant(make: Callable[..., Lock]) -> None:
    """Acquiring twice, or giving back what is not held, is a mistake that is told."""
    lock = make()
    for not_held in (lock.release, lock.check, lambda: lock.token):
        with pytest.raises(RuntimeError, match="the lock on 'report' is not acquired"):
            not_held()
    with lock, pytest.raises(RuntimeError, match=r"acquired already; release\(\) it first"):
        lock.acquire()


def test_a_lock_may_be_released_inside(make: Callable[..., Lock], leases: Leases) -> None:
    """Work that is done with the key early gives it back early."""
    with make() as lock:
        assert lock.release() is True
        assert leases.holder("report") is None

    assert lock.lost is False


def test_the_works_own_error_goes_through(make: Callable[..., Lock], leases: Leases) -> None:
    """What the work raises is what is raised, whether or not the lease was lost as well."""
    with pytest.raises(KeyError, match="of the work"), make():
        raise KeyError("of the work")
    assert leases.holder("report") is None

    lost = make()
    with pytest.raises(KeyError, match="of the work"):
        lose_and_raise(lost, leases)
    assert lost.lost is True


def lose_and_raise(lock: Lock, leases: Leases) -> None:
    """Lose the lock inside, and fail for another reason."""
    with lock:
        leases.taken_over(lock)
        raise KeyError("of the work")


# -- renewal -------------------------------------------------------------------------------------


def test_a_lease_is_renewed_each_third_of_its_time(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """Work may take longer than the lease lasts; the token stays."""
    with make() as lock:
        assert ("claim", 0.0) == leases.next()
        token = lock.token
        for renewal in (5.0, 10.0, 15.0, 20.0):
            clock.advance(TTL / 3)
            assert ("renew", renewal) == leases.next()
            assert until(lambda end=renewal + 15: seconds(lock) == end)
        assert token == lock.token
        lock.check()

    assert ("release", 20.0) == leases.next()


def test_an_outage_shorter_than_the_trust_is_survived(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that does not answer is asked again each tenth, and told of once."""
    with make() as lock:
        leases.next()
        leases.down = True
        for renewal in (5.0, 6.5, 8.0):
            clock.advance(timedelta(seconds=renewal - clock.monotonic()))
            assert ("renew", renewal) == leases.next()
        leases.down = False
        clock.advance(timedelta(seconds=1.5))
        assert ("renew", 9.5) == leases.next()
        assert until(lambda: seconds(lock) == 24.5)
        clock.advance(TTL / 3)
        assert ("renew", 14.5) == leases.next()

    assert lock.lost is False
    assert ["the lease on 'report' could not be renewed: the store is down"] == caplog.messages


def test_an_unreachable_store_loses_the_lease_here_before_it_ends_there(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At nine tenths of its time the holder stops trusting; nobody else can hold the key yet."""
    with ends_lost(make(), r"not renewed in time \(the store is down\)") as lock:
        leases.down = True
        clock.advance(timedelta(seconds=13.499))
        assert lock.lost is False
        assert until(lambda: caplog.messages != [])
        clock.advance(timedelta(milliseconds=1))

        assert (True, False) == (lock.lost, lock.held)
        assert leases.holder("report") == lock.lease
        with pytest.raises(LeaseLost, match="somebody else may hold the key by now"):
            lock.check()

    assert lock.lost is True


def test_trust_counts_from_before_the_question(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """The time that the answer takes is not believed twice."""
    leases.slow = timedelta(seconds=4)
    with ends_lost(make()) as lock:
        leases.slow = timedelta(0)
        leases.down = True
        clock.advance(timedelta(seconds=9.4))
        assert lock.lost is False
        clock.advance(timedelta(seconds=0.1))
        assert lock.lost is True


def test_an_answer_that_comes_too_late_does_not_bring_the_trust_back(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """A lease that was lost stays lost, even when the store has renewed it after all."""
    with ends_lost(make()) as lock:
        leases.next()
        leases.slow = timedelta(seconds=14)
        clock.advance(timedelta(seconds=5))
        assert ("renew", 5.0) == leases.next()
        assert until(lambda: lock.lost)
        assert leases.holder("report") is not None
        clock.advance(timedelta(seconds=30))

    assert ("release", 49.0) == leases.next()


def test_a_lease_that_was_taken_over_is_lost_at_the_next_renewal(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """The work is told, and leaving does not free the other holder's lease."""
    with ends_lost(make(), "'rival' holds the key now") as lock:
        rival = leases.taken_over(lock)
        clock.advance(TTL / 3)
        assert until(lambda: lock.lost)
        assert lock.token < rival.token

    assert rival == leases.holder("report")


def test_a_loss_that_shows_when_the_lock_is_released_is_told(
    make: Callable[..., Lock], leases: Leases
) -> None:
    """The work did not notice, but it may have overlapped."""
    with ends_lost(make(), "found to have ended when it was given back") as lock:
        leases.taken_over(lock)


def test_a_lock_that_was_lost_can_be_acquired_again(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """After its release a lost lock is a lock like any other."""
    lock = make()
    lock.acquire()
    rival = leases.taken_over(lock)
    assert lock.release() is False
    assert lock.lost is True
    leases.release(rival)

    assert lock.acquire() is True
    assert (True, False) == (lock.held, lock.lost)
    assert lock.release() is True


def test_a_lock_that_was_lost_can_be_acquired_without_its_release(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """An interrupt may come on the way to the release: the next acquisition makes up for it."""
    lock = make()
    lock.acquire()
    rival = leases.taken_over(lock)
    clock.advance(TTL / 3)
    assert until(lambda: lock.lost)
    leases.release(rival)

    assert lock.acquire(blocking=False) is True
    assert rival.token < lock.token
    assert lock.release() is True


def test_a_lock_that_cannot_renew_is_not_acquired(
    make: Callable[..., Lock], leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a thread for it the lease is given back at once."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    lock = make()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        lock.acquire()

    assert leases.holder("report") is None
    assert lock.held is False


def test_a_store_that_cannot_be_told_of_the_release_is_logged(
    make: Callable[..., Lock], leases: Leases, caplog: pytest.LogCaptureFixture
) -> None:
    """The work was done in time; the lease ends by itself."""
    with make() as lock:
        leases.down = True

    assert lock.lost is False
    (message,) = caplog.messages
    assert message.startswith("the lease on 'report' could not be given back, it ends by itself at")


def test_an_error_of_the_adapter_is_no_end_of_the_renewal(
    make: Callable[..., Lock],
    leases: Leases,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What an adapter raises by mistake is logged, and renewing is tried again."""
    renew = Leases.renew

    def fail_once(*_: Any) -> Lease:
        monkeypatch.setattr(Leases, "renew", renew)
        raise TypeError("a mistake")

    monkeypatch.setattr(Leases, "renew", fail_once)
    with make() as lock:
        leases.next()
        clock.advance(timedelta(seconds=5))
        assert until(lambda: caplog.messages != [])
        clock.advance(timedelta(seconds=1.5))
        assert ("renew", 6.5) == leases.next()

    assert lock.lost is False


def test_a_lock_that_nobody_can_release_any_more_is_not_renewed(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """A lock that was forgotten while it was held ends like that of a dead process."""
    before = lock_threads()
    lock = make()
    lock.acquire()
    leases.next()
    del lock
    gc.collect()
    clock.advance(TTL / 3)
    assert until(lambda: lock_threads() <= before)
    clock.advance(TTL)

    with pytest.raises(Empty):
        leases.asked.get_nowait()
    assert leases.holder("report") is None


# -- real time -----------------------------------------------------------------------------------


def test_a_lock_works_on_the_machines_clock() -> None:
    """Without a clock of one's own the lock renews in real time."""
    leases: LeaseStore = MemoryLeases()
    clock = SystemClock()
    with Lock(leases, "report", timedelta(seconds=0.3)) as lock:
        clock.wait_until(clock.monotonic() + 0.7, Wake())
        assert leases.claim("report", "rival", TTL) is None
        lock.check()

    assert leases.claim("report", "rival", TTL) is not None
