"""A database that is stopped for 10 s under a running beat, and starts again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from chaos import NAMESPACE, count, messages, now, wait_until, whole_second_after

from periodic import Schedules, StoreUnreachable

testpostgres = pytest.importorskip("testpostgres")
pytest.importorskip("psycopg", reason="the driver psycopg is not installed")

from periodic.stores.sql import SQLStore  # noqa: E402  # SQLAlchemy is as optional

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(testpostgres.find() is None, reason="no PostgreSQL on this machine"),
]

#: How long the database is away.
AWAY = 10
STORED = [f"stored-{number}" for number in range(10)]


@pytest.fixture
def postgres() -> Iterator[Any]:
    """A PostgreSQL of the test's own."""
    with testpostgres.private() as server:
        yield server


@pytest.mark.timeout(180)
def test_postgresql_stopped_for_10_seconds(serve, gather, postgres):
    """No entry lost, no run lost, none doubled; the same process goes on and follows changes."""
    live = Schedules(SQLStore.open(postgres.url, namespace=NAMESPACE))
    live.store.migrate()
    server = serve()
    beats = gather(server, 5, store=postgres.url)
    (beat,) = beats.start_many(1)
    live.put_many({name: {"task": "chaos.run", "schedule": 1} for name in [*STORED, "paused"]})
    live.pause("paused", note="stays so")
    names = [*beats.names, *STORED]

    def newest() -> dict[str, Any]:
        return {each.entry: each.fire_time for each in messages(server)}

    wait_until(lambda: {*names} <= newest().keys(), seconds=30, what="all entries run")
    first = whole_second_after(now())

    time.sleep(1)
    postgres.stop()
    stopped, died = time.monotonic(), now()
    with pytest.raises(StoreUnreachable):
        live.put("meanwhile", task="chaos.run", schedule=1)
    time.sleep(AWAY - (time.monotonic() - stopped))
    still = min(newest()[name] for name in names)
    postgres.start()

    wait_until(lambda: "can be read again" in beat.output, seconds=30, what="the store is read")
    live.put("after", task="chaos.run", schedule=1)
    wait_until(lambda: "after" in newest(), seconds=30, what="what was put afterwards runs")
    last = now().replace(microsecond=0)
    wait_until(
        lambda: min(newest()[name] for name in names) >= last, seconds=30, what="all are up to date"
    )
    process = beat.popen.pid if beat.popen.poll() is None else None
    kept = {record.name for record in live.all()}
    beats.stop()
    live.store.close()

    sent = messages(server)
    counted = count([each for each in sent if each.entry in names], names, first, last)
    told = [line for line in beat.output.splitlines() if "goes on with the entries" in line]
    paused = [each for each in sent if each.entry == "paused" and each.fire_time >= first]
    print(f"\nPostgreSQL stopped for {AWAY} s: {counted}; the beat said it {len(told)} times")
    assert counted.numbers == (0, 0, 0)
    assert process == beat.popen.pid
    assert {*STORED, "paused", "after"} == kept
    assert len(told) == 1
    assert not paused
    assert (still - died).total_seconds() > AWAY / 2
