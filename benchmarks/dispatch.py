"""What dispatching costs on Redis: ours beside Celery's publish loop and beat, and raw LPUSH.

A private redis-server is started; everything runs against it in one go, taking turns, so that a
busy machine slows all alike.

    python benchmarks/dispatch.py            # the table; exit status 1 when a promise does not hold
    python benchmarks/dispatch.py --broker rabbitmq    # the same questions to RabbitMQ
    python benchmarks/dispatch.py --memory 10000000    # that many occurrences, and Redis's memory
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dispatch_rabbitmq
import redis
from celery import Celery
from celery.beat import Scheduler

from periodic import Beat, Entry, ManualClock, interval
from periodic.integrations.celery.render import Renderer
from periodic_brokers.redis import RedisBroker

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import testservers

HERD = 10_000
ROUNDS = 7
#: How many messages of the slow loop are sent in each round; the cost of one is what counts.
SLOW = 1_000
CHUNK = 500
SINGLES = 100
#: The promises of the page in docs/reference.
TIMES_CELERY, TIMES_RAW, LAST_MS, SINGLE_MS, RACING = 15.0, 0.5, 300.0, 2.0, 1.3

START = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
EVERY = timedelta(seconds=10)

#: A process that says when what it waits for is there, so that nobody else's work is delayed.
WATCH = """
import json, sys, time
from datetime import datetime
import redis
client = redis.Redis(port=int(sys.argv[1]))
count = int(sys.argv[2])
print("ready", flush=True)
if sys.argv[3] == "last":
    while client.llen("celery") < count:
        time.sleep(0.0005)
    print(json.dumps([time.time()]), flush=True)
else:
    late = []
    for _ in range(count):
        _, message = client.brpop("celery")
        seen = time.time()
        due = json.loads(message)["headers"]["periodic-fire-time"]
        late.append((seen - datetime.fromisoformat(due).timestamp()) * 1000)
    print(json.dumps(late), flush=True)
"""

#: A beat as people run it, with entries that are due together; started in processes of its own.
APP = """
from datetime import datetime, timedelta
from celery import Celery
from periodic import interval
app = Celery("herd", broker={url!r})
app.conf.periodic = {{"all_active": {all_active}, "cursors": {cursors!r}}}
anchor = datetime.fromisoformat({anchor!r})
app.conf.result_expires = None
app.conf.beat_schedule = {{
    f"entry-{{n}}": {{"task": "t", "schedule": interval(hours=1, anchor=anchor), "args": [n]}}
    for n in range({herd})
}}
@app.task(name="t")
def t(n): pass
"""


def run_nothing(number: int) -> int:
    """Stand for a task; nothing here runs it."""
    return number


def celery_app(url: str) -> Celery:
    """Return an app with one task `t`."""
    app = Celery("bench", broker=url, set_as_current=False)
    app.conf.result_expires = None
    app.task(run_nothing, name="t")
    app.finalize()
    return app


def entries(count: int) -> list[Entry]:
    """Return entries that are due together."""
    return [
        Entry(name=f"entry-{n}", task="t", schedule=interval(EVERY), args=[n]) for n in range(count)
    ]


class Ours:
    """A beat on a manual clock, its templates ready."""

    def __init__(self, app: Celery, count: int) -> None:
        self.clock = ManualClock(START)
        self.broker = RedisBroker(app.connection_for_write(), namespace="bench")
        self.render = Renderer(app, self.clock)
        self.beat = Beat(
            self.broker,
            self.render,
            namespace="bench",
            clock=self.clock,
            max_skew=None,
            observer=self._observe,
        )
        #: When the first outcome was told: a beat sends up to 10,000 before it looks at any.
        self.sent_at = 0.0
        self.entries = entries(count)
        for entry in self.entries:
            self.beat.put(entry)
        started = time.perf_counter()
        self.wake = self.beat.tick()
        while self.wake is not None and self.wake <= self.clock.now():
            self.wake = self.beat.tick()
        self.prepared_in = time.perf_counter() - started

    def _observe(self, *_: object) -> None:
        if not self.sent_at:
            self.sent_at = time.perf_counter()

    def prepare(self) -> None:
        """Tick a second before all entries come due, as a beat does that has time."""
        assert self.wake is not None
        self.clock.advance_to(self.wake - timedelta(seconds=1))
        self.beat.tick()

    def herd(self) -> None:
        """Let all entries come due, and tick once."""
        assert self.wake is not None
        self.clock.advance_to(self.wake)
        self.wake = self.beat.tick()


def microseconds(work: Callable[[], None], count: int) -> float:
    """Return what one of `count` costs, in wall time."""
    gc.collect()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / count * 1e6


def raw(client: Any, payloads: Sequence[bytes]) -> None:
    """Push ready payloads through pipelines of the size of our batches."""
    for start in range(0, len(payloads), CHUNK):
        pipeline = client.pipeline(transaction=False)
        for payload in payloads[start : start + CHUNK]:
            pipeline.lpush("raw", payload)
        pipeline.execute()


def publish_loop(app: Celery) -> None:
    """Send as Celery does, through one producer of its pool."""
    task: Any = app.tasks["t"]
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(SLOW):
            task.apply_async((number,), producer=producer)


def celery_beat_tick(app: Celery, count: int) -> float:
    """Return what one dispatch of Celery's own beat costs among `count` due entries, in us."""
    app.conf.beat_schedule = {
        f"entry-{n}": {"task": "t", "schedule": timedelta(microseconds=1), "args": [n]}
        for n in range(count)
    }
    scheduler: Any = Scheduler(app)
    scheduler.tick()
    ticks = 10

    def work() -> None:
        for _ in range(ticks):
            scheduler.tick()

    return microseconds(work, ticks)


