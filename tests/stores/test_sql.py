"""The SQL store beside its contract: plain SQL, spoiled rows, migrations, outages, forks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from periodic import (
    ConfigError,
    Query,
    Rules,
    Schedules,
    StaleVersion,
    StoreUnreachable,
    SystemClock,
)
from periodic.sources import shown
from periodic.stores import migrating
from periodic.stores.connecting import Database
from periodic.stores.sql import SQLStore
from periodic.stores.tables import metadata


class Place:
    """A SQLite file: its store, its entries, and somebody with a SQL prompt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SQLStore.open(f"sqlite:///{path}", namespace="shop")
        self.schedules = Schedules(self.store)

    def put(self, name: str, **given: Any) -> None:
        """Put an entry."""
        self.schedules.put(name, **{"task": "shop.job", "schedule": 60, **given})

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in another connection; return the rows of the last one."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            rows = [connection.execute(statement).fetchall() for statement in statements]
        return rows[-1]


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """A fresh file."""
    place = Place(tmp_path / "schedules.db")
    yield place
    place.store.close()


# -- plain SQL ------------------------------------------------------------------------------------


def test_a_change_by_plain_sql_counts_like_any_other(place: Place) -> None:
    """Its entry has a new version, watches see it, and a stale write is refused."""
    for name in ("a", "b", "c"):
        place.put(name)
    watch = place.store.watch()
    watch.changed()
    stale = place.schedules.get("b")
    place.sql(
        "UPDATE periodic_entries SET enabled = 0 WHERE name = 'b'",
        "DELETE FROM periodic_entries WHERE name = 'c'",
        "INSERT INTO periodic_entries (namespace, name, task, schedule) VALUES "
        """('shop', 'd', 'shop.job', '{"kind": "cron", "expression": "0 9 * * *"}')""",
        "UPDATE periodic_entries SET name = 'e' WHERE name = 'a'",
    )

    assert watch.changed()
    changes = place.store.changes(3)
    assert {"b": False, "d": True, "e": True} == {r.name: r.enabled for r in changes.records}
    assert {"a", "c"} == set(changes.removed)
    assert stale is not None
    with pytest.raises(StaleVersion):
        place.schedules.set("b", args=[1], if_version=stale.version)
    watch.close()


def test_many_rows_of_one_statement_are_all_told(place: Place) -> None:
    """What peers miss until somebody tells them."""
    place.schedules.put_many({f"e{n:03}": {"task": "t", "schedule": 60} for n in range(200)})
    revision = place.store.revision()
    place.sql("UPDATE periodic_entries SET enabled = 0")

    changes = place.store.changes(revision)
    assert [f"e{n:03}" for n in range(200)] == [record.name for record in changes.records]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("schedule", "'soon'", "its column schedule is no JSON"),
        ("args", "'{}'", "its column args is a list as JSON, not {}"),
        ("enabled", "'no'", "its column enabled is 0 or 1, not 'no'"),
        ("source", "'me'", "source is 'store' or 'code', not 'me'"),
        ("since", "'today'", "its column since is an instant such as"),
        ("pause_until", "'x'", "its column pause_until is an instant such as"),
    ],
)
def test_a_spoiled_row_says_what_is_wrong_and_can_be_made_good(
    place: Place, column: str, value: str, told: str
) -> None:
    """Nothing else of the table is touched by it, and a `put` repairs it."""
    place.put("good")
    place.put("bad")
    place.schedules.pause("bad")
    place.sql(f"UPDATE periodic_entries SET {column} = {value} WHERE name = 'bad'")
    bad, good = place.schedules.list()

    assert told in bad.problem
    assert "" == good.problem
    place.put("bad")
    place.schedules.resume("bad")
    repaired = place.schedules.get("bad")
    assert repaired is not None
    assert "" == repaired.problem


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "job"),
        *((each, None) for each in ("args", "kwargs", "options", "schedule", "task", "since")),
        ("args", "[1] "),
        ("args", " [1]"),
        ("args", b"[1]"),
        ("args", "[" * 3000 + "]" * 3000),
        ("args", "[1] 2"),
        ("args", "{}"),
        ("args", '["é", [1.5, null]]'),
        ("kwargs", '{"a": {"b": [1]}}'),
        ("kwargs", "[]"),
        ("kwargs", '\n{"a": 1}'),
        ("kwargs", b'{"a": 1}'),
        ("kwargs", '{"a": ' * 3000 + "1" + "}" * 3000),
        ("options", "nonsense"),
        ("options", b"{}"),
        ("options", '{"queue": "' + "q" * 300 + '"}'),
        ("schedule", '{"kind": "interval", "every": 60} '),
        ("schedule", ' {"kind": "interval", "every": 60}'),
        ("schedule", b'{"kind": "interval", "every": 60}'),
        ("schedule", '{"kind": "union", "of": [' + "1, " * 200 + "1]}"),
        ("task", b"shop.job"),
        ("task", ""),
        ("created_at", "9999-12-31T23:59:59-01:00"),
        ("since", "0001-01-01T00:00:00+10:00"),
        ("since", b"2026"),
        ("policies", '{"catch_up": "skip"}'),
        ("enabled", 0),
        ("source", "elsewhere"),
        ("created_at", None),
        ("updated_at", "yesterday"),
        ("since", "2026-03-08T09:30:00+02:00"),
        ("paused_at", "2026-03-08T09:30:00+00:00"),
    ],
)
def test_all_there_is_reads_as_each_does(place: Place, column: str, value: Any) -> None:
    """A beat reads many rows in a quicker way, and it reads the same."""
    place.put("job", args=[1], kwargs={"a": 1}, options={"queue": "mail"})
    place.put("other")
    with closing(sqlite3.connect(place.path)) as connection, connection:
        connection.execute(f"UPDATE periodic_entries SET {column} = ? WHERE name = 'job'", (value,))

    assert place.store.page(Query()) == list(place.store.changes(None).records)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("kwargs", "' {'", "its column kwargs is no JSON: "),
        ("args", "x'5b5d'", "its column args is a list as JSON text, not b'[]'"),
        (
            "schedule",
            "CAST(x'ff' AS TEXT)",
            "its column schedule is a mapping as JSON text, not b'",
        ),
        ("options", "replace(hex(zeroblob(5000)), '0', '[')", "its column options is no JSON: "),
        ("task", "CAST(x'73ff' AS TEXT)", "its column task is the name of a task, not b's\\xff'"),
        ("since", "'0001-01-01T00:00:00+10:00'", "its column since is an instant"),
        ("updated_at", "'9999-12-31T23:59:59-01:00'", "its column updated_at is an instant"),
        ("pause_until", "x'ff'", "its column pause_until is an instant"),
    ],
)
def test_a_spoiled_row_is_set_aside_and_stops_nothing(
    place: Place, column: str, value: str, told: str
) -> None:
    """At a start and under a running beat the others run; the API shows it and removes it."""
    for name in ("bad", "good"):
        place.put(name)
    place.schedules.pause("bad")
    before = place.store.revision()
    place.sql(f"UPDATE periodic_entries SET {column} = {value} WHERE name = 'bad'")

    at_start, problems = shown([], place.store.changes(None).records, Rules(), SystemClock())
    assert (["good"], ["bad"]) == ([entry.name for entry in at_start], list(problems))
    later = place.store.changes(before).records
    assert [told] == [each.problem[: len(told)] for each in later]
    bad = place.schedules.get("bad")
    assert bad is not None
    assert told in problems["bad"]
    assert told in bad.problem
    place.schedules.delete("bad")
    assert ["good"] == [record.name for record in place.schedules.list()]


