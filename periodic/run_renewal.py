"""Claims of runs that are kept while the runs go on: one thread for all runs of a process."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from .clock import Clock, Wake
from .errors import LeaseLost
from .run_claims import RunClaim, RunClaims

logger: logging.Logger = logging.getLogger(__name__)

#: After how much of its time a claim is renewed, and after how much more when nobody answered.
_RENEW, _AGAIN = 1 / 4, 1 / 10
#: How many ends of runs are kept for a store that does not answer; beyond it the oldest are lost.
_MOST_OWED = 10_000


class Renewal:
    """Renews claims on a daemon thread, which lives while there are any.

    A claim is renewed when a quarter of its time is over, at the latest at half of it; a run that
    is over by then costs nothing here.

    Args:
        store: keeps the claims.
        ttl: how long a claim lasts from each renewal on.
        clock: whose monotonic time counts.
    """

    def __init__(self, store: RunClaims, ttl: timedelta, clock: Clock) -> None:
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._seconds = ttl.total_seconds()
        self._lock = threading.Lock()
        #: Claim -> when to renew it, by the monotonic clock.
        self._held: dict[RunClaim, float] = {}
        #: Runs that are over and whose store does not know it yet.
        self._owed: dict[RunClaim, None] = {}
        self._failed = False
        self._wake = Wake()
        self._thread: threading.Thread | None = None

    def add(self, claim: RunClaim) -> None:
        """Renew a claim from now on, until it is dropped or lost."""
        with self._lock:
            self._held[claim] = self._clock.monotonic() + self._seconds * _RENEW
            self._start()

    def drop(self, claim: RunClaim) -> bool:
        """Renew a claim no longer.

        Returns:
            Whether it was renewed until now; False when it was lost.
        """
        with self._lock:
            return self._held.pop(claim, None) is not None

    def owe(self, claim: RunClaim) -> None:
        """Finish a claim as soon as the store answers again."""
        with self._lock:
            self._owed[claim] = None
            if len(self._owed) > _MOST_OWED:
                del self._owed[next(iter(self._owed))]
            self._start()

    def stop(self) -> None:
        """End the thread; claims that it renewed end by themselves."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._wake.clear()

    def look(self) -> float:
        """Renew what is due, and finish what is owed.

        Returns:
            When to look again, by the monotonic clock.
        """
        now = self._clock.monotonic()
        with self._lock:
            due = [claim for claim, at in self._held.items() if at <= now]
            owed = list(self._owed)
        try:
            for claim in due:
                self._renew(claim)
            for claim in owed:
                self._store.finish(claim)
                with self._lock:
                    self._owed.pop(claim, None)
        except Exception as error:  # noqa: BLE001  # a claim that nobody renews ends by itself
            if not self._failed:
                logger.warning("claims of runs cannot be renewed yet: %s", error)
            self._failed = True
            return now + self._seconds * _AGAIN
        self._failed = False
        return now + self._seconds * _RENEW

    def _renew(self, claim: RunClaim) -> None:
        began = self._clock.monotonic()
        try:
            self._store.renew(claim, self._ttl)
        except LeaseLost as error:
            # A run that ended while it was asked for has dropped its claim itself.
            if self.drop(claim):
                logger.warning("%s", error, extra={"event": "run-lost", "task_id": claim.run})
            return
        with self._lock:
            if claim in self._held:
                self._held[claim] = began + self._seconds * _RENEW

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="periodic-run-renewal", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        due = self._clock.monotonic() + self._seconds * _RENEW
        while not self._clock.wait_until(due, self._wake):
            due = self.look()
            with self._lock:
                if not self._held and not self._owed:
                    self._thread = None
                    return
