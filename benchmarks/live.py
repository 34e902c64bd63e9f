"""A store with 100,000 entries: how long a beat takes to start, and a change to be in its plan.

The promises: one change is in the plan of a running beat in under 50 ms (median) and 1 s (worst),
and costs the beat what has changed, not what there is; memory stays under 300 MB.
Usage: python benchmarks/live.py [ENTRIES]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from celery import Celery

from periodic import crontab
from periodic.integrations.celery import make_beat, schedules_of

ENTRIES = 100_000
CHANGES = 200
LOT = 10_000
MEGABYTES = 300


def make_app(path: Path) -> Celery:
    """Make an app whose entries live in a file."""
    app = Celery("shop", broker="memory://")
    app.conf.update(result_expires=None, periodic={"store": f"sqlite:///{path}"})

    @app.task(name="shop.report")
    def report(user: int, style: str = "plain") -> str:
        return f"{user} {style}"

    return app


def fill(path: Path, count: int) -> None:
    """Put an entry for each user."""
    live = schedules_of(make_app(path))
    start = time.perf_counter()
    for first in range(0, count, LOT):
        live.put_many(
            {
                f"user:{n}:report": {
                    "task": "shop.report",
                    "schedule": crontab(minute=n % 60, hour=n // 60 % 24),
                    "args": [n],
                    "kwargs": {"style": "bold"},
                    "options": {"queue": "mail"},
                }
                for n in range(first, min(first + LOT, count))
            }
        )
    took = time.perf_counter() - start
    print(f"put in lots of {LOT:,}: {took:.1f} s, {took / count * 1e6:.0f} us each")


def follow(path: Path, count: int) -> bool:
    """Start a beat and change entries under it; tell whether the promises hold."""
    app = make_app(path)
    last = max(f"user:{n}:report" for n in range(count))  # they are read in order
    start = time.perf_counter()
    beat = make_beat(app)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    wait_for(lambda: last in beat.planner, 0.05)
    print(f"start with {count:,} entries: {time.perf_counter() - start:.1f} s")
    live = schedules_of(app)
    took: list[float] = []
    for number in range(CHANGES):
        name = f"new:{number}"
        start = time.perf_counter()
        live.put(name, task="shop.report", schedule=3600, args=[number])
        wait_for(lambda n=name: n in beat.planner, 0.0005)
        took.append(time.perf_counter() - start)
    beat.stop()
    thread.join(10)
    median, worst = statistics.median(took), max(took)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = f"median {median * 1e3:.1f} ms, worst {worst * 1e3:.0f} ms"
    print(f"{CHANGES} changes, put to plan: {told}")
    print(f"memory: {megabytes:.0f} MB at the most")
    return median < 0.05 and worst < 1 and megabytes < MEGABYTES


def wait_for(condition: Callable[[], bool], look: float) -> None:
    """Wait until it holds, looking every so many seconds."""
    while not condition():
        time.sleep(look)


def main(arguments: list[str]) -> int:
    """Fill a file in one process and follow it in another, whose memory is measured."""
    count = int(arguments[0]) if arguments else ENTRIES
    if len(arguments) > 1:
        return 0 if follow(Path(arguments[1]), count) else 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "schedules.db")
        fill(path, count)
        again = [sys.executable, __file__, str(count), str(path)]
        return subprocess.run(again, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
