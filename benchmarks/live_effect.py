"""How long a change takes to be in the plan of a running beat, in each store and by plain SQL.

The promise: a median under 50 ms and a worst under 1 s over 200 changes, on SQLite, PostgreSQL and
Redis, by the API and by an `UPDATE` typed by hand. What is not installed here is left out by name.

Usage: python benchmarks/live_effect.py [CHANGES]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from celery import Celery
from sqlalchemy import create_engine, text

from periodic import Beat
from periodic.integrations.celery import make_beat, schedules_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

import testpostgres

CHANGES = 200
MEDIAN, WORST = 0.05, 1.0
#: Seconds between two changes, so that they meet the beat at any moment of its rounds.
PAUSES = (0.011, 0.017, 0.023)
UPDATE = text("UPDATE periodic_entries SET enabled = :enabled WHERE name = 'plain'")


@contextmanager
def running(app: Celery) -> Iterator[Beat]:
    """Run a beat in a thread."""
    beat = make_beat(app)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        thread.join(10)


def measure(what: str, url: str, count: int) -> bool:
    """Change entries of a store; tell whether the promise holds."""
    app = Celery("shop", broker="memory://")
    app.conf.update(result_expires=None, periodic={"store": url, "namespace": what})

    @app.task(name="shop.job", shared=False)
    def job() -> None:
        return

    live = schedules_of(app)
    if not url.startswith("redis"):
        live.store.migrate()
    with running(app) as beat:
        live.put("plain", task="shop.job", schedule=3600)
        wait_for(lambda: "plain" in beat.planner)

        def put(number: int) -> Callable[[], bool]:
            live.put(f"new:{number}", task="shop.job", schedule=3600)
            return lambda: f"new:{number}" in beat.planner

        kept = told(f"{what}, put", [took(put, number) for number in range(count)])
        if not url.startswith("redis"):
            engine = create_engine(url)

            def switch(number: int) -> Callable[[], bool]:
                with engine.begin() as connection:
                    connection.execute(UPDATE, {"enabled": number % 2})
                return lambda: ("plain" in beat.planner) == bool(number % 2)

            taken = [took(switch, number) for number in range(count)]
            kept = told(f"{what}, UPDATE by plain SQL", taken) and kept
            engine.dispose()
    live.store.close()
    return kept


def took(change: Callable[[int], Callable[[], bool]], number: int) -> float:
    """Return how long a change takes, from before it is made until the beat has it."""
    time.sleep(PAUSES[number % len(PAUSES)])
    start = time.perf_counter()
    wait_for(change(number))
    return time.perf_counter() - start


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    while not condition():
        time.sleep(0.0005)


def told(what: str, taken: list[float]) -> bool:
    """Print what was measured; tell whether the promise holds."""
    median, worst = statistics.median(taken), max(taken)
    told = f"median {median * 1e3:.1f} ms, worst {worst * 1e3:.0f} ms"
    print(f"{what}, {len(taken)} changes: {told}", flush=True)
    return median < MEDIAN and worst < WORST


def places(stack: ExitStack) -> Iterator[tuple[str, str]]:
    """Yield the stores of this machine."""
    from periodic_contracts import servers  # noqa: PLC0415

    folder = stack.enter_context(tempfile.TemporaryDirectory())
    yield "SQLite", f"sqlite:///{folder}/schedules.db"
    if testpostgres.find() is None:
        print("no PostgreSQL on this machine")
    else:
        yield "PostgreSQL", stack.enter_context(testpostgres.private()).url
    try:
        server: Any = stack.enter_context(servers.private("redis"))
    except servers.ServerMissingError as error:
        print(error)
    else:
        yield "Redis", server.url


def main(arguments: list[str]) -> int:
    """Measure each store; tell by the status whether the promise holds."""
    count = int(arguments[0]) if arguments else CHANGES
    with ExitStack() as stack:
        kept = [measure(what, url, count) for what, url in places(stack)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
