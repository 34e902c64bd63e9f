"""The RabbitMQ adapter on a real node: what it keeps there, what it refuses, how it fails."""

from __future__ import annotations

import json
import struct
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import amqp
import kombu
import pytest
from kombu import Exchange, Queue

from periodic import Adoption, BrokerError, BrokerUnreachable, Cursor, ManualClock, SystemClock
from periodic_brokers import rabbitmq, rabbitmq_log, rabbitmq_queues
from periodic_brokers.rabbitmq import RabbitMQBroker
from periodic_brokers.rabbitmq_dispatch import _Ready, _show_life
from periodic_brokers.rabbitmq_journal import Journal
from periodic_brokers.rabbitmq_queues import Names

pytestmark = pytest.mark.rabbitmq

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def names():
    """Return the names of a namespace's queues that nobody has used."""
    return Names(f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def namespace(names):
    """Return that namespace."""
    return names.state.split(".")[1]


@pytest.fixture
def connection(rabbitmq_url):
    """Return a connection to the node."""
    with kombu.Connection(rabbitmq_url) as connection:
        yield connection


@pytest.fixture
def channel(connection):
    """Return an operator's channel."""
    with connection.channel() as channel:
        yield channel


@pytest.fixture
def queue(channel):
    """Return the name of an empty queue."""
    name = f"tasks-{uuid.uuid4().hex[:8]}"
    channel.queue_declare(name, durable=True, auto_delete=False)
    return name


@pytest.fixture
def make(connection, namespace, clock):
    """Make brokers on the namespace; all are closed."""
    made = []

    def make(**options: Any) -> RabbitMQBroker:
        broker = RabbitMQBroker(connection, namespace=namespace, clock=clock, **options)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


def count(channel: Any, queue: str) -> int:
    """Return how many messages wait in a queue."""
    return channel.queue_declare(queue, passive=True).message_count


def wait_for(channel: Any, queue: str) -> None:
    """Wait until a queue has messages: a server counts what it was sent a moment later."""
    deadline = time.monotonic() + 20
    while not count(channel, queue):
        assert time.monotonic() < deadline, f"nothing comes to {queue}"
        time.sleep(0.01)


def bodies(channel: Any, queue: str) -> list[Any]:
    """Take all messages out of a queue."""
    found = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        found.append(json.loads(message.body))
    return found


def stand(broker: RabbitMQBroker, *entries: str) -> dict[str, datetime]:
    """Return where entries stand that are known."""
    return broker.adopt([Adoption(name, "f", NOON - timedelta(days=9)) for name in entries])


# -- where messages go ---------------------------------------------------------------------------


def test_a_message_that_no_queue_takes_is_an_error_that_names_it(make, kit, channel, queue):
    """It is not dropped in silence: its cursor stays, the batch goes on, a retry goes through."""
    broker = make()
    missing = f"missing-{queue}"
    kit.adopt(broker, "bad", "good")
    lost = kit.Text("lost", declare=[], routing_key=missing)
    batch = [kit.dispatch(lost, "bad"), kit.dispatch(kit.Text("ok", queue), "good")]
    bad, good = broker.dispatch(batch)

    assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
    assert f"no queue takes the message (queue '{missing}'" in str(bad.error)
    assert kit.NOON == bad.cursor == stand(broker, "bad")["bad"]
    channel.queue_declare(missing, durable=True, auto_delete=False)
    (again,) = broker.dispatch([kit.dispatch(lost, "bad")])
    assert "DISPATCHED" == again.status.name
    assert ["lost"] == bodies(channel, missing)


def test_what_came_back_stays_undone_for_the_next_leader(make, kit, queue):
    """The token said that the cursor moved before the server said that nobody wants the message."""
    first, second = make(), make()
    kit.adopt(first, "bad")
    chain = [
        kit.dispatch(kit.Text("1", declare=[], routing_key="nowhere"), "bad", 1, 0),
        kit.dispatch(kit.Text("2", declare=[], routing_key="nowhere"), "bad", 2, 1),
    ]
    outcomes = first.dispatch(chain)
    first.resign()

    assert ["FAILED", "FAILED"] == [outcome.status.name for outcome in outcomes]
    assert {kit.NOON} == {outcome.cursor for outcome in outcomes}
    assert {"bad": kit.NOON} == stand(second, "bad")


def test_an_exchange_that_is_not_there_fails_its_own_message_only(make, kit, channel, queue):
    """Publishing to it would end the channel, and the lead with it; it is looked for before."""
    broker = make()
    kit.adopt(broker, "bad", "good")
    nowhere = kit.Text("x", declare=[], exchange=f"no-{queue}", routing_key="k")
    bad, good = broker.dispatch(
        [kit.dispatch(nowhere, "bad"), kit.dispatch(kit.Text("ok", queue), "good")]
    )

    assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
    assert isinstance(bad.error, BrokerError)
    assert f"no exchange 'no-{queue}'" in str(bad.error)
    assert ["ok"] == bodies(channel, queue)


def test_a_queue_of_another_kind_fails_its_own_message_only(make, kit, channel, queue):
    """What is declared otherwise on the server is told in the server's words."""
    broker = make()
    kit.adopt(broker, "bad", "good")
    other = kit.Text("x", declare=[Queue(queue, queue_arguments={"x-max-length": 3})])
    bad, good = broker.dispatch(
        [kit.dispatch(other, "bad"), kit.dispatch(kit.Text("ok", queue), "good")]
    )

    assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
    assert "inequivalent arg 'x-max-length'" in str(bad.error)


def test_exchanges_and_topics_route_as_they_do_for_celery(make, kit, channel, queue):
    """Two queues bound to a topic both get the message."""
    broker = make()
    exchange = Exchange(f"news-{queue}", "topic")
    bound = [
        Queue(f"{queue}-it", exchange, routing_key="news.it"),
        Queue(f"{queue}-all", exchange, routing_key="news.#"),
    ]
    kit.adopt(broker, "job")
    text = kit.Text("hello", declare=bound, exchange=exchange, routing_key="news.it")
    (outcome,) = broker.dispatch([kit.dispatch(text)])

    assert "DISPATCHED" == outcome.status.name
    assert [["hello"], ["hello"]] == [bodies(channel, each.name) for each in bound]


def test_an_error_that_looks_like_the_connections_is_the_messages_own(make, kit, queue):
    """A task's code may raise what sockets raise: the others go out, the lead stays."""
    broker = make()
    kit.adopt(broker, "bad", "good")
    raises = kit.Fails(ConnectionRefusedError("the shop's database is down"))
    bad, good = broker.dispatch(
        [kit.dispatch(raises, "bad"), kit.dispatch(kit.Text("ok", queue), "good")]
    )

    assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
    assert isinstance(bad.error, ConnectionRefusedError)


def test_a_full_queue_that_rejects_fails_its_own_message_only(make, kit, channel, queue):
    """Its run goes out when there is room; the others may be repeated once, with the first try."""
    full = f"full-{queue}"
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(full, durable=True, auto_delete=False, arguments=arguments)
    channel.basic_publish(amqp.Message('"first"'), routing_key=full)
    wait_for(channel, full)
    broker = make()
    kit.adopt(broker, "bad", "good")
    rejected = kit.Text("late", declare=[], routing_key=full)
    for minute in (1, 2):
        bad, good = broker.dispatch(
            [
                kit.dispatch(rejected, "bad"),
                kit.dispatch(kit.Text("ok", queue), "good", minute, minute - 1),
            ]
        )
        assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
        assert kit.NOON == bad.cursor
        assert "RabbitMQ refuses the message" in str(bad.error)
        # The server says only that the first batch was carried out in part: it went out again.
        assert ["ok"] * (3 - minute) == bodies(channel, queue)
    assert ["first"] == bodies(channel, full)
    (again,) = broker.dispatch([kit.dispatch(rejected, "bad")])
    assert "DISPATCHED" == again.status.name
    assert ["late"] == bodies(channel, full)


def test_a_message_that_the_server_refuses_fails_alone(make, kit, channel, queue):
    """The others go out, once; the connection and the lead stay."""
    broker = make()
    kit.adopt(broker, "bad", "good")
    led = broker.lead() and broker._led
    refused = kit.Text("x", queue, user_id="somebody-else")
    for minute in (1, 2):
        bad, good = broker.dispatch(
            [
                kit.dispatch(refused, "bad"),
                kit.dispatch(kit.Text("ok", queue), "good", minute, minute - 1),
            ]
        )
        assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
        assert "user_id property set to 'somebody-else'" in str(bad.error)
        assert not isinstance(bad.error, BrokerUnreachable)
        assert ["ok"] == bodies(channel, queue)
    assert led is broker._led
    assert {"bad": kit.NOON, "good": kit.NOON + timedelta(minutes=2)} == stand(
        make_over(broker, make), "bad", "good"
    )


def make_over(broker: RabbitMQBroker, make: Any) -> RabbitMQBroker:
    """Let another broker lead, and return it."""
    broker.resign()
    return make()


def test_headers_that_fit_no_frame_fail_their_own_message_only(make, kit, channel, queue):
    """The server would end the connection for them, again and again; bodies of any size pass."""
    broker = make()
    kit.adopt(broker, "bad", "good")
    large = kit.Text("x", queue, headers={"note": "a" * 200_000})
    body = "b" * 400_000
    bad, good = broker.dispatch(
        [kit.dispatch(large, "bad"), kit.dispatch(kit.Text(body, queue), "good")]
    )

    assert ("FAILED", "DISPATCHED") == (bad.status.name, good.status.name)
    assert "headers" in str(bad.error)
    assert [body] == bodies(channel, queue)


# -- what is kept --------------------------------------------------------------------------------


def test_the_log_is_rewritten_and_stays_small(make, kit, channel, queue, names, monkeypatch):
    """However many steps are taken, no more is kept than a copy and some steps."""
    monkeypatch.setattr(rabbitmq_log, "_MOST_STEPS", 12)
    monkeypatch.setattr(rabbitmq_log, "_COPY", 3)
    entries = [f"entry-{number}" for number in range(10)]
    first, second = make(), make()
    kit.adopt(first, *entries)
    for minute in range(1, 100):
        entry = entries[minute % 9]
        at = stand(first, entry)[entry]
        previous = round((at - NOON) / timedelta(minutes=1))
        first.dispatch([kit.dispatch(kit.Text("x", queue), entry, minute, previous)])
    first.forget(["entry-9"])
    stood = stand(first, *entries[:9])
    first.resign()
    kept = count(channel, names.log("a")) + count(channel, names.log("b"))

    assert stood == stand(second, *entries[:9])
    assert NOON + timedelta(minutes=99) == max(stood.values())
    assert kept <= 30
    assert NOON - timedelta(days=9) == stand(second, "entry-9")["entry-9"]


def test_the_step_that_begins_a_rewriting_is_rewritten_too(make, kit, monkeypatch):
    """Entries that it makes known are in the new log too, beside the copy of the others."""
    monkeypatch.setattr(rabbitmq_log, "_MOST_STEPS", 4)
    first, second = make(), make()
    entries = [f"entry-{number}" for number in range(12)]
    for entry in entries:
        kit.adopt(first, entry)
    first.resign()

    assert dict.fromkeys(entries, kit.NOON) == stand(second, *entries)


def test_a_copy_that_takes_longer_than_the_next_is_due_keeps_all(make, kit, monkeypatch):
    """Steps that outweigh a copy while it is written begin no other before it is in use."""
    monkeypatch.setattr(rabbitmq_log, "_MOST_STEPS", 2)
    monkeypatch.setattr(rabbitmq_log, "_COPY", 1)
    entries = [f"entry-{number}" for number in range(5)]
    broker = make()
    kit.adopt(broker, *entries)
    for _ in range(30):
        broker._led.journal.keep({})
        broker.resign()
        assert dict.fromkeys(entries, kit.NOON) == stand(broker, *entries)
    for _ in range(30):
        broker._led.journal.keep({})
    broker.resign()

    assert dict.fromkeys(entries, kit.NOON) == stand(broker, *entries)


def test_a_leader_killed_between_its_two_commits_has_sent_its_batch(
    make, kit, channel, queue, monkeypatch
):
    """The transient token says so to the next one, and nothing is sent twice."""
    first, second = make(), make()
    kit.adopt(first, "job")
    batch = [kit.dispatch(kit.Text("once", queue))]
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "keep", _killed)
        with pytest.raises(KeyboardInterrupt):
            first.dispatch(batch)
    (outcome,) = second.dispatch([kit.dispatch(kit.Text("once", queue))])

    assert "TAKEN" == outcome.status.name, outcome.error
    assert ["once"] == bodies(channel, queue)


