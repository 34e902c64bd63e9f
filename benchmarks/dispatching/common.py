"""What is asked of each broker: a herd that comes due together, beside Celery's own loop.

A private server is started; everything runs against it in one go, taking turns, so that a busy
machine slows all alike.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery

from periodic import Beat, Broker, Entry, ManualClock, interval
from periodic.integrations.celery.render import Renderer
from periodic.leadership import Leadership

#: How many entries come due together.
HERD = 10_000
#: How many single occurrences are waited for, one after another.
SINGLES = 100
START = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
EVERY = timedelta(seconds=10)

#: A promise of the page in docs/reference, and whether it holds.
Promise = tuple[str, bool]


def run_nothing(number: int) -> int:
    """Stand for a task; nothing here runs it."""
    return number


def celery_app(url: str, **options: Any) -> Celery:
    """Return an app with one task `t`.

    Args:
        url: of its broker.
        **options: for the transport.
    """
    app = Celery("bench", broker=url, set_as_current=False)
    app.conf.result_expires = None
    app.conf.broker_transport_options = options
    app.task(run_nothing, name="t")
    app.finalize()
    return app


def entry(number: int, every: timedelta = EVERY) -> Entry:
    """Return one of the herd."""
    return Entry(name=f"entry-{number}", task="t", schedule=interval(every), args=[number])


class Ours:
    """A beat on a manual clock, its templates ready.

    Args:
        app: renders.
        clock: the beat's.
        broker: takes what is due.
        entries: of the beat.
    """

    def __init__(
        self, app: Celery, clock: ManualClock, broker: Broker, entries: Iterable[Entry]
    ) -> None:
        self.clock = clock
        self.broker = broker
        self.beat = Beat(
            broker,
            Renderer(app, clock),
            namespace="bench",
            clock=clock,
            max_skew=None,
            observer=self._observe,
        )
        #: When the first outcome was told: a beat sends up to 10,000 before it looks at any.
        self.sent_at = 0.0
        self.beat.put_all(entries)
        started = time.perf_counter()
        self.wake = self.beat.tick()
        while self.wake is not None and self.wake <= clock.now():
            self.wake = self.beat.tick()
        self.prepared_in = time.perf_counter() - started

    def _observe(self, *_: object) -> None:
        if not self.sent_at:
            self.sent_at = time.perf_counter()

    def prepare(self) -> None:
        """Tick a second before what is next comes due, as a beat does that has time."""
        assert self.wake is not None
        self.clock.advance_to(self.wake - timedelta(seconds=1))
        self.beat.tick()

    def tick(self) -> None:
        """Let what is next come due, and tick once."""
        assert self.wake is not None
        self.clock.advance_to(self.wake)
        self.wake = self.beat.tick()


class Costs:
    """What one of many costs, by name, in microseconds; measured several times."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def note(self, name: str, cost: float) -> float:
        """Take note of a cost, and return it."""
        self._values.setdefault(name, []).append(cost)
        return cost

    def measure(self, name: str, work: Callable[[], None], count: int) -> float:
        """Do `count` of something, take note of what one costs in wall time, and return it."""
        gc.collect()
        started = time.perf_counter()
        work()
        return self.note(name, (time.perf_counter() - started) / count * 1e6)

    def herd(self, ours: Ours, until: str) -> tuple[float, float]:
        """Let the herd come due; return what one costs in all, and until the last has left.

        Args:
            ours: the beat, ready.
            until: what the second is called.
        """
        self.measure("periodic, getting ready ahead of the instant", ours.prepare, HERD)
        ours.sent_at = 0.0
        gc.collect()
        started = time.perf_counter()
        ours.tick()
        whole = (time.perf_counter() - started) / HERD * 1e6
        self.note("periodic, the whole tick", whole)
        return whole, self.note(until, (ours.sent_at - started) / HERD * 1e6)

    def tell(self) -> None:
        """Print the table."""
        for name, values in self._values.items():
            print(f"{statistics.median(values):>10.1f} us  {name}  (min {min(values):.1f})")


def publish_loop(app: Celery, count: int) -> None:
    """Send as Celery does, through one producer of its pool."""
    task: Any = app.tasks["t"]
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(count):
            task.apply_async((number,), producer=producer)


def watcher(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that watches the queue, and return once it does.

    Args:
        script: prints `ready`, and in the end one line of JSON.
        *arguments: for the script.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process


def seen_by(watch: subprocess.Popen[str]) -> list[float]:
    """Wait for what a watcher has to say."""
    assert watch.stdout is not None
    seen: list[float] = json.loads(watch.stdout.readline())
    return seen


def singles(
    app: Celery,
    broker: Broker,
    script: str,
    *arguments: object,
    leadership: Leadership | None = None,
) -> list[float]:
    """Return how late, in ms, single occurrences of one entry arrive.

    Args:
        app: renders.
        broker: of the namespace `single`.
        script: of the watcher, which says how late each was.
        *arguments: for the script.
        leadership: of the beat, where its broker asks for one.
    """
    beat = Beat(broker, Renderer(app), namespace="single", leadership=leadership)
    beat.put(Entry(name="single", task="t", schedule=interval(seconds=0.1), args=[1]))
    watch = watcher(script, *arguments)
    thread = threading.Thread(target=beat.run)
    thread.start()
    late = seen_by(watch)
    beat.stop()
    thread.join()
    watch.wait(timeout=10)
    return late


def tell_adopted(ours: Ours) -> None:
    """Print how long it took to take the herd up."""
    print(f"{HERD:,} entries adopted, templates built ahead, in {ours.prepared_in:.1f} s\n")


def tell_late(late: Sequence[float]) -> float:
    """Print how late single occurrences were, in ms; return the median."""
    median = statistics.median(late)
    print(
        f"one due: {median:.2f} ms late (median of {len(late)}, 95% "
        f"{sorted(late)[-len(late) // 20]:.2f})"
    )
    return median
