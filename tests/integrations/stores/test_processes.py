"""A beat that is a process of its own, and commands in another: what people do at a prompt."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from periodic.integrations.celery import schedules_of
from periodic.integrations.celery.commands import periodic as commands

pytestmark = pytest.mark.thorough

PROJECT = """
from pathlib import Path
from celery import Celery
HERE = Path(__file__).parent
app = Celery("project", broker="filesystem://")
queues = str(HERE / "queues")
app.conf.update(
    broker_transport_options={
        "data_folder_in": queues, "data_folder_out": queues, "control_folder": queues,
    },
    result_expires=None,
    periodic={"store": f"sqlite:///{HERE / 'schedules.db'}"},
    beat_schedule={"often": {"task": "project.note", "schedule": 0.3}},
)

@app.task
def note(text="from the code"):
    return text
"""


def test_a_beat_of_its_own_follows_what_is_typed_elsewhere(tmp_path: Path) -> None:
    """Added, paused, resumed; the beat is never restarted."""
    (tmp_path / "queues").mkdir()
    (tmp_path / "project.py").write_text(PROJECT)
    log = tmp_path / "beat.log"

    spec = importlib.util.spec_from_file_location("project", tmp_path / "project.py")
    assert spec is not None
    assert spec.loader is not None
    project = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(project)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(commands, list(arguments), obj=SimpleNamespace(app=project.app))
        assert 0 == done.exit_code, done.output
        return done.stdout

    def sent(name: str) -> int:
        return log.read_text().count(f"Sending due task {name} ")

    with log.open("wb") as output:
        beat = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "project"),
                *("beat", "-S", "periodic", "-l", "INFO"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: sent("often") > 0, log)
        run("add", "added", "--task", "project.note", "--every", "200ms", "--args", '["x"]')
        wait_for(lambda: sent("added") > 1, log)
        run("pause", "often", "added", "--note", "typed")
        time.sleep(0.5)
        before = sent("often"), sent("added")
        time.sleep(1)
        after = sent("often"), sent("added")
        listed = json.loads(run("list", "--json"))
        run("resume", "often")
        wait_for(lambda: sent("often") > after[0], log)
    finally:
        beat.terminate()
        status = beat.wait(20)
        schedules_of(project.app).store.close()
        project.app.close()

    assert before == after
    assert {"added": False, "often": False} == {row["entry"]: row["enabled"] for row in listed}
    assert 0 == status, log.read_text()
    assert "Traceback" not in log.read_text()


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    """Wait until it holds, not for ever."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