def test_a_server_killed_between_the_two_commits_gets_the_batch_again(
    make, kit, channel, queue, names, monkeypatch
):
    """It forgets the transient token, and may have forgotten the batch: nothing is lost."""
    first, second = make(), make()
    kit.adopt(first, "job")
    batch = [kit.dispatch(kit.Text("again", queue))]
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "keep", _killed)
        with pytest.raises(KeyboardInterrupt):
            first.dispatch(batch)
    _forget_transient(channel, names.state)
    (outcome,) = second.dispatch([kit.dispatch(kit.Text("again", queue))])

    assert "DISPATCHED" == outcome.status.name
    assert ["again", "again"] == bodies(channel, queue)


def test_a_take_over_that_fails_gives_the_tokens_back(make, kit, monkeypatch):
    """Whatever it is that fails: the next one who tries may lead."""
    first, second = make(), make()
    kit.adopt(first, "job")
    first.resign()
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "keep", _killed)
        with pytest.raises(KeyboardInterrupt):
            first.lead()
    deadline = time.monotonic() + 5
    while not second.lead():
        assert time.monotonic() < deadline, "nobody can lead any more"


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def _forget_transient(channel: Any, queue: str) -> None:
    kept = []
    wait_for(channel, queue)  # until the server has seen that the leader is gone
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        if message.properties["delivery_mode"] == 2:
            kept.append(message)
    assert kept, "there is always a token on disk"
    for message in kept:
        again = amqp.Message(message.body, delivery_mode=2)
        channel.basic_publish(again, routing_key=queue)


