"""A beat that follows a store in PostgreSQL: plain SQL, speed, and a server that goes away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import create_engine, text

from periodic import Beat, ConfigError, Origin, Schedules
from periodic.integrations.celery import make_beat, schedules_of
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
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.update(result_expires=None, periodic={"store": server.url, "max_interval": 0.5})

    @app.task(name="shop.job", shared=False)
    def job(number: int = 0) -> int:
        return number

    schedules_of(app).store.migrate()
    yield app
    schedules_of(app).store.close()
    app.close()


@contextmanager
def running(app: Celery, sent: list[str] | None = None) -> Iterator[Beat]:
    """Run a beat in a thread; write down which entries were sent."""

    def observe(entry: Any, outcome: Any) -> None:
        if sent is not None:
            sent.append(f"{outcome.status.name} {entry.name} {outcome.occurrence.fire_time}")

    beat = make_beat(app, observer=observe)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        thread.join(10)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> float:
    """Wait until it holds; return after how many seconds that was."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, "it did not happen"
        time.sleep(0.002)
    return time.monotonic() - start


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
            with engine.begin() as connection:
                disable = text("UPDATE periodic_entries SET enabled = 0 WHERE name = :name")
                connection.execute(disable, {"name": name})
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
    with running(app, sent) as beat, caplog.at_level(logging.INFO):
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
