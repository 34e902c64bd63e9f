"""One app, one entry, and both ways to enqueue it: by `apply_async`, and as a beat does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from celery import Celery, Task
from celery.beat import BeatLazyFunc
from kombu import pools

from periodic import (
    Adoption,
    Dispatch,
    Entry,
    ManualClock,
    MemoryCursors,
    Occurrence,
    Outcome,
    interval,
)
from periodic.integrations.celery.render import Renderer
from periodic_brokers.redis import RedisBroker

SECOND = timedelta(seconds=1)
#: The channels of the beats themselves, which no worker listens to.
OURS = re.compile(r"periodic:shop:.*")
#: In milliseconds.
_DECADE = 10 * 365 * 86_400_000
LATER = datetime(2099, 1, 1, 12, tzinfo=UTC)


@dataclass
class Case:
    """An entry, the app that it runs in, and whether its messages are made from a template."""

    options: dict[str, Any] = field(default_factory=dict)
    args: tuple[Any, ...] = (1,)
    template: bool = True
    task: str = "shop.add"
    conf: dict[str, Any] = field(default_factory=dict)
    #: Changes the app or the process; what it yields to is the comparison.
    around: Callable[[Celery], Any] | None = None


@dataclass
class Side:
    """What one of the two ways has left on the server."""

    queues: dict[str, list[Any]]
    published: list[tuple[str, Any]]
    expiring: dict[str, bool]

    def lines(self) -> list[str]:
        """Return all of it as lines, so that a difference can be read."""
        return json.dumps(asdict(self), indent=1, default=str).splitlines()


class Shop:
    """One app, one entry, and both ways to enqueue it."""

    def __init__(self, case: Case, url: str, stack: ExitStack) -> None:
        self.case = case
        app = Celery("shop", broker=url, set_as_current=False)
        app.conf.update({"accept_content": ["json", "pickle", "yaml"], **case.conf})
        add_tasks(app)
        app.finalize()
        stack.callback(app.close)
        self.app = app
        stack.callback(pools.reset)  # kombu's, which belong to the process
        self.client: Any = redis.Redis.from_url(url)
        stack.callback(self.client.close)
        # What the beat's clock says goes into messages; Celery itself asks the machine's.
        self.clock = ManualClock(datetime.now(UTC))
        self.entry: Entry = Entry(
            name="x", task=case.task, schedule=interval(1), args=case.args, options=case.options
        )
        # What it has made a template of lives as long as it does.
        self.render = Renderer(app, self.clock)
        self.declare()

    def declare(self) -> None:
        """Do what a worker does at its start: bind the queues that others are to find."""
        with self.app.connection_for_read() as connection, connection.channel() as channel:
            for queue in self.app.amqp.queues.values():
                queue(channel).declare()

    def occurrence(self, number: int) -> Occurrence:
        """Return one of the entry's occurrences."""
        return Occurrence("shop", "x", datetime(2026, 3, 2, 12, tzinfo=UTC) + number * SECOND)

    def by_celery(self, number: int) -> None:
        """Call the task's own `apply_async`, with the id and the headers that a beat gives."""
        case, occurrence = self.case, self.occurrence(number)
        options = dict(case.options)
        headers = options.pop("headers", {})
        options["headers"] = {**headers, "celery_beat_task": True, **occurrence.headers}
        options["task_id"] = occurrence.id
        if isinstance(options.get("expires"), timedelta):
            options["expires"] = options["expires"].total_seconds()
        args = [each() if isinstance(each, BeatLazyFunc) else each for each in case.args]
        task = self.app.tasks.get(case.task)
        if task is None:
            self.app.send_task(case.task, args, **options)
        else:
            task.apply_async(args, **options)

    @contextmanager
    def broker(self) -> Iterator[RedisBroker]:
        """Open the adapter."""
        with self.app.connection_for_write() as connection:
            broker = RedisBroker.open(
                connection, namespace="shop", clock=self.clock, cursors=MemoryCursors
            )
        yield broker
        broker.close()

    def by_beat(self, broker: RedisBroker, *numbers: int) -> None:
        """Dispatch as the beat does: in one batch; `outcomes` says how it went."""
        render = self.render
        first = self.occurrence(min(numbers) - 1).fire_time
        broker.adopt([Adoption("x", "f", first)])
        batch = [
            Dispatch(
                self.occurrence(number),
                self.occurrence(number - 1).fire_time,
                "f",
                render(self.entry, self.occurrence(number)),
            )
            for number in numbers
        ]
        self.outcomes: list[Outcome] = broker.dispatch(batch)

    def sent(self, send: Callable[[], None]) -> Side:
        """Return what `send` puts on the server; the queues are emptied afterwards."""
        with self.client.pubsub() as listener:
            listener.psubscribe("*")
            listener.get_message(timeout=5)
            send()
            published = []
            while message := listener.get_message(timeout=0.1):
                channel = message["channel"].decode()
                if not OURS.fullmatch(channel):
                    published.append((channel, comparable(message["data"])))
        queues, expiring = {}, {}
        for key in sorted(self.client.scan_iter(_type="list")):
            queues[key.decode()] = [
                comparable(raw) for raw in reversed(self.client.lrange(key, 0, -1))
            ]
            expiring[key.decode()] = self.client.pttl(key) > 0
            self.client.delete(key)
        return Side(queues, published, expiring)


def comparable(raw: bytes) -> Any:
    """Return a message without what must differ: its tag, and the moment it was made at."""
    message = json.loads(raw)
    message["properties"].pop("delivery_tag")
    left = int(message["properties"].get("expiration", 0))
    if left > _DECADE:  # the milliseconds until then
        message["properties"]["expiration"] = "until then"
    parts = [message["headers"]]
    if "task" not in message["headers"]:  # an event, or a task of protocol 1: all is in the body
        message["body"] = json.loads(base64.b64decode(message["body"]))
        parts.append(message["body"])
    for part in parts:
        for name in ("timestamp", "clock"):
            part.pop(name, None)
        for name in ("expires", "eta"):
            if part.get(name) is not None:
                part[name] = _moment(part[name])
    return message


def _moment(text: str) -> str:
    """Return how long from now on an instant is, in tens of seconds; one of the next century."""
    at = datetime.fromisoformat(text)
    left = (at - datetime.now(UTC)).total_seconds()
    return text if at >= LATER else f"in {round(left, -1) + 0.0:g} s"


def add_tasks(app: Celery) -> None:
    """Register the shop's tasks."""

    def work(*_: Any, **__: Any) -> None:
        return

    class Loud(Task):
        def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
            return super().apply_async([*args, "loud"], kwargs, **options)

    for name, options in {
        "shop.add": {},
        "shop.short": {"expires": 60},
        "shop.forget": {"ignore_result": True},
        "shop.urgent": {"serializer": "yaml", "compression": "zlib", "track_started": True},
        "shop.shout": {"base": Loud},
    }.items():
        app.task(name=name, shared=False, **options)(work)
