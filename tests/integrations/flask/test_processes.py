"""`flask periodic run` as a real process: it runs, it stops, it reloads."""

from __future__ import annotations

import os
import re
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from periodic.integrations.flask import serve

#: Real processes, most of whose time is their start.
pytestmark = pytest.mark.thorough

APP = """
import os, time
from flask import Flask
from periodic import interval
from periodic.integrations.flask import Periodic

app = Flask(__name__)
periodic = Periodic(app)

@app.get("/")
def index():
    return f"hello from {os.getpid()}, {add.delay(1, 2).get(timeout=5)}"

@periodic.task(schedule=interval(days=300), args=[0, 0])
def add(x, y):
    return x + y

@periodic.task(schedule=interval(seconds=0.5))
def tick():
    print(f"tick by {os.getpid()}", flush=True)
    time.sleep(float(os.environ.get("NAP", "0")))
"""

#: The promise is under 3 s; a machine under load gets the double before the test fails.
STOPS_WITHIN = 6.0


@pytest.fixture(autouse=True)
def app_file(tmp_path: Path) -> Path:
    """The app, in the folder in which the programs run."""
    path = tmp_path / "app.py"
    path.write_text(APP)
    return path


def ticks(output: str) -> list[int]:
    """Return the process id of each run of the task."""
    return [int(pid) for pid in re.findall(r"^tick by (\d+)$", output, re.MULTILINE)]


def url(output: str) -> str:
    """Return the address of the web as it was announced."""
    found = re.search(r"web: (http://\S+)", output)
    assert found is not None, output
    return found[1]


def page(address: str) -> str:
    """Return the front page."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def run_arguments(*options: str) -> list[str]:
    """Return the command line of `flask periodic run`."""
    return ["-m", "flask", "--app", "app", "periodic", "run", "--port", "0", *options]


def assert_quiet(output: str) -> None:
    """No traceback and no complaint of the interpreter at its end."""
    assert "Traceback" not in output
    assert "Exception ignored" not in output
    assert "Fatal" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_web_worker_and_beat_run_in_one_process_and_stop(
    start: Callable, number: signal.Signals
) -> None:
    """Tasks run and pages answer from one process; Ctrl-C and SIGTERM end it with status 0."""
    process = start(*run_arguments())
    output = process.wait_for(lambda text: len(ticks(text)) >= 2, "two runs")
    assert page(url(output)) == f"hello from {process.popen.pid}, 3"
    took = process.stop(number)
    assert process.popen.returncode == 0, process.output
    assert took < STOPS_WITHIN
    assert set(ticks(process.output)) == {process.popen.pid}
    assert_quiet(process.output)


def test_no_web_runs_worker_and_beat_alone(start: Callable) -> None:
    """--no-web binds no port and runs the tasks all the same."""
    process = start(*run_arguments("--no-web"))
    output = process.wait_for(ticks, "run")
    assert "web:" not in output
    assert process.stop() < STOPS_WITHIN
    assert process.popen.returncode == 0
    assert_quiet(process.output)


def test_a_task_that_goes_on_does_not_hold_up_the_stop(start: Callable) -> None:
    """A long task is told in the log and ends with the process, still with status 0."""
    process = start(*run_arguments("--no-web"), NAP="60")
    process.wait_for(ticks, "run")
    assert process.stop() < STOPS_WITHIN
    assert process.popen.returncode == 0
    assert "they end with the process" in process.output
    assert_quiet(process.output)


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(True, id="terminal"),
        pytest.param(False, id="parent-only", marks=pytest.mark.slow),
    ],
)
def test_the_reloader_runs_tasks_in_the_serving_child_alone(
    start: Callable, app_file: Path, *, group: bool
) -> None:
    """One worker and one beat at any time: in the child, a new one after a change, none after."""
    process = start(*run_arguments("--reload"))
    output = process.wait_for(lambda text: len(ticks(text)) >= 2, "two runs")
    (child,) = set(ticks(output))
    assert child != process.popen.pid
    assert page(url(output)) == f"hello from {child}, 3"

    app_file.write_text(APP.replace("hello", "hi"))
    output = process.wait_for(lambda text: ticks(text)[-1:] != [child], "run after the change")
    new = ticks(output)[-1]
    pids = ticks(output)
    assert pids == sorted(pids, key=[child, new].index), "the old child ran beside the new one"
    assert page(url(output)) == f"hi from {new}, 3"

    assert process.stop(group=group) < STOPS_WITHIN
    assert process.popen.returncode == 0, process.output
    with pytest.raises(ProcessLookupError):
        os.kill(new, 0)
    assert_quiet(process.output)


@pytest.mark.slow
def test_the_reloader_survives_an_app_that_does_not_compile(
    start: Callable, app_file: Path
) -> None:
    """A slip of the pen stops neither parent nor port; the next save brings everything back."""
    process = start(*run_arguments("--reload"))
    output = process.wait_for(ticks, "run")
    (child,) = set(ticks(output))
    app_file.write_text("this is no Python\n")
    process.wait_for(lambda text: "waiting for a change" in text, "word of the error")
    app_file.write_text(APP)
    process.wait_for(lambda text: ticks(text)[-1:] != [child], "run after the repair")
    assert process.stop() < STOPS_WITHIN
    assert process.popen.returncode == 0, process.output


def test_a_port_that_is_taken_is_one_sentence(start: Callable) -> None:
    """The process ends with status 1 and no worker is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = start(*run_arguments(), "--port", port)
        process.popen.wait(30)
    assert process.popen.returncode == 1
    assert f"Port {port} is in use" in process.output
    assert ticks(process.output) == []
    assert_quiet(process.output)


def test_a_queue_that_nobody_consumes_is_told(start: Callable, app_file: Path) -> None:
    """An entry whose queue the embedded worker does not consume would never run in silence."""
    app_file.write_text(APP.replace("args=[0, 0]", 'args=[0, 0], options={"queue": "mail"}'))
    process = start(*run_arguments("--no-web"))
    output = process.wait_for(ticks, "run")
    assert "entry 'add' goes to the queue 'mail', which this worker does not consume" in output


def test_stopping_what_never_served_does_not_hang() -> None:
    """A start that failed after the port was bound can be stopped."""
    from celery import Celery

    serving = serve.Serving(lambda *_: [], Celery("x", set_as_current=False), port=0)
    serving._server = serve.make_server("127.0.0.1", 0, lambda *_: [])
    assert serving.stop() is True
