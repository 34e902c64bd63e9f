"""What dispatching costs on RabbitMQ: ours beside Celery's publish loop and raw py-amqp.

A private node is started; everything runs against it in one go, taking turns, so that a busy
machine slows all alike. `python benchmarks/dispatch.py --broker rabbitmq` runs this.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kombu
from celery import Celery

from periodic import Beat, Entry, ManualClock, SystemClock, interval
from periodic.integrations.celery.render import Renderer
from periodic.leadership import Leadership
from periodic_brokers.rabbitmq import RabbitMQBroker

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import testservers

HERD = 10_000
MANY = 100_000
ROUNDS = 5
SLOW = 500
SINGLES = 100
#: The promises of the page in docs/reference.
TIMES_CONFIRMED, TIMES_FORGETTING, TIMES_RAW = 10.0, 3.0, 0.8
SINGLE_MS, TICK_BYTES = 3.0, 1000.0

START = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
EVERY = timedelta(seconds=10)
QUEUE = "celery"

#: A process that consumes, and says how late each message was.
WATCH = """
import json, sys, time
from datetime import datetime
import kombu
late = []
with kombu.Connection(sys.argv[1]) as connection:
    channel = connection.channel()
    channel.queue_declare("celery", durable=True, auto_delete=False)
    def seen(message):
        now = time.time()
        due = message.headers["periodic-fire-time"]
        late.append((now - datetime.fromisoformat(due).timestamp()) * 1000)
    take = lambda raw: seen(channel.message_to_python(raw))
    channel.basic_consume("celery", no_ack=True, callback=take)
    print("ready", flush=True)
    while len(late) < int(sys.argv[2]):
        connection.drain_events()