def test_an_empty_name_ends_no_read(place: Place) -> None:
    """It sorts before all others, and a name of bytes behind them; each is told once."""
    place.store.revision()
    for name in ("''", "x''"):
        place.sql(
            "INSERT INTO periodic_entries (namespace, name, task, schedule) VALUES "
            f"""('shop', {name}, 't', '{{"kind": "interval", "every": 60}}')"""
        )
        assert len(list(place.store.changes(None).records)) == place.store.revision()


def test_what_a_caller_was_given_is_its_own(place: Place) -> None:
    """Changing it in place changes no other record."""
    for name in ("a", "b"):
        place.put(name, kwargs={"style": "plain"})
    next(iter(place.schedules.list())).definition["kwargs"]["style"] = "bold"
    read = {
        record.name: record.definition["kwargs"] for record in place.store.changes(None).records
    }

    assert {"a": {"style": "plain"}, "b": {"style": "plain"}} == read


def test_a_spoiled_pause_is_a_pause(place: Place) -> None:
    """What cannot be read is no reason to run."""
    place.put("job")
    place.sql("UPDATE periodic_entries SET paused_at = 'x' WHERE name = 'job'")
    record = place.schedules.get("job")

    assert record is not None
    assert record.paused(datetime(2026, 1, 1, tzinfo=UTC))


# -- tables ---------------------------------------------------------------------------------------


def test_a_fresh_file_gets_its_tables_and_a_write_ahead_log(place: Place) -> None:
    """Nothing has to be run before the first use; readers and writers do not wait."""
    assert 0 == place.store.revision()
    assert [("wal",)] == place.sql("PRAGMA journal_mode")
    assert [("0001",)] == place.sql("SELECT version_num FROM periodic_version")


