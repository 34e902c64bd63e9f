"""The entries of a beat: changes from any thread, and where each entry stands at the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from .broker import Broker
from .clock import Clock
from .copies import CursorCopy
from .cursors import Adoption
from .entry import Entry
from .planner import Planner
from .start_runs import owed, owing

logger: logging.Logger = logging.getLogger(__name__)

#: How long after its entry a cursor is forgotten: every beat has heard of the removal by then.
FORGET_AFTER: timedelta = timedelta(minutes=1)
#: A cursor this far ahead of the clock was moved there by a clock that was wrong.
_AHEAD = timedelta(seconds=2)
#: A change in a store is taken up within so much: what came due meanwhile is not lost.
_TAKEN_UP_WITHIN = timedelta(seconds=10)


#: An entry, and where its counting starts if it is new or has changed. Plain tuples: of all that
#: Python makes they are made soonest, and a beat may start with a hundred thousand.
_Put = tuple[Entry, datetime]


class Roster:
    """Takes changes from any thread, and hands them to planner and broker on the beat's own.

    Args:
        broker: knows the cursors.
        planner: is told each entry and where it stands.
        copy: knows them too, where the broker has lost them.
        clock: says when counting starts for what is new.
    """

    def __init__(self, broker: Broker, planner: Planner, copy: CursorCopy, clock: Clock) -> None:
        self._broker = broker
        self._planner = planner
        self._copy = copy
        self._clock = clock
        # What is known at once and what the beat takes up later are changed in the same order.
        self._lock = threading.RLock()
        #: What was put together, or a name that was removed.
        self._changes: SimpleQueue[dict[str, _Put] | str] = SimpleQueue()
        self._known: dict[str, _Put] = {}
        #: What of it was taken up, by name; `_unadopted` of that still has no cursor.
        self._puts: dict[str, _Put] = {}
        self._unadopted: dict[str, _Put] = {}
        self._since: datetime | None = None
        self._fingerprints: dict[str, str] = {}
        #: Entries that are gone, and when (monotonic seconds) their cursors go too.
        self._gone: dict[str, float] = {}

    # -- from any thread -------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._known)

    def get(self, name: str) -> Entry | None:
        """Return the entry of a name."""
        known = self._known.get(name)
        return None if known is None else known[0]

    def put(self, entry: Entry) -> None:
        """Add or change an entry; counting starts now for one that is new or has changed.

        Or a moment ago, where a store says that it was changed then.
        """
        self.put_all([entry])

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Add or change entries: all of them, or none where the iterable raises."""
        now = self._clock.now()
        recently = now - _TAKEN_UP_WITHIN
        puts: dict[str, _Put] = {}
        for entry in entries:
            since = entry.since
            just_now = since is not None and recently <= since <= now
            puts[entry.name] = entry, since if since is not None and just_now else now
        with self._lock:
            self._known.update(puts)
            self._changes.put(puts)

    def remove(self, name: str) -> None:
        """Take an entry out; an unknown name is no error."""
        with self._lock:
            self._known.pop(name, None)
            self._changes.put(name)

    def replace(self, entries: Iterable[Entry]) -> None:
        """Make `entries` the whole set: put what is new or changed, remove what is gone."""
        wanted = {entry.name: entry for entry in entries}
        with self._lock:
            for name in [name for name in self._known if name not in wanted]:
                self.remove(name)
            self.put_all([entry for name, entry in wanted.items() if self.get(name) != entry])

    # -- on the beat's thread --------------------------------------------------------------------

    def take_changes(self) -> list[str]:
        """Take up what was put and removed since; return the names."""
        names: list[str] = []
        while True:
            try:
                change = self._changes.get_nowait()
            except Empty:
                return names
            if isinstance(change, str):
                names.append(change)
                for kept in (self._puts, self._unadopted, self._fingerprints):
                    kept.pop(change, None)
                self._planner.remove(change)
                self._gone[change] = self._clock.monotonic() + FORGET_AFTER.total_seconds()
                continue
            # A dictionary takes over another one in a moment, however much there is.
            names.extend(change)
            self._puts.update(change)
            self._unadopted.update(change)
            for name in self._gone.keys() & change.keys():
                del self._gone[name]

    def adopt_again(self, since: datetime | None = None) -> None:
        """Ask for all cursors at the next `adopt`: another beat has moved them meanwhile.

        Args:
            since: up to when runs were another beat's; entries that the broker knows no cursor
                of do not count from before. Aware, or None.
        """
        self._unadopted = dict(self._puts)
        self._since = since

    def adopt(self) -> list[Entry]:
        """Give new and changed entries their cursors, and plan them; return them.

        Raises:
            BrokerUnreachable: nothing has changed; try again later.
        """
        if not self._unadopted:
            return []
        puts = list(self._unadopted.values())
        adoptions = self._adoptions(puts)
        cursors = self._broker.adopt(adoptions)
        self._unadopted = {}
        for (entry, _), adoption in zip(puts, adoptions, strict=True):
            name = entry.name
            self._fingerprints[name] = adoption.fingerprint
            self._planner.put(entry, cursors[name])
        self._report_future(cursors)
        return [entry for entry, _ in puts]

    def fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of an entry as it was adopted; None for one that is gone."""
        return self._fingerprints.get(name)

    def forget_gone(self) -> None:
        """Let the broker forget the cursors of entries that were removed a while ago.

        Raises:
            BrokerUnreachable: nothing was forgotten; try again later.
        """
        now = self._clock.monotonic()
        names = [name for name, after in self._gone.items() if after <= now]
        if names:
            self._broker.forget(names)
            self._copy.forget(names)
            for name in names:
                del self._gone[name]

    def _adoptions(self, puts: list[_Put]) -> list[Adoption]:
        copies = self._copy.load(entry.name for entry, _ in puts)
        adoptions: list[Adoption] = []
        for entry, counts_from in puts:
            name, fingerprint, anchor = entry.name, entry.fingerprint, counts_from
            copy = copies.get(name)
            believed = copy.at if copy is not None and copy.fingerprint == fingerprint else None
            if self._since is not None:
                # A start long ago, or an old copy, would repeat what the other beat has sent.
                anchor = max(anchor, self._since)
                # A run at the start that was owed before then is the other beat's matter, too.
                if believed is not None and (owed(believed) or believed) <= self._since:
                    believed = self._since
            is_new = copy is None and name not in self._fingerprints
            if entry.run_on_start and entry.enabled and is_new:
                believed = owing(anchor)  # never seen, where the broker knows no cursor either
            adoptions.append(Adoption(name, fingerprint, anchor, believed))
        return adoptions

    def _report_future(self, cursors: Mapping[str, datetime]) -> None:
        """Say which entries stand in the future: a clock that was wrong has moved them there."""
        horizon = self._clock.now() + _AHEAD
        ahead = {name: up_to for name, at in cursors.items() if (up_to := owed(at) or at) > horizon}
        if ahead:
            name, at = max(ahead.items(), key=lambda item: item[1])
            logger.warning(
                "%d entries were dispatched up to instants that are still to come and run again "
                "after them, the last is %r after %s: was a clock ahead? To count from now "
                "on, stop the beats and remove the cursors",
                len(ahead),
                name,
                at.isoformat(),
                extra={"event": "cursor-ahead", "entries": sorted(ahead)},
            )
