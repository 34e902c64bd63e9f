"""The Redis store beside its contract: spoiled documents, outages, and a beat that follows it."""

from __future__ import annotations

from typing import Any

import pytest
from live_shop import make_app, running, wait_for
from redis import Redis

from periodic import Changes, Schedules, StoreUnreachable
from periodic.integrations.celery import schedules_of
from periodic.stores.redis import RedisStore
from periodic_brokers import memory

pytestmark = pytest.mark.redis

GOOD: dict[str, Any] = {"task": "shop.job", "schedule": 3600}


@pytest.fixture
def schedules(clean_redis_url: str) -> Any:
    """Entries in an empty database."""
    store = RedisStore.open(clean_redis_url, namespace="shop")
    yield Schedules(store)
    store.close()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"definition": 1}',
        '{"definition": {}, "pause": 1}',
        '{"definition": {}, "since": "0001-01-01T00:00:00+10:00"}',
        '{"definition": ' * 3000 + "1" + "}" * 3000,
        b'{"definition": {"task": "\xff"}}',
    ],
    ids=["half", "list", "number", "pause", "instant", "deep", "bytes"],
)
def test_a_spoiled_document_says_so_and_can_be_made_good(
    schedules: Schedules, clean_redis_url: str, text: str | bytes
) -> None:
    """The others are read; a `put` repairs it."""
    schedules.put("bad", **GOOD)
    schedules.put("good", **GOOD)
    with Redis.from_url(clean_redis_url) as client:
        client.hset("{periodic:shop}:entries", "bad", text)
    bad, good = schedules.list()

    assert "its document cannot be read" in bad.problem
    assert "" == good.problem
    assert "" == schedules.put("bad", **GOOD).problem


def test_removals_are_forgotten_in_time(
    schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for more than is remembered gets all there is."""
    monkeypatch.setattr("periodic.stores.redis.REMOVALS_KEPT", 10)
    schedules.put("stays", **GOOD)
    for number in range(20):
        schedules.put(f"n{number}", **GOOD)
        schedules.delete(f"n{number}")
    early: Changes = schedules.store.changes(2)

    assert early.whole
    assert ["stays"] == [record.name for record in early.records]
    assert not schedules.store.changes(schedules.store.revision() - 5).whole


def test_a_server_that_is_away_is_unreachable_and_comes_back(own_redis: Any) -> None:
    """Nothing has to be opened again."""
    server = own_redis()
    schedules = Schedules(RedisStore.open(server.url, namespace="shop"))
    schedules.put("job", **GOOD)
    watch = schedules.store.watch()
    watch.changed()
    with Redis.from_url(server.url) as client:
        client.client_kill_filter(skipme=True)
        client.config_set("maxclients", 1)
        for ask in (schedules.store.revision, watch.changed, lambda: schedules.put("b", **GOOD)):
            with pytest.raises(StoreUnreachable, match="cannot be used now"):
                ask()
        client.config_set("maxclients", 1000)

    assert watch.changed()
    assert 1 == schedules.store.revision()
    watch.close()
    schedules.store.close()


def test_changes_are_there_in_no_time(clean_redis_url: str) -> None:
    """From the write to the plan of a running beat in a blink (the benchmark is stricter)."""
    memory.reset()
    app = make_app(clean_redis_url)
    live = schedules_of(app)
    took: list[float] = []
    try:
        with running(app) as beat:
            live.put("first", **GOOD)
            wait_for(lambda: "first" in beat.planner)
            for number in range(40):
                name = f"e{number}"
                live.put(name, **GOOD)
                took.append(wait_for(lambda n=name: n in beat.planner))
    finally:
        live.store.close()
        app.close()
        memory.reset()
    took.sort()

    assert took[len(took) // 2] < 0.2
    assert took[-1] < 1
