"""Claims of runs: which copy of a task's message runs, when a broker hands over more than one.

A run is one attempt of one task: a retry is a further attempt of the same run, a second copy of the
message is the same attempt once more. Of each attempt one copy runs. A claim that was made for good
is never passed on; one with an end passes on when its holder has died, unless it was finished.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

from .clock import Clock
from .errors import LeaseLost
from .leases import refuse_ttl


class RunStanding(StrEnum):
    """What came of a claim."""

    #: This copy runs.
    WON = "won"
    #: Another copy has it, and may die before it is finished: ask again when its time is over.
    HELD = "held"
    #: Nothing is left to run: another copy has it for good or has finished, or a retry has begun.
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RunClaim:
    """One copy's claim of one attempt.

    Args:
        run: what is claimed, as a rule a task's id.
        attempt: 0 for the first, one more for each retry.
        owner: who claims: a text that no other copy has, see `new_owner`.
    """

    run: str
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What a store of claims says to a claim.

    Args:
        standing: won, held or done.
        wait: how long the other's claim lasts unless it is renewed; zero unless held.
        owner: who has the run, if this claim has not won it.
    """

    standing: RunStanding
    wait: timedelta = timedelta(0)
    owner: str = ""


class RunClaims(ABC):
    """Keeps the claims of the runs of one namespace; each call is one atomic step of the store.

    What is known of a run is forgotten some time after its last change: `remember`.
    """

    #: Claims declare nothing; the contracts ask every class that they prove.
    capabilities: ClassVar[frozenset[Any]] = frozenset()

    @classmethod
    @abstractmethod
    def open(cls, connection: Any, *, namespace: str, remember: timedelta, clock: Clock) -> Self:
        """Make a store; no connection is established before it is needed.

        Args:
            connection: a `kombu.Connection` to where the claims are kept, or what else the class
                says; not yet connected.
            namespace: whose runs these are.
            remember: how long a run is known after its last change; above zero, and longer than
                any claim lasts.
            clock: for stores that have none of their own.
        """

    @abstractmethod
    def claim(self, claim: RunClaim, ttl: timedelta | None) -> RunAnswer:
        """Claim an attempt, if nobody has it and no later one has begun.

        The same owner may ask again, when the answer was lost, and wins again.

        Args:
            claim: run, attempt and owner.
            ttl: how long the claim lasts unless it is renewed or finished, above zero; None claims
                for good, as what was acknowledged before it began will not come again.

        Raises:
            ValueError: `ttl` is not above zero.
            BrokerUnreachable: the store did not answer; the run may be claimed all the same.
        """

    @abstractmethod
    def renew(self, claim: RunClaim, ttl: timedelta) -> None:
        """Let a claim last `ttl` from now, even if its end has passed and nobody took the run.

        A store that does not know of it, because it lost its data or did not answer when the run
        began, learns of the claim.

        Raises:
            LeaseLost: another copy has the attempt, a later one has begun, or it is finished.
            ValueError: `ttl` is not above zero.
            BrokerUnreachable: the store did not answer.
        """

    @abstractmethod
    def finish(self, claim: RunClaim) -> bool:
        """Say that the attempt is over, so that no copy of it runs any more.

        A store that does not know of the claim learns of it.

        Returns:
            Whether no other copy has the attempt, and no later one has begun; else nothing changes.

        Raises:
            BrokerUnreachable: the store did not answer.
        """

    @abstractmethod
    def release(self, claim: RunClaim) -> bool:
        """Let another copy of the attempt run, at once.

        Returns:
            Whether the run was this claim's until now; another's, and one that is over, is left
            alone.

        Raises:
            BrokerUnreachable: the store did not answer; a claim with an end ends by itself.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what the store holds; the claims stay where they are kept."""


def run_lost(claim: RunClaim, owner: str = "") -> LeaseLost:
    """Return the error that says that a run is not its holder's any more.

    Args:
        claim: the holder's.
        owner: who has the run now, if that is known.
    """
    by = f": {owner!r} has claimed it" if owner else ""
    return LeaseLost(
        f"attempt {claim.attempt} of the run {claim.run} is no longer this worker's{by}; "
        "it may run twice"
    )


@dataclass(slots=True)
class _Kept:
    """What is known of one run."""

    claim: RunClaim
    #: When the claim ends unless renewed; None when there is nothing left to run.
    ends: datetime | None
    forget_at: datetime

    def is_over(self, claim: RunClaim) -> bool:
        """Tell whether this very claim has nothing left to run."""
        return self.claim == claim and self.ends is None


