"""The guard in front of runs: of the copies of a message one runs, whoever dies meanwhile."""

from __future__ import annotations

import itertools
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .clock import Clock, SystemClock, Wake
from .locks import new_owner
from .retries import BackOff
from .run_claims import RunAnswer, RunClaim, RunClaims, RunStanding
from .run_renewal import Renewal

logger: logging.Logger = logging.getLogger(__name__)

#: How long a run whose worker died keeps a second copy waiting.
LEASE: timedelta = timedelta(seconds=30)
#: How long a run is known after it ended.
REMEMBER: timedelta = timedelta(days=1)
#: How long a store that did not answer is not asked again: each question may take its time-out.
_PAUSE = timedelta(seconds=5)
_WON = RunAnswer(RunStanding.WON)


class GuardOutage(StrEnum):
    """What becomes of runs while nobody answers who keeps their claims."""

    #: They run; a second copy that comes then runs as well.
    RUN = "run"
    #: They wait until somebody answers.
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Start:
    """What becomes of one copy.

    Args:
        answer: won, held or done.
        claim: what `end`, `give_back` or `abandon` takes when the run is over; None where there is
            nothing to tell then.
    """

    answer: RunAnswer
    claim: RunClaim | None = None


class RunGuard:
    """Asks a store of claims before each run, and tells it what became of the run.

    Used from any thread of one process.

    Args:
        open_store: makes the store, when the first run begins.
        lease: how long a claim lasts that its holder does not renew.
        outage: what becomes of runs while the store does not answer.
        clock: whose monotonic time counts; the machine's unless given.
    """

    def __init__(
        self,
        open_store: Callable[[], RunClaims],
        *,
        lease: timedelta = LEASE,
        outage: GuardOutage = GuardOutage.RUN,
        clock: Clock | None = None,
    ) -> None:
        self._open_store = open_store
        self._lease = lease
        self._outage = outage
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._owner = new_owner()
        self._numbers = itertools.count()
        self._opening = threading.Lock()
        self._store: RunClaims | None = None
        self._renewal: Renewal | None = None
        self._ask_again = -math.inf
        self._away = False
        self._closed = Wake()

    def begin(self, run: str, attempt: int, *, repeatable: bool) -> Start:
        """Claim a run; with `GuardOutage.WAIT` this waits until somebody answers.

        Args:
            run: as a rule a task's id.
            attempt: 0 for the first, one more for each retry.
            repeatable: a run that dies may be run again, because its message is acknowledged when
                it is over; else the first copy that begins is the only one.
        """
        claim = RunClaim(run, attempt, f"{self._owner}-{next(self._numbers):x}")
        answer = self._ask(claim, self._lease if repeatable else None)
        if answer is not None and (answer.standing is not RunStanding.WON or not repeatable):
            return Start(answer)
        # Nobody knows of a run that began while nobody answered: what is told later is early enough
        # for the copies that come later.
        try:
            renewal = self._renewing()
        except Exception as error:  # noqa: BLE001  # the guard breaks nothing that it guards
            self._say_away(error)
            return Start(_WON)
        if not repeatable:
            renewal.owe(claim)
            return Start(_WON)
        renewal.add(claim)
        return Start(_WON, claim)

    def end(self, claim: RunClaim) -> None:
        """Say that a run is over: no copy of it runs any more."""
        kept = self._renewing().drop(claim)
        try:
            if kept and not self._opened().finish(claim):
                logger.debug("the run %s has gone on in another worker", claim.run)
        except Exception as error:  # noqa: BLE001  # the run is over all the same
            self._renewing().owe(claim)
            self._say_away(error)

    def give_back(self, claim: RunClaim) -> None:
        """Let another copy of a run have it."""
        self._renewing().drop(claim)
        try:
            self._opened().release(claim)
        except Exception as error:  # noqa: BLE001  # the claim ends by itself
            self._say_away(error)

    def abandon(self, claim: RunClaim) -> None:
        """Renew a claim no longer: what became of the run is not known, so its end decides."""
        self._renewing().drop(claim)

    def pause(self, last: timedelta) -> None:
        """Wait so long, or until the guard is closed."""
        self._clock.wait_until(self._clock.monotonic() + last.total_seconds(), self._closed)

    def close(self) -> None:
        """End the thread and close the store; claims end by themselves."""
        self._closed.set()
        if self._renewal is not None:
            self._renewal.stop()
        if self._store is not None:
            self._store.close()

    # -- the store -------------------------------------------------------------------------------

    def _ask(self, claim: RunClaim, ttl: timedelta | None) -> RunAnswer | None:
        """Return the store's answer, or None where the run goes on without one."""
        back_off = BackOff(_PAUSE)
        while True:
            if self._outage is GuardOutage.RUN and self._clock.monotonic() < self._ask_again:
                return None
            try:
                answer = self._opened().claim(claim, ttl)
            except Exception as error:  # the guard breaks nothing that it guards
                now = self._clock.monotonic()
                self._ask_again = now + _PAUSE.total_seconds()
                self._say_away(error)
                if self._outage is GuardOutage.RUN:
                    return None
                # Asking again is the same copy's, so what the store may have kept is won again.
                if self._clock.wait_until(now + back_off.next().total_seconds(), self._closed):
                    raise
            else:
                self._say_back()
                return answer

    def _opened(self) -> RunClaims:
        if self._store is None:
            with self._opening:
                if self._store is None:
                    self._store = self._open_store()
        return self._store

    def _renewing(self) -> Renewal:
        if self._renewal is None:
            store = self._opened()
            with self._opening:
                if self._renewal is None:
                    self._renewal = Renewal(store, self._lease, self._clock)
        return self._renewal

    # -- what is logged --------------------------------------------------------------------------

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            logger.info(
                "the claims of runs are reachable again", extra={"event": "guard-reachable"}
            )

    def _say_away(self, error: Exception) -> None:
        if self._away:
            return
        self._away = True
        runs = "run unguarded" if self._outage is GuardOutage.RUN else "wait"
        logger.error(  # a sentence
            "the claims of runs cannot be asked for, so runs %s until they can: %s",
            runs,
            error,
            extra={"event": "guard-unreachable"},
        )
