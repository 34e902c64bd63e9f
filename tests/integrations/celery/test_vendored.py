"""The page "Vendor the core": its commands, run as they are written, give a beat that sends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import periodic
import periodic_brokers

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "vendor.md"

#: Appended to the page's own module: files instead of a server, and something to do.
MORE = """
from pathlib import Path
queues = str(Path(__file__).parent.parent / "queues")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": queues, "data_folder_out": queues, "control_folder": queues,
    },
    beat_schedule={"tick": {"task": "acme.tick", "schedule": 0.2}},
    result_expires=None,
)
"""

#: Makes the scheduler, ticks until something is sent, and looks which core did it.
TICK = """
import sys, time
from acme._vendor.periodic.integrations.celery import BeatScheduler
from acme.app import app

scheduler = BeatScheduler(app)
scheduler.tick()
time.sleep(0.5)
scheduler.tick()
scheduler.close()
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"periodic", "periodic_brokers"}, loaded
"""


def blocks(language: str) -> list[str]:
    """Return the page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def commands() -> list[str]:
    """Return the page's command lines."""
    lines = "".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines]


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A folder with both packages as in the repository, and the page's copies of them in `acme`."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(periodic.__file__).parent, tmp_path / "periodic", ignore=ignored)
    brokers = tmp_path / "brokers" / "periodic_brokers"
    shutil.copytree(Path(periodic_brokers.__file__).parent, brokers, ignore=ignored)
    (tmp_path / "acme" / "_vendor").mkdir(parents=True)
    (tmp_path / "acme" / "__init__.py").touch()
    (tmp_path / "acme" / "_vendor" / "__init__.py").touch()
    for line in commands():
        if not line.startswith("celery "):
            subprocess.run(line, shell=True, check=True, cwd=tmp_path)
    shutil.rmtree(tmp_path / "periodic")
    shutil.rmtree(tmp_path / "brokers")
    (tmp_path / "queues").mkdir()
    (tmp_path / "acme" / "app.py").write_text(blocks("python")[0] + MORE)
    return tmp_path


def test_the_copy_sends_without_the_installed_package(acme: Path) -> None:
    """Scheduler, core and adapter are all the copy's; a message lies in the queue's folder."""
    done = subprocess.run(
        [sys.executable, "-c", TICK], cwd=acme, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    messages = [path.read_text() for path in (acme / "queues").glob("*.celery.msg")]
    assert messages
    assert all("acme.tick" in message for message in messages)


def test_the_command_of_the_page_starts_a_beat(acme: Path) -> None:
    """`celery beat` with the scheduler's path sends, and ends with status 0 when told."""
    (line,) = [each for each in commands() if each.startswith("celery ")]
    log = acme / "beat.log"
    with log.open("wb") as output:
        beat = subprocess.Popen(
            [sys.executable, "-m", *line.split(), "-l", "INFO"],
            cwd=acme,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 20
        while "Sending due task tick" not in log.read_text():
            assert beat.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        beat.terminate()
        beat.wait(20)
    assert "Sending due task tick (acme.tick)" in log.read_text()
    assert beat.returncode == 0
