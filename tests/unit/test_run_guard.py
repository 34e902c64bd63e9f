"""The guard in front of runs: what it asks, keeps alive, and does while nobody answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import (
    BrokerUnreachable,
    GuardOutage,
    ManualClock,
    MemoryRunClaims,
    RunClaim,
    RunGuard,
    RunStanding,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Claims(MemoryRunClaims):
    """Claims that a test can make unreachable, and that say what they were asked."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock, remember=DAY)
        self.away = False
        #: What was asked is done, and its answer is lost.
        self.deaf = False
        self.asked: list[str] = []

    def _ask(self, what: str, work: Callable[[], Any]) -> Any:
        self.asked.append(what)
        if self.deaf:
            work()
        if self.away or self.deaf:
            raise BrokerUnreachable("nobody answers")
        return work()

    def claim(self, claim: RunClaim, ttl: timedelta | None) -> Any:
        """Claim."""
        return self._ask("claim", lambda: MemoryRunClaims.claim(self, claim, ttl))

    def renew(self, claim: RunClaim, ttl: timedelta) -> Any:
        """Renew."""
        return self._ask("renew", lambda: MemoryRunClaims.renew(self, claim, ttl))

    def finish(self, claim: RunClaim) -> Any:
        """Finish."""
        return self._ask("finish", lambda: MemoryRunClaims.finish(self, claim))

    def release(self, claim: RunClaim) -> Any:
        """Release."""
        return self._ask("release", lambda: MemoryRunClaims.release(self, claim))


@pytest.fixture
def clock() -> ManualClock:
    """Return a manual clock at noon."""
    return ManualClock(NOON)


@pytest.fixture
def claims(clock: ManualClock) -> Claims:
    """Return the place of the claims, which a test can close."""
    return Claims(clock)


@pytest.fixture
def make_guard(clock: ManualClock, claims: Claims) -> Iterator[Callable[..., RunGuard]]:
    """Make guards as workers have them, on the same claims; their threads are ended."""
    made: list[RunGuard] = []

    def make(outage: GuardOutage = GuardOutage.RUN) -> RunGuard:
        made.append(RunGuard(lambda: claims, lease=LEASE, outage=outage, clock=clock))
        return made[-1]

    yield make
    for guard in made:
        guard.close()


@pytest.fixture
def guard(make_guard: Callable[..., RunGuard]) -> RunGuard:
    """Return the guard of one worker."""
    return make_guard()


def eventually(condition: Callable[[], bool]) -> bool:
    """Give another thread real time to make something true."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def pass_time(clock: ManualClock, guard: RunGuard, by: timedelta) -> None:
    """Let time pass in steps, and the guard look after each, whether or not its thread is quick."""
    left = by
    while left > timedelta(0):
        step = min(left, 3 * SECOND)
        clock.advance(step)
        left -= step
        if guard._renewal is not None:
            guard._renewal.look()


def test_a_run_that_cannot_come_again_costs_one_question(guard: RunGuard, claims: Claims) -> None:
    """Its message is acknowledged when it begins, so the claim is for good and never renewed."""
    start = guard.begin("r", 0, repeatable=False)

    assert (RunStanding.WON, None) == (start.answer.standing, start.claim)
    assert ["claim"] == claims.asked
    assert RunStanding.DONE is guard.begin("r", 0, repeatable=False).answer.standing


def test_a_run_that_may_come_again_is_claimed_and_finished(guard: RunGuard, claims: Claims) -> None:
    """A copy waits while it goes on, and has nothing to do when it is over."""
    start = guard.begin("r", 0, repeatable=True)
    assert RunStanding.WON is start.answer.standing
    assert start.claim is not None
    held = guard.begin("r", 0, repeatable=True).answer
    assert (RunStanding.HELD, LEASE, start.claim.owner) == (held.standing, held.wait, held.owner)
    guard.end(start.claim)

    assert RunStanding.DONE is guard.begin("r", 0, repeatable=True).answer.standing
    assert ["claim", "claim", "finish", "claim"] == claims.asked


def test_a_run_is_kept_for_as_long_as_it_goes_on(
    guard: RunGuard, claims: Claims, clock: ManualClock
) -> None:
    """Ten times the claim's own time later a copy still waits; a finished run is let alone."""
    start = guard.begin("r", 0, repeatable=True)
    pass_time(clock, guard, 10 * LEASE)
    assert RunStanding.HELD is guard.begin("r", 0, repeatable=True).answer.standing
    assert start.claim is not None
    guard.end(start.claim)
    claims.asked.clear()
    pass_time(clock, guard, 2 * LEASE)

    assert [] == claims.asked


