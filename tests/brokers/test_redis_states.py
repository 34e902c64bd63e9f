"""What a real Redis can refuse: each state is told once, and nothing is lost after it.

The beat runs on a clock that moves when told, so that its waits take no time; the server is real.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from click.testing import CliRunner
from redis_bench import CURSORS, Bench, Server, an_entry, others_out, wait_for

from periodic import BeatState
from periodic.integrations.celery.commands import periodic as commands
from periodic_contracts import servers

pytestmark = pytest.mark.redis


def health(url: str) -> tuple[int, list[str]]:
    """Return how `celery periodic health` ends, and the kinds of the broker's problems."""
    app = Celery("shop", broker=url, set_as_current=False)
    obj = SimpleNamespace(app=app)
    result = CliRunner().invoke(commands, ["health", "--json"], obj=obj)
    app.close()
    assert isinstance(result.exception, SystemExit), result.exception
    kinds = [each["problem"] for each in json.loads(result.stdout)["problems"]]
    return result.exit_code, [kind for kind in kinds if kind.startswith("broker-")]


def assert_waits(bench: Bench, state: str, url: str, seconds: int = 8) -> None:
    """Nothing goes out, the beat and the probe say why, and no tick raises."""
    bench.run(seconds)
    told = bench.beat.status()
    assert BeatState.UNREACHABLE == told.state
    assert "Redis at redis://" in told.reason
    assert (1, [f"broker-{state}"]) == health(url)


class TestServerThatTakesNoWrites:
    """It answers, and refuses what the beat sends: for each refusal a state of its own."""

    def test_read_only_replica(self, own_redis, start_bench, events):
        """A master that became a replica: runs wait, and go on when it is master again."""
        at_once = ("--repl-diskless-sync-delay", "0")
        first, second = Server(own_redis(*at_once)), Server(own_redis(*at_once))
        bench = start_bench(first.url)
        second.client.replicaof("127.0.0.1", first.port)
        wait_for(lambda: second.client.info("replication")["master_link_status"] == "up")
        second.client.replicaof("no", "one")
        first.client.replicaof("127.0.0.1", second.port)
        wait_for(lambda: first.client.info("replication")["master_link_status"] == "up")

        assert_waits(bench, "read-only", first.url)
        first.client.replicaof("no", "one")
        bench.run(6)

        assert bench.due() == first.queues()
        assert ["read-only", "reachable"] == events()
        assert BeatState.ACTIVE == bench.beat.status().state

    def test_out_of_memory(self, own_server, start_bench, events):
        """A full server that evicts nothing: no message without its cursor, none lost."""
        bench = start_bench(own_server.url)
        own_server.client.config_set("maxmemory", "1mb")

        assert_waits(bench, "out-of-memory", own_server.url)
        own_server.client.config_set("maxmemory", 0)
        bench.run(6)

        assert bench.due() == own_server.queues()
        assert ["out-of-memory", "reachable"] == events()

    def test_too_few_replicas(self, own_server, start_bench, events):
        """`min-replicas-to-write`: the server refuses as long as nobody follows it."""
        bench = start_bench(own_server.url)
        own_server.client.config_set("min-replicas-to-write", 1)

        assert_waits(bench, "no-replicas", own_server.url)
        own_server.client.config_set("min-replicas-to-write", 0)
        bench.run(6)

        assert bench.due() == own_server.queues()
        assert ["no-replicas", "reachable"] == events()

    def test_cannot_save(self, own_server, start_bench, events):
        """A server that could not write its snapshot takes no writes by default."""
        bench = start_bench(own_server.url)
        own_server.client.config_set("save", "3600 1")
        folder = Path(own_server.client.config_get("dir")["dir"])
        (folder / "dump.rdb").mkdir()  # no file of this name can be written
        (folder / "dump.rdb" / "in the way").touch()
        own_server.client.bgsave()
        wait_for(lambda: own_server.client.info("persistence")["rdb_last_bgsave_status"] == "err")

        assert_waits(bench, "cannot-save", own_server.url)
        own_server.client.config_set("stop-writes-on-bgsave-error", "no")
        own_server.client.config_set("save", "")  # else it would not even shut down
        bench.run(6)

        assert bench.due() == own_server.queues()
        assert ["cannot-save", "reachable"] == events()


