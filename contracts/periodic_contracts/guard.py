"""The contract of claims of runs: of the copies of a message one runs, whoever dies meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import pytest

from .contract import NAMESPACE, Contract
from .racing import at_once
from .ticking import ahead_of

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: Units of time that no test waits for.
_LONG = 1_000
#: What a store may be off when it reads its clock twice.
_READINGS = timedelta(milliseconds=2)
_HOUR = timedelta(hours=1)
_WON, _HELD, _DONE = "WON", "HELD", "DONE"
_THREADS, _ROUNDS = 4, 20


class MakeClaims(Protocol):
    """Opens the claims of one namespace once more, as another worker does."""

    def __call__(
        self,
        *,
        namespace: str = NAMESPACE,
        clock: periodic.Clock | None = None,
        remember: timedelta | None = None,
    ) -> periodic.RunClaims:
        """Open them."""
        ...


class MakeClaim(Protocol):
    """Makes the claim of one copy of the test's run."""

    def __call__(self, owner: str, attempt: int = 0, run: str = "") -> periodic.RunClaim:
        """Make it."""
        ...


class GuardContract(Contract):
    """One copy of each attempt runs; one that died before its end is run again by the next."""

    #: The class that keeps claims.
    adapter: ClassVar[type[periodic.RunClaims]]  # type: ignore[assignment]  # no broker here

    @pytest.fixture
    def core(self, periodic_core: Core) -> Core:
        """The core under test; its classes are the ones that count."""
        if not issubclass(self.adapter, periodic_core.RunClaims):
            name = cast("Any", periodic_core).__name__
            raise TypeError(f"{self.adapter.__name__} is no RunClaims of the core {name!r}")
        return periodic_core

    @pytest.fixture
    def make_claims(self, core: Core, clock: DrivenClock, connection: Any) -> Iterator[MakeClaims]:
        """Open the claims as often as the test likes, on one state; all are closed after it."""
        opened: list[periodic.RunClaims] = []
        driven = clock

        def make(
            *,
            namespace: str = NAMESPACE,
            clock: periodic.Clock | None = None,
            remember: timedelta | None = None,
        ) -> periodic.RunClaims:
            claims = self.adapter.open(
                connection,
                namespace=namespace,
                remember=driven.units(_LONG) if remember is None else remember,
                clock=driven.core_clock if clock is None else clock,
            )
            assert isinstance(claims, core.RunClaims)
            opened.append(claims)
            return claims

        yield make
        for claims in opened:
            claims.close()

    @pytest.fixture
    def claims(self, make_claims: MakeClaims) -> periodic.RunClaims:
        """The claims as one worker sees them."""
        return make_claims()

    @pytest.fixture
    def copy(self, core: Core) -> MakeClaim:
        """Make claims of a run that no other test uses, for it outlives its test on a server."""
        own = str(uuid.uuid4())

        def make(owner: str, attempt: int = 0, run: str = "") -> periodic.RunClaim:
            return core.RunClaim(f"{own}{run}", attempt, owner)

        return make

    # -- one copy runs ---------------------------------------------------------------------------

    def test_a_copy_of_a_run_that_was_claimed_for_good_never_runs(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Its message was acknowledged when it began: whatever became of it, it is over."""
        first, second = make_claims(), make_claims()
        assert standing(first.claim(copy("a"), None)) == _WON

        answer = second.claim(copy("b"), clock.units(5))
        assert (standing(answer), answer.owner) == (_DONE, "a")
        clock.advance(clock.units(6))
        assert standing(second.claim(copy("b"), None)) == _DONE

    def test_a_copy_waits_while_the_first_runs(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """It is told who has the run, and for how long at most it cannot know more."""
        first, second = make_claims(), make_claims()
        owner = "host 1:42 „schön“ ☀\nnext line"
        assert standing(first.claim(copy(owner), clock.units(150))) == _WON

        answer = second.claim(copy("b"), clock.units(150))
        assert (standing(answer), answer.owner) == (_HELD, owner)
        assert clock.units(100) < answer.wait <= clock.units(150) + _READINGS

    def test_copies_at_the_same_moment_have_one_winner(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Nothing fits between the look and the taking: four race, twenty times."""
        stores = [make_claims() for _ in range(_THREADS)]

        def claim(number: int, turn: int) -> str:
            run = copy(f"owner-{number}", run=f"-{turn}")
            return standing(stores[number].claim(run, clock.units(150)))

        rounds = at_once(claim, _THREADS, _ROUNDS)

        assert [sorted(each) for each in rounds] == [[_HELD] * (_THREADS - 1) + [_WON]] * _ROUNDS

    def test_a_claim_whose_answer_was_lost_is_made_again(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """The same owner wins again, for a time and for good; others do not."""
        first, second = make_claims(), make_claims()
        assert standing(first.claim(copy("a"), clock.units(150))) == _WON
        assert standing(first.claim(copy("a"), clock.units(150))) == _WON
        assert standing(second.claim(copy("b"), clock.units(150))) == _HELD

        assert standing(first.claim(copy("a", run="-2"), None)) == _WON
        assert standing(first.claim(copy("a", run="-2"), None)) == _WON
        assert standing(second.claim(copy("b", run="-2"), None)) == _DONE

    def test_runs_and_namespaces_do_not_meet(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Each run of each application has claims of its own, however alike their names look."""
        claims, other = make_claims(), make_claims(namespace="other")
        runs = ["", ":", ":run", " ☀", "\n"]
        for run in runs:
            assert standing(claims.claim(copy("a", run=run), None)) == _WON
        for run in runs:
            assert standing(claims.claim(copy("b", run=run), None)) == _DONE

        assert standing(other.claim(copy("b"), clock.units(150))) == _WON

    # -- the first dies, or ends -----------------------------------------------------------------

    def test_a_run_whose_worker_died_is_run_by_the_next_copy(
        self, core: Core, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A claim that nobody renews ends; one who was only paused is told, and changes nothing."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(5))
        clock.advance(clock.units(6))
        assert standing(second.claim(copy("b"), clock.units(150))) == _WON

        with pytest.raises(core.LeaseLost, match="'b'"):
            first.renew(copy("a"), clock.units(150))
        assert first.finish(copy("a")) is False
        assert first.release(copy("a")) is False
        assert standing(first.claim(copy("c"), clock.units(150))) == _HELD

    def test_a_claim_that_is_renewed_lasts(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A copy waits as long as the first runs, however long that is."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(5))
        clock.advance(clock.units(3))
        first.renew(copy("a"), clock.units(10))
        clock.advance(clock.units(5))

        assert standing(second.claim(copy("b"), clock.units(5))) == _HELD
        clock.advance(clock.units(6))
        assert standing(second.claim(copy("b"), clock.units(5))) == _WON

    def test_a_claim_that_nobody_took_is_renewed_after_its_end(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A worker that was cut off for a while keeps its run, if no copy has begun meanwhile."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(2))
        clock.advance(clock.units(3))
        first.renew(copy("a"), clock.units(150))

        assert standing(second.claim(copy("b"), clock.units(150))) == _HELD

    def test_a_run_that_is_finished_is_not_run_again(
        self, core: Core, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Its copies are told so at once, and still after its claim would have ended."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(2))
        assert first.finish(copy("a")) is True
        assert standing(second.claim(copy("b"), clock.units(2))) == _DONE
        clock.advance(clock.units(3))

        assert standing(second.claim(copy("b"), clock.units(2))) == _DONE
        assert first.finish(copy("a")) is True
        assert first.release(copy("a")) is False
        with pytest.raises(core.LeaseLost):
            first.renew(copy("a"), clock.units(2))

    def test_a_run_may_be_finished_after_its_end(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A worker that was cut off says late that it is over, if no copy has begun meanwhile."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(2))
        clock.advance(clock.units(3))
        assert first.finish(copy("a")) is True

        assert standing(second.claim(copy("b"), clock.units(2))) == _DONE

    def test_a_run_that_is_given_back_is_run_at_once(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A worker that wants the message to come again lets the next copy run."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a"), clock.units(150))
        assert first.release(copy("a")) is True
        assert standing(second.claim(copy("b"), clock.units(150))) == _WON

        assert first.release(copy("a")) is False
        assert standing(first.claim(copy("c"), clock.units(150))) == _HELD

    def test_a_store_learns_of_runs_that_began_without_it(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """It did not answer then, or has lost its data: a renewal or an end tells it."""
        first, second = make_claims(), make_claims()
        first.renew(copy("a"), clock.units(150))
        assert standing(second.claim(copy("b"), clock.units(150))) == _HELD

        assert first.finish(copy("a", run="-2")) is True
        assert standing(second.claim(copy("b", run="-2"), clock.units(150))) == _DONE
        assert first.release(copy("a", run="-3")) is False
        assert standing(second.claim(copy("b", run="-3"), clock.units(150))) == _WON

    # -- retries ---------------------------------------------------------------------------------

    def test_a_retry_runs_whatever_became_of_the_attempt_before(
        self, core: Core, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """It may begin before the first attempt says that it ended, which then changes nothing."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a", 0), clock.units(150))
        assert standing(second.claim(copy("b", 1), clock.units(150))) == _WON
        assert first.finish(copy("a", 0)) is False
        with pytest.raises(core.LeaseLost):
            first.renew(copy("a", 0), clock.units(150))

        assert standing(first.claim(copy("c", 1), clock.units(150))) == _HELD
        assert second.finish(copy("b", 1)) is True
        assert standing(first.claim(copy("c", 1), clock.units(150))) == _DONE
        assert standing(first.claim(copy("c", 2), None)) == _WON

    def test_copies_of_an_attempt_that_was_retried_never_run(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Not while the retry runs, and not after it."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a", 0), clock.units(2))
        second.claim(copy("b", 1), clock.units(150))
        clock.advance(clock.units(3))
        assert standing(first.claim(copy("c", 0), clock.units(2))) == _DONE

        second.finish(copy("b", 1))
        assert standing(first.claim(copy("c", 0), clock.units(2))) == _DONE

    def test_a_retry_that_died_is_run_by_its_next_copy(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """Only copies of the retry: those of the first attempt have nothing left to run."""
        first, second = make_claims(), make_claims()
        first.claim(copy("a", 3), clock.units(2))
        clock.advance(clock.units(3))

        assert standing(second.claim(copy("b", 2), clock.units(2))) == _DONE
        assert standing(second.claim(copy("b", 3), clock.units(2))) == _WON

    # -- time ------------------------------------------------------------------------------------

    def test_runs_are_remembered_for_a_time_and_then_forgotten(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """From their last change on: what is kept does not grow with every run that ever was."""
        claims = make_claims(remember=clock.units(6))
        claims.claim(copy("a"), clock.units(2))
        clock.advance(clock.units(4))
        claims.finish(copy("a"))
        clock.advance(clock.units(4))
        assert standing(claims.claim(copy("b"), None)) == _DONE
        clock.advance(clock.units(4))

        assert standing(claims.claim(copy("b"), None)) == _WON

    @pytest.mark.parametrize("by", [_HOUR, -_HOUR], ids=["ahead", "behind"])
    def test_a_worker_whose_clock_is_wrong_ends_nothing_early_or_late(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim, by: timedelta
    ) -> None:
        """Claims end by one clock, the store's: that of who claims or asks does not count."""
        right = make_claims()
        wrong = make_claims(clock=ahead_of(clock.core_clock, by))
        right.claim(copy("right"), clock.units(150))
        assert standing(wrong.claim(copy("wrong"), clock.units(150))) == _HELD

        wrong.claim(copy("wrong", run="-2"), clock.units(2))
        assert standing(right.claim(copy("right", run="-2"), clock.units(2))) == _HELD
        clock.advance(clock.units(3))
        assert standing(right.claim(copy("right", run="-2"), clock.units(2))) == _WON

    @pytest.mark.parametrize("seconds", [0, -30])
    def test_a_claim_that_ends_before_it_begins_is_refused(
        self, claims: periodic.RunClaims, copy: MakeClaim, seconds: int
    ) -> None:
        """A time that is not above zero is a mistake, and nothing is claimed."""
        with pytest.raises(ValueError, match=copy("a").run):
            claims.claim(copy("a"), timedelta(seconds=seconds))

        assert standing(claims.claim(copy("b"), None)) == _WON

    def test_claims_outlive_who_made_them(
        self, clock: DrivenClock, make_claims: MakeClaims, copy: MakeClaim
    ) -> None:
        """A worker that has ended, and closed its claims, is remembered by those after it."""
        first = make_claims()
        first.claim(copy("a"), clock.units(150))
        first.claim(copy("a", run="-2"), None)
        first.close()

        second = make_claims()
        assert standing(second.claim(copy("b"), clock.units(150))) == _HELD
        assert standing(second.claim(copy("b", run="-2"), clock.units(150))) == _DONE


def standing(answer: periodic.RunAnswer) -> str:
    """Return what came of a claim, by name: the core's classes may differ, names do not."""
    return answer.standing.name
