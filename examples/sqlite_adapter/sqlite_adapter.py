"""An adapter for kombu's `sqla+sqlite:///`: claims, cursors and messages in one SQLite file.

Kombu renders a message, up to the row that it would insert. Then one transaction looks where the
cursors stand, inserts the rows of what is won into kombu's own tables, and moves the cursors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from json import dumps
from typing import Any, ClassVar, Self

from kombu import Connection, Producer
from kombu.transport import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from periodic import (
    Adoption,
    Broker,
    BrokerError,
    BrokerUnreachable,
    Capability,
    Clock,
    ConfigError,
    Cursor,
    CursorStore,
    CursorTable,
    Dispatch,
    Message,
    Outcome,
    Status,
    to_utc,
)

#: What a message becomes: rows of (payload, queue).
Rows = list[tuple[str, str]]

#: Seconds to wait for another process's transaction.
_TIMEOUT = 5.0
_CREATE = """
CREATE TABLE IF NOT EXISTS periodic_cursors (
    namespace TEXT, name TEXT, at TEXT, fingerprint TEXT, PRIMARY KEY (namespace, name)
)
"""
_INSERT_QUEUE = "INSERT OR IGNORE INTO kombu_queue (name) VALUES (?)"
_INSERT_MESSAGE = """
INSERT INTO kombu_message (visible, payload, version, queue_id)
SELECT TRUE, ?, 1, id FROM kombu_queue WHERE name = ?
"""


class SQLiteBroker(Broker):
    """Messages in kombu's SQLAlchemy transport on SQLite, in tables of its names; cursors beside.

    Args:
        connection: a `kombu.Connection` to `sqla+sqlite:///PATH`; it is cloned, not used.
        namespace: whose cursors these are.

    A beat killed at any moment loses nothing and repeats nothing; a crash of the machine does what
    it does to an SQLite file, to messages and cursors alike.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.ATOMIC_DISPATCH, Capability.CROSS_PROCESS}
    )

    def __init__(self, connection: Connection, *, namespace: str) -> None:
        url = make_url(connection.hostname)
        if url.get_backend_name() != "sqlite" or not url.database:
            raise ConfigError(f"{connection.as_uri()} is no file of SQLite: sqla+sqlite:///PATH")
        self._connection = connection.clone()
        self._connection.transport_cls = _CapturingTransport
        self._path = url.database
        self._namespace = namespace
        self._channel: Any = None  # a _CapturingChannel, once it is needed

    @classmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        clock: Clock,  # noqa: ARG003  # nothing here asks the time
        cursors: Callable[[], CursorStore],  # noqa: ARG003  # cursors live beside the messages
    ) -> Self:
        """Make the adapter; `clock` and `cursors` are not used."""
        return cls(connection, namespace=namespace)

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        with self._step() as table:
            return table.adopt(adoptions)

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        with self._step() as table:
            for name in names:
                table.remove(name)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Render every message first, then claim, insert and move cursors in one transaction."""
        try:
            rendered = [self._render(each.message) for each in batch]
            with self._step() as table:
                pairs = zip(batch, rendered, strict=True)
                return [_one(table, dispatch, rows) for dispatch, rows in pairs]
        except BrokerUnreachable as error:  # the transaction is undone, all of it
            return [Outcome(each.occurrence, Status.FAILED, each.previous, error) for each in batch]

    def _render(self, message: Message) -> Rows | Exception:
        """Publish a message up to kombu's last step; return an error that is its own."""
        if self._channel is None:
            self._channel = self._connection.channel()
        self._channel.captured = []
        try:
            message.publish(Producer(self._channel, auto_declare=False))
        except OperationalError as error:  # SQLite's, as SQLAlchemy tells it
            raise BrokerUnreachable(f"{self._path}: {error}") from error
        except Exception as error:  # noqa: BLE001  # a task's own code may run
            return error
        finally:
            self._channel.session.close()  # it may have looked for queues
        return self._channel.captured or BrokerError("no queue is bound to the exchange")

    @contextmanager
    def _step(self) -> Iterator[_Table]:
        try:
            with closing(
                sqlite3.connect(self._path, timeout=_TIMEOUT, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")  # one writer at a time
                connection.execute(_CREATE)
                yield _Table(connection, self._namespace)
                connection.execute("COMMIT")  # closing without it undoes all
        except sqlite3.Error as error:
            raise BrokerUnreachable(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Close the connection; everything else is in the file."""
        self._channel = None
        self._connection.release()


def _one(table: _Table, dispatch: Dispatch, rows: Rows | Exception) -> Outcome:
    """Claim by comparing: the cursor must stand where the beat saw it."""
    occurrence = dispatch.occurrence
    stands = table.stand(occurrence.entry, dispatch.previous)
    if stands != dispatch.previous:
        return Outcome(occurrence, Status.TAKEN, stands)
    if isinstance(rows, Exception):
        return Outcome(occurrence, Status.FAILED, stands, rows)
    for payload, queue in rows:
        table.connection.execute(_INSERT_QUEUE, (queue,))
        table.connection.execute(_INSERT_MESSAGE, (payload, queue))
    table.set(occurrence.entry, Cursor(dispatch.cursor, dispatch.fingerprint))
    return Outcome(occurrence, Status.DISPATCHED, dispatch.cursor)


class _Table(CursorTable):
    """The cursors of one namespace, during one transaction; what to do with them is inherited."""

    def __init__(self, connection: sqlite3.Connection, namespace: str) -> None:
        self.connection = connection
        self._namespace = namespace

    def get(self, name: str) -> Cursor | None:
        where = "SELECT at, fingerprint FROM periodic_cursors WHERE namespace = ? AND name = ?"
        row = self.connection.execute(where, (self._namespace, name)).fetchone()
        return None if row is None else Cursor(datetime.fromisoformat(row[0]), row[1])

    def set(self, name: str, cursor: Cursor) -> None:
        row = self._namespace, name, to_utc(cursor.at).isoformat(), cursor.fingerprint
        self.connection.execute("REPLACE INTO periodic_cursors VALUES (?, ?, ?, ?)", row)

    def remove(self, name: str) -> None:
        where = "DELETE FROM periodic_cursors WHERE namespace = ? AND name = ?"
        self.connection.execute(where, (self._namespace, name))


class _CapturingChannel(sqlalchemy.Channel):
    """Kombu's channel with its last step held back; routing, serializing and so on stay kombu's."""

    captured: Rows

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        self.captured.append((dumps(payload), queue))


class _CapturingTransport(sqlalchemy.Transport):
    Channel = _CapturingChannel