def test_steps_in_the_hands_of_who_dies_are_waited_for(make, kit, connection, names):
    """A leader that was killed while it read the log may hold some when its tokens are back."""
    first, second = make(), make()
    kit.adopt(first, "a")
    kit.adopt(first, "b")
    first.resign()
    with connection.channel() as dying:
        dying.basic_consume(names.log("a"))
        assert [False, False] == [second.lead(), second.lead()]

    assert {"a": kit.NOON, "b": kit.NOON} == stand(second, "a", "b")


def test_a_journal_of_a_newer_version_is_refused(make, kit, channel, names):
    """It says so, and what to do; nothing is written, and another may lead."""
    first = make()
    kit.adopt(first, "job")
    first.resign()
    (token,) = [body for body in bodies(channel, names.state) if body["version"] >= 0][-1:]
    newer = amqp.Message(json.dumps({**token, "format": 2}), delivery_mode=2)
    channel.basic_publish(newer, routing_key=names.state)
    wait_for(channel, names.state)
    second = make()
    for _ in range(2):
        with pytest.raises(BrokerError, match="has format 2, this version of periodic reads up to"):
            second.lead()

    assert 1 == count(channel, names.state)


@pytest.mark.parametrize("body", ["what is this", "{}", "[]"])
def test_a_message_of_somebody_else_is_no_token(make, kit, channel, names, body):
    """It is an error that says what to do, not a beat that stands by for ever."""
    first = make()
    kit.adopt(first, "job")
    first.resign()
    channel.basic_publish(amqp.Message(body), routing_key=names.state)
    second, third = make(), make()
    for broker in (second, third, second):
        with pytest.raises(BrokerError, match="is none of a beat"):
            broker.lead()


