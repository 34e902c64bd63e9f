"""What an outage does to the parts of a Redis adapter that do not take part in the failing call."""

from __future__ import annotations

import json
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
    pool = broker._connected().connection_pool
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
