"""Connections that are cut and servers that forget: each run once, none lost.

The beat runs on a clock that moves when told, so that its waits take no time; the server is real.
"""

from __future__ import annotations

import threading

import pytest
from kombu import Exchange, Queue
from redis_bench import SECOND, Wire, an_entry, others_out

from periodic import FileCursors

pytestmark = pytest.mark.redis


class TestConnection:
    """Scripts that are gone, connections that are cut."""

    def test_script_flush(self, own_server, start_bench, events):
        """A server that has forgotten the scripts is given them again."""
        bench = start_bench(own_server.url)
        for _ in range(3):
            own_server.client.script_flush()
            bench.run(1)

        assert bench.due() == own_server.queues()
        assert [] == events()

    def test_cut_between_dispatches(self, own_server, start_bench, events):
        """A connection that an operator or a firewall has closed is made anew, unsaid."""
        bench = start_bench(own_server.url)
        for _ in range(3):
            assert others_out(own_server) > 0
            bench.run(1)

        assert bench.due() == own_server.queues()
        assert [] == events()

    def test_cut_during_a_dispatch(self, own_server, start_bench):
        """The script waits in the server when its connection is killed: it is sent again."""
        bench = start_bench(own_server.url)
        own_server.client.client_pause(800, all=False)
        cutter = threading.Timer(0.2, others_out, [own_server])
        cutter.start()
        bench.run(1)
        cutter.join()
        bench.run(2)

        assert bench.due() == own_server.queues()

    def test_the_answer_is_lost(self, own_server, start_bench, events):
        """The script has run and its answer does not come: nothing is enqueued twice."""
        with Wire(own_server.port) as wire:
            bench = start_bench(f"redis://127.0.0.1:{wire.port}/0")
            for _ in range(3):
                wire.lose_the_next_answer()
                bench.run(1)
                assert wire.lost
            bench.run(1)

            assert bench.due() == own_server.queues()
            assert [] == events()

    def test_every_answer_is_lost_for_a_while(self, own_server, start_bench):
        """Both tries have lost their answers: the beat asks again where it stands."""
        with Wire(own_server.port) as wire:
            bench = start_bench(f"redis://127.0.0.1:{wire.port}/0")
            wire.lose_answers = True
            bench.run(4)
            wire.lose_answers = False
            bench.run(8)

            assert bench.due() == own_server.queues()


class TestServerThatLosesItsData:
    """FLUSHALL, or a restart without persistence."""

    def test_under_a_running_beat(self, own_server, start_bench, events):
        """What was in the queues is gone; the beat goes on where it stood."""
        bench = start_bench(own_server.url)
        own_server.client.flushall()
        bench.run(3)

        assert bench.due(since=4) == own_server.queues()
        assert [] == events()

    def test_bindings_of_a_topic_exchange_too(self, own_server, start_bench, events):
        """Where the queues of an exchange stand is lost as well, and is declared again."""
        queues = [Queue("it", Exchange("news", "topic"), routing_key="news.#")]
        bench = start_bench(own_server.url, task_queues=queues, task_create_missing_queues=True)
        bench.beat.put(an_entry("topic", "it", routing_key="news.it"))
        bench.run(1)
        own_server.client.flushall()
        bench.run(3)

        assert [5, 6, 7] == own_server.sent("it")
        assert ["failed: topic", "recovered: topic"] == events()

    def test_while_nothing_is_due(self, own_server, start_bench):
        """The cursor of an entry that runs seldom is known to the beat alone for a while."""
        bench = start_bench(own_server.url)
        bench.beat.put(an_entry("seldom", "c", every=60))
        bench.run(1)
        own_server.client.flushall()
        bench.run(60)

        assert [60] == own_server.sent("c")

    def test_and_a_new_beat_with_the_copy(self, own_server, start_bench, tmp_path):
        """Nobody who knew it lives: the copy of the cursors tells a new beat where to go on."""
        copy = FileCursors(tmp_path / "cursors")
        bench = start_bench(own_server.url, copy=copy)
        bench.beat.close()
        own_server.client.flushall()
        bench.clock.advance(5 * SECOND)
        bench.beat = bench.new_beat(copy=FileCursors(tmp_path / "cursors"))
        bench.beat.tick()
        bench.run(2)

        assert bench.due(since=4) == own_server.queues()

    def test_and_a_new_beat_without_a_copy(self, own_server, start_bench):
        """Without it a new beat counts from its start, as the first one did."""
        bench = start_bench(own_server.url)
        bench.beat.close()
        own_server.client.flushall()
        bench.clock.advance(5 * SECOND)
        bench.beat = bench.new_beat()
        bench.beat.tick()
        bench.run(2)

        assert bench.due(since=9) == own_server.queues()