def test_a_token_is_never_invented(make, kit, channel, names):
    """Where there was one and it cannot be seen, somebody's channel may still be dying."""
    first = make()
    kit.adopt(first, "job")
    first.resign()
    channel.queue_purge(names.state)

    assert [False, False] == [make().lead(), make().lead()]


def test_a_token_is_renewed_before_the_server_takes_it_back(make, clock: ManualClock, names):
    """Held for a minute it is replaced, however little happens: servers end channels for that."""
    broker = make()
    broker.lead()
    journal = broker._led.journal
    versions = []
    for _ in range(4):
        clock.advance(timedelta(seconds=31))
        broker.lead()
        versions.append(journal.version)

    assert [0, 1, 1, 2] == versions
    assert len(journal._tokens) <= 3


def test_what_is_written_for_one_of_many_entries_is_small(make, kit, queue):
    """One due of 2,000: under 1 kB a tick, besides the task itself, copies included."""
    broker = make()
    entries = [f"entry-{number}" for number in range(2000)]
    kit.adopt(broker, *entries)
    written = _count_bytes(broker)
    minutes = 60
    for minute in range(1, minutes + 1):
        broker.dispatch([kit.dispatch(kit.Text("x", queue), "entry-7", minute, minute - 1)])

    assert 300 < written[0] / minutes < 1000


