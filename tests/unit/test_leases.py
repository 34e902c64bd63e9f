"""Leases in memory: what the contract of leases does not see."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from periodic import LeaseLost, ManualClock, MemoryLeases, Wake

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TTL = timedelta(seconds=15)


@pytest.fixture
def clock() -> ManualClock:
    """Return a manual clock at noon."""
    return ManualClock(NOON)


@pytest.fixture
def leases(clock: ManualClock) -> MemoryLeases:
    """Return leases that end by the manual clock."""
    return MemoryLeases(clock)


def test_a_lease_ends_when_the_clock_reads_its_end(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    """A microsecond before its end a lease holds, at its end it does not."""
    lease = leases.claim("report", "a", TTL)
    clock.advance(TTL - timedelta(microseconds=1))

    assert lease == leases.holder("report")
    clock.advance(timedelta(microseconds=1))
    assert leases.holder("report") is None


def test_tokens_are_above_those_of_an_earlier_process(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    """A store that starts empty gives out no token that its forerunner has given out."""
    first = leases.claim("report", "a", TTL)
    clock.advance(timedelta(milliseconds=1))
    again = MemoryLeases(clock).claim("report", "a", TTL)

    assert first is not None
    assert again is not None
    assert NOON.timestamp() * 1000 == first.token < again.token


def test_tokens_grow_while_the_clock_stands_and_when_it_is_set_back(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    """Each claim has a larger token, whatever the clock does."""
    tokens = []
    for number in range(4):
        lease = leases.claim("report", str(number), TTL)
        assert lease is not None
        tokens.append(lease.token)
        leases.release(lease)
        clock.step(timedelta(hours=-number))

    assert sorted(set(tokens)) == tokens


def test_the_error_says_who_holds_the_key(leases: MemoryLeases, clock: ManualClock) -> None:
    """A lease that is lost names its token, and the holder or that there is none."""
    lease = leases.claim("report", "a", TTL)
    assert lease is not None
    clock.advance(TTL)
    with pytest.raises(LeaseLost, match=f"'report' with token {lease.token} has ended, nobody"):
        leases.renew(lease, TTL)
    leases.claim("report", "b", TTL)

    with pytest.raises(LeaseLost, match="'b' holds the key now; stop the work"):
        leases.renew(lease, TTL)


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1)])
def test_a_lease_that_ends_before_it_begins_is_refused(
    leases: MemoryLeases, ttl: timedelta
) -> None:
    """The message names the key, what was given and what is allowed."""
    with pytest.raises(ValueError, match=r"a lease on 'report' cannot last .* above zero"):
        leases.claim("report", "a", ttl)


def test_what_has_ended_is_swept_out(leases: MemoryLeases, clock: ManualClock) -> None:
    """Keys that are used once do not stay for ever."""
    for number in range(5_000):
        leases.claim(f"report-{number}", "a", TTL)
        clock.advance(timedelta(seconds=1))

    assert 1_000 > len(leases._leases)


def test_a_wait_that_is_over_leaves_nothing_behind(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    """Whatever ended the wait, nobody is woken any more and nothing is kept."""
    leases.claim("report", "a", TTL)
    wake = Wake()
    wake.set()
    leases.wait_released("report", TTL, wake)
    leases.wait_released("report", timedelta(0), Wake())
    leases.wait_released("other", TTL, Wake())

    assert {} == leases._waiters


def test_a_wait_ends_when_the_clock_is_advanced_to_its_timeout(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    """The timeout counts on the clock of the store."""
    leases.claim("report", "a", timedelta(days=1))
    waiter = threading.Thread(target=leases.wait_released, args=("report", TTL, Wake()))
    waiter.start()
    for _ in range(100):  # the wait may begin after some of them
        clock.advance(TTL)
        waiter.join(0.05)
        if not waiter.is_alive():
            break

    assert not waiter.is_alive()
    assert leases.holder("report") is not None
