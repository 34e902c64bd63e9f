"""Cursors: per entry, the newest fire time already dispatched or given up.

A cursor store hands out its table for one exclusive, all-or-nothing step at a time, so that a
claim is a plain comparison: "is the cursor still where the beat saw it?".
"""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .clock import to_utc
from .errors import BrokerUnreachable, ConfigError


class Cursor(NamedTuple):  # as adoptions are: made sooner than a dataclass that is frozen
    """Where an entry stands.

    Args:
        at: the newest fire time dispatched or given up, or the instant counting began; UTC.
        fingerprint: of the schedule that it belongs to, so that an edit made while no beat ran
            is seen.
    """

    at: datetime
    fingerprint: str


class Adoption(NamedTuple):
    """An entry that a beat takes up: counting starts at `anchor` unless a cursor is there.

    Args:
        name: the entry's.
        fingerprint: of its schedule.
        anchor: where counting starts for an entry that was edited or never seen; aware.
        copy: where it stands if no cursor is known: where a copy of the cursors says that this
            schedule stood, for a broker that has lost its data, or, for an entry never seen, that
            a run at the start is owed. Not believed where a cursor is known. Aware, or None.
    """

    name: str
    fingerprint: str
    anchor: datetime
    copy: datetime | None = None


class CursorTable(ABC):
    """The cursors of one namespace, during one exclusive step."""

    #: Where entries stand whose cursor is not known, by what was said of them in this step.
    _believed: dict[str, datetime] | None = None

    @abstractmethod
    def get(self, name: str) -> Cursor | None:
        """Return the entry's cursor, or None for an entry never seen."""

    @abstractmethod
    def set(self, name: str, cursor: Cursor) -> None:
        """Move the entry's cursor."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Forget the entry's cursor; an unknown name is no error."""

    def keep(self, cursors: Mapping[str, Cursor]) -> None:
        """Move cursors forward, never back; another schedule's cursor is replaced."""
        for name, cursor in cursors.items():
            kept = self.get(name)
            if kept is None or kept.fingerprint != cursor.fingerprint or kept.at < cursor.at:
                self.set(name, cursor)

    def stand(self, name: str, otherwise: datetime) -> datetime:
        """Return where the entry's cursor stands, or `otherwise` for one that is not known.

        An unknown cursor is one that was lost with the place that kept it; the beat that still
        knows where it stood is believed, so that the loss repeats nothing and skips nothing. What
        it says first counts for the whole step: what follows a message that failed waits for it.
        """
        cursor = self.get(name)
        if cursor is not None:
            return cursor.at
        if self._believed is None:
            self._believed = {}
        return self._believed.setdefault(name, otherwise)

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return each entry's cursor; one never seen, or edited since, starts at its anchor.

        A first start or an edit is never a misfire: nothing before the anchor counts as missed.
        """
        found: dict[str, datetime] = {}
        for name, fingerprint, anchor, copy in adoptions:
            cursor = self.get(name)
            if cursor is None or cursor.fingerprint != fingerprint:
                at = copy if cursor is None and copy is not None else anchor
                cursor = Cursor(to_utc(at), fingerprint)
                self.set(name, cursor)
            found[name] = cursor.at
        return found


class CursorStore(ABC):
    """Keeps cursors; one step at a time has the table to itself."""

    @abstractmethod
    def step(self, namespace: str) -> AbstractContextManager[CursorTable]:
        """Open the table of a namespace for one exclusive step.

        Everything set in the step is kept when it ends well, and nothing when it raises.

        Raises:
            BrokerUnreachable: the store cannot be used now; trying again later may help.
        """


class MemoryCursors(CursorStore):
    """Cursors in this process: they live as long as it does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, dict[str, Cursor]] = {}

    def step(self, namespace: str) -> AbstractContextManager[CursorTable]:
        """Open the table under this process's lock."""
        return _MemoryStep(self._lock, self._tables, namespace)

    def clear(self) -> None:
        """Forget every cursor of every namespace."""
        with self._lock:
            self._tables.clear()


class _MemoryStep(AbstractContextManager[CursorTable]):
    """One step; a class, because a simulated year has hundreds of thousands of them."""

    __slots__ = ("_lock", "_namespace", "_table", "_tables")

    def __init__(
        self, lock: threading.Lock, tables: dict[str, dict[str, Cursor]], namespace: str
    ) -> None:
        self._lock = lock
        self._tables = tables
        self._namespace = namespace

    def __enter__(self) -> CursorTable:
        self._lock.acquire()
        self._table = MemoryTable(self._tables.setdefault(self._namespace, {}))
        return self._table

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._table.commit()
        finally:
            self._lock.release()