def _count_bytes(broker: RabbitMQBroker) -> list[int]:
    transport = broker._led.journal.channel.connection.transport
    counted, write = [0], transport._write

    def count(data: Any) -> None:
        counted[0] += len(data)
        write(data)

    transport._write = count
    return counted


# -- the connection ------------------------------------------------------------------------------


def test_a_broken_connection_is_made_anew_within_the_call(make, kit, channel, queue):
    """The server ended it while nobody looked: the batch goes out, once."""
    broker = make()
    kit.adopt(broker, "job")
    broker._led.journal.channel.connection.transport.sock.close()
    outcomes = []
    for _ in range(100):  # until the server has found the old connection dead
        (outcome,) = broker.dispatch([kit.dispatch(kit.Text("x", queue))])
        outcomes.append(outcome.status.name)
        if outcome.status.name != "FAILED":
            break

    assert "DISPATCHED" == outcomes[-1]
    assert ["x"] == bodies(channel, queue)


def test_a_server_that_is_away_is_an_outcome(clock, kit):
    """Nothing is raised, nothing is lost; leading says that it cannot be reached."""
    with kombu.Connection("amqp://127.0.0.1:1//") as nowhere:
        broker = RabbitMQBroker(nowhere, namespace="test", clock=clock)
        (outcome,) = broker.dispatch([kit.dispatch(kit.Text("x"))])
        broker.close()

    assert ("FAILED", kit.NOON) == (outcome.status.name, outcome.cursor)
    assert "amqp://" in str(outcome.error)


def test_a_server_that_hangs_holds_up_a_batch_once(make, kit, monkeypatch):
    """The first message finds out; the others do not wait for their own time-out, and are kept."""
    broker = make()
    kit.adopt(broker, "a", "b", "c")
    asked = []

    def hang(*_: Any, **__: Any) -> None:
        asked.append(1)
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(amqp.Channel, "queue_declare", hang)
        batch = [kit.dispatch(kit.Text("x", f"new-{entry}"), entry) for entry in "abc"]
        outcomes = broker.dispatch(batch)

    assert ["FAILED"] * 3 == [outcome.status.name for outcome in outcomes]
    assert all(isinstance(outcome.error, BrokerUnreachable) for outcome in outcomes)
    assert len(asked) <= 2


def test_signs_of_life_are_no_answer(connection, namespace, kit, monkeypatch):
    """A server that sends nothing but heartbeats is an outage in the end."""
    monkeypatch.setattr(rabbitmq, "_ANSWER", 0.2)
    broker = RabbitMQBroker(connection, namespace=namespace, clock=SystemClock())
    kit.adopt(broker, "job")
    journal = broker._led.journal
    with monkeypatch.context() as patch:
        made = journal.channel.connection
        patch.setattr(made, "blocking_read", lambda _: time.sleep(0.01))
        with pytest.raises(TimeoutError, match="lives but has not answered for"):
            journal.keep({})
    broker.close()


def test_a_server_short_of_memory_is_an_outage_that_ends(rabbitmq_server, clock, kit):
    """It takes no messages, and says so at once; when it takes them again each goes out once."""
    with kombu.Connection(rabbitmq_server.url) as connection, connection.channel() as channel:
        queue = f"tasks-{uuid.uuid4().hex[:8]}"
        channel.queue_declare(queue, durable=True, auto_delete=False)
        broker = RabbitMQBroker(connection, namespace=queue, clock=clock)
        kit.adopt(broker, "job")
        batch = [kit.dispatch(kit.Text("x", declare=[], routing_key=queue))]
        rabbitmq_server.control("set_vm_memory_high_watermark", "0.0000001")
        try:
            started = time.monotonic()
            (outcome,) = broker.dispatch(batch)
            took = time.monotonic() - started
        finally:
            rabbitmq_server.control("set_vm_memory_high_watermark", "0.4")
        status, deadline = "FAILED", time.monotonic() + 20
        while status == "FAILED" and time.monotonic() < deadline:
            status = broker.dispatch(batch)[0].status.name
        broker.close()

        assert ("FAILED", kit.NOON) == (outcome.status.name, outcome.cursor)
        assert took < 5
        assert status in {"DISPATCHED", "TAKEN"}
        wait_for(channel, queue)
        assert ["x"] == bodies(channel, queue)


