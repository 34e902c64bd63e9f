"""A beat that follows a store in PostgreSQL: plain SQL, speed, and a server that goes away."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from live_shop import make_app, running, switch, wait_for
from sqlalchemy import create_engine

from periodic import ConfigError, Origin, Schedules
from periodic.integrations.celery import schedules_of
from periodic.stores.sql import SQLStore
from periodic_brokers import memory

testpostgres = pytest.importorskip("testpostgres")
pytest.importorskip("psycopg", reason="the driver psycopg is not installed")

#: The same everywhere, and it starts a server.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(testpostgres.find() is None, reason="no PostgreSQL on this machine"),
]


@pytest.fixture
def server() -> Iterator[Any]:
    """A server of the test's own, with the tables of a store."""
    memory.reset()
    with testpostgres.private() as server:
        yield server
    memory.reset()


@pytest.fixture
def app(server: Any) -> Iterator[Celery]:
    """An app whose store is there."""
    app = make_app(server.url, max_interval=0.5)
    schedules_of(app).store.migrate()
    yield app
    schedules_of(app).store.close()
    app.close()


def test_tables_are_made_when_somebody_says_so(server: Any) -> None:
    """A server's database may be anybody's: until then the error says what to run."""
    store = SQLStore.open(server.url, namespace="shop")
    with pytest.raises(ConfigError, match="run `flask periodic migrate`"):
        store.revision()
    assert 1 == len(store.migrate())
    assert [] == store.migrate()
    assert 0 == store.revision()
    store.close()


def test_changes_of_the_api_and_of_plain_sql_are_there_in_no_time(app: Celery, server: Any) -> None:
    """In a blink, at worst in a second (the benchmark is stricter)."""
    live = schedules_of(app)
    engine = create_engine(server.url)
    took: list[float] = []
    with running(app) as beat:
        live.put("first", task="shop.job", schedule=3600)
        wait_for(lambda: "first" in beat.planner)
        for number in range(20):
            name = f"e{number}"
            live.put(name, task="shop.job", schedule=3600)
            took.append(wait_for(lambda n=name: n in beat.planner))
            switch(engine, name, enabled=False)
            took.append(wait_for(lambda n=name: n not in beat.planner))
    engine.dispose()
    took.sort()

    assert took[len(took) // 2] < 0.2
    assert took[-1] < 1


def test_a_server_that_goes_away_and_comes_back_costs_no_run(
    app: Celery, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The beat goes on with what it has, says so once, and takes up what changes afterwards."""
    live = schedules_of(app)
    live.put("steady", task="shop.job", schedule=0.2)
    sent: list[str] = []

    def observe(entry: Any, outcome: Any) -> None:
        sent.append(f"{outcome.status.name} {entry.name} {outcome.occurrence.fire_time}")

    with running(app, observe) as beat, caplog.at_level(logging.INFO):
        wait_for(lambda: len(sent) > 2)
        server.stop()
        wait_for(lambda: bool(beat.status().reason))
        before = len(sent)
        time.sleep(2)
        during = len(sent)
        server.start()
        wait_for(lambda: not beat.status().reason)
        live.put("after", task="shop.job", schedule=0.2)
        wait_for(lambda: any("after" in line for line in sent))

    times = [line for line in sent if "steady" in line]
    assert during - before >= 5
    assert len(times) == len(set(times))
    told = [record.getMessage() for record in caplog.records if record.name == "periodic.watcher"]
    assert 1 == len([line for line in told if "goes on with the entries that it has" in line])
    assert 1 == len([line for line in told if "the store can be read again" in line])


def test_namespaces_do_not_wait_for_each_other(server: Any) -> None:
    """A long step of one application holds up no other."""
    stores = [SQLStore.open(server.url, namespace=name) for name in ("one", "two")]
    stores[0].migrate()
    other = Schedules(stores[1])

    def change(name: str, before: Any) -> Any:
        other.put("job", task="t", schedule=60)
        return before

    stores[0].update(["job"], change, Origin())

    assert other.get("job") is not None
    for store in stores:
        store.close()
