"""Beats on RabbitMQ that are killed, paused and cut off, and a RabbitMQ that is killed.

`PERIODIC_CHAOS_KILLS` says how many beats are killed (10 unless set), and a tenth of it how often
the server is, at least once.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack

import pytest
from chaos import count, kill_at_random, messages, now, wait_until, whole_second_after
from chaos_rabbitmq import Cable, RabbitMQServer

from periodic_brokers.rabbitmq import HEARTBEAT
from periodic_contracts import servers

pytestmark = pytest.mark.rabbitmq

KILLS = int(os.environ.get("PERIODIC_CHAOS_KILLS", "10"))
SEED = int(os.environ.get("PERIODIC_CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))
RESTARTS = max(1, KILLS // 10)
#: Seconds after which a leader that says nothing any more is succeeded, and some to start in.
SILENCE = 3 * HEARTBEAT
SETTLE = SILENCE + 40


@pytest.fixture
def serve(tmp_path):
    """Start a node; it ends with the test."""
    try:
        servers.find("rabbitmq")
    except servers.ServerMissingError as error:
        if "rabbitmq" in servers.required():
            pytest.fail(f"PERIODIC_REQUIRE names rabbitmq: {error}", pytrace=False)
        pytest.skip(str(error))
    with ExitStack() as stack:
        yield lambda: RabbitMQServer(tmp_path / "rabbitmq", stack)


@pytest.mark.timeout(120 + 15 * KILLS)
def test_beats_killed_at_random(serve, gather):
    """3 beats, 20 entries each second, one beat killed and started again: 0 lost, 0 doubled."""
    server = serve()
    beats = gather(server, 20)
    beats.start_many(3)
    first = whole_second_after(now())
    leaders = kill_at_random(beats, KILLS, random.Random(SEED))
    last = beats.settle(SETTLE)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    print(f"\n{KILLS} kills ({leaders} of leaders; seed {SEED}) in {last - first}: {counted}")
    assert counted.numbers == (0, 0, 0)


@pytest.mark.timeout(120 + 60 * RESTARTS)
def test_the_server_killed_and_started_again(serve, gather):
    """Durable queues under load: 0 lost; at most the batch in hand is sent again, with its ids."""
    server = serve()
    beats = gather(server, 20)
    beats.start_many(2)
    first = whole_second_after(now())
    for _ in range(RESTARTS):
        messages(server)
        time.sleep(random.uniform(0.5, 2.0))
        server.kill()
        server.start()
        beats.settle(SETTLE + 20)
    last = beats.settle(SETTLE)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    print(f"\n{RESTARTS} kills of the server in {last - first}: {counted}")
    lost, doubled, strange = counted.numbers
    assert (lost, strange) == (0, 0)
    assert doubled <= 20 * RESTARTS


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_leader_paused(serve, gather):
    """SIGSTOP for 20 s: another leads within three heartbeats, the first finds its lead gone."""
    server = serve()
    beats = gather(server, 20)
    beats.start_many(3)
    first = whole_second_after(now())
    leader = beats.leader()
    leader.signal(signal.SIGSTOP)
    took_over = _succeeded(beats, leader)
    time.sleep(max(20 - took_over, 0))
    leader.signal(signal.SIGCONT)
    time.sleep(3)

    last = beats.settle(SETTLE)
    counted = count(messages(server), beats.names, first, last)
    print(f"\nthe leader paused for 20 s (another led after {took_over:.1f} s): {counted}")
    assert counted.numbers == (0, 0, 0)
    assert took_over < SILENCE + 2
    assert all(beat.popen.poll() is None for beat in beats.started)
    beats.stop()


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_leader_cut_off(serve, gather):
    """Its cable is pulled for 20 s: another leads, and what the first still believes is no run."""
    server = serve()
    beats = gather(server, 20)
    with ExitStack() as stack:
        cable = Cable(server.port, stack)
        leader = beats.start(url=f"amqp://guest:guest@127.0.0.1:{cable.port}//")
        wait_until(lambda: beats.leader() is leader, seconds=30, what="the first beat leads")
        beats.start_many(2)
        first = whole_second_after(now())
        cable.pulled = True
        took_over = _succeeded(beats, leader)
        time.sleep(max(20 - took_over, 0))
        cable.pulled = False
        time.sleep(5)

        last = beats.settle(SETTLE)
        counted = count(messages(server), beats.names, first, last)
        print(f"\nthe leader cut off for 20 s (another led after {took_over:.1f} s): {counted}")
        assert counted.numbers == (0, 0, 0)
        assert took_over < SILENCE + 2
        beats.stop()


@pytest.mark.timeout(90)
def test_a_clean_hand_over(serve, gather):
    """SIGTERM to the leader: the next one leads within a second."""
    server = serve()
    beats = gather(server, 10)
    beats.start_many(3)
    first = whole_second_after(now())
    leader = beats.leader()
    stopped = leader.stop()
    took_over = _succeeded(beats, leader)
    time.sleep(2)
    last = beats.settle(SETTLE)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    print(f"\nstopped in {stopped:.2f} s, another led {took_over:.2f} s later: {counted}")
    assert counted.numbers == (0, 0, 0)
    assert took_over < 1


def _succeeded(beats, leader):
    """Wait until another beat leads; return after how many seconds that was."""
    started = time.monotonic()
    wait_until(lambda: beats.leader() not in {None, leader}, seconds=60, what="another beat leads")
    return time.monotonic() - started
