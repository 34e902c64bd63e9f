"""What an outage does to the parts of a Redis adapter that do not take part in the failing call."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import kombu
import pytest
import redis

from periodic import BeatState, BeatStatus, BrokerUnreachable
from periodic_brokers.redis import RedisBroker

pytestmark = pytest.mark.fakeredis


@pytest.fixture
def broker(clean_fakeredis_url: str) -> Iterator[RedisBroker]:
    """An adapter on a Redis made of Python."""
    with kombu.Connection(clean_fakeredis_url) as connection:
        broker = RedisBroker(connection, namespace="test")
        yield broker
        broker.close()


def test_a_failing_call_leaves_the_connections_of_other_threads_alone(broker: RedisBroker) -> None:
    """The lease's thread is not torn out of its own call when a dispatch fails."""
    broker.now()
    pool = broker._server.client().connection_pool
    in_use = pool.get_connection()
    in_use.connect()
    socket = in_use._sock

    with pytest.raises(BrokerUnreachable), broker._translated():
        raise redis.ConnectionError("gone")

    assert socket is in_use._sock
    in_use.send_command("PING")
    assert in_use.read_response() in {b"PONG", "PONG"}
    pool.release(in_use)


def test_an_outage_names_the_server_by_the_url_that_the_app_was_given() -> None:
    """What is read in the log is a URL, without the password."""
    with kombu.Connection("redis://:secret@127.0.0.1:1/0") as connection:
        broker = RedisBroker(connection, namespace="test")

        with pytest.raises(BrokerUnreachable) as caught:
            broker.now()

        broker.close()

    assert str(caught.value).startswith("Redis at redis://:**@127.0.0.1:1/0 does not answer")


def test_a_server_that_refuses_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting between tries is the beat's, which hears a stop meanwhile; the adapter never does."""
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: pytest.fail("it waits"))
    with kombu.Connection("redis://127.0.0.1:1/0") as connection:
        broker = RedisBroker(connection, namespace="test")

        with pytest.raises(BrokerUnreachable):
            broker.now()

        broker.close()


def test_a_word_that_nobody_here_can_read_hides_no_other_beat(
    broker: RedisBroker, clean_fakeredis_url: str
) -> None:
    """A beat of a later version, or somebody's typing, is passed over; the others show."""
    now = broker.now()
    mine = BeatStatus("web-1:7:ab", "web-1", 7, BeatState.ACTIVE, "", now, now, 1, 0.0)
    later = {**mine.to_dict(), "beat": "later", "state": "dreaming"}
    with redis.Redis.from_url(clean_fakeredis_url) as client:
        words = {"later": json.dumps(later), "typed": "hello", "list": "[1]", "part": "{}"}
        client.hset("periodic:test:beats", mapping=words)

        broker.registry().announce(mine)

        assert ["web-1:7:ab"] == [each.beat for each in broker.registry().beats()]
        assert {b"later", b"web-1:7:ab"} <= set(client.hkeys("periodic:test:beats"))


def test_who_waited_for_another_thread_to_connect_in_vain_does_not_try_again_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beat and lease's thread meet a silent server at once: one timeout is enough for both."""
    calls: list[None] = []
    both = threading.Barrier(2)

    class Opening:
        """The lock, which tells when both threads have come to it."""

        lock = threading.Lock()

        def __enter__(self) -> None:
            both.wait(10)
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    def connect(**_: object) -> None:
        calls.append(None)
        raise redis.TimeoutError("silent")

    with kombu.Connection("redis://127.0.0.1:1/0") as connection:
        broker = RedisBroker(connection, namespace="test")
        monkeypatch.setattr(broker._server, "_opening", Opening())
        monkeypatch.setattr(broker._server._connection, "ensure_connection", connect)
        failures: list[BrokerUnreachable] = []

        def ask() -> None:
            with pytest.raises(BrokerUnreachable) as caught:
                broker.now()
            failures.append(caught.value)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        broker.close()

    assert 2 == len(failures)
    assert 1 == len(calls)


def test_a_connection_that_failed_is_tried_anew_by_the_next_call() -> None:
    """A failure is shared by those who waited for it, and by nobody later."""
    with kombu.Connection("redis://127.0.0.1:1/0") as connection:
        broker = RedisBroker(connection, namespace="test")
        calls: list[None] = []

        def connect(**_: object) -> None:
            calls.append(None)
            raise redis.ConnectionError("refused")

        broker._server._connection.ensure_connection = connect
        for _ in range(2):
            with pytest.raises(BrokerUnreachable):
                broker.now()
        broker.close()

    assert 2 == len(calls)
