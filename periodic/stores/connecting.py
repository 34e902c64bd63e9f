"""Connections to a SQL database: transactions, forks, outages, and whether its tables fit."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row, create_engine, event
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InvalidatePoolError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from ..errors import ConfigError, StoreError, StoreUnreachable
from . import migrating
from .tables import revisions

#: Seconds that a connection, or a writer in front of us, may take.
_PATIENCE = 5
_CONNECT_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"timeout": _PATIENCE},
    # Making a statement ready is a round trip of its own, and poolers know nothing of it.
    "psycopg": {"connect_timeout": _PATIENCE, "prepare_threshold": None},
    "psycopg2": {"connect_timeout": _PATIENCE},
    "pymysql": {"connect_timeout": _PATIENCE},
    "mysqlclient": {"connect_timeout": _PATIENCE},
}
#: Drivers whose connections need no question to know that the other end is gone.
_HEARD = ("sqlite", "psycopg", "psycopg2")


class Database:
    """One database; any thread may use it, and a process that was forked off.

    Args:
        engine: its connections are used and given back.
        own: it was made here, and is closed here.
    """

    def __init__(self, engine: Engine, *, own: bool = False) -> None:
        if engine.dialect.name not in migrating.DIALECTS:
            raise ConfigError(
                f"a store cannot be kept in {engine.dialect.name}; "
                f"use one of {', '.join(migrating.DIALECTS)}"
            )
        self.engine: Engine = engine
        self.is_sqlite: bool = engine.dialect.name == "sqlite"
        self.is_postgresql: bool = engine.dialect.name == "postgresql"
        self._own = own
        self._pid = os.getpid()
        self._fits = False
        self._lock = threading.Lock()

    @classmethod
    def at(cls, url: str) -> Database:
        """Return the database of a URL of SQLAlchemy; nothing is connected.

        Raises:
            ConfigError: it is no such URL, or its driver is not installed.
        """
        try:
            parsed = make_url(url)
            dialect = parsed.get_dialect()
            if dialect.name == "sqlite" and parsed.database in (None, "", ":memory:"):
                raise ConfigError(
                    "a store in SQLite needs a file that beats and apps share, such as "
                    "sqlite:///schedules.db; for a store in memory write memory://"
                )
            key = "sqlite" if dialect.name == "sqlite" else dialect.driver
            engine = create_engine(
                parsed,
                connect_args=dict(_CONNECT_ARGUMENTS.get(key, {})),
                pool_pre_ping=key not in _HEARD,
            )
            if key in _HEARD and key != "sqlite":
                event.listen(engine, "checkout", _refuse_deaf)
        except NoSuchModuleError as error:
            raise ConfigError(f"{_shown(url)} names no database that is known: {error}") from error
        except ArgumentError as error:
            raise ConfigError(
                f"{_shown(url)} is no URL of a database; write one such as "
                "sqlite:////srv/shop/schedules.db or postgresql+psycopg://user@host/shop"
            ) from error
        except ImportError as error:
            raise ConfigError(
                f"the driver of {_shown(url)} is not installed: {error}; install it, for example "
                "psycopg[binary] for postgresql+psycopg://"
            ) from error
        return cls(engine, own=True)

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Yield a connection on which each statement sees what is committed.

        Raises:
            StoreUnreachable: the database cannot be used now.
            ConfigError: its tables do not fit this version.
        """
        with self._connection() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Yield a connection inside a transaction: kept when it ends well, else undone."""
        with self._connection() as connection, self._transaction(connection):
            yield connection

    def migrate(self) -> list[str]:
        """Make or change the tables in one transaction; return what was done, in words."""
        with self._connection(fitting=False) as connection, self._transaction(connection):
            return migrating.migrate(connection)

    def close(self) -> None:
        """Close what was opened here."""
        if self._own:
            self.engine.dispose()

    def first_counters(self, namespace: str) -> Executable:
        """Return the statement that makes a namespace's counters where there are none."""
        values = {"namespace": namespace, "revision": 0, "forgotten": 0}
        if self.engine.dialect.name == "postgresql":
            return postgresql_insert(revisions).values(values).on_conflict_do_nothing()
        made = mysql_insert(revisions).values(values)
        return made.on_duplicate_key_update(revision=revisions.c.revision)

    @contextmanager
    def _connection(self, *, fitting: bool = True) -> Generator[Connection]:
        self._after_fork()
        try:
            with self.engine.connect() as plain:
                # Transactions are begun by hand where there is one, see below.
                connection = plain.execution_options(isolation_level="AUTOCOMMIT")
                if fitting:
                    self._fit(connection)
                yield connection
        except (DBAPIError, OSError) as error:
            raise self._unreachable(error) from error
        except SQLAlchemyError as error:
            raise StoreError(f"the store {self.shown} failed: {line_of(error)}") from error

    @contextmanager
    def _transaction(self, connection: Connection) -> Generator[None]:
        # By hand: pysqlite begins none before DDL, and a deferred one may not be able to write.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
        try:
            yield
        except BaseException:
            with suppress(SQLAlchemyError):  # the server may have ended it already
                connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")

    @property
    def shown(self) -> str:
        """The database's URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    def _fit(self, connection: Connection) -> None:
        """See once that the tables are those of this version; a fresh file gets them."""
        if self._fits:
            return
        with self._lock:
            if self.is_sqlite and migrating.is_untouched(connection):
                with suppress(DBAPIError):  # another process has the file open: it decided
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                with self._transaction(connection):
                    migrating.migrate(connection)
            steps = migrating.pending(connection)
            if steps:
                raise ConfigError(
                    f"the store {self.shown} lacks {len(steps)} "
                    f"{'migration' if len(steps) == 1 else 'migrations'} ({steps[0]}, ...); run "
                    "`flask periodic migrate`, or `celery -A your_app periodic migrate`"
                )
            self._fits = True

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            # The parent's connections are the parent's: forget them, close nothing.
            self.engine.dispose(close=False)
            self._pid = os.getpid()
            self._lock = threading.Lock()

    def _unreachable(self, error: Exception) -> StoreUnreachable:
        return StoreUnreachable(f"the store {self.shown} cannot be used now: {line_of(error)}")


def _refuse_deaf(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection whose server has hung up, without a round trip.

    Nobody says anything on a connection that rests: what can be read on it is its end.
    """
    if connection.closed or select.select([connection.fileno()], [], [], 0)[0]:
        raise InvalidatePoolError


def rows_of(connection: Connection, wanted: Executable) -> Sequence[Row[Any]]:
    """Return all rows of a query; a text of SQLite that is none comes as its bytes.

    SQLite keeps any bytes as text if it is told to. A driver that cannot read one value gives no
    row at all; so whoever reads the rows says what is wrong with one, and has the others.
    """
    try:
        return connection.execute(wanted).all()
    except OperationalError as error:
        if connection.dialect.name != "sqlite" or "UTF-8" not in str(error.orig):
            raise
    driver: Any = connection.connection.driver_connection
    usual, driver.text_factory = driver.text_factory, _text_or_bytes
    try:
        return connection.execute(wanted).all()
    finally:
        driver.text_factory = usual


def _text_or_bytes(found: bytes) -> str | bytes:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found


def line_of(error: Exception) -> str:
    """Return the first line of what the driver said."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip() or type(cause).__name__
    return text.splitlines()[0]


def _shown(url: str) -> str:
    with suppress(ArgumentError):
        return repr(make_url(url).render_as_string(hide_password=True))
    return repr(url)