#: How many runs are kept before those that are past are swept out.
_SWEEP = 256


class MemoryRunClaims(RunClaims):
    """Claims of runs in this process, for workers whose tasks run in threads of it.

    Args:
        clock: by which claims end and runs are forgotten.
        remember: how long a run is known after its last change.

    Raises:
        ValueError: `remember` is not above zero.
    """

    _SHARED: ClassVar[dict[str, MemoryRunClaims]] = {}

    def __init__(self, *, clock: Clock, remember: timedelta) -> None:
        refuse_ttl("runs", remember)
        self._clock = clock
        self._remember = remember
        self._lock = threading.Lock()
        self._runs: dict[str, _Kept] = {}
        self._sweep_at = _SWEEP

    @classmethod
    def open(
        cls,
        connection: Any,  # noqa: ARG003  # the memory of this process needs none
        *,
        namespace: str,
        remember: timedelta,
        clock: Clock,
    ) -> Self:
        """Return the claims of a namespace in this process, which all who open it share.

        They go by the clock of the first who opens them; the last `remember` counts.
        """
        found: Any = cls._SHARED.setdefault(namespace, cls(clock=clock, remember=remember))
        found._remember = remember  # noqa: SLF001  # its own
        own: Self = found
        return own

    def claim(self, claim: RunClaim, ttl: timedelta | None) -> RunAnswer:
        """Claim an attempt that nobody has."""
        if ttl is not None:
            refuse_ttl(claim.run, ttl)
        with self._lock:
            now = self._clock.now()
            kept = self._known(claim.run, now)
            if kept is not None:
                own, other = kept.claim == claim, kept.claim.owner
                if kept.claim.attempt > claim.attempt:
                    return RunAnswer(RunStanding.DONE, owner=other)
                if kept.claim.attempt == claim.attempt and not own:
                    if kept.ends is None:
                        return RunAnswer(RunStanding.DONE, owner=other)
                    if now < kept.ends:
                        return RunAnswer(RunStanding.HELD, kept.ends - now, other)
            else:
                self._sweep(now)
            self._keep(claim, None if ttl is None else now + ttl, now)
            return RunAnswer(RunStanding.WON)

    def renew(self, claim: RunClaim, ttl: timedelta) -> None:
        """Move the end of a claim, which may have passed."""
        refuse_ttl(claim.run, ttl)
        with self._lock:
            now = self._clock.now()
            kept = self._known(claim.run, now)
            if _is_anothers(kept, claim) or (kept is not None and kept.is_over(claim)):
                raise run_lost(claim, "" if kept is None else kept.claim.owner)
            self._keep(claim, now + ttl, now)

    def finish(self, claim: RunClaim) -> bool:
        """Let no copy of the attempt run any more."""
        with self._lock:
            now = self._clock.now()
            if _is_anothers(self._known(claim.run, now), claim):
                return False
            self._keep(claim, None, now)
            return True

    def release(self, claim: RunClaim) -> bool:
        """Let the next copy of the attempt run."""
        with self._lock:
            now = self._clock.now()
            kept = self._known(claim.run, now)
            if kept is None or kept.claim != claim or kept.ends is None:
                return False
            self._keep(claim, now, now)
            return True

    def close(self) -> None:
        """Do nothing: the claims are this process's."""

    @classmethod
    def reset(cls) -> None:
        """Forget all that was opened by namespace, as a restart of the process does."""
        cls._SHARED.clear()

    # -- under the lock -------------------------------------------------------------------------

    def _known(self, run: str, now: datetime) -> _Kept | None:
        kept = self._runs.get(run)
        return kept if kept is not None and now < kept.forget_at else None

    def _keep(self, claim: RunClaim, ends: datetime | None, now: datetime) -> None:
        self._runs[claim.run] = _Kept(claim, ends, now + self._remember)

    def _sweep(self, now: datetime) -> None:
        """Drop what is forgotten, so often that a claim costs the same however many there were."""
        if len(self._runs) >= self._sweep_at:
            self._runs = {run: kept for run, kept in self._runs.items() if now < kept.forget_at}
            self._sweep_at = max(_SWEEP, 2 * len(self._runs))


def _is_anothers(kept: _Kept | None, claim: RunClaim) -> bool:
    """Tell whether another copy has the attempt, or a later attempt has begun."""
    if kept is None or kept.claim == claim:
        return False
    return kept.claim.attempt >= claim.attempt
