"""What dispatching costs on Redis: ours beside Celery's publish loop and beat, and raw LPUSH."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from celery.beat import Scheduler

from periodic import ManualClock
from periodic_brokers.redis import RedisBroker
from periodic_contracts import servers

from .common import (
    HERD,
    SINGLES,
    START,
    Costs,
    Ours,
    Promise,
    celery_app,
    entry,
    publish_loop,
    seen_by,
    singles,
    tell_adopted,
    tell_late,
    watcher,
)

ROUNDS = 7
#: How many messages of the slow loop are sent in each round; the cost of one is what counts.
SLOW = 1_000
CHUNK = 500
#: The promises of the page in docs/reference.
TIMES_CELERY, TIMES_RAW, LAST_MS, SINGLE_MS, RACING = 15.0, 0.5, 300.0, 2.0, 1.3

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


def ours_of(app: Celery) -> Ours:
    """Return a beat with the herd."""
    broker = RedisBroker(app.connection_for_write(), namespace="bench")
    return Ours(app, ManualClock(START), broker, map(entry, range(HERD)))


def raw(client: Any, payloads: Sequence[bytes]) -> None:
    """Push ready payloads through pipelines of the size of our batches."""
    for start in range(0, len(payloads), CHUNK):
        pipeline = client.pipeline(transaction=False)
        for payload in payloads[start : start + CHUNK]:
            pipeline.lpush("raw", payload)
        pipeline.execute()


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

    return Costs().measure("", work, ticks)


def throughput(url: str, client: Any) -> list[Promise]:
    """Print the table of costs; return the promises and whether they hold."""
    app = celery_app(url)
    ours = ours_of(app)
    tell_adopted(ours)
    ours.tick()
    payloads = [client.lindex("celery", 0)] * HERD
    costs = Costs()
    faster: list[float] = []
    share: list[float] = []
    for _ in range(ROUNDS):
        client.delete("celery", "raw")
        ready = costs.measure(
            "raw pipelined LPUSH of ready payloads", lambda: raw(client, payloads), HERD
        )
        whole, sent = costs.herd(ours, "periodic, from the instant to the last message")
        costs.measure("periodic, the whole tick, nothing ready", ours.tick, HERD)
        slow = costs.measure(
            "celery, apply_async through a pooled producer", lambda: publish_loop(app, SLOW), SLOW
        )
        faster.append(slow / whole)
        share.append(ready / sent)
    costs.tell()
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
        watch = watcher(WATCH, port, HERD, "last")
        (seen,) = seen_by(watch)
        watch.wait(timeout=10)
    assert client.llen("celery") == HERD
    return (seen - anchor.timestamp()) * 1000


def lateness(port: int, url: str, client: Any) -> list[Promise]:
    """Print how late messages are; return the promises and whether they hold."""
    client.flushdb()
    app = celery_app(url)
    broker = RedisBroker(app.connection_for_write(), namespace="single")
    median = tell_late(singles(app, broker, WATCH, port, SINGLES, "each"))
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


def settled_memory(ours: Ours, client: Any) -> int:
    """Return what Redis holds at rest, once two looks are alike: the first ones take buffers.

    Each command that is used later is used here: with its first call Redis makes a histogram of
    its latency, of 24,688 bytes.
    """
    before = -1
    for _ in range(10):
        consume_herd(ours, client)
        client.dbsize()
        client.slowlog_reset()  # up to 128 of our scripts, if they were slow
        time.sleep(5)
        used = int(client.info("memory")["used_memory"])
        if used == before:
            break
        before = used
    return before


def consume_herd(ours: Ours, client: Any) -> int:
    """Let a herd come due, and take its messages away as workers would; return how many."""
    ours.tick()
    got = client.llen("celery")
    client.delete("celery")
    assert got == HERD, f"{got} of {HERD} arrived"
    return int(got)


def memory(url: str, client: Any, count: int) -> list[Promise]:
    """Dispatch `count` occurrences, consume them, and compare Redis's memory."""
    ours = ours_of(celery_app(url))
    before = settled_memory(ours, client)
    keys = client.dbsize()
    done = 0
    started = time.perf_counter()
    while done < count:
        done += consume_herd(ours, client)
    after = settled_memory(ours, client)
    seconds = time.perf_counter() - started
    print(
        f"{done:,} occurrences in {seconds:.0f} s; used_memory {before:,} -> {after:,} bytes "
        f"({after - before:+,}); keys {keys} -> {client.dbsize()}"
    )
    return [("Redis memory where it was (within 1%)", abs(after - before) <= before / 100)]


def run(*, costs_alone: bool) -> list[Promise]:
    """Ask everything on a private server, or for the table of costs alone."""
    with servers.private("redis") as server, redis.Redis(port=server.port) as client:
        promises = throughput(server.url, client)
        if not costs_alone:
            promises += lateness(server.port, server.url, client)
    return promises


def run_memory(count: int) -> list[Promise]:
    """Dispatch so many occurrences on a private server, and look at its memory."""
    with servers.private("redis") as server, redis.Redis(port=server.port) as client:
        return memory(server.url, client, count)
