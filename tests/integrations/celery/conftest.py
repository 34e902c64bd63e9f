"""Celery apps in this process, and Celery projects whose beat and workers are real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from periodic_brokers import memory

#: What every project starts with: an app, and a task that writes down which occurrence it ran for.
HEAD = """
import os, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from celery import Celery, chain, chord, group
from celery.schedules import crontab, schedule, solar
from periodic.integrations.celery import current_occurrence

HERE = Path(__file__).parent
app = Celery("project", broker={broker!r})
if {broker!r}.startswith("filesystem"):
    queues = str(HERE / "queues")
    app.conf.broker_transport_options = {{
        "data_folder_in": queues, "data_folder_out": queues, "control_folder": queues,
        "polling_interval": 0.05,
    }}
app.conf.worker_hijack_root_logger = True
app.conf.broker_connection_retry_on_startup = True
app.conf.result_expires = None

@app.task(bind=True)
def note(self, *args, **kwargs):
    occurrence = current_occurrence()
    line = "%s %s %s %s" % (
        occurrence.entry, occurrence.fire_time.isoformat(), self.request.id, occurrence.id)
    with open(HERE / "runs.txt", "a") as runs:
        runs.write(line + "\\n")
"""


@dataclass(frozen=True)
class Run:
    """One line that the project's task `note` wrote."""

    entry: str
    fire_time: datetime
    task_id: str
    occurrence_id: str


@dataclass
class Process:
    """A started `celery` command; its output goes to a file."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """All that it has written so far, standard output and error."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, timeout: float = 20) -> None:
        """Wait until the output holds `text`; fail with the output if it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while text not in self.output:
            assert self.popen.poll() is None, f"it ended early:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.output}"
            time.sleep(0.02)

    def stop(self, timeout: float = 20) -> float:
        """Send SIGTERM; return after how many seconds it ended."""
        start = time.monotonic()
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        self.popen.wait(timeout)
        return time.monotonic() - start

    def kill(self) -> None:
        """End it whatever it does."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)


@dataclass
class Project:
    """A folder with a module `project` that holds a Celery app."""

    folder: Path
    stack: ExitStack
    started: list[Process] = field(default_factory=list)

    def write(self, text: str, broker: str = "filesystem://") -> None:
        """Make the module: the common head and `text`."""
        (self.folder / "queues").mkdir(exist_ok=True)
        (self.folder / "project.py").write_text(HEAD.format(broker=broker) + text)

    def celery(self, *arguments: str) -> Process:
        """Start `celery -A project ...` in the folder."""
        log = self.folder / f"output-{len(self.started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "project", *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        process = Process(popen, log)
        self.started.append(process)
        self.stack.callback(process.kill)
        return process

    def run(self, *arguments: str, timeout: float = 20) -> Process:
        """Run `celery -A project ...` to its end."""
        process = self.celery(*arguments)
        process.popen.wait(timeout)
        return process

    def beat(self, *arguments: str) -> Process:
        """Start `celery beat -S periodic`."""
        return self.celery("beat", "-S", "periodic", "-l", "INFO", *arguments)

    def worker(self, *arguments: str) -> Process:
        """Start a worker with two threads."""
        return self.celery("worker", "-P", "threads", "-c", "2", "-l", "INFO", *arguments)

    def runs(self) -> list[Run]:
        """What the project's tasks wrote down, oldest first."""
        path = self.folder / "runs.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        parts = (line.split(" ") for line in lines)
        return [Run(a, datetime.fromisoformat(b), c, d) for a, b, c, d in parts]

    def wait_for_runs(self, count: int, entry: str | None = None, timeout: float = 25) -> list[Run]:
        """Wait until at least so many runs (of one entry) were written down."""
        deadline = time.monotonic() + timeout
        while True:
            runs = [run for run in self.runs() if entry in (None, run.entry)]
            if len(runs) >= count:
                return runs
            assert time.monotonic() < deadline, "\n".join(
                [f"{runs}", *(each.output for each in self.started)]
            )
            time.sleep(0.05)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in a folder of its own; every process that it started is ended."""
    with ExitStack() as stack:
        yield Project(tmp_path, stack)


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    """Give each test an empty memory broker."""
    memory.reset()
    yield
    memory.reset()


@pytest.fixture
def make_app() -> Iterator[Callable[..., Celery]]:
    """Make Celery apps on `memory://`, with keywords as configuration; closed in the end."""
    with ExitStack() as stack:

        def make(name: str = "shop", **conf: Any) -> Celery:
            app = Celery(name, broker="memory://", set_as_current=False)
            app.conf.update(conf)
            app.conf.setdefault("result_expires", None)
            # Releases of Celery before 5.6 warn where this is not said.
            app.conf.setdefault("broker_connection_retry_on_startup", True)
            stack.callback(app.close)
            return app

        yield make


@pytest.fixture
def app(make_app: Callable[..., Celery]) -> Celery:
    """One Celery app on `memory://` with a task `shop.add(a, b=0)`."""
    app = make_app()

    @app.task(name="shop.add", shared=False)
    def add(a: int, b: int = 0) -> int:
        return a + b

    return app


@pytest.fixture
def sent() -> Callable[..., list[Any]]:
    """Take the messages out of a queue of the memory broker, oldest first."""

    def take(queue: str = "celery") -> list[Any]:
        messages = []
        with Connection("memory://") as connection:
            simple = connection.SimpleQueue(queue)
            try:
                while True:
                    message = simple.get_nowait()
                    message.ack()
                    messages.append(message)
            except simple.Empty:
                simple.close()
        return messages

    return take


def count_by_occurrence(runs: list[Run]) -> Counter[tuple[str, datetime]]:
    """Count runs by entry and fire time."""
    return Counter((run.entry, run.fire_time) for run in runs)
