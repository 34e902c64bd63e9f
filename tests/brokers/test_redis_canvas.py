"""Messages that are more than one, or none: all of them go out with the claim, or none does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Task, chain, chord, group
from redis_bench import Bench

from periodic import Adoption, Dispatch, Entry, Occurrence, Status, interval

pytestmark = pytest.mark.redis

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
KINDS = ("chain", "group", "chord", "chain of groups")


def work(*numbers: int) -> int:
    """Add up."""
    return sum(numbers)


def signature(bench: Bench, kind: str) -> Any:
    """Return a signature of the shop's tasks."""
    app = bench.app
    if "shop.add" not in app.tasks:
        app.task(name="shop.add", shared=False)(work)
    add = app.tasks["shop.add"]
    return {
        "chain": chain(add.s(1), add.s(2), add.s(3)),
        "group": group(add.s(1), add.s(2)),
        "chord": chord([add.s(1), add.s(2)], add.s(3)),
        "chain of groups": chain(add.s(1), group(add.s(2), add.s(3)), add.s(4)),
    }[kind]


def put(bench: Bench, kind: str) -> None:
    """Add an entry to the beat as `add_periodic_task` makes one of a signature."""
    name = bench.app.add_periodic_task(1, signature(bench, kind), name="canvas")
    definition = bench.app.conf.beat_schedule[name]
    bench.beat.put(
        Entry(
            name="canvas",
            task=definition["task"],
            schedule=interval(1),
            args=definition["args"],
            kwargs=definition["kwargs"],
        )
    )


def queued(server: Any) -> list[dict[str, Any]]:
    """Return the messages in the default queue, oldest first."""
    return [json.loads(raw) for raw in reversed(server.client.lrange("celery", 0, -1))]


@pytest.fixture
def bench(own_server: Any, start_bench: Callable[..., Bench]) -> Bench:
    """A beat on a Redis of the test's own, with a place for results."""
    bench: Bench = start_bench(own_server.url, run=0, result_backend="cache+memory://")
    return bench


@pytest.mark.parametrize("kind", KINDS)
def test_each_message_of_a_canvas_goes_out_once(own_server, bench, kind, events):
    """Three occurrences: each sends its first tasks once, under ids that follow from its own."""
    expected = len(_sent_by_celery(own_server, bench, kind))
    put(bench, kind)
    bench.run(3)

    messages = queued(own_server)
    assert 3 * expected == len(messages)
    assert len(messages) == len({message["headers"]["id"] for message in messages})
    times = [message["headers"]["periodic-fire-time"] for message in messages]
    assert 3 == len(set(times))
    assert [] == events()


@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_that_is_lost_sends_no_message_of_a_canvas(own_server, bench, kind):
    """A second beat that finds the occurrence taken leaves nothing behind."""
    put(bench, kind)
    first, second = bench.beat, bench.new_beat()
    bench.beat = second
    put(bench, kind)
    second.tick()
    bench.run(1)
    sent = len(queued(own_server))

    first.tick()

    assert 0 < sent == len(queued(own_server))
    first.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_canvas_is_what_celery_makes_of_it(own_server, bench, kind):
    """But for ids and the beat's headers the messages are those of `signature.apply_async()`."""
    expected = _sent_by_celery(own_server, bench, kind)
    put(bench, kind)
    bench.run(1)

    assert expected == [_comparable(message) for message in queued(own_server)]


def _sent_by_celery(server: Any, bench: Bench, kind: str) -> list[Any]:
    signature(bench, kind).apply_async()
    messages = [_comparable(message) for message in queued(server)]
    server.client.delete("celery")
    return messages


def _comparable(message: dict[str, Any]) -> Any:
    """Return what task is called how; ids by the order in which they are found."""
    body = json.loads(base64.b64decode(message["body"]))
    kept = {"task": message["headers"]["task"], "group": message["headers"]["group"], "body": body}
    found: dict[str, str] = {}
    text = json.dumps(_without_ours(kept), sort_keys=True)
    return UUID.sub(lambda match: found.setdefault(match[0], f"id {len(found)}"), text)


def _without_ours(value: Any) -> Any:
    """Leave out the beat's headers, and the root that every task would be told by its parent."""
    if isinstance(value, dict):
        ours = ("headers", "root_id")
        return {key: _without_ours(each) for key, each in value.items() if key not in ours}
    return [_without_ours(each) for each in value] if isinstance(value, list) else value


class TestOwnApplyAsync:
    """A task's own `apply_async` may send what it likes, through whatever producer it finds."""

    def _run(self, bench: Bench, base: type[Task]) -> None:
        bench.app.task(name="shop.own", base=base, shared=False)(work)
        bench.beat.put(Entry(name="own", task="shop.own", schedule=interval(1)))
        bench.run(3)

    def test_the_producer_is_not_handed_on(self, own_server, bench, events):
        """What it sends goes out with the claim all the same, also what it sends besides."""

        class Audited(Task):
            def apply_async(self, args=None, kwargs=None, task_id=None, **_: Any) -> Any:
                self.app.send_task("shop.audit", [task_id])
                return super().apply_async(args, kwargs, task_id=task_id)

        self._run(bench, Audited)

        names = [message["headers"]["task"] for message in queued(own_server)]
        assert ["shop.audit", "shop.own"] * 3 == names
        assert [] == events()

    def test_nothing_is_sent(self, own_server, bench, events):
        """A task that finds itself queued already may send nothing; that is no failure."""
        calls = []

        class Once(Task):
            def apply_async(self, args=None, kwargs=None, **options: Any) -> Any:
                calls.append(options["task_id"])

        self._run(bench, Once)

        assert [] == queued(own_server)
        assert 3 == len(calls) == len(set(calls))
        assert [] == events()

    def test_tasks_that_run_in_the_beat(self, own_server, bench, events):
        """`task_always_eager` sends nothing, and each occurrence runs once."""
        runs = []
        bench.app.conf.task_always_eager = True

        @bench.app.task(name="shop.eager", shared=False)
        def note() -> None:
            runs.append(1)

        bench.beat.put(Entry(name="eager", task="shop.eager", schedule=interval(1)))
        bench.run(3)

        assert 3 == len(runs)
        assert [] == queued(own_server)
        assert [] == events()


class Many:
    """A message that publishes itself many times."""

    def __init__(self, count: int) -> None:
        self.count = count

    def publish(self, producer: Any) -> None:
        """Publish one number after the other."""
        for number in range(self.count):
            producer.publish(number, routing_key="many", serializer="json")


@pytest.mark.parametrize(("dispatches", "count"), [(1, 79), (1, 80), (1, 300), (500, 20)])
def test_any_number_of_messages_goes_out_with_a_claim(own_server, bench, dispatches, count):
    """A group of hundreds, and a batch of groups, are one step like any other."""
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    broker = bench.beat.broker
    names = [f"e{number}" for number in range(dispatches)]
    broker.adopt([Adoption(name, "f", start) for name in names])

    outcomes = broker.dispatch(
        [
            Dispatch(Occurrence("shop", name, start + timedelta(1)), start, "f", Many(count))
            for name in names
        ]
    )

    assert {Status.DISPATCHED} == {outcome.status for outcome in outcomes}
    assert dispatches * count == own_server.client.llen("many")
