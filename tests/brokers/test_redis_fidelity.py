"""What the Redis adapter enqueues is what `apply_async` enqueues, and by which way it is made."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from celery import Celery, Task, signals
from celery.beat import BeatLazyFunc
from kombu import Exchange, Queue, pools
from kombu.common import Broadcast

from periodic import (
    Adoption,
    Dispatch,
    Entry,
    ManualClock,
    MemoryCursors,
    Occurrence,
    Status,
    interval,
)
from periodic.integrations.celery.render import Renderer
from periodic_brokers.redis import RedisBroker

pytestmark = pytest.mark.redis

SECOND = timedelta(seconds=1)
#: The keys of the beat itself, which no worker reads.
OURS = re.compile(r"periodic:shop:.*")


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


@contextmanager
def receiver(app: Celery) -> Iterator[None]:
    """Add a header to each message that is published."""

    def add(headers: dict[str, Any], **_: Any) -> None:
        headers["seen"] = headers["id"][::-1]

    with_weak = signals.before_task_publish.connect(add, weak=False)
    yield
    signals.before_task_publish.disconnect(with_weak)


@contextmanager
def watcher(app: Celery) -> Iterator[None]:
    """Only look at what was published."""

    def look(**_: Any) -> None:
        return

    connected = signals.after_task_publish.connect(look, weak=False)
    yield
    signals.after_task_publish.disconnect(connected)


@contextmanager
def knowing(app: Celery) -> Iterator[None]:
    """Let Celery's own producers know the broadcast exchange, as in a process with a worker."""
    with app.producer_pool.acquire(block=True) as producer:
        app.amqp.queues["all"].exchange(producer.channel).declare()
    yield


def by_function(name: str, args: Any, kwargs: Any, options: Any, **_: Any) -> dict[str, Any]:
    """Route by what is sent."""
    return {"queue": f"for-{args[0]}"}


NEWS = Exchange("news", "topic")
TOPIC = [
    Queue("news-all", NEWS, routing_key="news.#"),
    Queue("news-it", NEWS, routing_key="news.it"),
    Queue("celery"),
]
#: In milliseconds.
_DECADE = 10 * 365 * 86_400_000
LATER = datetime(2099, 1, 1, 12, tzinfo=UTC)

