"""A store with 100,000 entries: how long a beat takes to start, and a change to be in its plan.

The promises: a beat starts in under 5 s, one change is applied in under 10 ms and is in the plan of
a running beat in under 50 ms (median) and 1 s (worst), and memory stays under 300 MB. Where
sqlalchemy-celery-beat is installed it does the same with a tenth of the entries, and so do we. Both
have SQLAlchemy imported before they start; how long that took is printed beside.

Usage: python benchmarks/live.py [ENTRIES]
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celery import Celery

from periodic import crontab
from periodic.integrations.celery import make_beat, schedules_of
from periodic.stores.rows import to_row

ENTRIES = 100_000
CHANGES = 200
APPLIED = 50
LOT = 1000
#: What was promised: seconds, seconds, seconds (median and worst), megabytes.
START, APPLY, MEDIAN, WORST, MEGABYTES = 5, 0.01, 0.05, 1, 300


def make_app(path: Path) -> Celery:
    """Make an app whose entries live in a file."""
    app = Celery("shop", broker="memory://")
    app.conf.update(
        result_expires=None,
        periodic={"store": f"sqlite:///{path}"},
        beat_dburi=f"sqlite:///{path}",
    )

    @app.task(name="shop.report", shared=False)
    def report(user: int, style: str = "plain") -> str:
        return f"{user} {style}"

    return app


def entry(number: int) -> dict[str, Any]:
    """An entry for one user."""
    return {
        "task": "shop.report",
        "schedule": crontab(minute=number % 60, hour=number // 60 % 24),
        "args": [number],
        "kwargs": {"style": "bold"},
        "options": {"queue": "mail"},
    }


def fill(path: Path, count: int) -> None:
    """Make an entry for each user: a lot by the API, the others by SQL, in its likeness."""
    live = schedules_of(make_app(path))
    start = time.perf_counter()
    live.put_many({f"user:{n}:report": entry(n) for n in range(LOT)})
    print(f"put {LOT:,} at once: {(time.perf_counter() - start) / LOT * 1e6:.0f} us each")
    rows: list[dict[str, Any]] = []
    model = live.get("user:0:report")
    assert model is not None
    for number in range(LOT, count):
        schedule = crontab(minute=number % 60, hour=number // 60 % 24).to_dict()
        row = to_row(model) | {"args": f"[{number}]", "schedule": json.dumps(schedule)}
        row["since"] = datetime.fromtimestamp(1.75e9 + number * 0.001, UTC).isoformat()
        rows.append({"namespace": live.store.namespace, "name": f"user:{number}:report", **row})
    live.store.close()
    keys = ", ".join(rows[0])
    places = ", ".join(f":{key}" for key in rows[0])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(f"INSERT INTO periodic_entries ({keys}) VALUES ({places})", rows)


def follow(path: Path, count: int) -> dict[str, Any]:
    """Start a beat and change entries under it."""
    app = make_app(path)
    last = max(f"user:{n}:report" for n in range(count))  # they are read in order
    start = time.perf_counter()
    import_module("periodic.stores.sql")  # and SQLAlchemy with it, as the peer's models are below
    imports = time.perf_counter() - start
    start, spent = time.perf_counter(), time.process_time()
    beat = make_beat(app)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    wait_for(lambda: last in beat.planner, 0.05)
    started = time.perf_counter() - start, time.process_time() - spent
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
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    applied = apply(app)  # by a second beat, so it is not measured what memory that takes
    return {
        "imports": imports,
        "start": started[0],
        "spent": started[1],
        "apply": statistics.median(applied),
        "median": statistics.median(took),
        "worst": max(took),
        "megabytes": megabytes,
    }


def apply(app: Celery) -> list[float]:
    """Change entries under a beat that is ticked by hand: from the notice to the plan."""
    beat = make_beat(app)
    watcher: Any = beat._companion  # noqa: SLF001  # what its thread would do is done here
    watcher.start = lambda: None
    watcher.look()
    beat.tick()
    took: list[float] = []
    live = schedules_of(app)
    for number in range(APPLIED):
        name = f"applied:{number}"
        live.put(name, task="shop.report", schedule=3600, args=[number])
        start = time.perf_counter()
        watcher.look()
        beat._roster.take_changes()  # noqa: SLF001  # a tick prepares messages, too
        beat._roster.adopt()  # noqa: SLF001
        took.append(time.perf_counter() - start)
        assert name in beat.planner
    beat.close()
    return took


def fill_peer(path: Path, count: int) -> None:
    """Make the same entries in the tables of sqlalchemy-celery-beat."""
    from sqlalchemy import insert  # noqa: PLC0415
    from sqlalchemy_celery_beat.models import CrontabSchedule, PeriodicTask  # noqa: PLC0415
    from sqlalchemy_celery_beat.session import SessionManager  # noqa: PLC0415

    manager = SessionManager()
    engine, session = manager.create_session(f"sqlite:///{path}")
    manager.prepare_models(engine)
    minutes = range(24 * 60)
    with session() as opened:
        opened.execute(
            insert(CrontabSchedule),
            [{"id": n + 1, "minute": str(n % 60), "hour": str(n // 60)} for n in minutes],
        )
        opened.execute(
            insert(PeriodicTask),
            [
                {
                    "name": f"user:{n}:report",
                    "task": "shop.report",
                    "args": f"[{n}]",
                    "kwargs": '{"style": "bold"}',
                    "queue": "mail",
                    "discriminator": "crontabschedule",
                    "schedule_id": n % len(minutes) + 1,
                }
                for n in range(count)
            ],
        )
        opened.commit()
    engine.dispose()


def follow_peer(path: Path, count: int) -> dict[str, Any]:
    """Start its scheduler, and apply one change: from the notice to the heap."""
    start = time.perf_counter()
    from sqlalchemy_celery_beat.models import PeriodicTask  # noqa: PLC0415
    from sqlalchemy_celery_beat.schedulers import DatabaseScheduler  # noqa: PLC0415

    imports = time.perf_counter() - start
    start, spent = time.perf_counter(), time.process_time()
    scheduler = DatabaseScheduler(app=make_app(path))
    scheduler.populate_heap()
    started = time.perf_counter() - start, time.process_time() - spent
    assert len(scheduler.schedule) >= count
    with scheduler.Session() as session:
        task = session.query(PeriodicTask).filter_by(name="user:7:report").one()
        task.queue = "post"
        session.commit()
    start = time.perf_counter()
    assert scheduler.schedule["user:7:report"].options["queue"] == "post"
    scheduler.populate_heap()
    return {
        "imports": imports,
        "start": started[0],
        "spent": started[1],
        "apply": time.perf_counter() - start,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def wait_for(condition: Callable[[], bool], look: float) -> None:
    """Wait until it holds, looking every so many seconds."""
    while not condition():
        time.sleep(look)


def told(what: str, found: dict[str, Any], count: int) -> None:
    """Print what was measured."""
    print(f"{what}, {count:,} entries: start {found['start']:.1f} s ", end="")
    print(f"({found['spent']:.1f} s of processor; ", end="")
    print(f"imports before it {found['imports']:.1f} s), one change applied in ", end="")
    print(f"{found['apply'] * 1e3:.1f} ms, {found['megabytes']:.0f} MB")


def measured(what: str, path: Path, count: int, compiled: str) -> dict[str, Any]:
    """Measure in a process of its own, whose memory is its own and whose modules are compiled."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, __file__, str(count), what, str(path)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: list[str]) -> int:
    """Fill files in one process and follow them in others; tell whether the promises hold."""
    count = int(arguments[0]) if arguments else ENTRIES
    if len(arguments) > 1:
        how = follow if arguments[1] == "periodic" else follow_peer
        print(json.dumps(how(Path(arguments[2]), count)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "schedules.db")
        warm = Path(folder, "warm.db")
        fill(warm, LOT + 1)
        measured("periodic", warm, LOT + 1, folder)  # compiles
        fill(path, count)
        found = measured("periodic", path, count, folder)
        told("periodic", found, count)
        median, worst = found["median"], found["worst"]
        print(f"{CHANGES} changes, put to plan: ", end="")
        print(f"median {median * 1e3:.1f} ms, worst {worst * 1e3:.0f} ms")
        if find_spec("sqlalchemy_celery_beat") is not None:
            few = count // 10
            ours, theirs = Path(folder, "ours.db"), Path(folder, "theirs.db")
            fill(ours, few)
            fill_peer(theirs, few)
            one = measured("periodic", ours, few, folder)
            told("periodic", one, few)
            other = measured("peer", theirs, few, folder)
            told("sqlalchemy-celery-beat", other, few)
            ratios = (f"{other[key] / one[key]:.1f} {key}" for key in ("spent", "apply"))
            print(f"theirs by ours: {', '.join(ratios)}")
    kept = found["start"] < START and found["apply"] < APPLY and found["megabytes"] < MEGABYTES
    return 0 if kept and median < MEDIAN and worst < WORST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