def throughput(url: str, client: Any) -> list[tuple[str, bool]]:
    """Print the table of costs; return the promises and whether they hold."""
    app = celery_app(url)
    ours = Ours(app, HERD)
    print(f"{HERD:,} entries adopted, templates built ahead, in {ours.prepared_in:.1f} s\n")
    ours.herd()
    payloads = [client.lindex("celery", 0)] * HERD
    costs: dict[str, list[float]] = {}

    def note(name: str, cost: float) -> float:
        costs.setdefault(name, []).append(cost)
        return cost

    faster: list[float] = []
    share: list[float] = []
    for _ in range(ROUNDS):
        client.delete("celery", "raw")
        ready = note(
            "raw pipelined LPUSH of ready payloads",
            microseconds(lambda: raw(client, payloads), HERD),
        )
        note("periodic, getting ready ahead of the instant", microseconds(ours.prepare, HERD))
        ours.sent_at = 0.0
        gc.collect()
        started = time.perf_counter()
        ours.herd()
        whole = note("periodic, the whole tick", (time.perf_counter() - started) / HERD * 1e6)
        sent = note(
            "periodic, from the instant to the last message",
            (ours.sent_at - started) / HERD * 1e6,
        )
        note("periodic, the whole tick, nothing ready", microseconds(ours.herd, HERD))
        slow = note(
            "celery, apply_async through a pooled producer",
            microseconds(lambda: publish_loop(app), SLOW),
        )
        faster.append(slow / whole)
        share.append(ready / sent)
    for name, values in costs.items():
        print(f"{statistics.median(values):>10.1f} us  {name}  (min {min(values):.1f})")
    for count in (1_000, HERD):
        print(f"{celery_beat_tick(app, count):>10.1f} us  celery beat, a tick of {count:,} due")
    print(
        f"\nthe whole tick {statistics.median(faster):.1f} times celery's loop (min "
        f"{min(faster):.1f}); until the last message {statistics.median(share):.2f} of the speed "
        f"of raw LPUSH (min {min(share):.2f})"
    )
    return [
        (
            f"at least {TIMES_CELERY:g} times celery's publish loop",
            statistics.median(faster) >= TIMES_CELERY,
        ),
        (f"at least {TIMES_RAW:g} of raw LPUSH", statistics.median(share) >= TIMES_RAW),
    ]


