"""What the Redis adapter enqueues is what `apply_async` enqueues, and by which way it is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, signals
from celery.beat import BeatLazyFunc
from kombu import Exchange, Queue
from kombu.common import Broadcast
from redis_shop import LATER, Case, Shop

from periodic import Status

pytestmark = pytest.mark.redis


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
CASES = {
    "plain": Case(),
    "no arguments": Case(args=()),
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
        templates = [each is not None for each in broker._templates.values()]

    assert [(Status.DISPATCHED, None)] * 3 == [
        (outcome.status, outcome.error) for outcome in shop.outcomes
    ]
    assert expected.lines() == actual.lines()
    assert 3 <= sum(map(len, expected.queues.values())) + len(expected.published)
    assert case.template is (templates == [True])
