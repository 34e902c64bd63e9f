"""The beat that leads is paused, or told to stop: who takes over, and when."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from chaos import RedisServer, count, messages, now, wait_until, whole_second_after

from periodic.leadership import TTL

pytestmark = pytest.mark.redis

PAUSE = 20.0


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("all_active", [False, True], ids=["leased", "all-active"])
def test_leader_paused(serve, gather, all_active):
    """The leader is stopped for 20 s by SIGSTOP: another takes over, and nothing is sent twice."""
    server = serve()
    beats = gather(server, 20, all_active=all_active)
    beats.start_many(3)
    first = whole_second_after(now())
    leader = beats.started[0] if all_active else beats.leader()

    leader.signal(signal.SIGSTOP)
    paused = time.monotonic()
    if not all_active:
        wait_until(
            lambda: beats.leader() not in {None, leader}, seconds=PAUSE, what="another beat leads"
        )
    took_over = time.monotonic() - paused
    time.sleep(PAUSE - took_over)
    leader.signal(signal.SIGCONT)
    time.sleep(3)

    last = beats.settle(10)
    counted = count(messages(server), beats.names, first, last)
    lead = "all lead" if all_active else f"another led after {took_over:.1f} s"
    print(f"\none of 3 beats paused for {PAUSE:g} s ({lead}): {counted}")
    assert counted.numbers == (0, 0, 0)
    assert took_over < TTL.total_seconds() + 1
    assert all(beat.popen.poll() is None for beat in beats.started)
    assert all_active or "has lost the lease, another leads; it stands by" in leader.output
    beats.stop()


@pytest.mark.timeout(90)
def test_clean_hand_over(serve, gather):
    """SIGTERM to the leader, just before runs are due: the next one sends them within 1 s."""
    server = serve()
    beats = gather(server, 10)
    beats.start_many(3)
    first = whole_second_after(now())
    gaps = []
    with Arrivals(server) as arrivals:
        for _ in range(2):
            leader = beats.leader()
            time.sleep(1.97 - time.time() % 1)
            leader.signal(signal.SIGTERM)
            told = time.monotonic()
            wait_until(lambda: beats.leader() not in {None, leader}, seconds=10, what="a leader")  # noqa: B023
            gaps.append(time.monotonic() - told)
            assert leader.popen.wait(10) == 0
        last = beats.settle(10)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    latest = max(arrivals.lateness(first))
    led = ", ".join(f"{gap:.2f}" for gap in gaps)
    print(f"\nanother led after {led} s; latest run {latest:.2f} s late; {counted}")
    assert counted.numbers == (0, 0, 0)
    assert max(gaps) < 1
    assert latest < 1


class Arrivals:
    """When each message was first seen in the queue."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._seen: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._server.client() as client:
            while not self._stop.wait(0.005):
                new = client.llen("celery") - len(self._seen)
                self._seen += [time.time()] * new

    def lateness(self, first):
        """How late each message came, from a fire time on, in seconds."""
        pairs = zip(messages(self._server), self._seen, strict=False)
        return [
            seen - sent.fire_time.timestamp() for sent, seen in pairs if sent.fire_time >= first
        ]