class TestServerThatRefusesTheUser:
    """Wrong password, no password, too few rights."""

    def test_a_password_is_asked_for_meanwhile(self, own_server, start_bench, events):
        """An operator sets `requirepass`; connections that are open must log in again."""
        bench = start_bench(own_server.url)
        own_server.client.config_set("requirepass", "secret")
        others_out(own_server)

        assert_waits(bench, "refused", own_server.url)
        own_server.client.config_set("requirepass", "")
        bench.run(6)

        assert bench.due() == own_server.queues()
        assert ["refused", "reachable"] == events()

    def test_a_wrong_password(self, own_redis, start_bench, events, caplog):
        """From the first second on: the beat waits, and runs from its start when let in."""
        server = Server(own_redis("--requirepass", "right"), password="right")
        url = f"redis://:wrong@127.0.0.1:{server.port}/0"
        bench = start_bench(url, run=0)

        assert_waits(bench, "refused", url)
        server.client.config_set("requirepass", "wrong")
        bench.run(6)

        assert bench.due() == server.queues()
        assert ["refused", "reachable"] == events()
        assert "wrong" not in caplog.text

    def test_a_user_without_the_rights(self, own_server, start_bench, events):
        """NOPERM, in a command and inside of a script: the same state."""
        own_server.client.acl_setuser("beat", enabled=True, passwords=["+pw"], categories=["+@all"])
        url = f"redis://beat:pw@127.0.0.1:{own_server.port}/0"
        bench = start_bench(url, run=0)
        assert_waits(bench, "refused", url, seconds=2)
        own_server.client.acl_setuser(
            "beat", enabled=True, keys=["periodic:*"], categories=["+@all"], channels=["*"]
        )
        bench.run(2)
        assert BeatState.UNREACHABLE == bench.beat.status().state
        own_server.client.acl_setuser("beat", enabled=True, keys=["*"], categories=["+@all"])
        bench.run(6)

        assert bench.due() == own_server.queues()
        # It answered a question, and then took no message: two outages.
        assert ["refused", "reachable"] * 2 == events()


class TestWrongType:
    """Somebody keeps something else under a key."""

    def test_under_the_cursors(self, own_server, start_bench, events):
        """Every entry waits; when the key is free again the beat knows where it stood."""
        bench = start_bench(own_server.url)
        own_server.client.delete(CURSORS)
        own_server.client.set(CURSORS, "mine")

        assert_waits(bench, "wrong-type", own_server.url)
        assert CURSORS in bench.beat.status().reason
        own_server.client.delete(CURSORS)
        bench.run(6)

        assert bench.due() == own_server.queues()
        assert ["wrong-type", "reachable"] == events()

    def test_under_one_queue(self, own_server, start_bench, events, caplog):
        """The entry that goes there fails and is tried again; the others go on meanwhile."""
        bench = start_bench(own_server.url)
        kept = own_server.client.lrange("b", 0, -1)
        own_server.client.delete("b")
        own_server.client.set("b", "mine")

        bench.run(8)
        assert list(range(1, bench.seconds + 1)) == own_server.sent("a")
        assert BeatState.ACTIVE == bench.beat.status().state
        [failure] = [each for each in caplog.records if each.levelno >= logging.ERROR]
        assert "entry 'b' could not be dispatched" in failure.getMessage()
        assert "the key b holds a string, not a list" in failure.getMessage()
        own_server.client.delete("b")
        own_server.client.rpush("b", *kept)
        bench.run(9)

        assert bench.due() == own_server.queues()
        assert ["failed: b", "recovered: b"] == events()

    def test_under_a_table_of_an_exchange(self, own_server, start_bench, events):
        """What is looked up while a message is made belongs to that message alone."""
        bench = start_bench(own_server.url, run=0)
        queue = {"exchange": "news", "routing_key": "it"}
        bench.beat.put(an_entry("c", **queue))
        own_server.client.set("_kombu.binding.news", "mine")

        bench.run(4)

        assert [1, 2, 3, 4] == own_server.sent("a")
        assert ["failed: c"] == events()


class TestServerThatIsAway:
    """It hangs, or goes, reads its data, and is back."""

    def test_hanging(self, own_server, start_bench, events):
        """A try ends in seconds; what the server finds in its buffers later is claimed once."""
        bench = start_bench(own_server.url)
        os.kill(own_server.pid, signal.SIGSTOP)
        began = time.monotonic()
        bench.run(1)
        took = time.monotonic() - began
        assert BeatState.UNREACHABLE == bench.beat.status().state
        os.kill(own_server.pid, signal.SIGCONT)
        bench.run(3)

        assert bench.due() == own_server.queues()
        assert ["unreachable", "reachable"] == events()
        assert took < 4

    def test_loading(self, start_bench, own_redis, tmp_path, events):
        """Away, then loading, then back: three changes, three lines, nothing lost."""
        with ExitStack() as stack:
            port = servers.free_port()
            saved = ("--dbfilename", "dump.rdb")
            running = servers.start("redis", port, tmp_path, stack, *saved)
            server = Server(running)
            bench = start_bench(server.url)
            server.client.mset({f"other:{number}": "x" * 1000 for number in range(2000)})
            server.client.save()
            server.client.close()
            servers.stop(running.process)

            assert_waits(bench, "unreachable", server.url, seconds=3)
            # A snapshot of 2 MB, slowed down to a millisecond for each key.
            slow = ("--key-load-delay", "1500", "--loading-process-events-interval-bytes", "1024")
            servers.start("redis", port, tmp_path, stack, *saved, *slow)
            assert server.client.info("persistence")["loading"] == 1
            bench.run(6)
            assert BeatState.UNREACHABLE == bench.beat.status().state
            assert "still reads its data" in bench.beat.status().reason
            assert (1, ["broker-loading"]) == health(server.url)
            wait_for(lambda: server.client.info("persistence")["loading"] == 0)
            bench.run(6)

            assert bench.due() == server.queues()
            assert ["unreachable", "loading", "reachable"] == events()
            server.client.close()