print(json.dumps(late), flush=True)
"""


def run_nothing(number: int) -> int:
    """Stand for a task; nothing here runs it."""
    return number


def celery_app(url: str, **options: Any) -> Celery:
    """Return an app with one task `t`."""
    app = Celery("bench", broker=url, set_as_current=False)
    app.conf.broker_transport_options = options
    app.task(run_nothing, name="t")
    app.finalize()
    return app


class Ours:
    """A beat on a manual clock, its templates ready."""

    def __init__(self, app: Celery, count: int, every: timedelta = EVERY) -> None:
        self.clock = ManualClock(START)
        self.broker = RabbitMQBroker(
            app.connection_for_write(), namespace=f"bench-{count}", clock=self.clock
        )
        self.beat = Beat(
            self.broker,
            Renderer(app, self.clock),
            namespace=f"bench-{count}",
            clock=self.clock,
            observer=self._observe,
        )
        #: When the first outcome was told: a beat sends up to 10,000 before it looks at any.
        self.sent_at = 0.0
        for number in range(count):
            # One is due each time, the others once a year.
            schedule = interval(every if number == 0 or count == HERD else timedelta(days=365))
            entry = Entry(name=f"entry-{number}", task="t", schedule=schedule, args=[number])
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

    def tick(self) -> None:
        """Let what is next come due, and tick once."""
        assert self.wake is not None
        self.clock.advance_to(self.wake)
        self.wake = self.beat.tick()


def microseconds(work: Callable[[], None], count: int) -> float:
    """Return what one of `count` costs, in wall time."""
    gc.collect()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / count * 1e6


def publish_loop(app: Celery, count: int) -> None:
    """Send as Celery does, through one producer of its pool."""
    task: Any = app.tasks["t"]
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(count):
            task.apply_async((number,), producer=producer)


def settled(channel: Any, count: int) -> None:
    """Wait until the queue has this many messages, then empty it: what was sent has arrived."""
    deadline = time.monotonic() + 60
    while channel.queue_declare(QUEUE, passive=True).message_count < count:
        assert time.monotonic() < deadline, "messages are missing"
        time.sleep(0.01)
    channel.queue_purge(QUEUE)


def throughput(url: str) -> list[tuple[str, bool]]:
    """Print the table of costs; return the promises and whether they hold."""
    forgetting, confirming = celery_app(url), celery_app(url, confirm_publish=True)
    ours = Ours(forgetting, HERD)
    print(f"{HERD:,} entries adopted, templates built ahead, in {ours.prepared_in:.1f} s\n")
    costs: dict[str, list[float]] = {}

    def note(name: str, cost: float) -> float:
        costs.setdefault(name, []).append(cost)
        return cost

    faster: dict[str, list[float]] = {"confirmed": [], "forgetting": [], "raw": []}
    with kombu.Connection(url) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        ours.tick()
        settled(channel, HERD)
        ours.tick()
        time.sleep(1)
        message = channel.basic_get(QUEUE, no_ack=True)
        settled(channel, HERD - 1)

        def raw() -> None:
            for _ in range(HERD):
                again = channel.prepare_message(
                    message.body,
                    headers=message.headers,
                    content_type=message.content_type,
                    content_encoding=message.content_encoding,
                    properties={
                        "delivery_mode": 2,
                        "correlation_id": message.properties["correlation_id"],
                        "reply_to": message.properties["reply_to"],
                    },
                )
                channel.basic_publish(again, exchange="", routing_key=QUEUE)

        for _ in range(ROUNDS):
            plain = note("raw py-amqp basic_publish, not confirmed", microseconds(raw, HERD))
            settled(channel, HERD)
            note("periodic, getting ready ahead of the instant", microseconds(ours.prepare, HERD))
            ours.sent_at = 0.0
            gc.collect()
            started = time.perf_counter()
            ours.tick()
            whole = note("periodic, the whole tick", (time.perf_counter() - started) / HERD * 1e6)
            sent = note(
                "periodic, from the instant to the last message confirmed",
                (ours.sent_at - started) / HERD * 1e6,
            )
            settled(channel, HERD)
            loop = note(
                "celery, apply_async, fire and forget",
                microseconds(lambda: publish_loop(forgetting, 2 * SLOW), 2 * SLOW),
            )
            settled(channel, 2 * SLOW)
            confirmed = note(
                "celery, apply_async with confirm_publish",
                microseconds(lambda: publish_loop(confirming, SLOW), SLOW),
            )
            settled(channel, SLOW)
            faster["confirmed"].append(confirmed / whole)
            faster["forgetting"].append(loop / whole)
            faster["raw"].append(plain / sent)
    ours.broker.close()
    for name, values in costs.items():
        print(f"{statistics.median(values):>10.1f} us  {name}  (min {min(values):.1f})")
    told = {name: statistics.median(values) for name, values in faster.items()}
    print(
        f"\nthe whole tick {told['confirmed']:.1f} times celery's confirmed loop (min "
        f"{min(faster['confirmed']):.1f}), {told['forgetting']:.1f} times its forgetting one (min "
        f"{min(faster['forgetting']):.1f}); until the last message {told['raw']:.2f} of raw "
        f"basic_publish (min {min(faster['raw']):.2f})"
    )
    return [
        (
            f"at least {TIMES_CONFIRMED:g} times celery's confirmed loop",
            told["confirmed"] >= TIMES_CONFIRMED,
        ),
        (
            f"at least {TIMES_FORGETTING:g} times celery's fire-and-forget loop",
            told["forgetting"] >= TIMES_FORGETTING,
        ),
        (f"at least {TIMES_RAW:g} of raw basic_publish", told["raw"] >= TIMES_RAW),
    ]


def singles(url: str) -> list[tuple[str, bool]]:
    """Print how late, in ms, single occurrences of one entry arrive."""
    app = celery_app(url)
    broker = RabbitMQBroker(app.connection_for_write(), namespace="single", clock=SystemClock())
    beat = Beat(broker, Renderer(app), namespace="single", leadership=Leadership(broker))
    beat.put(Entry(name="single", task="t", schedule=interval(seconds=0.1), args=[1]))
    watch = subprocess.Popen(
        [sys.executable, "-c", WATCH, url, str(SINGLES)], stdout=subprocess.PIPE, text=True
    )
    assert watch.stdout is not None
    assert watch.stdout.readline().strip() == "ready"
    thread = threading.Thread(target=beat.run)
    thread.start()
    late: list[float] = sorted(json.loads(watch.stdout.readline()))
    beat.stop()
    thread.join()
    watch.wait(timeout=10)
    median = statistics.median(late)
    print(
        f"one due: {median:.2f} ms late (median of {len(late)}, 95% {late[-len(late) // 20]:.2f})"
    )
    return [(f"one due entry: median under {SINGLE_MS:g} ms", median < SINGLE_MS)]


def bytes_a_tick(url: str) -> list[tuple[str, bool]]:
    """Print what a tick with one due of 100,000 writes, besides the task itself."""
    ours = Ours(celery_app(url), MANY)
    ours.tick()  # on a new connection, if the server had heard nothing for too long
    led: Any = ours.broker
    transport = led._led.journal.channel.connection.transport  # noqa: SLF001
    written = [0]
    write = transport._write  # noqa: SLF001

    def counting(data: Any) -> None:
        written[0] += len(data)
        write(data)

    transport._write = counting  # noqa: SLF001
    ticks = 2_000
    sizes: list[int] = []
    with kombu.Connection(url) as connection:
        channel = connection.channel()
        for _ in range(ticks):
            before = written[0]
            ours.tick()
            sizes.append(written[0] - before)
        time.sleep(0.5)
        task = channel.basic_get(QUEUE, no_ack=True)
        channel.queue_purge(QUEUE)
    size = len(task.body) + len(json.dumps(task.headers))
    mean = statistics.mean(sizes) - size
    assert min(sizes) > size, "nothing was sent"
    print(
        f"{MANY:,} entries, one due: {mean:.0f} bytes a tick besides the task of some {size} "
        f"(mean of {ticks:,} ticks; the largest {max(sizes) - size:,})"
    )
    ours.broker.close()
    return [(f"a tick writes under {TICK_BYTES:g} bytes besides the task", mean < TICK_BYTES)]


def run() -> list[tuple[str, bool]]:
    """Run everything on a private node."""
    with testservers.private("rabbitmq") as server:
        return [*throughput(server.url), *singles(server.url), *bytes_a_tick(server.url)]
