"""Claims of runs on Redis: what is on the server, and what an operator or an outage does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis

from periodic import BrokerUnreachable, RunClaim, RunStanding
from periodic_brokers.redis_run_claims import RedisRunClaims

TTL = timedelta(seconds=30)
DAY = timedelta(days=1)
RUN = RunClaim("5d2b", 0, "a")
KEY = "p:periodic:shop:run:5d2b"


@pytest.fixture(
    params=[
        pytest.param("clean_fakeredis_url", marks=pytest.mark.fakeredis),
        pytest.param("clean_redis_url", marks=pytest.mark.redis),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database, on a Redis made of Python and on Redis."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def open_claims() -> Iterator[Callable[..., RedisRunClaims]]:
    """Open claims under a prefix; all are closed in the end."""
    with ExitStack() as stack:

        def open_claims(url: str, **options: Any) -> RedisRunClaims:
            options = {"global_keyprefix": "p:", **options}
            connection = stack.enter_context(kombu.Connection(url, transport_options=options))
            claims = RedisRunClaims(connection, namespace="shop", remember=DAY)
            stack.callback(claims.close)
            return claims

        yield open_claims


@pytest.fixture
def claims(url: str, open_claims: Callable[..., RedisRunClaims]) -> RedisRunClaims:
    """Return claims under a prefix."""
    return open_claims(url)


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    """Return what an operator looks with."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def test_a_run_is_one_key_that_ends_by_itself(claims: RedisRunClaims, client: Any) -> None:
    """The prefix, the namespace, attempt, end and owner; nothing else is left on the server."""
    claims.claim(RUN, TTL)
    attempt, ends, owner = client.get(KEY).split(" ")
    assert ("0", "a") == (attempt, owner)
    assert ends.isdigit()
    claims.finish(RUN)

    assert {KEY} == set(client.keys())
    assert "0 done a" == client.get(KEY)
    assert 86_399_000 < client.pttl(KEY) <= 86_400_000


def test_a_run_that_was_forgotten_by_hand_runs_again(claims: RedisRunClaims, client: Any) -> None:
    """`DEL` of its key is how an operator lets a run be repeated under its own id."""
    claims.claim(RUN, None)
    client.delete(KEY)

    assert RunStanding.WON is claims.claim(RunClaim("5d2b", 0, "b"), None).standing


def test_answers_may_be_decoded(url: str, open_claims: Callable[..., RedisRunClaims]) -> None:
    """The user's options may ask the client for text."""
    claims = open_claims(url)
    claims._connected()._pool.connection_kwargs["decode_responses"] = True
    claims.claim(RUN, TTL)
    answer = claims.claim(RunClaim("5d2b", 0, "b"), TTL)

    assert (RunStanding.HELD, "a") == (answer.standing, answer.owner)


def test_a_server_that_forgot_its_scripts_gets_them_again(
    claims: RedisRunClaims, client: Any
) -> None:
    """A restart, a fail-over or an operator's `SCRIPT FLUSH` costs one more question."""
    claims.claim(RUN, TTL)
    client.script_flush()

    assert RunStanding.HELD is claims.claim(RunClaim("5d2b", 0, "b"), TTL).standing


def test_connections_are_kept_one_for_each_that_asks_at_the_same_time(
    claims: RedisRunClaims, client: Any
) -> None:
    """Questions one after another go over one connection, errors of the server included."""
    for number in range(50):
        claims.claim(RunClaim(str(number), 0, "a"), None)
    client.set(KEY, "junk")
    for _ in range(50):
        with pytest.raises(BrokerUnreachable):
            claims.claim(RUN, TTL)

    assert 1 == len(claims._connected()._free)


def test_an_answer_that_comes_too_late_is_nobody_elses(
    claims: RedisRunClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection on which an answer is still to come is not used again."""
    claims.claim(RUN, TTL)
    line = claims._connected()
    (connection,) = line._free

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(connection), "read_response", interrupted)
    with pytest.raises(KeyboardInterrupt):
        claims.finish(RUN)
    monkeypatch.undo()

    assert [] == list(line._free)
    assert "a" == claims.claim(RunClaim("5d2b", 0, "b"), TTL).owner


@pytest.mark.parametrize("text", ["", "junk", "x done a", "1 - a"])
def test_a_key_that_holds_something_else_is_named(
    claims: RedisRunClaims, client: Any, text: str
) -> None:
    """It is neither overwritten nor believed."""
    client.set(KEY, text)
    with pytest.raises(BrokerUnreachable, match=KEY) as caught:
        claims.claim(RUN, TTL)
    with pytest.raises(BrokerUnreachable):
        claims.finish(RUN)

    assert "wrong-type" == caught.value.state
    assert text == client.get(KEY)


@pytest.mark.redis
def test_connections_that_broke_while_idle_are_made_anew(
    clean_redis_url: str, open_claims: Callable[..., RedisRunClaims]
) -> None:
    """A server that restarted has closed all of them; the next question is answered."""
    claims = open_claims(clean_redis_url)
    line = claims._connected()
    connections = [line._take() for _ in range(3)]
    line._free.extend(connections)
    with redis.Redis.from_url(clean_redis_url) as client:
        own = client.client_id()
        for each in client.client_list():
            if int(each["id"]) != own:
                client.client_kill_filter(_id=each["id"])

    assert claims.finish(RUN) is True


@pytest.mark.fakeredis
def test_as_many_threads_as_a_worker_has_may_ask_at_once(
    clean_fakeredis_url: str, open_claims: Callable[..., RedisRunClaims]
) -> None:
    """Kombu's own pools end at ten connections."""
    claims = open_claims(clean_fakeredis_url)
    assert 1000 == claims._connected()._pool.max_connections


def test_a_server_that_is_not_there_is_unreachable(
    open_claims: Callable[..., RedisRunClaims],
) -> None:
    """The error names the server without its password, and comes at once."""
    claims = open_claims("redis://:secret@127.0.0.1:1/0")
    with pytest.raises(BrokerUnreachable, match=r"Redis at redis://:\*\*@127.0.0.1:1/0") as caught:
        claims.claim(RUN, TTL)

    assert "unreachable" == caught.value.state
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("last", [timedelta(0), timedelta(microseconds=1)])
def test_less_than_a_millisecond_is_refused(
    open_claims: Callable[..., RedisRunClaims], last: timedelta
) -> None:
    """The server counts in milliseconds; it is not asked."""
    claims = open_claims("redis://127.0.0.1:1/0")
    with pytest.raises(ValueError, match="5d2b"):
        claims.claim(RUN, last)
    with kombu.Connection("redis://127.0.0.1:1/0") as connection, pytest.raises(ValueError):
        RedisRunClaims(connection, namespace="shop", remember=last)


@pytest.mark.redis
def test_the_rights_of_the_page_are_enough(
    own_redis: Callable[..., Any], open_claims: Callable[..., RedisRunClaims]
) -> None:
    """A user who may do nothing but what the page on running once names can claim and finish."""
    url = own_redis().url
    rights = "+time +script|load +evalsha +get +set"
    assert rights in (Path(__file__).parents[2] / "docs/how-to/run-once.md").read_text()
    with redis.Redis.from_url(url) as client:
        command = f"ACL SETUSER w on >pw ~periodic:* -@all +ping +select {rights}"
        client.execute_command(*command.split())
    claims = open_claims(url.replace("redis://", "redis://w:pw@"), global_keyprefix="")

    assert RunStanding.WON is claims.claim(RUN, TTL).standing
    assert claims.finish(RUN) is True
