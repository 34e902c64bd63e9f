"""Leases on Redis: what is on the server, and what an operator or a crash does to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from periodic import BrokerUnreachable, Lease, LeaseLost, Lock, Wake
from periodic_brokers.redis_leases import RedisLeases

SECOND = timedelta(seconds=1)
TTL = timedelta(seconds=30)
KEY = "p:periodic:shop:lease:report"
FENCE = "p:periodic:shop:fence"


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
def connect() -> Iterator[Callable[..., Any]]:
    """Connect clients, and close them in the end."""
    with ExitStack() as stack:

        def connect(url: str, **options: Any) -> Any:
            client = redis.Redis.from_url(url, socket_timeout=2, **options)
            stack.callback(client.close)
            return client

        yield connect


@pytest.fixture
def client(url: str, connect: Callable[..., Any]) -> Any:
    """Return what an operator looks with."""
    return connect(url, decode_responses=True)


@pytest.fixture
def leases(url: str, connect: Callable[..., Any]) -> RedisLeases:
    """Return leases under a prefix."""
    return RedisLeases(connect(url), prefix="p:", namespace="shop")


def claimed(leases: RedisLeases, owner: str = "a", ttl: timedelta = TTL) -> Lease:
    """Claim the key, which must be free."""
    lease = leases.claim("report", owner, ttl)
    assert lease is not None
    return lease


# -- what is on the server -----------------------------------------------------------------------


def test_a_lease_is_a_key_with_an_end_and_nothing_stays(leases: RedisLeases, client: Any) -> None:
    """The prefix, the namespace, token and owner; after the release there is one counter."""
    lease = claimed(leases)

    assert {KEY, FENCE} == set(client.keys())
    assert f"{lease.token} a" == client.get(KEY)
    assert 29_000 < client.pttl(KEY) <= 30_000
    leases.release(lease)
    assert [FENCE] == client.keys()
    assert str(lease.token) == client.get(FENCE)


def test_a_thousand_keys_leave_one_counter(leases: RedisLeases, client: Any) -> None:
    """Nothing grows with the number of keys or claims."""
    for number in range(1_000):
        lease = leases.claim(f"report-{number}", "a", TTL)
        assert lease is not None
        leases.release(lease)

    assert [FENCE] == client.keys()


def test_tokens_do_not_go_back_when_the_server_loses_its_data(
    leases: RedisLeases, client: Any
) -> None:
    """FLUSHALL, or a restart without persistence: the server's time is larger than any token."""
    before = claimed(leases)
    client.flushall()
    time.sleep(0.002)
    after = claimed(leases, "b")

    assert before.token < after.token
    with pytest.raises(LeaseLost, match="'report' with token"):
        leases.renew(before, TTL)
    assert leases.release(before) is False


def test_scripts_that_are_gone_are_loaded_again(leases: RedisLeases, client: Any) -> None:
    """SCRIPT FLUSH and a fail-over change nothing."""
    lease = claimed(leases)
    client.script_flush()
    assert lease.token == leases.renew(lease, TTL).token
    client.script_flush()

    assert leases.holder("report") is not None
    client.script_flush()
    assert leases.release(lease) is True


@pytest.mark.parametrize("options", [{"decode_responses": True}, {"protocol": 2}, {"protocol": 3}])
def test_the_clients_options_do_not_matter(
    url: str, connect: Callable[..., Any], options: dict[str, Any]
) -> None:
    """The user's own transport options may ask for decoded answers or another protocol."""
    leases = RedisLeases(connect(url, **options), namespace="shop")
    lease = claimed(leases, "an owner\nof two lines ☀")
    held = leases.holder("report")

    assert held is not None
    assert (lease.owner, lease.token) == (held.owner, held.token)
    leases.release(lease)
    leases.wait_released("report", SECOND, Wake())


# -- what else may be under a key ----------------------------------------------------------------


