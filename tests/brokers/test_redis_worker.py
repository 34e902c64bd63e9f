"""A worker of stock Celery, a process that knows nothing of us, runs what a beat has sent."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import chain, chord

from periodic import Occurrence

from .stock_worker import Stock, canvas, entries

pytestmark = [pytest.mark.redis, pytest.mark.timeout(120)]

PREFIX = "{shop}:"
#: What worker and beat are told alike.
CONF = """
from pathlib import Path
from celery import Celery
from kombu import Exchange, Queue
from kombu.common import Broadcast

app = Celery("shop", broker={url!r}, result_backend={url!r})
app.conf.broker_transport_options = {{"global_keyprefix": {prefix!r}}}
app.conf.result_backend_transport_options = {{"global_keyprefix": {prefix!r}}}
app.conf.accept_content = ["json", "pickle", "yaml"]
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
app.conf.task_queues = [
    Queue("celery"),
    Queue("mail"),
    Queue("news-it", Exchange("news", "topic"), routing_key="news.it"),
    Queue("news-all", Exchange("news", "topic"), routing_key="news.#"),
    Queue("short", expires=600),
    Broadcast("all"),
]

@app.task(bind=True, shared=False)
def note(self, name, *rest):
    info = self.request.delivery_info
    with open(Path(__file__).with_name("runs.txt"), "a") as runs:
        runs.write("%s %s %s\\n" % (name, self.request.id, self.request.root_id))
    return name
"""


#: Name -> options of an entry; what a worker that starts later finds in its queues.
FIRST: dict[str, dict[str, Any]] = {
    "least": {"priority": 9},
    "middle": {"priority": 5},
    "most": {"priority": 0},
    "mail": {"queue": "mail"},
    "short": {"queue": "short"},
    "zlib": {"compression": "zlib"},
    "yaml": {"serializer": "yaml"},
    "pickle": {"serializer": "pickle"},
    "in-time": {"expires": 3600},
    "too-late": {"expires": 10},
    "silent": {"ignore_result": True},
}
#: What needs the worker's own declarations, or somebody who listens.
SECOND: dict[str, dict[str, Any]] = {
    "everybody": {"queue": "all"},
    "topic": {"queue": "news-it", "routing_key": "news.it"},
    "later": {"countdown": 2},
}


def test_a_stock_worker_runs_what_a_beat_sent(own_server, start_bench, tmp_path):
    """Priorities, queues, expiry, compression, serializers, canvases, broadcast, key prefix."""
    stock = Stock(tmp_path, CONF.format(url=own_server.url, prefix=PREFIX))
    app = stock.load()
    note = app.tasks["stock.note"]
    # The beat's clock is behind by more than the shortest expiry, as if the worker had been away.
    started = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=100)
    bench = start_bench(own_server.url, run=0, app=app, start=started)
    pipeline = chain(note.s("step-1"), note.si("step-2"), note.si("step-3"))
    both = chord([note.si("part-1"), note.si("part-2")], note.si("sum"))
    bench.beat.replace(
        [*entries(app, FIRST), canvas(app, "pipeline", pipeline), canvas(app, "both", both)]
    )
    bench.beat.tick()
    bench.run(1)

    with ExitStack() as stack:
        stock.start(stack)
        for name in (*FIRST, "step-3", "sum"):
            if name != "too-late":
                stock.wait_for(name)
        bench.beat.replace(entries(app, SECOND))
        bench.beat.tick()
        bench.run(1)
        for name in SECOND:
            stock.wait_for(name)

    runs = stock.runs()
    assert ["most", "middle", "least"] == [name for name in runs if name in PRIORITIES]
    once = [name for name in FIRST if name != "too-late"] + ["everybody", "later"]
    steps = ["step-1", "step-2", "step-3", "part-1", "part-2", "sum"]
    # Two queues are bound to what the message of the topic says.
    assert sorted([*once, *steps, "topic", "topic"]) == sorted(runs)
    assert "Discarding revoked task: stock.note" in stock.log()
    at = started + timedelta(seconds=1)
    ids = stock.ids()
    for name in once[:10]:
        assert (Occurrence("shop", name, at).id,) * 2 == ids[name]
    root = Occurrence("shop", "pipeline", at).id
    assert (root, root) == ids["step-1"]
    assert {root} == {ids[name][1] for name in ("step-2", "step-3")}
    keys = [key.decode() for key in own_server.client.scan_iter()]
    assert [] == [key for key in keys if not key.startswith(PREFIX)]


#: Those that tell the order in which a worker takes them.
PRIORITIES = ("least", "middle", "most")
