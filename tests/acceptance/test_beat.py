"""A real `celery beat -S periodic`, a real broker and a real worker."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_celery import CeleryTestSetup

from periodic import Occurrence

# The clients of Docker and Redis leave sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

EVERY_BROKER = pytest.mark.parametrize(
    "celery_broker", ["celery_rabbitmq_broker", "celery_redis_broker"], indirect=True
)
APP = """\
from celery import Celery

app = Celery("acceptance", broker={broker!r})
app.conf.task_default_queue = "celery"
app.conf.beat_schedule = {{
    "sum": {{
        "task": "pytest_celery.vendors.worker.tasks.add",
        "schedule": 1.0,
        "args": (2, 3),
    }},
}}
"""
RECEIVED = re.compile(
    r"Task pytest_celery\.vendors\.worker\.tasks\.add\[([0-9a-f-]{36})\] received"
)
SUCCEEDED = re.compile(r"tasks\.add\[([0-9a-f-]{36})\] succeeded in [\d.e-]+s: 5")

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_beat(celery_setup: CeleryTestSetup, tmp_path: Path) -> Iterator[Start]:
    """Starts `celery beat -S periodic` on the setup's broker; stops what the test left."""
    (tmp_path / "acceptance.py").write_text(APP.format(broker=celery_setup.app.conf.broker_url))
    beats: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "acceptance", "beat", "-S", "periodic"]
        with (tmp_path / "beat.log").open("ab") as log:
            beat = subprocess.Popen(
                [*command, "-l", "info"], cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
            )
        beats.append(beat)
        return beat

    yield start
    for beat in beats:
        if beat.poll() is None:
            beat.kill()
        beat.wait(timeout=10)
    if beats:
        print((tmp_path / "beat.log").read_text())


def wait_until(done: Callable[[], bool], *, seconds: float) -> None:
    """Wait for an effect of other processes; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.1)


def ids_from(first: datetime, last: datetime) -> list[str]:
    """The ids of the occurrences at each whole second, first and last included."""
    count = int((last - first).total_seconds()) + 1
    moments = (first + timedelta(seconds=number) for number in range(count))
    return [Occurrence("acceptance", "sum", moment).id for moment in moments]


@EVERY_BROKER
def test_each_whole_second_runs_exactly_once(
    celery_setup: CeleryTestSetup, start_beat: Start
) -> None:
    """Over a restart of the beat the worker gets each second's occurrence once, in order."""
    assert celery_setup.ready(ping=True)
    worker = celery_setup.worker
    started = datetime.now(UTC)

    first = start_beat()
    wait_until(lambda: len(SUCCEEDED.findall(worker.logs())) >= 3, seconds=30)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=5) == 0
    before = len(SUCCEEDED.findall(worker.logs()))
    second = start_beat()
    wait_until(lambda: len(SUCCEEDED.findall(worker.logs())) >= before + 3, seconds=30)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=5) == 0
    stopped = datetime.now(UTC)
    wait_until(lambda: _settled(worker.logs()), seconds=10)

    received = RECEIVED.findall(worker.logs())
    everything = ids_from(started.replace(microsecond=0), stopped.replace(microsecond=0))
    begin = everything.index(received[0])
    assert everything[begin : begin + len(received)] == received


@pytest.mark.parametrize("celery_broker", ["celery_redis_broker"], indirect=True)
def test_a_killed_worker_finds_its_tasks_when_it_is_back(
    celery_setup: CeleryTestSetup, start_beat: Start, tmp_path: Path
) -> None:
    """What was dispatched while no worker lived is run by the next one, each once."""
    assert celery_setup.ready(ping=True)
    worker = celery_setup.worker
    worker.kill()
    beat = start_beat()
    wait_until(lambda: len(_sent(tmp_path)) >= 3, seconds=30)
    beat.send_signal(signal.SIGTERM)
    assert beat.wait(timeout=5) == 0
    sent = len(_sent(tmp_path))

    worker.restart()

    wait_until(lambda: len(SUCCEEDED.findall(worker.logs())) >= sent, seconds=30)
    received = RECEIVED.findall(worker.logs())
    assert len(received) == sent
    assert len(set(received)) == sent


def _sent(folder: Path) -> list[str]:
    """The lines of the beat's log that people grep for."""
    lines = (folder / "beat.log").read_text().splitlines()
    return [line for line in lines if "Sending due task sum" in line]


def _settled(logs: str) -> bool:
    """Whether every received task has ended."""
    return set(RECEIVED.findall(logs)) == set(SUCCEEDED.findall(logs))
