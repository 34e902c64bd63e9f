"""Both sides of a move: another package's own scheduler and our beat, for the coming year.

    python tools/moving_proof.py PACKAGE [--days N]

PACKAGE is `celery`, `django-celery-beat`, `sqlalchemy-celery-beat` or `redbeat`. Its tables or keys
are made by its own migrations, models and classes; `flask periodic import` reads them. Then its own
scheduler ticks through the coming year on a clock that leaps, our beat does the same with what was
imported, and the instants are compared. Status 1 if a difference is not one that the import told.
"""

from __future__ import annotations

import bisect
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask

from periodic.clock import to_utc
from periodic.integrations.celery import schedules_of
from periodic.integrations.celery.live import load_all
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as commands
from periodic.simulation import simulate
from periodic_contracts.servers import private

PACKAGES = ("celery", "django-celery-beat", "sqlalchemy-celery-beat", "redbeat")
THEIR_BEATS = Path(__file__).with_name("their_beats.py")
#: Two runs that are less apart are one: theirs wake a few hundredths of a second late.
SAME = timedelta(seconds=1.5)
#: How long a package takes to notice a start_time: django-celery-beat five minutes.
START = timedelta(minutes=6)
#: How late RedBeat may be after a fold: an hour, and its sleep.
LATE = timedelta(hours=1, minutes=6)


def compare(package: str, target: str, start: datetime, end: datetime, folder: Path) -> int:
    """Import, run both, print what is equal and what is not; return the status."""
    here, told = imported(package, target, start, end, folder)
    there = {
        name: [datetime.fromisoformat(at) for at in runs]
        for name, runs in json.loads(step("run", package, target, start, end)).items()
    }
    print(f"{package}: {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC")
    print(f"{'entry':<12} {'there':>6} {'here':>6}  ")
    unexplained = 0
    for name, row in told.items():
        theirs, ours = there.get(name, []), here.get(name, [])
        lines, wrong = verdict(row, ours, theirs, end)
        unexplained += wrong
        print(f"{name:<12} {len(theirs):>6} {len(ours):>6}  {lines[0]}")
        for line in lines[1:]:
            print(f"{'':<28}{line}")
    print("NOT EXPLAINED" if unexplained else "every difference was told by the import")
    return 1 if unexplained else 0


def verdict(
    row: dict[str, Any], ours: list[datetime], theirs: list[datetime], end: datetime
) -> tuple[list[str], bool]:
    """Return what became of one entry, in lines, and whether that was not told.

    Args:
        row: what the import told of it.
        ours: when our beat runs it, in order.
        theirs: when the package's scheduler runs it, in order.
        end: of the simulation; what was told of later is left out.
    """
    if row["problem"]:
        return [f"stays behind: {row['problem']}"], False
    told: list[str] = []
    wrong = False
    late: list[datetime] = []
    may_be_late = any("late in RedBeat" in note for note in row["notes"])
    # A start_time is noticed by the next look at the tables.
    soon = START if any("at its start_time" in note for note in row["notes"]) else SAME
    sides = (("here", ours, theirs), ("there", theirs, ours))
    for side, runs, others in sides:
        expected = [at for at in map(datetime.fromisoformat, row[f"{side}_alone"]) if at < end]
        alone = [at for at in runs if not _any(others, at - SAME, at + SAME)]
        for at in alone:
            if _any(expected, at - soon, at + SAME):
                told.append(f"{side} alone, as told: {at:%Y-%m-%d %H:%M:%S}")
            elif may_be_late and _late(side, at, others):
                late.append(at)
            else:
                wrong = True
                told.append(f"{side} alone, NOT TOLD: {at:%Y-%m-%d %H:%M:%S}")
        for at in expected:
            if not _any(alone, at - SAME, at + soon):
                wrong = True
                told.append(f"{side} alone, TOLD BUT NOT SO: {at:%Y-%m-%d %H:%M:%S}")
    if late:
        told.append(f"late in RedBeat, as told, from {min(late):%Y-%m-%d %H:%M:%S} on")
    return (["differs", *told] if told else ["equal"]), wrong


def _late(side: str, at: datetime, others: list[datetime]) -> bool:
    """Tell whether a run of theirs follows one of ours, or one of ours precedes one of theirs."""
    return _any(others, at, at + LATE) if side == "here" else _any(others, at - LATE, at)


def _any(runs: list[datetime], low: datetime, high: datetime) -> bool:
    place = bisect.bisect_left(runs, low)
    return place < len(runs) and runs[place] <= high


def imported(
    package: str, target: str, start: datetime, end: datetime, folder: Path
) -> tuple[dict[str, list[datetime]], dict[str, Any]]:
    """Import into an app of its own; return when our beat runs each entry, and what was told."""
    flask = Flask("shop")
    periodic = Periodic()
    flask.config["PERIODIC"] = {"store": f"sqlite:///{folder}/ours.db", "timezone": "Europe/London"}
    flask.config["CELERY"] = {"result_expires": None, "broker_url": "memory://"}
    periodic.init_app(flask)
    celery = flask.extensions["celery"]

    @celery.task(name="shop.report", shared=False)
    def report(number: int) -> None: ...

    kind, source = package, target
    if package == "celery":
        kind, source = "beat-schedule", f"{Path(target).stem}:app"
        sys.path.insert(0, str(Path(target).parent))
    with time_machine.travel(start, tick=False):
        words = ["import", "--from", kind, source, "--json"]
        done = flask.test_cli_runner().invoke(commands, words)
        told = {row["entry"]: row for row in json.loads(done.stdout)}
    with time_machine.travel(start, tick=True):
        entries = [each for each in load_all(celery).entries if each.name in told]
    found: dict[str, list[datetime]] = defaultdict(list)
    for each in simulate(entries, start, end).runs():
        found[each.entry].append(to_utc(each.fire_time))
    schedules_of(celery).store.close()
    return found, told


def step(*words: Any) -> str:
    """Run a step in a process of its own: Django has its settings, and Celery its current app."""
    typed = [each.isoformat() if isinstance(each, datetime) else str(each) for each in words]
    done = subprocess.run(
        [sys.executable, str(THEIR_BEATS), *typed], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


@contextmanager
def place_for(package: str, folder: Path) -> Iterator[str]:
    """Yield where a package keeps what it has: a file, the URL of one, or a Redis for the while."""
    if package == "redbeat":
        with private("redis") as server:
            yield server.url
    else:
        yield f"{folder}/their_app.py" if package == "celery" else f"sqlite:///{folder}/theirs.db"


def main(words: list[str]) -> int:
    """Show both sides of one package."""
    if not words or words[0] not in PACKAGES:
        print(__doc__)
        return 2
    days = int(words[2]) if words[1:2] == ["--days"] else 366
    start = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory() as name, place_for(words[0], Path(name)) as target:
        step("make", words[0], target, start)
        return compare(words[0], target, start, start + timedelta(days=days), Path(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