def test_messages_that_take_long_to_make_do_not_end_the_connection(
    connection, namespace, kit, queue
):
    """The server hears of a leader that makes messages for longer than some heartbeats."""
    broker = RabbitMQBroker(connection, namespace=namespace, clock=SystemClock(), heartbeat=1)

    class Slow(kit.Text):
        def publish(self, producer: Any) -> None:
            time.sleep(0.7)
            super().publish(producer)

    entries = [f"entry-{number}" for number in range(8)]
    kit.adopt(broker, *entries)
    led = broker._led
    outcomes = broker.dispatch([kit.dispatch(Slow("x", queue), entry) for entry in entries])

    assert ["DISPATCHED"] * 8 == [outcome.status.name for outcome in outcomes]
    assert led is broker._led
    broker.close()


def test_a_message_made_ahead_waits_for_nothing(make, kit, queue, clock, monkeypatch):
    """At its instant it is written, and its token, and the commit: no other frame, no look."""
    broker = make()
    kit.adopt(broker, "job")
    frames = broker._led.frames
    for minute in (1, 2):  # the second batch finds tokens that the first has left
        dispatch = kit.dispatch(kit.Text("x", queue), "job", minute, minute - 1)
        published = frames.render(dispatch.message)
        ready = replace(dispatch, message=_Ready(dispatch.message, frames, published))
        clock.advance(timedelta(minutes=1))  # signs of life are due
        with monkeypatch.context() as patch:
            written = _watch_writes(broker, patch)
            patch.setattr(Journal, "_live", lambda _: pytest.fail("it looks first"))
            (outcome,) = broker.dispatch([ready])
        task, token, commit, *_ = written

        assert "DISPATCHED" == outcome.status.name, outcome.error
        assert published[0].frames == task
        assert b'"changes":{"job":' in token
        assert _COMMIT == commit[7:11]


def test_a_message_made_ahead_for_another_connection_is_made_anew(kit, queue):
    """That may take long, as for any other message: the server is to hear of it."""
    message = kit.Text("x", queue)
    shown = []
    led = SimpleNamespace(frames="these", journal=SimpleNamespace(live=lambda: shown.append(1)))
    for frames in ("these", "others"):
        _show_life(led, _Ready(message, frames, ()))
    _show_life(led, message)

    assert [1, 1] == shown


#: Class and method, as RabbitMQ's own description of AMQP 0-9-1 numbers them.
_COMMIT = struct.pack(">HH", 90, 20)


def _watch_writes(broker: RabbitMQBroker, patch: pytest.MonkeyPatch) -> list[bytes]:
    transport = broker._led.journal.channel.connection.transport
    written, write = [], transport._write

    def watch(data: Any) -> None:
        written.append(bytes(data))
        write(data)

    patch.setattr(transport, "_write", watch)
    return written


def test_a_stop_does_not_wait_for_a_server_that_hangs(make, kit, monkeypatch):
    """It is let go within a second; the server hands the lead over when it finds out."""
    broker = make()
    kit.adopt(broker, "job")
    transport = broker._led.journal.channel.connection.transport
    given = []

    def hang(*_: Any) -> None:
        given.append(transport.sock.gettimeout())
        raise TimeoutError

    monkeypatch.setattr(transport, "_read", hang)
    broker.close()

    assert given
    assert all(seconds is not None and seconds < 0.5 for seconds in given)


def test_a_cursor_has_one_text(names):
    """What is written is what is read."""
    cursor = Cursor(NOON + timedelta(microseconds=1), "f")
    text = rabbitmq_queues._written({"job": cursor, "gone": None})

    assert {"job": "2026-03-02T12:00:00.000001+00:00 f", "gone": None} == text
    assert cursor == rabbitmq_queues._cursor(text["job"])
