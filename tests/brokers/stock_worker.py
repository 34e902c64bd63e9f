"""A worker of stock Celery as a process, and entries for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from celery import Celery

from periodic import Entry, interval
from periodic_contracts import servers


class Stock:
    """A folder with a module `stock`, and a `celery worker` in it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        (folder / "stock.py").write_text(text)

    def load(self) -> Celery:
        """Return the app of the module, made a second time, for the beat."""
        namespace: dict[str, Any] = {"__name__": "stock", "__file__": str(self.folder / "stock.py")}
        exec((self.folder / "stock.py").read_text(), namespace)
        app: Celery = namespace["app"]
        return app

    def start(self, stack: ExitStack) -> None:
        """Start a worker that runs one task after another."""
        command = [sys.executable, "-m", "celery", "-A", "stock", "worker", "-P", "solo"]
        with (self.folder / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "-l", "INFO", "--without-gossip", "--without-mingle"],
                cwd=self.folder,
                # The second is for those who test as root: a message may be a pickle.
                env={**os.environ, "PYTHONUNBUFFERED": "1", "C_FORCE_ROOT": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        stack.callback(servers.stop, process)

    def log(self) -> str:
        """Return all that the worker has said."""
        return (self.folder / "worker.log").read_text(errors="replace")

    def runs(self) -> list[str]:
        """Return the names of the runs so far, oldest first."""
        return [line.split()[0] for line in self._lines()]

    def ids(self) -> dict[str, tuple[str, str]]:
        """Return name -> (task id, root id) of the runs so far."""
        return {name: (own, root) for name, own, root in map(str.split, self._lines())}

    def _lines(self) -> list[str]:
        path = self.folder / "runs.txt"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, name: str) -> None:
        """Wait until a run of this name is over."""
        deadline = time.monotonic() + 40
        while name not in self.runs():
            assert time.monotonic() < deadline, f"no {name} in {self.runs()}\n{self.log()}"
            time.sleep(0.05)


def entries(app: Celery, wanted: dict[str, dict[str, Any]]) -> list[Entry]:
    """Return an entry for each name, whose task notes that name."""
    task = app.tasks["stock.note"].name
    return [
        Entry(name=name, task=task, schedule=interval(1), args=(name,), options=options)
        for name, options in wanted.items()
    ]


def canvas(app: Celery, name: str, signature: Any) -> Entry:
    """Return the entry that `add_periodic_task` makes of a signature."""
    definition = app.conf.beat_schedule[app.add_periodic_task(1, signature, name=name)]
    return Entry(
        name=name,
        task=definition["task"],
        schedule=interval(1),
        args=definition["args"],
        kwargs=definition["kwargs"],
    )
