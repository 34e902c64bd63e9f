"""What dispatching costs on RabbitMQ: ours beside Celery's publish loop and raw py-amqp."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import kombu
from celery import Celery

from periodic import Entry, ManualClock, SystemClock
from periodic.leadership import Leadership
from periodic_brokers.rabbitmq import RabbitMQBroker
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
    singles,
    tell_adopted,
    tell_late,
)

MANY = 100_000
ROUNDS = 5
SLOW = 500
#: The promises of the page in docs/reference.
TIMES_CONFIRMED, TIMES_FORGETTING, TIMES_RAW = 10.0, 3.0, 0.8
SINGLE_MS, TICK_BYTES = 3.0, 1000.0

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


def ours_of(app: Celery, entries: Iterable[Entry]) -> Ours:
    """Return a beat that leads."""
    clock = ManualClock(START)
    connection = app.connection_for_write()
    return Ours(app, clock, RabbitMQBroker(connection, namespace="bench", clock=clock), entries)


def settled(channel: Any, count: int) -> None:
    """Wait until the queue has this many messages, then empty it: what was sent has arrived."""
    deadline = time.monotonic() + 60
    while channel.queue_declare(QUEUE, passive=True).message_count < count:
        assert time.monotonic() < deadline, "messages are missing"
        time.sleep(0.01)
    channel.queue_purge(QUEUE)


def throughput(url: str) -> list[Promise]:
    """Print the table of costs; return the promises and whether they hold."""
    forgetting, confirming = celery_app(url), celery_app(url, confirm_publish=True)
    ours = ours_of(forgetting, map(entry, range(HERD)))
    tell_adopted(ours)
    costs = Costs()
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
            plain = costs.measure("raw py-amqp basic_publish, not confirmed", raw, HERD)
            settled(channel, HERD)
            whole, sent = costs.herd(ours, "periodic, until the last message is confirmed")
            settled(channel, HERD)
            loop = costs.measure(
                "celery, apply_async, fire and forget",
                lambda: publish_loop(forgetting, 2 * SLOW),
                2 * SLOW,
            )
            settled(channel, 2 * SLOW)
            confirmed = costs.measure(
                "celery, apply_async with confirm_publish",
                lambda: publish_loop(confirming, SLOW),
                SLOW,
            )
            settled(channel, SLOW)
            faster["confirmed"].append(confirmed / whole)
            faster["forgetting"].append(loop / whole)
            faster["raw"].append(plain / sent)
    ours.broker.close()
    costs.tell()
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


def lateness(url: str) -> list[Promise]:
    """Print how late, in ms, single occurrences of one entry arrive."""
    app = celery_app(url)
    broker = RabbitMQBroker(app.connection_for_write(), namespace="single", clock=SystemClock())
    late = singles(app, broker, WATCH, url, SINGLES, leadership=Leadership(broker))
    return [(f"one due entry: median under {SINGLE_MS:g} ms", tell_late(late) < SINGLE_MS)]


def bytes_a_tick(url: str) -> list[Promise]:
    """Print what a tick with one due of 100,000 writes, besides the task itself."""
    # One is due each time, the others once a year.
    others = (entry(number, timedelta(days=365)) for number in range(1, MANY))
    ours = ours_of(celery_app(url), [entry(0), *others])
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


def run(*, costs_alone: bool) -> list[Promise]:
    """Ask everything on a private node, or for the table of costs alone."""
    with servers.private("rabbitmq") as server:
        promises = throughput(server.url)
        if not costs_alone:
            promises += [*lateness(server.url), *bytes_a_tick(server.url)]
    return promises
