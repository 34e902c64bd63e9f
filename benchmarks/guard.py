"""What the guard in front of runs costs: tasks a second with it and without it, in one go.

A private redis-server is started; messages of a beat wait in its queue, and one worker of a single
thread empties it, again and again, taking turns between its settings.

    python benchmarks/guard.py            # the table; exit status 1 when a promise does not hold
    python benchmarks/guard.py --tasks 2000 --rounds 5
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import kombu
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker

from periodic import Entry, Occurrence, RunClaim, interval
from periodic.integrations.celery import close_guard
from periodic.integrations.celery.render import Renderer
from periodic_brokers.redis_run_claims import RedisRunClaims
from periodic_contracts import servers

#: The promises of the page: how much of the speed without a guard is left, and what a run takes.
EARLY, LATE, BYTES = 0.75, 0.6, 400

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Kind:
    """One way to run tasks that do nothing.

    Args:
        name: in the table.
        guard: the setting.
        acks_late: the task's.
    """

    name: str
    guard: bool
    acks_late: bool
    #: Tasks a second, and microseconds of a processor for each; one number for each round.
    speeds: list[float] = field(default_factory=list[float])
    busy: list[float] = field(default_factory=list[float])


class Done:
    """Counts tasks, and takes the time from the first tenth to the last.

    Args:
        count: how many there will be.
    """

    def __init__(self, count: int) -> None:
        self.warm = count // 10
        self.count = count
        self.seen = 0
        self.started = self.ended = 0.0
        self.busy_before = self.busy_after = 0.0
        self.all = threading.Event()

    def one_more(self) -> None:
        """Count a task."""
        self.seen += 1
        if self.seen == self.warm:
            self.started, self.busy_before = time.perf_counter(), time.process_time()
        elif self.seen == self.count:
            self.ended, self.busy_after = time.perf_counter(), time.process_time()
            self.all.set()

    def speed(self) -> float:
        """Return tasks a second."""
        return (self.count - self.warm) / (self.ended - self.started)

    def busy(self) -> float:
        """Return the worker's own time for one task, in microseconds of a processor."""
        return (self.busy_after - self.busy_before) / (self.count - self.warm) * 1e6


def make_app(url: str, kind: Kind, done: Done) -> Celery:
    """Return an app with one task that does nothing."""
    app = Celery("bench", broker=url, set_as_current=False)
    app.conf.update(
        periodic={"guard": kind.guard},
        task_ignore_result=True,
        worker_prefetch_multiplier=100,
        broker_connection_retry_on_startup=True,
    )

    def count() -> None:
        done.one_more()

    app.task(count, name="t", shared=False, acks_late=kind.acks_late)
    app.finalize()
    return app


def fill(app: Celery, count: int, turn: int) -> None:
    """Send `count` occurrences that nobody has run."""
    entry = Entry(name=f"entry-{turn}", task="t", schedule=interval(1))
    render = Renderer(app)
    with app.connection_for_write() as connection:
        producer = connection.Producer()
        for number in range(count):
            at = START + timedelta(seconds=number)
            render(entry, Occurrence("bench", entry.name, at)).publish(producer)


def measure(app: Celery, kind: Kind, done: Done) -> None:
    """Empty the queue with a worker of one thread."""
    with start_worker(app, pool="solo", perform_ping_check=False):
        done.all.wait()
    kind.speeds.append(done.speed())
    kind.busy.append(done.busy())


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    kinds = [
        Kind("acknowledged early, no guard", guard=False, acks_late=False),
        Kind("acknowledged early, guard", guard=True, acks_late=False),
        Kind("acks_late, no guard", guard=False, acks_late=True),
        Kind("acks_late, guard", guard=True, acks_late=True),
    ]
    with ExitStack() as stack:
        server = stack.enter_context(servers.private("redis"))
        client: Any = stack.enter_context(redis.Redis.from_url(server.url))
        turn = 0
        for _ in range(arguments.rounds):
            for kind in kinds:
                client.flushdb()
                turn += 1
                done = Done(arguments.tasks)
                app = make_app(server.url, kind, done)
                fill(app, arguments.tasks, turn)
                measure(app, kind, done)
                close_guard(app)
                app.close()
        asked, size = one_claim(server.url, client)
    return report(kinds, asked, size)


def one_claim(url: str, client: Any) -> tuple[float, float]:
    """Return how long one claim takes, in microseconds, and what one run takes on the server."""
    client.flushdb()
    count = 20_000
    with kombu.Connection(url) as connection:
        claims = RedisRunClaims(connection, namespace="bench", remember=timedelta(days=1))
        ids = [Occurrence("bench", "e", START + timedelta(seconds=n)).id for n in range(count)]
        owner = f"{platform.node()}:{os.getpid()}:0123456789ab"
        claims.claim(RunClaim("warm", 0, owner), None)
        before = client.info("memory")["used_memory"]
        started = time.perf_counter()
        for each in ids:
            claims.claim(RunClaim(each, 0, owner), None)
        took = time.perf_counter() - started
        size = (client.info("memory")["used_memory"] - before) / count
        claims.close()
    return took / count * 1e6, size


def report(kinds: list[Kind], asked: float, size: float) -> int:
    """Print what was measured, and what was promised; return the exit status."""
    early, early_guarded, late, late_guarded = kinds
    for kind in kinds:
        speeds = sorted(kind.speeds)
        print(
            f"{kind.name:32} {statistics.median(speeds):8,.0f} tasks/s"
            f"   ({speeds[0]:,.0f} to {speeds[-1]:,.0f}), {statistics.median(kind.busy):6,.0f} us"
            " of the worker's processor each"
        )
    # Each round's own ratio. The worker's own time hardly depends on what else the machine does.
    broken = False
    for name, guarded, plain, least in (
        ("acknowledged early", early_guarded, early, EARLY),
        ("acks_late", late_guarded, late, LATE),
    ):
        found = ratio(plain.busy, guarded.busy)
        held = found >= least
        broken |= not held
        print(
            f"{name:32} {ratio(guarded.speeds, plain.speeds):8.2f} of the tasks/s without; by the"
            f" worker's processor {found:.2f} (promised {least}) {_word(held)}"
        )
    print(f"{'one claim':32} {asked:8.0f} us")
    held = size <= BYTES
    broken |= not held
    print(f"{'one run on the server':32} {size:8.0f} bytes (promised {BYTES}) {_word(held)}")
    return 1 if broken else 0


def ratio(some: list[float], others: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(some, others, strict=True))


def _word(held: bool) -> str:  # noqa: FBT001
    return "ok" if held else "BROKEN"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.exit(main())