def test_the_tables_are_those_that_the_code_describes(place: Place) -> None:
    """After all migrations nothing is left to change."""
    place.store.revision()
    engine = create_engine(f"sqlite:///{place.path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrating.VERSION_TABLE}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert [] == differences


def test_the_newest_migration_is_known_without_alembic() -> None:
    """So a database that is up to date is opened without importing it."""
    assert [migrating.NEWEST] == migrating.scripts().get_heads()


def test_the_database_of_an_application_is_migrated_when_somebody_says_so(tmp_path: Path) -> None:
    """Its tables stay, its journal stays; until then the error says what to run."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    place = Place(path)
    with pytest.raises(ConfigError, match=r"lacks 1 migration .* run `flask periodic migrate`"):
        place.store.revision()
    done = place.store.migrate()
    again = place.store.migrate()
    place.put("job")
    place.store.close()

    assert ["0001"] == [step.partition(":")[0] for step in done]
    assert [] == again
    assert [("delete",)] == place.sql("PRAGMA journal_mode")


def test_tables_of_a_newer_version_are_refused(place: Place) -> None:
    """An old process writes nothing into what it does not understand."""
    place.store.revision()
    place.sql("UPDATE periodic_version SET version_num = '0099'")
    place.store.close()
    later = Place(place.path)
    for use in (later.store.revision, later.store.migrate, lambda: later.put("job")):
        with pytest.raises(ConfigError, match=r"of version 0099, .* a newer periodic"):
            use()
    later.store.close()


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is undone: tables, triggers, and the note that it was done."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE periodic_audit (mine TEXT)")
    place = Place(path)
    with pytest.raises(StoreUnreachable, match="periodic_audit"):
        place.store.migrate()
    place.store.close()

    assert [("periodic_audit",)] == place.sql("SELECT name FROM sqlite_master")


def test_those_that_make_a_file_at_once_make_it_once(tmp_path: Path) -> None:
    """Beats and apps that start together find each other's tables."""
    url = f"sqlite:///{tmp_path / 'schedules.db'}"

    def first_use(number: int) -> int:
        store = SQLStore.open(url, namespace="shop")
        try:
            return Schedules(store).put(f"e{number}", task="t", schedule=60).version
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert [1, 2, 3, 4] == sorted(pool.map(first_use, range(4)))


# -- outages and forks ----------------------------------------------------------------------------


def test_a_database_that_is_away_is_unreachable_and_comes_back(place: Place) -> None:
    """The error names it without its password; nothing has to be opened again."""
    place.put("job")
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        impatient = SQLStore(
            create_engine(f"sqlite:///{place.path}", connect_args={"timeout": 0}), "shop"
        )
        with pytest.raises(StoreUnreachable, match=r"schedules\.db cannot be used now: .*locked"):
            Schedules(impatient).put("other", task="t", schedule=60)
        connection.execute("ROLLBACK")
    Schedules(impatient).put("other", task="t", schedule=60)
    impatient._database.engine.dispose()

    assert ["job", "other"] == [record.name for record in place.schedules.list()]


def test_a_failed_step_is_undone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that were written before it failed are not there."""

    def broken(*_: Any) -> None:
        raise RuntimeError("between two statements")

    place.put("job")
    with monkeypatch.context() as patch:
        patch.setattr(place.store, "_note", broken)
        with pytest.raises(RuntimeError):
            place.put("job", args=[1])
    record = place.schedules.get("job")

    assert record is not None
    assert ({}, 1) == (record.definition.get("args", {}), place.store.revision())


def test_a_forked_process_uses_connections_of_its_own(place: Place) -> None:
    """Workers and servers fork after the store was used."""
    place.put("job")
    script = f"""
import os
from periodic import Schedules
from periodic.stores.sql import SQLStore
schedules = Schedules(SQLStore.open("sqlite:///{place.path}", namespace="shop"))
schedules.put("parent", task="t", schedule=60)
child = os.fork()
if not child:
    schedules.put("child", task="t", schedule=60)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
schedules.put("parent", task="t", schedule=30)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=50)

    assert ["child", "job", "parent"] == [record.name for record in place.schedules.list()]
    assert 4 == place.store.revision()


def test_removals_are_forgotten_in_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for more than is remembered gets all there is."""
    monkeypatch.setattr("periodic.stores.sql.REMOVALS_KEPT", 10)
    place.put("stays")
    for number in range(20):
        place.put(f"n{number}")
        place.schedules.delete(f"n{number}")
    ((count,),) = place.sql("SELECT count(*) FROM periodic_changes")

    assert count <= 12
    assert place.store.changes(2).whole
    assert not place.store.changes(place.store.revision() - 5).whole


# -- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("postgresql+nonsense://u:secret@h/db", "names no database that is known"),
        ("nonsense", "is no URL of a database"),
        ("mssql+pyodbc://h/db", "not installed|cannot be kept in mssql"),
    ],
)
def test_what_is_no_store_is_told(url: str, told: str) -> None:
    """One sentence, without the password."""
    with pytest.raises(ConfigError, match=told) as error:
        Database.at(url)

    assert "secret" not in str(error.value)


def test_an_engine_is_as_good_as_a_url(place: Place) -> None:
    """As of Flask-SQLAlchemy; it is used as it is, and left open."""
    place.put("job")
    engine = create_engine(f"sqlite:///{place.path}")
    store = SQLStore(engine, "shop")
    store.close()

    assert 1 == store.revision()
    with engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM periodic_entries")).scalar()
    assert "periodic_entries" in inspect(engine).get_table_names()
    engine.dispose()
