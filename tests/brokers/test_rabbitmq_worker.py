"""A worker of stock Celery on RabbitMQ, its queues classic or quorum, runs what a beat has sent."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import chain

from periodic import Beat, ManualClock, Occurrence
from periodic.integrations.celery.render import Renderer
from periodic_brokers.rabbitmq import RabbitMQBroker

from .stock_worker import Stock, canvas, entries

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(120)]

#: What worker and beat are told alike.
CONF = """
from pathlib import Path
from celery import Celery
from kombu import Exchange, Queue
from kombu.common import Broadcast

app = Celery("shop", broker={url!r})
app.conf.accept_content = ["json", "pickle", "yaml"]
app.conf.worker_prefetch_multiplier = 1
app.conf.worker_detect_quorum_queues = True
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue_type = {kind!r}
app.conf.task_default_exchange_type = "topic"
kind = {{"x-queue-type": {kind!r}}}
ranks = {{"x-queue-type": "classic", "x-max-priority": 9}}
app.conf.task_queues = [
    Queue("celery", Exchange("celery", "topic"), routing_key="celery", queue_arguments=kind),
    Queue("mail", Exchange("mail", "topic"), routing_key="mail", queue_arguments=kind),
    Queue("ranks", Exchange("ranks", "topic"), routing_key="ranks", queue_arguments=ranks),
    Queue("news-it", Exchange("news", "topic"), routing_key="news.it", queue_arguments=kind),
    Queue("news-all", Exchange("news", "topic"), routing_key="news.#", queue_arguments=kind),
    Broadcast("all"),
]

@app.task(bind=True, shared=False)
def note(self, name, *rest):
    with open(Path(__file__).with_name("runs.txt"), "a") as runs:
        runs.write("%s %s %s\\n" % (name, self.request.id, self.request.root_id))
    return name
"""

#: Name -> options of an entry; what a worker that starts later finds in its queues.
FIRST: dict[str, dict[str, Any]] = {
    "plain": {},
    "mail": {"queue": "mail"},
    "zlib": {"compression": "zlib"},
    "yaml": {"serializer": "yaml"},
    "pickle": {"serializer": "pickle"},
    "in-time": {"expires": 3600},
    "too-late": {"expires": 10},
    "silent": {"ignore_result": True},
    "topic": {"queue": "news-it", "routing_key": "news.it"},
    "least": {"queue": "ranks", "priority": 1},
    "middle": {"queue": "ranks", "priority": 5},
    "most": {"queue": "ranks", "priority": 9},
}
#: What needs the worker's own declarations, or somebody who listens.
SECOND: dict[str, dict[str, Any]] = {"everybody": {"queue": "all"}, "later": {"countdown": 2}}
RANKS = ("most", "middle", "least")


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_stock_worker_runs_what_a_beat_sent(clean_rabbitmq_url, tmp_path, kind):
    """Queues of both kinds, priorities, expiry, compression, serializers, chains, broadcast."""
    stock = Stock(tmp_path, CONF.format(url=clean_rabbitmq_url, kind=kind))
    app = stock.load()
    note = app.tasks["stock.note"]
    # The beat's clock is behind by more than the shortest expiry, as if the worker had been away.
    started = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=100)
    clock = ManualClock(started)
    broker = RabbitMQBroker(app.connection_for_write(), namespace="shop", clock=clock)
    with closing(Beat(broker, Renderer(app, clock), namespace="shop", clock=clock)) as beat:

        def send(*wanted: Any) -> None:
            beat.replace(wanted)
            beat.tick()
            clock.advance(timedelta(seconds=1))
            beat.tick()

        # Topics have no queue of their own in the message: the worker's declaration is the route.
        declare(app)
        steps = chain(note.s("step-1"), note.si("step-2"), note.si("step-3"))
        send(*entries(app, FIRST), canvas(app, "pipeline", steps))
        with ExitStack() as stack:
            stock.start(stack)
            for name in (*FIRST, "step-3"):
                if name != "too-late":
                    stock.wait_for(name)
            send(*entries(app, SECOND))
            for name in SECOND:
                stock.wait_for(name)

    runs = stock.runs()
    assert sorted(RANKS) == sorted(name for name in runs if name in RANKS)
    once = [name for name in FIRST if name not in {"too-late", "topic"}] + list(SECOND)
    # Two queues are bound to what the message of the topic says.
    assert sorted([*once, "step-1", "step-2", "step-3", "topic", "topic"]) == sorted(runs)
    assert "Discarding revoked task: stock.note" in stock.log()
    at = started + timedelta(seconds=1)
    ids = stock.ids()
    for name in ("plain", "mail", "zlib", "yaml", "pickle", "least"):
        assert (Occurrence("shop", name, at).id,) * 2 == ids[name]
    root = Occurrence("shop", "pipeline", at).id
    assert (root, root) == ids["step-1"]
    assert {root} == {ids[name][1] for name in ("step-2", "step-3")}


def declare(app: Any) -> None:
    """Declare the app's queues, as its workers have done before."""
    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            queue(connection.default_channel).declare()
