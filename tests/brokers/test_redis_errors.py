"""What a Redis server says, and which state and sentence becomes of it."""

from __future__ import annotations

import pytest
import redis
from kombu.exceptions import OperationalError
from redis import exceptions
from redis.connection import DefaultParser

from periodic_brokers.redis_errors import ERRORS, address, translated

URI = "redis://shop/0"

#: What a server sends, and its state. Before Redis 7 a script puts words around it.
SAID = {
    "LOADING Redis is loading the dataset in memory": "loading",
    "READONLY You can't write against a read only replica.": "read-only",
    "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't": "read-only",
    "READONLY You can't write against a read only replica. script: 1, on @user_script:1.": (
        "read-only"
    ),
    "OOM command not allowed when used memory > 'maxmemory'.": "out-of-memory",
    "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not "
    "allowed when used memory > 'maxmemory'.": "out-of-memory",
    "NOAUTH Authentication required.": "refused",
    "WRONGPASS invalid username-password pair or user is disabled.": "refused",
    "ERR invalid password": "refused",
    "NOPERM this user has no permissions to run the 'evalsha' command": "refused",
    "ERR The user executing the script can't access at least one of the keys mentioned in the "
    "command arguments script: 1, on @user_script:1.": "refused",
    "WRONGTYPE Operation against a key holding the wrong kind of value": "wrong-type",
    "ERR Error running script (call to f_1): @user_script:2: WRONGTYPE Operation against a key": (
        "wrong-type"
    ),
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "no-master",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist": (
        "cannot-save"
    ),
    "NOREPLICAS Not enough good replicas to write.": "no-replicas",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL": "busy",
    "CLUSTERDOWN Hash slot not served": "cluster-down",
    "MOVED 3999 127.0.0.1:6381": "cluster",
    "CROSSSLOT Keys in request don't hash to the same slot": "cluster",
    "ERR max number of clients reached": "unreachable",
    "ERR unknown command 'EVALSHA'": "error",
    "ERR this text says LOADINGS and BROOMS, which are no words": "error",
}


@pytest.mark.parametrize("said", SAID)
def test_each_answer_has_its_state(said: str) -> None:
    """As the client reads it: some first words become classes, others stay in the text."""
    error = DefaultParser.parse_error(said)
    outage = translated(error, URI)

    assert isinstance(error, ERRORS)
    assert SAID[said] == outage.state
    assert str(outage).startswith(f"Redis at {URI} ")
    assert str(outage).endswith(f": {error}")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (exceptions.ConnectionError("Error 111 connecting to shop:6379."), "unreachable"),
        (exceptions.TimeoutError("Timeout reading from socket"), "unreachable"),
        (OSError(113, "No route to host"), "unreachable"),
        (TimeoutError("no answer to SUBSCRIBE"), "unreachable"),
        (exceptions.MaxConnectionsError("Too many connections"), "unreachable"),
        (OperationalError("wrapped by kombu"), "unreachable"),
    ],
)
def test_what_gives_no_answer_is_unreachable(error: Exception, state: str) -> None:
    """The way to the server, whoever noticed."""
    outage = translated(error, URI)

    assert isinstance(error, ERRORS)
    assert state == outage.state
    assert f"Redis at {URI} does not answer: {error}" == str(outage)


def test_the_key_is_named_where_it_is_known() -> None:
    """Somebody has to look what is under it."""
    error = exceptions.ResponseError("WRONGTYPE Operation against a key")

    assert "keeps something else under the key 'p:lease:x'; look" in str(
        translated(error, URI, "p:lease:x")
    )
    assert "keeps something else under a key of ours; look" in str(translated(error, URI))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://user:secret@shop:6380/3", "redis://shop:6380/3"),
        ("redis://", "redis://localhost:6379/0"),
        ("rediss://:secret@shop/1", "rediss://shop:6379/1"),
        (
            "unix://user:secret@/run/redis.sock?db=2",
            "redis+socket:///run/redis.sock?virtual_host=2",
        ),
    ],
)
def test_an_address_has_no_password(url: str, expected: str) -> None:
    """Messages say where, and not with what."""
    assert expected == address(redis.Redis.from_url(url))


def test_the_address_of_a_sentinels_master_is_its_name() -> None:
    """Where it is changes; who it is does not."""
    sentinel = redis.Sentinel([("localhost", 26379)])

    assert "sentinel://shop-master/0" == address(sentinel.master_for("shop-master"))
