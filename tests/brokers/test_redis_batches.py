"""A batch of several chunks: the next is asked for before the last one is answered."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import kombu
import pytest
import redis
from redis_bench import Server, Wire, others_out

from periodic import Adoption, Dispatch, Outcome, Status
from periodic_brokers import redis as adapter
from periodic_brokers.redis import RedisBroker
from periodic_brokers.redis_line import ScriptPipe

pytestmark = pytest.mark.redis

NAMES = [f"job-{number}" for number in range(7)]


@pytest.fixture
def make_broker(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., RedisBroker]]:
    """Make an adapter whose chunks have two dispatches, with seven entries that stand at noon."""
    monkeypatch.setattr(adapter, "_CHUNK", 2)
    with ExitStack() as stack:

        def make(port: int = own_server.port) -> RedisBroker:
            url = f"redis://127.0.0.1:{port}/0"
            connection = stack.enter_context(kombu.Connection(url))
            broker = RedisBroker(connection, namespace="test")
            stack.callback(broker.close)
            return broker

        yield make


@pytest.fixture
def batch(kit: Any) -> list[Dispatch]:
    """Seven dispatches, of seven entries."""
    return [kit.dispatch(kit.Text(name), name) for name in NAMES]


def adopt(broker: RedisBroker, kit: Any) -> None:
    """Make the broker know the entries."""
    broker.adopt([Adoption(name, "f", kit.NOON) for name in NAMES])


def enqueued(server: Server, queue: str = "periodic-test") -> list[str]:
    """Return the bodies in a queue, oldest first."""
    messages = map(json.loads, reversed(server.client.lrange(queue, 0, -1)))
    return [json.loads(base64.b64decode(each["body"])) for each in messages]


def statuses(outcomes: list[Outcome]) -> set[Status]:
    """Return what came of them, in the order of the batch."""
    assert NAMES == [each.occurrence.entry for each in outcomes]
    return {each.status for each in outcomes}


def test_all_chunks_arrive_in_order(make_broker, batch, own_server, kit):
    """Many scripts, one queue, no message twice."""
    broker = make_broker()
    adopt(broker, kit)

    assert {Status.DISPATCHED} == statuses(broker.dispatch(batch))
    assert NAMES == enqueued(own_server)


def test_the_next_is_asked_for_before_the_answer(make_broker, batch, kit, monkeypatch):
    """The server works while the next chunk is made; no more than two are on their way."""
    broker = make_broker()
    adopt(broker, kit)
    calls: list[str] = []
    for name in ("ask", "answer"):
        plain = getattr(ScriptPipe, name)

        def noted(self, *args, _name=name, _plain=plain):
            calls.append(_name)
            return _plain(self, *args)

        monkeypatch.setattr(ScriptPipe, name, noted)

    broker.dispatch(batch)
    broker.dispatch(batch)

    # The first time it is not known whether the server knows the script.
    first, second = calls[:8], calls[8:]
    assert ["ask", "answer", "ask", "ask", "answer", "ask", "answer", "answer"] == first
    assert ["ask", "ask", "answer", "ask", "answer", "ask", "answer", "answer"] == second


def chain(kit: Any, length: int = 7) -> list[Dispatch]:
    """Return that many runs of one entry, one after another."""
    return [kit.dispatch(kit.Text(f"run-{n}"), "job-0", n, n - 1) for n in range(1, length + 1)]


def make_known(broker: RedisBroker, kit: Any) -> None:
    """Let the broker see that the server knows the script."""
    broker.dispatch([kit.dispatch(kit.Text("first", "elsewhere"), "another")])


def test_scripts_forgotten_before_a_batch(make_broker, batch, own_server, kit):
    """Two scripts are on their way when the server says that it knows none: they stay in order."""
    broker = make_broker()
    adopt(broker, kit)
    make_known(broker, kit)
    own_server.client.script_flush()

    assert {Status.DISPATCHED} == statuses(broker.dispatch(batch))
    assert NAMES == enqueued(own_server)


@pytest.mark.parametrize("what", ["scripts", "everything"])
def test_a_long_catch_up_on_a_server_that_forgot(make_broker, own_server, kit, what):
    """The last runs of an entry are not believed before the first ones: none is lost."""
    broker = make_broker()
    adopt(broker, kit)
    make_known(broker, kit)
    if what == "everything":
        own_server.client.flushall()
    own_server.client.script_flush()

    outcomes = broker.dispatch(chain(kit))

    assert [Status.DISPATCHED] * 7 == [each.status for each in outcomes]
    assert [f"run-{number}" for number in range(1, 8)] == enqueued(own_server)


def test_runs_of_one_entry_are_one_question(make_broker, own_server, kit, monkeypatch):
    """Where one is refused the script knows what follows it, however many there are."""
    broker = make_broker()
    adopt(broker, kit)
    make_known(broker, kit)
    asked: list[int] = []
    plain = ScriptPipe.ask

    def ask(self, script, keys, arguments, count):
        asked.append(count)
        plain(self, script, keys, arguments, count)

    monkeypatch.setattr(ScriptPipe, "ask", ask)
    broker.dispatch(chain(kit))

    assert [14] == asked  # a claim and a message for each of the seven


def test_a_run_that_fails_on_a_server_that_lost_its_data(make_broker, own_server, kit):
    """What follows it waits for it: the entry stands where the beat says."""
    broker = make_broker()
    adopt(broker, kit)
    own_server.client.flushall()
    runs = chain(kit)
    runs[0] = kit.dispatch(kit.Fails(ValueError("no")), "job-0")

    outcomes = broker.dispatch(runs)

    assert [Status.FAILED] + [Status.TAKEN] * 6 == [each.status for each in outcomes]
    assert {kit.NOON} == {each.cursor for each in outcomes}
    assert [] == enqueued(own_server)
    assert {Status.DISPATCHED} == {each.status for each in broker.dispatch(chain(kit))}


def test_nothing_more_is_asked_for_behind_a_refusal(
    make_broker, batch, own_server, kit, monkeypatch
):
    """A server that refuses one chunk is not sent the rest of the batch."""
    broker = make_broker()
    adopt(broker, kit)
    make_known(broker, kit)
    asked: list[int] = []
    plain = ScriptPipe.ask

    def ask(self, *args):
        asked.append(1)
        plain(self, *args)

    monkeypatch.setattr(ScriptPipe, "ask", ask)
    own_server.client.delete("periodic:test:cursors")
    own_server.client.set("periodic:test:cursors", "something else")

    assert {Status.FAILED} == statuses(broker.dispatch(batch))
    assert 3 == len(asked)  # two, and once more the first


def test_the_health_of_a_connection_is_not_asked_between_questions(
    own_server, batch, kit, monkeypatch
):
    """The client's PING would take a chunk's answer for its own, and call the server anew."""
    monkeypatch.setattr(adapter, "_CHUNK", 2)
    options = {"health_check_interval": 0.01, "retry_on_timeout": True}
    with kombu.Connection(own_server.url, transport_options=options) as connection:
        broker = RedisBroker(connection, namespace="test")
        adopt(broker, kit)
        make_known(broker, kit)
        publish = batch[2].message.publish

        def publish_late(producer: Any) -> None:
            time.sleep(0.02)
            publish(producer)

        batch[2].message.publish = publish_late

        assert {Status.DISPATCHED} == statuses(broker.dispatch(batch))
        broker.close()
    assert NAMES == enqueued(own_server)


def test_answers_lost_between_chunks(make_broker, batch, own_server, kit):
    """What has run and was not told is asked for again: TAKEN, and enqueued once."""
    with Wire(own_server.port) as wire:
        broker = make_broker(wire.port)
        adopt(broker, kit)
        wire.lose_the_next_answer()

        outcomes = broker.dispatch(batch)

    assert wire.lost
    assert statuses(outcomes) <= {Status.DISPATCHED, Status.TAKEN}
    assert {each.occurrence.fire_time for each in outcomes} == {each.cursor for each in outcomes}
    assert sorted(NAMES) == sorted(enqueued(own_server))


def test_cut_off_between_batches(make_broker, batch, own_server, kit):
    """A connection that rests in the pool and was closed by the server is made anew."""
    broker = make_broker()
    adopt(broker, kit)
    assert others_out(own_server)

    assert {Status.DISPATCHED} == statuses(broker.dispatch(batch))
    assert NAMES == enqueued(own_server)


def test_a_server_without_memory_refuses_all_that_it_refuses(make_broker, batch, own_server, kit):
    """No chunk is lost from the outcomes, and none is enqueued later in secret."""
    broker = make_broker()
    adopt(broker, kit)
    own_server.client.config_set("maxmemory", "1mb")
    try:
        outcomes = broker.dispatch(batch)
    finally:
        own_server.client.config_set("maxmemory", "0")

    assert {Status.FAILED} == statuses(outcomes)
    assert {"out-of-memory"} == {getattr(each.error, "state", "") for each in outcomes}
    assert [] == enqueued(own_server)
    assert {Status.DISPATCHED} == statuses(broker.dispatch(batch))


def test_a_message_that_cannot_be_made_fails_alone(make_broker, batch, own_server, kit):
    """Its chunk and those around it go their way."""
    broker = make_broker()
    adopt(broker, kit)
    batch[3] = kit.dispatch(kit.Fails(ValueError("no")), NAMES[3])

    outcomes = broker.dispatch(batch)

    assert [NAMES[3]] == [
        each.occurrence.entry for each in outcomes if each.status is Status.FAILED
    ]
    assert [name for name in NAMES if name != NAMES[3]] == enqueued(own_server)


def test_the_servers_error_while_a_message_is_made_waits_for_no_answer(
    make_broker, batch, own_server, kit
):
    """What is on its way is told as it is; what could not be made fails, and what follows it."""

    def fail(producer: Any) -> None:
        with producer.channel.conn_or_acquire():
            raise redis.TimeoutError("no answer")

    broker = make_broker()
    adopt(broker, kit)
    broken = kit.Text(NAMES[4])
    broken.publish = fail
    batch[4] = kit.dispatch(broken, NAMES[4])

    outcomes = broker.dispatch(batch)

    assert [Status.DISPATCHED] * 4 + [Status.FAILED] * 3 == [each.status for each in outcomes]
    assert NAMES[:4] == enqueued(own_server)


def test_a_queue_of_its_own_behind_another_ones(own_server, kit):
    """What was made ready for the second key of the script goes to the third, where it must."""
    from celery import Celery  # only here

    from periodic import ManualClock
    from periodic.integrations.celery.render import Renderer

    app = Celery("shop", broker=own_server.url, set_as_current=False)
    app.finalize()
    clock = ManualClock(kit.NOON)
    render = Renderer(app, clock)
    from redis_bench import an_entry

    with app.connection_for_write() as connection:
        broker = RedisBroker(connection, namespace="shop")
    entries = [an_entry(name, name) for name in ("a", "b", "a2", "b2")]
    broker.adopt([Adoption(each.name, "f", kit.NOON) for each in entries])
    dispatches = []
    for each in entries:
        plain = kit.dispatch(None, each.name)
        message = render(each, plain.occurrence)
        dispatches += broker.prepare([Dispatch(plain.occurrence, kit.NOON, "f", message)])

    outcomes = broker.dispatch(dispatches)

    assert {Status.DISPATCHED} == {each.status for each in outcomes}
    for queue in ("a", "b"):
        raw = own_server.client.lrange(queue, 0, -1)
        assert [queue] == [json.loads(each)["headers"]["periodic-entry"] for each in raw]
    broker.close()
    app.close()