@contextmanager
def beats(count: int, url: str, *, all_active: bool, anchor: datetime) -> Iterator[None]:
    """Run `celery beat` processes until all have taken up their entries; end them after."""
    with tempfile.TemporaryDirectory() as folder:
        cursors = str(Path(folder, "cursors"))
        text = APP.format(
            url=url, all_active=all_active, cursors=cursors, anchor=anchor.isoformat(), herd=HERD
        )
        Path(folder, "herd.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "celery", "-A", "herd", "beat", "-S", "periodic"]
        running = [
            subprocess.Popen(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for _ in range(count)
        ]
        try:
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(timeout=30)


def last_visible(port: int, url: str, client: Any, count: int, *, all_active: bool) -> float:
    """Return how many ms after their instant the last of the herd is visible."""
    client.flushdb()
    # Time enough to start, to adopt and to build templates.
    anchor = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=45 + 15 * count)
    with beats(count, url, all_active=all_active, anchor=anchor):
        watch = watcher(port, HERD, "last")
        assert watch.stdout is not None
        (seen,) = json.loads(watch.stdout.readline())
        watch.wait(timeout=10)
    assert client.llen("celery") == HERD
    return (seen - anchor.timestamp()) * 1000


def watcher(port: int, count: int, what: str) -> subprocess.Popen[str]:
    """Start a process that watches the queue."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(port), str(count), what],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process


def singles(port: int, url: str, client: Any) -> list[float]:
    """Return how late, in ms, single occurrences of one entry arrive."""
    import threading  # noqa: PLC0415  # here alone

    client.flushdb()
    app = celery_app(url)
    broker = RedisBroker(app.connection_for_write(), namespace="single")
    beat = Beat(broker, Renderer(app), namespace="single")
    beat.put(Entry(name="single", task="t", schedule=interval(seconds=0.1), args=[1]))
    watch = watcher(port, SINGLES, "each")
    thread = threading.Thread(target=beat.run)
    thread.start()
    assert watch.stdout is not None
    late: list[float] = json.loads(watch.stdout.readline())
    beat.stop()
    thread.join()
    watch.wait(timeout=10)
    return late


def lateness(port: int, url: str, client: Any) -> list[tuple[str, bool]]:
    """Print how late messages are; return the promises and whether they hold."""
    late = sorted(singles(port, url, client))
    median = statistics.median(late)
    print(
        f"one due: {median:.2f} ms late (median of {len(late)}, 95% {late[-len(late) // 20]:.2f})"
    )
    one = [last_visible(port, url, client, 1, all_active=False) for _ in range(3)]
    three = [last_visible(port, url, client, 3, all_active=False) for _ in range(3)]
    active = last_visible(port, url, client, 3, all_active=True)
    print(f"{HERD:,} due, last visible after, ms: one beat {_told(one)}; three {_told(three)}")
    print(f"three beats that are all active: {active:.0f} ms")
    ratio = statistics.median(three) / statistics.median(one)
    print(f"three beats cost {ratio:.2f} times one")
    return [
        (f"the last of {HERD:,} visible within {LAST_MS:g} ms", statistics.median(one) <= LAST_MS),
        (f"one due entry: median under {SINGLE_MS:g} ms", median < SINGLE_MS),
        (f"three beats under {RACING:g} times one", ratio < RACING),
    ]


def _told(values: list[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in sorted(values))


def settled_memory(client: Any) -> int:
    """Return what Redis holds without its slow log, and without buffers of connections at rest."""
    client.slowlog_reset()  # up to 128 of our scripts, if they were slow
    time.sleep(5)
    return int(client.info("memory")["used_memory"])


def memory(url: str, client: Any, count: int) -> list[tuple[str, bool]]:
    """Dispatch `count` occurrences, consume them, and compare Redis's memory."""
    ours = Ours(celery_app(url), HERD)
    for _ in range(40):  # until buffers and tables have the size that they need
        ours.herd()
        client.delete("celery")
    before = settled_memory(client)
    keys = client.dbsize()
    done = 0
    started = time.perf_counter()
    while done < count:
        ours.herd()
        got = client.llen("celery")
        client.delete("celery")
        assert got == HERD, f"{got} of {HERD} arrived"
        done += got
    after = settled_memory(client)
    seconds = time.perf_counter() - started
    print(
        f"{done:,} occurrences in {seconds:.0f} s; used_memory {before:,} -> {after:,} bytes "
        f"({after - before:+,}); keys {keys} -> {client.dbsize()}"
    )
    return [("Redis memory where it was (within 1%)", abs(after - before) <= before / 100)]


def main() -> int:
    """Run what was asked for and say which promises hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, metavar="N", help="Redis's memory after N more")
    parser.add_argument("--costs", action="store_true", help="the table of costs alone")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    chosen = parser.parse_args()
    if chosen.broker == "rabbitmq":
        return say(dispatch_rabbitmq.run())
    with testservers.private("redis") as server, redis.Redis(port=server.port) as client:
        if chosen.memory:
            promises = memory(server.url, client, chosen.memory)
        else:
            promises = throughput(server.url, client)
            if not chosen.costs:
                promises += lateness(server.port, server.url, client)
    return say(promises)


def say(promises: list[tuple[str, bool]]) -> int:
    """Print which promises hold; return the exit status."""
    for promise, holds in promises:
        print(f"{'holds ' if holds else 'BROKEN'}  {promise}")
    return 0 if all(holds for _, holds in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
