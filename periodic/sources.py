"""The entries of the code and of a store, side by side: what a beat runs of both.

Code changes come from the beat's thread, the store's from its watcher's: a lock makes them one.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Protocol

from .alike import Alike
from .clock import Clock, to_utc
from .entry import Entry
from .records import Changes, EntryRecord, Source
from .steps import Rules

logger: logging.Logger = logging.getLogger(__name__)

#: How many records the beat is told of at once.
_LOT = 500


class Runs(Protocol):
    """What runs entries: a beat."""

    def put(self, entry: Entry) -> None:
        """Add or change an entry."""
        ...

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Add or change entries."""
        ...

    def remove(self, name: str) -> None:
        """Take an entry out."""
        ...


class Lineup:
    """Decides which entry runs under each name, and tells the beat what has changed.

    A record of the store goes before the code; a record that changes an entry of the code runs
    while the code has it. Until the store has been read once nothing runs: an entry that somebody
    paused must not run because the store was away when the beat started.

    Args:
        beat: is told.
        rules: the app's zone, policies and checks.
        clock: says which pauses hold.
    """

    def __init__(self, beat: Runs, rules: Rules, clock: Clock) -> None:
        self._beat = beat
        self._rules = rules
        self._alike = Alike(rules.zone, rules.defaults)
        self._clock = clock
        self._lock = threading.RLock()
        self._code: dict[str, Entry] = {}
        #: Records that change the code, or have an end of their pause: they are looked at again.
        self._records: dict[str, EntryRecord] = {}
        #: Names of all records -> what runs of each, None where it cannot.
        self._stored: dict[str, Entry | None] = {}
        self._ends: list[tuple[datetime, str]] = []
        #: What the beat was told to run, and what it is to be told when enough has come together.
        self._running: set[str] = set()
        self._untold: list[Entry] = []
        #: Names that are in the code and in the store, each told once.
        self._doubled: set[str] = set()
        self._read = False
        #: Name of an entry that is set aside -> one sentence that says why.
        self.problems: dict[str, str] = {}

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._code.keys() | self._stored.keys())

    # -- the code --------------------------------------------------------------------------------

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Add or change entries of the code."""
        for entry in entries:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """Add or change an entry of the code."""
        with self._telling():
            self._code[entry.name] = entry
            if not self._read:
                return
            record = self._records.get(entry.name)
            if record is not None and record.source is Source.CODE:
                self._take(record, self._clock.now())
            elif entry.name not in self._stored:
                self._run(entry)
            else:
                self._tell_doubled(entry.name)

    def remove(self, name: str) -> None:
        """Take an entry of the code out."""
        with self._telling():
            if self._code.pop(name, None) is None or not self._read:
                return
            record = self._records.get(name)
            if record is not None and record.source is Source.CODE:
                self._take(record, self._clock.now())
            elif name not in self._stored:
                self._stop(name)

    # -- the store -------------------------------------------------------------------------------

    def take(self, changes: Changes) -> int:
        """Bring what the store tells to the beat; return how many records that were.

        Raises:
            StoreError: reading broke off; nothing is removed for what was not read.
        """
        if changes.whole:
            return self._take_all(changes.records)
        count = 0
        with self._telling():
            now = self._clock.now()
            for record in changes.records:
                self._take(record, now)
                count += 1
            for name in changes.removed:
                self._drop(name)
                count += 1
            self._first_read()
        return count

    def next_end(self) -> datetime | None:
        """Return when the next pause ends, in UTC; None where none has an end."""
        with self._lock:
            return self._ends[0][0] if self._ends else None

    def end_pauses(self) -> None:
        """Let go on what was paused until now."""
        with self._telling():
            now = self._clock.now()
            while self._ends and self._ends[0][0] <= now:
                _, name = heapq.heappop(self._ends)
                record = self._records.get(name)
                if record is not None and not record.paused(now):
                    self._take(record, now)

    # -- parts -----------------------------------------------------------------------------------

    def _take_all(self, records: Iterable[EntryRecord]) -> int:
        count = 0
        with self._lock:
            gone = set(self._stored)
        for lot in _lots(records):  # not under the lock: this reads, and may take its time
            with self._telling():
                now = self._clock.now()
                for record in lot:
                    self._take(record, now)
            count += len(lot)
            gone.difference_update([record.name for record in lot])
        with self._telling():
            for name in gone:
                self._drop(name)
            self._first_read()
        return count

    def _first_read(self) -> None:
        if self._read:
            return
        self._read = True
        for name, entry in self._code.items():
            record = self._records.get(name)
            if record is not None and record.source is Source.CODE:
                self._take(record, self._clock.now())
            elif name not in self._stored:
                self._run(entry)

    def _take(self, record: EntryRecord, now: datetime) -> None:
        name, of_code = record.name, record.source is Source.CODE
        base = self._code.get(name)
        if base is not None and not of_code:
            self._tell_doubled(name)
        waiting = of_code and base is None and not self._read
        pause = record.pause
        ends = pause.until if pause is not None and pause.lasts(now) else None
        if of_code or ends is not None:
            self._records[name] = record
        elif name in self._records:
            del self._records[name]
        if ends is not None:
            heapq.heappush(self._ends, (to_utc(ends), name))
        entry: Entry | None = None
        problem = ""
        if not waiting:
            try:
                entry = self._alike.entry_of(record, now, base)
                self._rules.check(entry)
            except Exception as error:  # noqa: BLE001  # a row may hold anything
                entry, problem = None, _sentence(name, error)
        if problem or self.problems:
            self._tell(name, problem)
        before = self._stored.get(name)
        self._stored[name] = entry
        if entry is None:
            self._stop(name)
        elif name not in self._running or entry != before:
            self._run(entry)

    def _drop(self, name: str) -> None:
        self._records.pop(name, None)
        self._stored.pop(name, None)
        self._tell(name, "")
        base = self._code.get(name)
        if base is None:
            self._stop(name)
        elif self._read:
            self._run(base)

    @contextmanager
    def _telling(self) -> Generator[None]:
        """Change what runs, and tell the beat of it in the end."""
        with self._lock:
            try:
                yield
            finally:
                self._tell_beat()

    def _tell_beat(self) -> None:
        if not self._read:
            return  # all of it together: the beat would take turns with whoever reads
        untold, self._untold = self._untold, []
        if untold:
            self._beat.put_all(untold)

    def _run(self, entry: Entry) -> None:
        self._running.add(entry.name)
        self._untold.append(entry)

    def _stop(self, name: str) -> None:
        # What never ran is not removed: that would let the broker forget another beat's cursor.
        if name not in self._running:
            return
        self._running.discard(name)
        if self._read:
            self._tell_beat()  # in the order of the changes
            self._beat.remove(name)
        else:
            self._untold = [entry for entry in self._untold if entry.name != name]

    def _tell_doubled(self, name: str) -> None:
        if name not in self._doubled:
            self._doubled.add(name)
            logger.warning(
                "entry %r is both in the code and in the store; the store's runs: rename one of "
                "them, or delete the store's",
                name,
                extra={"event": "entry-twice", "entry": name},
            )

    def _tell(self, name: str, problem: str) -> None:
        known = self.problems.get(name, "")
        if problem == known:
            return
        if problem:
            self.problems[name] = problem
            extra = {"event": "entry-set-aside", "entry": name}
            logger.error("entry %r is set aside: %s", name, problem, extra=extra)
        else:
            del self.problems[name]
            logger.info("entry %r is good again", name, extra={"event": "entry", "entry": name})


def shown(
    code: Iterable[Entry], records: Iterable[EntryRecord], rules: Rules, clock: Clock
) -> tuple[list[Entry], dict[str, str]]:
    """Return what a beat would run of the code and a store together, and what it sets aside.

    Args:
        code: the code's entries.
        records: all that the store holds.
        rules: the app's.
        clock: says which pauses hold.
    """
    listed = _Listed()
    lineup = Lineup(listed, rules, clock)
    for entry in code:
        lineup.put(entry)
    lineup.take(Changes(0, records, whole=True))
    return list(listed.entries.values()), lineup.problems


class _Listed:
    """A beat that only takes note."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def put(self, entry: Entry) -> None:
        """Take note of an entry."""
        self.entries[entry.name] = entry

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Take note of entries."""
        self.entries.update((entry.name, entry) for entry in entries)

    def remove(self, name: str) -> None:
        """Forget it."""
        self.entries.pop(name, None)


def _lots(records: Iterable[EntryRecord]) -> Iterator[Sequence[EntryRecord]]:
    rest = iter(records)
    while lot := list(islice(rest, _LOT)):
        yield lot


def _sentence(name: str, error: Exception) -> str:
    text = str(error).removeprefix(f"entry {name!r}: ")
    return text or type(error).__name__
