"""Flask apps and their processes for the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import _state

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def celery_of_the_process() -> Iterator[None]:
    """Put back what Celery keeps for the whole process: its default app and its shared tasks."""
    default, current = _state.default_app, _state._tls.current_app
    shared = set(_state._on_app_finalizers)
    yield
    _state.default_app, _state._tls.current_app = default, current
    _state._on_app_finalizers.intersection_update(shared)


@pytest.fixture(autouse=True)
def no_celery_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own broker out of the tests."""
    for name in list(os.environ):
        if name.startswith(("CELERY_", "FLASK_")):
            monkeypatch.delenv(name)


class Process:
    """A program whose output is read as it comes.

    Args:
        arguments: of this interpreter.
        folder: working directory; its output goes to a file there.
        environment: added to this process's own.
    """

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._output = folder / f"output-{time.monotonic_ns()}.txt"
        with self._output.open("wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that the program has printed, errors included."""
        return self._output.read_text(errors="replace")

    def wait_for(self, condition: Callable[[str], bool], what: str, seconds: float = 20) -> str:
        """Wait until the output meets the condition; fail with the output if it never does."""
        deadline = time.monotonic() + seconds
        while not condition(self.output):
            if time.monotonic() > deadline or self.popen.poll() is not None:
                if condition(self.output):
                    break
                pytest.fail(f"no {what}; status {self.popen.poll()}; output:\n{self.output}")
            time.sleep(0.05)
        return self.output

    def stop(self, number: signal.Signals = signal.SIGINT, *, group: bool = False) -> float:
        """Send a signal, to the whole group as a terminal does or not; return the seconds taken."""
        start = time.monotonic()
        if group:
            os.killpg(self.popen.pid, number)
        else:
            self.popen.send_signal(number)
        self.popen.wait(30)
        return time.monotonic() - start

    def kill(self) -> None:
        """End the program and its children, whatever they do."""
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start programs in the test's folder; none outlives the test."""
    processes: list[Process] = []

    def start_one(*arguments: str, **environment: str) -> Process:
        process = Process(list(arguments), tmp_path, environment)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
