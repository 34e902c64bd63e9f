"""How a change in a SQL database is noticed: SQLite's data_version, else the revision itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..errors import StoreUnreachable
from ..store import StoreWatch
from .connecting import Database, line_of

#: What the triggers notify.
CHANNEL = "periodic"
_OFTEN = timedelta(milliseconds=10)
_SELDOM = timedelta(milliseconds=250)


def watch_of(database: Database, revision: Callable[[], int]) -> StoreWatch:
    """Return the quickest watch that a database has.

    Args:
        database: what is watched.
        revision: reads the store's.
    """
    if database.is_sqlite:
        return _FileWatch(database)
    if database.engine.dialect.driver == "psycopg":
        return _ListeningWatch(database)
    return _RevisionWatch(revision)


def _unwatched(database: Database, error: Exception) -> StoreUnreachable:
    return StoreUnreachable(f"{database.shown} cannot be watched: {line_of(error)}")


class _FileWatch(StoreWatch):
    """Asks SQLite for `data_version`: microseconds, and any commit of anybody else changes it."""

    every = _OFTEN

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._seen: int | None = None

    def changed(self) -> bool:
        """Tell whether somebody has committed."""
        try:
            if self._connection is None:
                self._seen = None
                # A connection of its own, which writes nothing: its own commits it would not see.
                self._connection = self._database.engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT"
                )
            version = int(self._connection.exec_driver_sql("PRAGMA data_version").scalar_one())
        except DBAPIError as error:
            self.close()
            raise _unwatched(self._database, error) from error
        seen, self._seen = self._seen, version
        return seen != version

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _ListeningWatch(StoreWatch):
    """Listens to PostgreSQL's `NOTIFY` of the triggers, on a connection of its own.

    Behind a pooler that hands connections around nothing is heard; the poll finds changes then.
    """

    every = _OFTEN

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def changed(self) -> bool:
        """Tell whether a trigger has notified."""
        try:
            if self._connection is None:
                self._connection = self._listen()
                return True  # what came before nobody has heard
            line = self._connection.pgconn
            line.consume_input()
            heard = False
            while line.notifies() is not None:
                heard = True
        except Exception as error:
            self.close()
            raise _unwatched(self._database, error) from error
        return heard

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _listen(self) -> Any:
        pooled = self._database.engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()  # the pool counts it no more
        driver.autocommit = True
        driver.execute(f"LISTEN {CHANNEL}")
        return driver


class _RevisionWatch(StoreWatch):
    """Asks for the revision."""

    every = _SELDOM

    def __init__(self, revision: Callable[[], int]) -> None:
        self._revision = revision
        self._seen: int | None = None

    def changed(self) -> bool:
        """Tell whether the revision has moved."""
        seen, self._seen = self._seen, self._revision()
        return seen != self._seen

    def close(self) -> None:
        """Nothing is held."""
