"""Claims of runs in memory: what their contract does not see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from periodic import LeaseLost, ManualClock, MemoryRunClaims, RunClaim, RunStanding

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TTL = timedelta(seconds=30)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    """Return a manual clock at noon."""
    return ManualClock(NOON)


@pytest.fixture
def claims(clock: ManualClock) -> MemoryRunClaims:
    """Return claims that end by the manual clock."""
    return MemoryRunClaims(clock=clock, remember=DAY)


def test_a_claim_ends_when_the_clock_reads_its_end(
    claims: MemoryRunClaims, clock: ManualClock
) -> None:
    """A microsecond before its end a copy waits for it, at its end the copy runs."""
    claims.claim(RunClaim("r", 0, "a"), TTL)
    clock.advance(TTL - timedelta(microseconds=1))
    assert timedelta(microseconds=1) == claims.claim(RunClaim("r", 0, "b"), TTL).wait
    clock.advance(timedelta(microseconds=1))

    assert RunStanding.WON is claims.claim(RunClaim("r", 0, "b"), TTL).standing


def test_what_is_forgotten_takes_no_room(claims: MemoryRunClaims, clock: ManualClock) -> None:
    """However many runs there were, those of the last day are kept, and at most as many more."""
    for number in range(5_000):
        claims.claim(RunClaim(str(number), 0, "a"), None)
        clock.advance(timedelta(minutes=10))

    assert len(claims._runs) <= 2 * 256


def test_who_lost_a_run_is_told_who_has_it(claims: MemoryRunClaims, clock: ManualClock) -> None:
    """The error names the run, the attempt and the other, and what it means."""
    claims.claim(RunClaim("r", 0, "a"), TTL)
    clock.advance(TTL)
    claims.claim(RunClaim("r", 0, "b"), TTL)

    with pytest.raises(LeaseLost, match=r"attempt 0 of the run r is no longer.*'b'.*run twice"):
        claims.renew(RunClaim("r", 0, "a"), TTL)


def test_the_claims_of_a_namespace_are_shared_in_the_process(clock: ManualClock) -> None:
    """Whoever opens them has the same ones, until the process forgets."""
    MemoryRunClaims.reset()
    first, second = (
        MemoryRunClaims.open(None, namespace="shop", remember=DAY, clock=clock) for _ in range(2)
    )
    first.claim(RunClaim("r", 0, "a"), None)
    assert RunStanding.DONE is second.claim(RunClaim("r", 0, "b"), None).standing
    MemoryRunClaims.reset()
    third = MemoryRunClaims.open(None, namespace="shop", remember=DAY, clock=clock)

    assert RunStanding.WON is third.claim(RunClaim("r", 0, "b"), None).standing
    MemoryRunClaims.reset()


def test_a_memory_that_forgets_at_once_is_refused(clock: ManualClock) -> None:
    """Runs are remembered for a time above zero."""
    with pytest.raises(ValueError, match="above zero"):
        MemoryRunClaims(clock=clock, remember=timedelta(0))