def test_the_thread_lives_while_there_is_something_to_renew(
    guard: RunGuard, claims: Claims, clock: ManualClock
) -> None:
    """A worker whose runs are over has no thread of the guard; the next run starts one."""
    there = set(threading.enumerate())  # another test's may be on its way to its end

    def threads() -> int:
        started = set(threading.enumerate()) - there
        return sum(each.name == "periodic-run-renewal" for each in started)

    for number in range(2):
        start = guard.begin(str(number), 0, repeatable=True)
        assert 1 == threads()
        assert start.claim is not None
        guard.end(start.claim)
        pass_time(clock, guard, LEASE)
        assert eventually(lambda: threads() == 0)


def test_a_run_whose_worker_died_is_taken_over(
    make_guard: Callable[..., RunGuard], claims: Claims, clock: ManualClock
) -> None:
    """Nobody renews it any more, so the copy runs when the claim has ended, and not before."""
    dying, other = make_guard(), make_guard()
    dying.begin("r", 0, repeatable=True)
    dying.close()
    clock.advance(LEASE - SECOND)
    assert SECOND == other.begin("r", 0, repeatable=True).answer.wait
    clock.advance(SECOND)

    assert RunStanding.WON is other.begin("r", 0, repeatable=True).answer.standing


def test_a_run_that_was_taken_over_says_so_once(
    make_guard: Callable[..., RunGuard],
    claims: Claims,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A worker that was paused for too long logs it; its end leaves the other's claim alone."""
    slow, quick = make_guard(), make_guard()
    start = slow.begin("r", 0, repeatable=True)
    assert start.claim is not None
    claims._runs["r"].ends = clock.now()  # as if it had been paused until now
    assert RunStanding.WON is quick.begin("r", 0, repeatable=True).answer.standing
    pass_time(clock, slow, LEASE / 2)

    told = [each for each in caplog.records if each.__dict__.get("event") == "run-lost"]
    assert ["r"] == [each.__dict__["task_id"] for each in told]
    slow.end(start.claim)
    assert RunStanding.HELD is slow.begin("r", 0, repeatable=True).answer.standing


def test_a_run_that_is_given_back_runs_at_once(guard: RunGuard) -> None:
    """Its message is put back by the task itself: the next copy need not wait."""
    start = guard.begin("r", 0, repeatable=True)
    assert start.claim is not None
    guard.give_back(start.claim)

    assert RunStanding.WON is guard.begin("r", 0, repeatable=True).answer.standing


def test_a_run_that_is_abandoned_ends_by_itself(
    guard: RunGuard, claims: Claims, clock: ManualClock
) -> None:
    """Where nobody knows what became of a run, its copy waits as if its worker had died."""
    start = guard.begin("r", 0, repeatable=True)
    assert start.claim is not None
    guard.abandon(start.claim)
    assert RunStanding.HELD is guard.begin("r", 0, repeatable=True).answer.standing
    pass_time(clock, guard, LEASE)

    assert RunStanding.WON is guard.begin("r", 0, repeatable=True).answer.standing


# -- while nobody answers --------------------------------------------------------------------------


def test_runs_go_on_while_nobody_answers(
    guard: RunGuard, claims: Claims, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each question may take a time-out, so it is asked each five seconds, and told once."""
    caplog.set_level(logging.INFO)
    claims.away = True
    for number in range(3):
        assert RunStanding.WON is guard.begin(str(number), 0, repeatable=False).answer.standing
    assert 1 == claims.asked.count("claim")
    clock.advance(5 * SECOND)
    guard.begin("later", 0, repeatable=False)
    assert 2 == claims.asked.count("claim")
    claims.away = False
    clock.advance(5 * SECOND)
    guard.begin("back", 0, repeatable=False)

    events = [each.__dict__.get("event") for each in caplog.records]
    assert ["guard-unreachable", "guard-reachable"] == [each for each in events if each]
    (record, *_) = caplog.records
    assert "runs run unguarded until they can: nobody answers" in record.getMessage()


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_ran_while_nobody_answered_is_told_later(
    guard: RunGuard,
    claims: Claims,
    clock: ManualClock,
    repeatable: bool,  # noqa: FBT001  # a parameter
) -> None:
    """A copy that comes when somebody answers again finds that there is nothing to do for it."""
    claims.away = True
    start = guard.begin("r", 0, repeatable=repeatable)
    if start.claim is not None:
        guard.end(start.claim)
    claims.away = False
    pass_time(clock, guard, LEASE)

    assert eventually(
        lambda: guard.begin("r", 0, repeatable=repeatable).answer.standing is RunStanding.DONE
    )


def test_a_run_that_began_while_nobody_answered_is_kept_afterwards(
    guard: RunGuard, claims: Claims, clock: ManualClock
) -> None:
    """Its renewal tells of it, so a copy that comes later waits."""
    claims.away = True
    guard.begin("r", 0, repeatable=True)
    claims.away = False
    pass_time(clock, guard, LEASE)

    assert RunStanding.HELD is guard.begin("r", 0, repeatable=True).answer.standing


def test_a_short_outage_does_not_lose_a_run(
    guard: RunGuard, claims: Claims, clock: ManualClock
) -> None:
    """Renewals are tried again, often enough for a claim to last."""
    guard.begin("r", 0, repeatable=True)
    claims.away = True
    pass_time(clock, guard, LEASE / 3)
    claims.away = False
    pass_time(clock, guard, LEASE / 2)
    pass_time(clock, guard, LEASE)

    assert RunStanding.HELD is guard.begin("r", 0, repeatable=True).answer.standing


def test_runs_wait_while_nobody_answers_where_that_is_asked_for(
    make_guard: Callable[..., RunGuard], claims: Claims, clock: ManualClock
) -> None:
    """They begin when somebody answers, and then know whether there is something to run."""
    guard = make_guard(GuardOutage.WAIT)
    claims.away = True
    found: list[RunStanding] = []
    thread = threading.Thread(
        target=lambda: found.append(guard.begin("r", 0, repeatable=False).answer.standing)
    )
    thread.start()
    assert eventually(lambda: bool(claims.asked))
    pass_time(clock, guard, 12 * SECOND)
    assert [] == found
    claims.away = False
    assert eventually(lambda: (clock.advance(SECOND), bool(found))[1])
    thread.join(10)

    assert [RunStanding.WON] == found


def test_a_claim_whose_answer_was_lost_is_not_lost(
    make_guard: Callable[..., RunGuard], claims: Claims, clock: ManualClock
) -> None:
    """A run that waits asks again as the same copy: what the store has kept is its own."""
    guard = make_guard(GuardOutage.WAIT)
    claims.deaf = True
    found: list[RunStanding] = []
    thread = threading.Thread(
        target=lambda: found.append(guard.begin("r", 0, repeatable=False).answer.standing)
    )
    thread.start()
    assert eventually(lambda: bool(claims.asked))
    claims.deaf = False
    assert eventually(lambda: (clock.advance(SECOND), bool(found))[1])
    thread.join(10)

    assert [RunStanding.WON] == found


def test_a_place_that_cannot_even_be_opened_stops_no_run(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with the guard, the runs that it guards go on."""

    def broken() -> MemoryRunClaims:
        raise RuntimeError("no such place")

    guard = RunGuard(broken, clock=clock)
    start = guard.begin("r", 0, repeatable=True)

    assert (RunStanding.WON, None) == (start.answer.standing, start.claim)
    assert "no such place" in caplog.text