CASES = {
    "plain": Case(),
    "keyword arguments": Case({}, args=()),
    "queue": Case({"queue": "mail"}),
    "priority": Case({"priority": 6}),
    "priority between two steps": Case({"priority": 5, "queue": "mail"}),
    "expires in seconds": Case({"expires": 60}),
    "expires in a fraction of a second": Case({"expires": 0.5}),
    "expires as a timedelta": Case({"expires": timedelta(minutes=5)}),
    "expires as a datetime": Case({"expires": LATER}, template=False),
    "expires of the task": Case(task="shop.short"),
    "countdown": Case({"countdown": 30}),
    "countdown and expires": Case({"countdown": 30, "expires": 90}),
    "eta": Case({"eta": LATER}),
    "in another time zone": Case(
        {"countdown": 30, "expires": 90}, conf={"timezone": "America/New_York"}
    ),
    "without UTC": Case(
        {"countdown": 30}, conf={"timezone": "America/New_York", "enable_utc": False}
    ),
    "zlib": Case({"compression": "zlib"}),
    "zlib by setting": Case(conf={"task_compression": "zlib"}),
    "pickle": Case({"serializer": "pickle"}, args=(timedelta(1),)),
    "yaml": Case({"serializer": "yaml"}),
    "msgpack": Case({"serializer": "msgpack"}),
    "headers": Case({"headers": {"tenant": "t1", "n": {"deep": [1]}}}),
    "properties": Case({"correlation": "x", "reply_to": "me", "delivery_mode": 1}),
    "ignore_result": Case({"ignore_result": True}),
    "ignore_result of the task": Case(task="shop.forget"),
    "limits, name and links": Case(
        {"time_limit": 30, "soft_time_limit": 20, "shadow": "other", "argsrepr": "(secret)"}
    ),
    "options of the task": Case(task="shop.urgent"),
    "not registered here": Case(task="elsewhere.work"),
    "text like a placeholder": Case(args=("{id} %s \x06\x16 é 漢 \u2028 \"'\\",)),
    "many arguments": Case(args=(list(range(500)), {"a": {"b": None}}, 1.5, True)),
    "another default queue": Case(conf={"task_default_queue": "shop"}),
    "task_routes": Case(conf={"task_routes": {"shop.*": {"queue": "routed", "priority": 3}}}),
    "task_routes by a function": Case(conf={"task_routes": (by_function,)}, template=False),
    "topic exchange": Case(
        {"queue": "news-it", "routing_key": "news.it"}, conf={"task_queues": TOPIC}, template=False
    ),
    "topic exchange by name": Case(
        {"exchange": "news", "routing_key": "news.it"}, conf={"task_queues": TOPIC}, template=False
    ),
    "broadcast": Case(
        {"queue": "all"}, conf={"task_queues": [Broadcast("all"), Queue("celery")]}, around=knowing
    ),
    "fanout exchange": Case(
        {"queue": "every"},
        conf={"task_queues": [Queue("every", Exchange("every", "fanout")), Queue("celery")]},
    ),
    "expiring queue": Case(
        {"queue": "short", "priority": 9}, conf={"task_queues": [Queue("short", expires=60)]}
    ),
    "queue with a top priority": Case(
        {"queue": "q", "priority": 3},
        conf={"task_queues": [Queue("q", queue_arguments={"x-max-priority": 9})]},
    ),
    "prefix": Case(
        {"priority": 3}, conf={"broker_transport_options": {"global_keyprefix": "{shop}:"}}
    ),
    "prefix and broadcast": Case(
        {"queue": "all"},
        conf={
            "broker_transport_options": {"global_keyprefix": "shop:"},
            "task_queues": [Broadcast("all"), Queue("celery")],
        },
        around=knowing,
    ),
    "own separator and steps": Case(
        {"priority": 7},
        conf={"broker_transport_options": {"sep": ":", "priority_steps": list(range(10))}},
    ),
    "protocol 1": Case({"expires": 60}, conf={"task_protocol": 1}, template=False),
    "sent events": Case(conf={"task_send_sent_event": True}, template=False),
    "receiver before": Case(around=receiver, template=False),
    "receiver after": Case(around=watcher, template=False),
    "own apply_async": Case(task="shop.shout", template=False),
    "lazy argument": Case(args=(BeatLazyFunc(lambda: 7),), template=False),
}


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
        """Dispatch as the beat does: in one batch."""
        render = Renderer(self.app, self.clock)
        self.families = render
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
        outcomes = broker.dispatch(batch)
        assert [(Status.DISPATCHED, None)] * len(batch) == [
            (outcome.status, outcome.error) for outcome in outcomes
        ]
        self.templates = [each is not None for each in broker._templates.values()]

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
    return text if at >= LATER else f"in {round(left, -1)} s"


def add_tasks(app: Celery) -> None:
    """Register the shop's tasks."""

    def work(*args: Any, **kwargs: Any) -> None:
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


@pytest.fixture
def open_shop(clean_redis_url: str) -> Iterator[Callable[[Case], Shop]]:
    """Open shops on an empty database; what they opened is closed in the end."""
    with ExitStack() as stack:
        yield lambda case: Shop(case, clean_redis_url, stack)


@pytest.mark.parametrize("name", CASES)
def test_the_beat_enqueues_what_apply_async_enqueues(open_shop, name):
    """The same keys, the same channels, the same messages, key by key, also in a batch."""
    case = CASES[name]
    serializer = case.options.get("serializer")
    if serializer in {"msgpack", "yaml"} and importlib.util.find_spec(serializer) is None:
        pytest.skip(f"{serializer} is not installed")
    shop = open_shop(case)
    with ExitStack() as stack:
        if case.around is not None:
            stack.enter_context(case.around(shop.app))
        broker = stack.enter_context(shop.broker())

        expected = shop.sent(lambda: [shop.by_celery(number) for number in (1, 2, 3)])
        actual = shop.sent(lambda: shop.by_beat(broker, 1, 2, 3))

    assert expected.lines() == actual.lines()
    assert 3 <= sum(map(len, expected.queues.values())) + len(expected.published)
    assert case.template is (shop.templates == [True])