class MemoryTable(CursorTable):
    """A table over a dictionary, which it changes only when the step is committed.

    Args:
        kept: entry -> its cursor.
    """

    def __init__(self, kept: dict[str, Cursor]) -> None:
        self._kept = kept
        #: What the step changes; None is a cursor that goes.
        self.written: dict[str, Cursor | None] = {}

    def get(self, name: str) -> Cursor | None:
        """Return the entry's cursor as this step sees it."""
        return self.written[name] if name in self.written else self._kept.get(name)

    def set(self, name: str, cursor: Cursor) -> None:
        """Move the entry's cursor, for this step."""
        self.written[name] = cursor

    def remove(self, name: str) -> None:
        """Forget the entry's cursor, for this step."""
        self.written[name] = None

    def commit(self) -> None:
        """Do to the dictionary what the step has changed."""
        for name, cursor in self.written.items():
            if cursor is None:
                self._kept.pop(name, None)
            else:
                self._kept[name] = cursor


_CREATE = """
CREATE TABLE IF NOT EXISTS periodic_cursors (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    at TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID
"""


class FileCursors(CursorStore):
    """Cursors in one SQLite file: they outlive the process, and beats on one machine may share it.

    Args:
        path: the file; it is made when missing, its directory is not.
        timeout: how long a step waits for another process's step, in seconds.

    Raises:
        ConfigError: the file cannot be made or read, or is not a file of cursors.
    """

    def __init__(self, path: str | Path, *, timeout: float = 5.0) -> None:
        self.path: Path = Path(path)
        self._timeout = timeout
        try:
            if not self.path.exists():
                self._make()
            with self._exclusive():
                pass
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"cursors cannot be kept in {str(self.path)!r} ({error}); "
                "name a file in a directory that this process may write to"
            ) from error

    def _make(self) -> None:
        """Make the file beside its place and link it there, so that it is never seen half made.

        Switching a file to SQLite's write-ahead log fails at once, whatever the timeout, when
        another process opens it at the same moment: beats that start together would fall.
        """
        with TemporaryDirectory(prefix=f".{self.path.name}.", dir=self.path.parent) as folder:
            made = Path(folder, "made")
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(_CREATE)
            # Where another beat was first its file is as good, and where the file system knows no
            # hard links SQLite makes a file of its own, slower and as safe.
            with suppress(OSError):
                self.path.hardlink_to(made)

    @contextmanager
    def _exclusive(self) -> Iterator[sqlite3.Connection]:
        # One connection a step: a step may come from any thread, and a fork shares nothing.
        with closing(
            sqlite3.connect(self.path, timeout=self._timeout, isolation_level=None)
        ) as connection:
            # With a write-ahead log this is safe against a killed process, and short; a power
            # cut may undo the newest steps, which repeats occurrences and loses none.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(_CREATE)  # a file may be deleted under a running beat
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def step(self, namespace: str) -> Iterator[CursorTable]:
        """Open the table in one immediate transaction."""
        try:
            with self._exclusive() as connection:
                yield _FileTable(connection, namespace)
        except sqlite3.Error as error:
            raise BrokerUnreachable(
                f"cursors in {str(self.path)!r} cannot be used now ({error})"
            ) from error


class _FileTable(CursorTable):
    def __init__(self, connection: sqlite3.Connection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace

    def get(self, name: str) -> Cursor | None:
        row = self._connection.execute(
            "SELECT at, fingerprint FROM periodic_cursors WHERE namespace = ? AND name = ?",
            (self._namespace, name),
        ).fetchone()
        return None if row is None else Cursor(datetime.fromisoformat(row[0]), row[1])

    def set(self, name: str, cursor: Cursor) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO periodic_cursors VALUES (?, ?, ?, ?)",
            (self._namespace, name, to_utc(cursor.at).isoformat(), cursor.fingerprint),
        )

    def remove(self, name: str) -> None:
        self._connection.execute(
            "DELETE FROM periodic_cursors WHERE namespace = ? AND name = ?",
            (self._namespace, name),
        )

    def keep(self, cursors: Mapping[str, Cursor]) -> None:
        # ISO 8601 in UTC sorts as the instants do: "+" comes before "." and the digits.
        self._connection.executemany(
            "INSERT INTO periodic_cursors VALUES (?, ?, ?, ?) "
            "ON CONFLICT (namespace, name) DO UPDATE "
            "SET at = excluded.at, fingerprint = excluded.fingerprint "
            "WHERE excluded.at > at OR excluded.fingerprint <> fingerprint",
            [
                (self._namespace, name, to_utc(cursor.at).isoformat(), cursor.fingerprint)
                for name, cursor in cursors.items()
            ],
        )
