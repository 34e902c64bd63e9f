"""Brings what changes in a store to a running beat, on a thread of its own.

The watch of a store says that something may have changed, the revision says what; every few
seconds the revision is asked for all the same. A store that cannot be read leaves the beat what it
has, and is tried again.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from .clock import Clock, SystemClock, Wake, seconds_until
from .collector import keep, without_collector
from .errors import PeriodicError
from .sources import Lineup
from .store import ScheduleStore, StoreWatch

logger: logging.Logger = logging.getLogger(__name__)

#: The longest time between two looks at the revision, whatever the watch says.
POLL: timedelta = timedelta(seconds=5)
_FIRST_RETRY = 0.25
_LONGEST_RETRY = 2.0
_STOP_WITHIN = 1.0


class StoreWatcher:
    """Keeps a lineup in step with a store.

    Args:
        store: what changes; closed in the end, by the thread that used it.
        lineup: is told; entries that it keeps stay when the store is away.
        clock: waits, and says which pauses end; the store's clock dates writes.
    """

    def __init__(self, store: ScheduleStore, lineup: Lineup, clock: Clock | None = None) -> None:
        self._store = store
        self._lineup = lineup
        self._clock = clock if clock is not None else SystemClock()
        self._wake = Wake()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._watch: StoreWatch | None = None
        self._revision: int | None = None
        self._poll_at = self._clock.monotonic()
        self._retry = _FIRST_RETRY
        #: Why the store cannot be read; "" while it can.
        self.trouble: str = ""

    @property
    def revision(self) -> int | None:
        """Up to which revision the lineup knows the store; None before the first look."""
        return self._revision

    def start(self) -> None:
        """Look and wait until `stop`, on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="periodic-store-watcher", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread; a call of the store that hangs for a second is left behind."""
        self._stopping = True
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is None:
            self._store.close()
        elif thread is not threading.current_thread():
            thread.join(_STOP_WITHIN)

    def look(self) -> float:
        """Do all there is to do now; return after how many seconds to look again."""
        self._lineup.end_pauses()
        try:
            every = self._follow()
        except PeriodicError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001  # a driver's: the watcher must live
            return self._failed(error)
        self._recovered()
        return min(every, seconds_until(self._lineup.next_end(), self._clock, at_most=every))

    # -- parts -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                seconds = self.look()
                self._clock.wait_until(self._clock.monotonic() + seconds, self._wake)
        finally:
            self._close_watch()
            self._store.close()

    def _follow(self) -> float:
        if self._watch is None:
            self._watch = self._store.watch()
        now = self._clock.monotonic()
        if self._watch.changed() or now >= self._poll_at or self.trouble:
            if self._store.revision() != self._revision:
                changes = self._store.changes(self._revision)
                with without_collector():
                    count = self._lineup.take(changes)
                    keep(count)
                first, self._revision = self._revision is None, changes.revision
                self._told(count, changes.revision, first=first)
            self._poll_at = now + POLL.total_seconds()
        return self._watch.every.total_seconds()

    def _failed(self, error: Exception) -> float:
        self._close_watch()
        reason = str(error) or type(error).__name__
        if not self.trouble:
            kept = (
                "no entry runs until it has been read once"
                if self._revision is None
                else "the beat goes on with the entries that it has"
            )
            logger.error("%s; %s", reason, kept, extra={"event": "store-unreachable"})
        self.trouble = reason
        seconds, self._retry = self._retry, min(self._retry * 2, _LONGEST_RETRY)
        return seconds

    def _recovered(self) -> None:
        if self.trouble:
            self.trouble, self._retry = "", _FIRST_RETRY
            extra = {"event": "store-recovered"}
            logger.info("the store can be read again, revision %s", self._revision, extra=extra)

    @staticmethod
    def _told(count: int, revision: int, *, first: bool) -> None:
        level = logging.INFO if first else logging.DEBUG
        extra = {"event": "store-read", "revision": revision}
        logger.log(level, "store: %d changes taken up, revision %d", count, revision, extra=extra)

    def _close_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            try:
                watch.close()
            except Exception as error:  # noqa: BLE001  # it is being thrown away
                logger.debug("the watch could not be closed: %s", error)