def test_something_else_under_the_key_is_told(leases: RedisLeases, client: Any) -> None:
    """A list, or a text that is no lease, is neither taken for one nor overwritten."""
    asks: list[Callable[[], Any]] = [
        lambda: claimed(leases),
        lambda: leases.holder("report"),
    ]
    for write in (lambda: client.lpush(KEY, "x"), lambda: client.set(KEY, "no lease")):
        client.delete(KEY)
        write()
        for ask in asks:
            with pytest.raises(BrokerUnreachable, match="look what wrote it") as caught:
                ask()
            assert "wrong-type" == caught.value.state

    assert "no lease" == client.get(KEY)


def test_a_key_that_was_made_to_stay_is_shown_as_held(leases: RedisLeases, client: Any) -> None:
    """PERSIST by an operator: it is held until it is deleted, and the end is far away."""
    lease = claimed(leases)
    client.persist(KEY)
    held = leases.holder("report")

    assert held is not None
    assert 9999 == held.expires_at.year
    assert leases.claim("report", "b", TTL) is None
    assert leases.release(lease) is True


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(microseconds=999), -SECOND])
def test_less_than_a_millisecond_is_refused(leases: RedisLeases, ttl: timedelta) -> None:
    """Redis counts in milliseconds."""
    with pytest.raises(ValueError, match="a lease on 'report' cannot last"):
        leases.claim("report", "a", ttl)


# -- waiting -------------------------------------------------------------------------------------


@pytest.fixture
def wait(leases: RedisLeases) -> Callable[..., float]:
    """Return a function that waits while another thread does something, and tells how long."""

    def wait(
        meanwhile: Callable[[], Any], timeout: timedelta = TTL, wake: Wake | None = None
    ) -> float:
        timer = threading.Timer(0.3, meanwhile)
        timer.start()
        began = time.monotonic()
        leases.wait_released("report", timeout, wake if wake is not None else Wake())
        timer.join()
        return time.monotonic() - began

    return wait


def test_a_release_ends_the_wait_at_once(leases: RedisLeases, wait: Callable[..., float]) -> None:
    """It is announced, so nobody looks again and again."""
    lease = claimed(leases)

    assert 0.25 < wait(lambda: leases.release(lease)) < 0.8


def test_a_wake_ends_the_wait_at_once(leases: RedisLeases, wait: Callable[..., float]) -> None:
    """A stop is heard within some tens of milliseconds."""
    claimed(leases)
    wake = Wake()

    assert 0.25 < wait(wake.set, wake=wake) < 0.8


def test_the_wait_ends_with_the_lease(leases: RedisLeases, wait: Callable[..., float]) -> None:
    """A holder that died announces nothing."""
    claimed(leases, ttl=SECOND)

    assert 0.8 < wait(lambda: None) < 1.9


def test_the_wait_ends_with_its_timeout(leases: RedisLeases, wait: Callable[..., float]) -> None:
    """Real time, however long the lease lasts."""
    claimed(leases)

    assert 0.4 < wait(lambda: None, SECOND / 2) < 1.2


def test_what_an_operator_deletes_ends_the_wait(
    leases: RedisLeases, client: Any, wait: Callable[..., float]
) -> None:
    """DEL announces nothing either: the key is looked at each second."""
    claimed(leases)

    assert wait(lambda: client.delete(KEY)) < 3


def test_a_wait_gives_its_connection_back(url: str, connect: Callable[..., Any]) -> None:
    """A beat that stands by for a year needs two connections."""
    connecting = connect(url, max_connections=2)
    leases = RedisLeases(connecting, namespace="shop")
    claimed(leases)
    for _ in range(10):
        leases.wait_released("report", SECOND / 100, Wake())

    assert leases.holder("report") is not None


# -- failure -------------------------------------------------------------------------------------


def test_a_server_that_is_gone_is_unreachable(connect: Callable[..., Any]) -> None:
    """Each question says so in one sentence, without a password."""
    leases = RedisLeases(connect("redis://:secret@127.0.0.1:1/3"), namespace="shop")
    lease = Lease("report", "a", 1, datetime(2026, 3, 2, tzinfo=UTC))
    questions: list[Callable[[], Any]] = [
        lambda: leases.claim("report", "a", TTL),
        lambda: leases.renew(lease, TTL),
        lambda: leases.release(lease),
        lambda: leases.holder("report"),
        lambda: leases.wait_released("report", TTL, Wake()),
    ]
    for ask in questions:
        with pytest.raises(
            BrokerUnreachable, match=r"Redis at redis://127\.0\.0\.1:1/3 does not answer"
        ) as caught:
            ask()
        assert "unreachable" == caught.value.state


