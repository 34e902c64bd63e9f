"""Each store keeps every promise of the contract of stores."""

import sqlite3
import uuid
from contextlib import closing

import pytest
import testmariadb
from sqlalchemy import create_engine, text

from periodic import MemoryStore
from periodic.stores.redis import RedisStore
from periodic.stores.sql import SQLStore
from periodic_contracts import StoreContract


class TestMemory(StoreContract):
    """In this process."""

    adapter = MemoryStore

    @pytest.fixture
    def store_url(self):
        """Return a place of its own."""
        return f"memory://{uuid.uuid4()}"


class TestSQLiteWithAWriteAheadLog(StoreContract):
    """In a file that was made by its first use."""

    adapter = SQLStore
    label = "SQLStore on SQLite (WAL)"

    @pytest.fixture
    def store_url(self, tmp_path):
        """Return a file that is not there yet."""
        return f"sqlite:///{tmp_path / 'schedules.db'}"


class TestSQLiteWithARollbackJournal(StoreContract):
    """In a file of somebody's own, with tables of their own."""

    adapter = SQLStore
    label = "SQLStore on SQLite (rollback journal)"

    @pytest.fixture
    def store_url(self, tmp_path):
        """Return a file with another table, brought up to date."""
        path = tmp_path / "app.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE users (name TEXT)")
        url = f"sqlite:///{path}"
        store = SQLStore.open(url, namespace="")
        store.migrate()
        store.close()
        return url


@pytest.fixture(scope="module")
def mariadb_url():
    """URL of a private MariaDB."""
    pytest.importorskip("pymysql", reason="the driver pymysql is not installed")
    if testmariadb.find() is None:
        pytest.skip("no MariaDB on this machine")
    with testmariadb.private() as server:
        yield server.url


def emptied(url):
    """Return the URL of a server's database, its tables made and emptied."""
    engine = create_engine(url)
    store = SQLStore(engine, "")
    store.migrate()
    store.close()
    with engine.begin() as connection:
        for name in ("revisions", "entries", "changes", "audit"):
            connection.execute(text(f"TRUNCATE TABLE periodic_{name}"))
    engine.dispose()
    return url


@pytest.mark.thorough
class TestPostgreSQL(StoreContract):
    """On a server."""

    adapter = SQLStore
    label = "SQLStore on PostgreSQL"

    @pytest.fixture
    def store_url(self, postgres_url):
        """Return the server's database with empty tables."""
        return emptied(postgres_url)


@pytest.mark.thorough
class TestMariaDB(StoreContract):
    """On a server, where there is one."""

    adapter = SQLStore
    label = "SQLStore on MariaDB"

    @pytest.fixture
    def store_url(self, mariadb_url):
        """Return the server's database with empty tables."""
        return emptied(mariadb_url)


@pytest.mark.redis
class TestRedis(StoreContract):
    """On a server."""

    adapter = RedisStore

    @pytest.fixture
    def store_url(self, clean_redis_url):
        """Return an empty database."""
        return clean_redis_url


@pytest.mark.fakeredis
class TestFakeRedis(StoreContract):
    """On a Redis made of Python."""

    adapter = RedisStore
    label = "RedisStore on fakeredis"

    @pytest.fixture
    def store_url(self, clean_fakeredis_url):
        """Return an empty database."""
        return clean_fakeredis_url
