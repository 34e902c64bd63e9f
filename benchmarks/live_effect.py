"""How long a change takes to be in the plan of a running beat, in each store and by plain SQL.

The promise: a median under 50 ms and a worst under 1 s over 200 changes, on SQLite, PostgreSQL and
Redis, by the API and by an `UPDATE` typed by hand. What is not installed here is left out by name.

Usage: python benchmarks/live_effect.py [CHANGES]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from periodic.integrations.celery import schedules_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

import testpostgres
from live_shop import make_app, running, switch, wait_for

CHANGES = 200
MEDIAN, WORST = 0.05, 1.0
#: Seconds between two changes, so that they meet the beat at any moment of its rounds.
PAUSES = (0.011, 0.017, 0.023)
#: Seconds between two looks at the plan.
LOOK = 0.0005


def measure(what: str, url: str, count: int) -> bool:
    """Change entries of a store; tell whether the promise holds."""
    app = make_app(url, namespace=what)
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

            def update(number: int) -> Callable[[], bool]:
                switch(engine, "plain", enabled=bool(number % 2))
                return lambda: ("plain" in beat.planner) == bool(number % 2)

            taken = [took(update, number) for number in range(count)]
            kept = told(f"{what}, UPDATE by plain SQL", taken) and kept
            engine.dispose()
    live.store.close()
    return kept


def took(change: Callable[[int], Callable[[], bool]], number: int) -> float:
    """Return how long a change takes, from before it is made until the beat has it."""
    time.sleep(PAUSES[number % len(PAUSES)])
    start = time.perf_counter()
    wait_for(change(number), look=LOOK)
    return time.perf_counter() - start


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