@pytest.mark.redis
def test_a_user_without_channels_releases_all_the_same(
    own_redis: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    """The key is free; who may not listen is told what is missing."""
    server = own_redis()
    operator = connect(server.url)
    operator.execute_command(
        "ACL", "SETUSER", "shop", "on", ">secret", "~p:*", "resetchannels", "+@all"
    )
    user = f"redis://shop:secret@127.0.0.1:{server.port}/0"
    leases = RedisLeases(connect(user), prefix="p:", namespace="shop")
    lease = claimed(leases)
    with pytest.raises(BrokerUnreachable, match="must allow the keys and channels") as caught:
        leases.wait_released("report", SECOND, Wake())

    assert "refused" == caught.value.state
    assert leases.release(lease) is True
    assert leases.holder("report") is None


@pytest.mark.redis
@pytest.mark.usefixtures("unmeasured")
def test_a_server_that_hangs_loses_the_lock_before_its_end(
    own_redis: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    """The work is interrupted while the server still keeps everybody else out."""
    server = own_redis()
    operator = connect(server.url)
    leases = RedisLeases(
        redis.Redis.from_url(server.url, socket_timeout=0.2, retry=None), namespace="shop"
    )

    def work() -> None:
        with Lock(leases, "report", 4 * SECOND, interrupt=True):
            began = time.monotonic()
            os.kill(server.process.pid, signal.SIGSTOP)
            try:
                while time.monotonic() < began + 10:
                    pass
            finally:
                stopped.append(time.monotonic() - began)
                os.kill(server.process.pid, signal.SIGCONT)

    stopped: list[float] = []
    with pytest.raises(LeaseLost, match="not renewed in time"):
        work()

    (after,) = stopped
    assert 2 < after < 4
    assert operator.ping()


# -- processes -----------------------------------------------------------------------------------

WORKER = """
import sys, time
from datetime import timedelta
import redis
from periodic import Lock
from periodic_brokers.redis_leases import RedisLeases

client = redis.Redis.from_url(sys.argv[1], socket_timeout=5)
leases = RedisLeases(client, namespace="shop")
lock = Lock(leases, "report", timedelta(seconds=float(sys.argv[2])))
for _ in range(int(sys.argv[3])):
    with lock:
        client.rpush("inside", client.incr("now"))
        client.rpush("tokens", lock.token)
        time.sleep(float(sys.argv[4]))
        client.decr("now")
"""


@pytest.mark.redis
def test_processes_take_turns(clean_redis_url: str, connect: Callable[..., Any]) -> None:
    """Three processes, one key: never two inside, and each turn has a larger token."""
    client = connect(clean_redis_url, decode_responses=True)
    command = [sys.executable, "-c", WORKER, clean_redis_url, "5", "30", "0.002"]
    workers = [subprocess.Popen(command) for _ in range(3)]

    assert [0, 0, 0] == [worker.wait(40) for worker in workers]
    assert ["1"] * 90 == client.lrange("inside", 0, -1)
    tokens = [int(token) for token in client.lrange("tokens", 0, -1)]
    assert sorted(set(tokens)) == tokens


@pytest.mark.redis
def test_a_killed_holder_keeps_others_out_for_its_ttl_and_no_longer(
    clean_redis_url: str, connect: Callable[..., Any]
) -> None:
    """SIGKILL gives nothing back; the server does, at the end that it was told."""
    client = connect(clean_redis_url)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, clean_redis_url, "2", "1", "60"])
    try:
        while not client.llen("tokens"):
            assert worker.poll() is None
            time.sleep(0.01)
        time.sleep(1.5)  # it is renewed meanwhile
    finally:
        worker.kill()
        worker.wait()
    killed = time.monotonic()
    mine = Lock(RedisLeases(client, namespace="shop"), "report")
    assert mine.acquire(timeout=10 * SECOND) is True
    waited = time.monotonic() - killed

    assert 0.5 < waited < 3
    assert int(client.lindex("tokens", 0)) < mine.token
    mine.release()
