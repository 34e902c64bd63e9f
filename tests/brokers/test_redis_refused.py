"""What cannot go out is the failure of its own entry, whatever it raises and whoever refuses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import kombu
import pytest
import redis
from redis_bench import Server

from periodic import Adoption, BrokerError, BrokerUnreachable, Dispatch, Outcome, Status
from periodic_brokers.redis import RedisBroker

pytestmark = pytest.mark.redis

CURSORS = "periodic:test:cursors"
RIGHTS = ["~*", "+@all", "resetchannels"]


@pytest.fixture
def make_broker(own_server: Server) -> Iterator[Callable[..., RedisBroker]]:
    """Make adapters, of one user or another; all are closed."""
    with ExitStack() as stack:

        def make(user: str = "") -> RedisBroker:
            url = f"redis://{user}127.0.0.1:{own_server.port}/0"
            broker = RedisBroker(stack.enter_context(kombu.Connection(url)), namespace="test")
            stack.callback(broker.close)
            return broker

        yield make


@pytest.fixture
def broadcast(kit: Any) -> Dispatch:
    """Return the dispatch of a message to all who listen."""
    news = kit.Exchange("news", type="fanout")
    return kit.dispatch(kit.Text("news", declare=[news], exchange=news, routing_key=""), "news")


def told(outcomes: list[Outcome]) -> dict[str, Status]:
    """Return what came of each entry."""
    return {each.occurrence.entry: each.status for each in outcomes}


class TestBroadcastsThatTheUserMayNotPublish:
    """Redis 7 gives a new user no channels, and a script that fails in the middle is not undone."""

    @pytest.fixture
    def broker(self, own_server: Server, make_broker: Callable[..., RedisBroker], kit: Any) -> Any:
        """Return the adapter of a user without channels, who knows two entries."""
        own_server.client.execute_command("ACL", "SETUSER", "beat", "on", ">secret", *RIGHTS)
        broker = make_broker("beat:secret@")
        broker.adopt([Adoption(name, "f", kit.NOON) for name in ("news", "job")])
        return broker

    def test_it_fails_alone(self, broker, broadcast, own_server, kit):
        """It is no other beat's, its entry stands where it stood, and the rest goes out."""
        batch = [broadcast, kit.dispatch(kit.Text("x"))]
        kept = own_server.client.hget(CURSORS, "news")

        news, job = broker.dispatch(batch)

        assert (Status.FAILED, Status.DISPATCHED) == (news.status, job.status)
        assert kit.NOON == news.cursor
        assert isinstance(news.error, BrokerError)
        assert "nothing can be published to /0.news: " in str(news.error)
        assert kept == own_server.client.hget(CURSORS, "news")
        assert {"news": Status.FAILED, "job": Status.TAKEN} == told(broker.dispatch(batch))

    def test_it_goes_out_once_the_user_may(self, broker, broadcast, own_server):
        """Nothing is lost, and only what went out is heard."""
        with own_server.client.pubsub() as listener:
            listener.subscribe("/0.news")
            listener.get_message(timeout=5)
            assert {"news": Status.FAILED} == told(broker.dispatch([broadcast]))
            own_server.client.execute_command("ACL", "SETUSER", "beat", "&*")

            assert {"news": Status.DISPATCHED} == told(broker.dispatch([broadcast]))
            heard = listener.get_message(timeout=5)
            assert "news" == json.loads(heard["data"])["properties"]["delivery_info"]["exchange"]
            assert listener.get_message(timeout=0.1) is None

    def test_on_a_server_that_lost_its_data(self, broker, broadcast, own_server):
        """Nothing is kept of an entry of which nothing was sent: the beat knows where it stands."""
        own_server.client.flushall()

        assert {"news": Status.FAILED} == told(broker.dispatch([broadcast]))
        assert own_server.client.hget(CURSORS, "news") is None


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("template.txt"), redis.ConnectionError("a cache"), OSError()],
    ids=repr,
)
def test_what_users_code_raises_is_no_outage(make_broker, kit, error):
    """A receiver of a signal may read files or ask servers of its own: the others go out."""
    broker = make_broker()
    kit.adopt(broker, "bad", "good")

    bad, good = broker.dispatch(
        [kit.dispatch(kit.Fails(error), "bad"), kit.dispatch(kit.Text("x"), "good")]
    )

    assert (Status.FAILED, error) == (bad.status, bad.error)
    assert Status.DISPATCHED == good.status


def test_what_the_server_raises_is_one_however_it_is_wrapped(make_broker, kit):
    """Users' code may make another error of what the server says."""

    class Wraps(kit.Text):
        def publish(self, producer: Any) -> None:
            try:
                with producer.channel.conn_or_acquire() as client:
                    client.execute_command("HGET", "two", "few", "many")
            except redis.ResponseError as error:
                raise OSError("not sent") from error

    broker = make_broker()
    kit.adopt(broker, "job", "good")

    outcomes = broker.dispatch([kit.dispatch(Wraps("x")), kit.dispatch(kit.Text("x"), "good")])

    assert [BrokerUnreachable] * 2 == [type(each.error) for each in outcomes]


@pytest.mark.parametrize(
    "text", ["garbage", "", "2026-03-02T12:00:00 f", "2026-03-02T12:00:00Z f", "2026-13-02 f"]
)
def test_a_cursor_that_no_beat_has_written(make_broker, own_server, kit, text):
    """It is told, with its place, and in no other beat's way; the others go out."""
    broker = make_broker()
    kit.adopt(broker, "bad", "good")
    own_server.client.hset(CURSORS, "bad", text)
    batch = [kit.dispatch(kit.Text("x"), name) for name in ("bad", "good")]

    bad, good = broker.dispatch(batch)

    assert (Status.FAILED, kit.NOON) == (bad.status, bad.cursor)
    assert f"{CURSORS!r}, reads {text!r}" in str(bad.error)
    assert Status.DISPATCHED == good.status
    own_server.client.hdel(CURSORS, "bad")
    assert {"bad": Status.DISPATCHED, "good": Status.TAKEN} == told(broker.dispatch(batch))


def test_a_cursor_that_cannot_be_read_is_adopted_as_an_unknown_one(make_broker, own_server, kit):
    """Asking where entries stand does not end the beat; the dispatch tells what is wrong."""
    own_server.client.hset(CURSORS, "job", "garbage f")
    broker = make_broker()

    found = broker.adopt([Adoption("job", "f", kit.NOON)])

    assert {"job": kit.NOON} == found
    assert {"job": Status.FAILED} == told(broker.dispatch([kit.dispatch(kit.Text("x"))]))
