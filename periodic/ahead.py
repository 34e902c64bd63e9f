"""Messages made ready before their instants, so that at the instant there is little left to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from .broker import Broker, Dispatch
from .clock import Clock
from .due import Due
from .entry import Entry
from .planner import Planner

#: How long before their instant dispatches may be made: longer than a beat sleeps at once.
AHEAD: timedelta = timedelta(seconds=6)
#: How many dispatches are kept ready; a message of an entry has about a thousand characters.
MOST_READY: int = 10_000
#: How long the beat may be kept from other work, in seconds.
_SLICE = 0.005

Chain = Callable[[Due], list[Dispatch]]


class Ahead:
    """Lets the broker prepare what is due next, and what entries that are new will need.

    It only saves time: whatever fails here fails again, and is told, where it is dispatched.

    Args:
        broker: prepares dispatches.
        planner: knows what is due next.
        clock: the beat's.
        chain: makes the dispatches of what is due.
    """

    def __init__(self, broker: Broker, planner: Planner, clock: Clock, chain: Chain) -> None:
        self._broker = broker
        self._planner = planner
        self._clock = clock
        self._chain = chain
        #: Entries whose first message takes longer than those that follow.
        self._new: deque[Entry] = deque()
        self._ready: dict[str, tuple[Entry, Dispatch]] = {}
        self._ready_for: datetime | None = None
        self._upcoming: Iterator[Due] = iter(())

    def welcome(self, entries: Iterable[Entry]) -> None:
        """Take note of entries that are new or changed."""
        self._new.extend(entry for entry in entries if entry.enabled)

    def take(self, due: Due) -> Dispatch | None:
        """Return the dispatch that is ready for what is due; None where there is none."""
        ready = self._ready.pop(due.entry.name, None)
        if ready is None:
            return None
        entry, dispatch = ready
        fits = (
            entry is due.entry
            and due.fire_times == (dispatch.occurrence.fire_time,)
            and due.cursor == dispatch.previous
            and due.up_to is None
        )
        return dispatch if fits else None

    def work(self, wake: datetime | None) -> bool:
        """Prepare for a moment.

        Args:
            wake: when there is something due; nothing is prepared from then on.

        Returns:
            Whether something is left to prepare.
        """
        now = self._clock.now()
        if wake is not None and wake <= now:
            return False
        if wake is not None and wake != self._ready_for and wake - now <= AHEAD:
            self._ready.clear()
            self._ready_for = wake
            self._upcoming = iter(self._planner.upcoming(MOST_READY))
        until = self._clock.monotonic() + _SLICE
        while self._step():
            if self._clock.monotonic() >= until:
                return True
        return False

    def _step(self) -> bool:
        """Prepare one dispatch; False when there is none left."""
        due = next(self._upcoming, None)
        keep = due is not None
        if due is None:
            if not self._new:
                return False
            now = self._clock.now()
            due = Due(self._new.popleft(), now, (now,))
        with suppress(Exception):  # a message may be anybody's code
            for dispatch in self._broker.prepare(self._chain(due)):
                if keep:
                    self._ready[due.entry.name] = due.entry, dispatch
        return True
