"""Locks that somebody else holds: what a wait ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from periodic import BrokerUnreachable, Lock, ManualClock, MemoryLeases, Wake

from .watched import STUCK, TTL, Leases, advance_until, background


def test_a_blocked_lock_goes_on_when_the_key_is_released(make: Callable[..., Lock]) -> None:
    """Who waits is woken by the release; no time need pass."""
    waiting = make()
    with make() as holding:
        waited = background(waiting.acquire)
        time.sleep(0.1)
        assert not waited.done()

    assert waited.result(STUCK) is True
    assert holding.owner != waiting.owner
    waiting.release()


def test_a_blocked_lock_goes_on_when_the_lease_ends(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """A holder that died keeps others out for the rest of its lease."""
    MemoryLeases.claim(leases, "report", "dead", TTL)
    waiting = make()
    waited = background(waiting.acquire)
    clock.advance(TTL)

    assert waited.result(STUCK) is True
    waiting.release()


def test_a_wait_ends_with_its_timeout(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """A lock that is not free in time is not acquired."""
    MemoryLeases.claim(leases, "report", "other", timedelta(days=1))
    waited = background(make().acquire, timeout=timedelta(seconds=30))

    advance_until(clock, waited)
    assert waited.result() is False


def test_a_wait_can_be_ended_from_outside(make: Callable[..., Lock], leases: Leases) -> None:
    """A stop need not wait for a lock."""
    MemoryLeases.claim(leases, "report", "other", timedelta(days=1))
    wake = Wake()
    waited = background(make().acquire, wake=wake)
    leases.next()
    wake.set()

    assert waited.result(STUCK) is False


def test_an_unreachable_store_is_told_to_who_does_not_wait(
    make: Callable[..., Lock], leases: Leases
) -> None:
    """One try at a store that is away is an error, not a lock that somebody holds."""
    leases.down = True
    for options in ({"blocking": False}, {"timeout": timedelta(0)}):
        with pytest.raises(BrokerUnreachable, match="the store is down"):
            make().acquire(**options)


def test_an_unreachable_store_is_asked_again_while_there_is_time(
    make: Callable[..., Lock],
    leases: Leases,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Waits double from half a second on; the log speaks once; the lock is acquired at last."""
    leases.down = True
    lock = make()
    waited = background(lock.acquire)
    for at in (0.0, 0.5, 1.5, 3.5):
        clock.advance(timedelta(seconds=at - clock.monotonic()))
        assert ("claim", at) == leases.next()
    leases.down = False
    clock.advance(timedelta(seconds=4))

    assert waited.result(STUCK) is True
    assert ["the lock on 'report' cannot be asked for yet: the store is down"] == caplog.messages
    lock.release()


def test_an_outage_longer_than_the_timeout_is_an_error(
    make: Callable[..., Lock], leases: Leases, clock: ManualClock
) -> None:
    """Nobody knows whether the key was free, so it is not said that it was held."""
    leases.down = True
    waited = background(make().acquire, timeout=timedelta(seconds=10))
    advance_until(clock, waited)

    with pytest.raises(BrokerUnreachable, match="the store is down"):
        waited.result()


def test_an_outage_is_no_obstacle_to_a_stop(make: Callable[..., Lock], leases: Leases) -> None:
    """The wait for a store that is away can be ended, too."""
    leases.down = True
    wake = Wake()
    waited = background(make().acquire, wake=wake)
    leases.next()
    wake.set()

    assert waited.result(STUCK) is False


def test_a_claim_that_is_answered_too_late_is_given_back(
    make: Callable[..., Lock], leases: Leases
) -> None:
    """A lease is not begun when it can no longer be trusted."""
    leases.slow = timedelta(seconds=14)
    with pytest.raises(BrokerUnreachable, match="give the lock a longer ttl"):
        make().acquire(blocking=False)

    assert leases.holder("report") is None


def test_a_lock_refuses_a_ttl_of_nothing(leases: Leases) -> None:
    """The mistake shows where it is made, not at the first claim."""
    with pytest.raises(ValueError, match="cannot last"):
        Lock(leases, "report", timedelta(0))
