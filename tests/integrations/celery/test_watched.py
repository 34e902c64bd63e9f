"""`beats` and `health` on a real Redis, with beats that are real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner

from periodic.integrations.celery.commands import periodic as commands
from periodic_contracts import servers

pytestmark = [pytest.mark.redis, pytest.mark.timeout(120)]

EVERY_SECOND = """
app.conf.beat_schedule = {"tick": {"task": "project.note", "schedule": 1.0}}
"""

HANGS = """
from celery.beat import BeatLazyFunc
lazy = BeatLazyFunc(lambda: time.sleep(3600))
app.conf.beat_schedule = {"tick": {"task": "project.note", "schedule": 5.0, "args": [lazy]}}
app.conf.periodic = {"max_interval": 0.5}
"""


def ask(url: str, command: str) -> tuple[int, Any]:
    """Run `celery periodic ... --json` in this process; return its status and what it says."""
    app = Celery("project", broker=url, set_as_current=False)
    result = CliRunner().invoke(commands, [command, "--json"], obj=SimpleNamespace(app=app))
    app.close()
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, json.loads(result.stdout)


def until(url: str, states: list[str]) -> list[dict[str, Any]]:
    """Ask for the beats until they are in these states; return them."""
    deadline = time.monotonic() + 40
    while True:
        status, told = ask(url, "beats")
        assert status == 0
        if sorted(each["state"] for each in told) == states:
            return list(told)
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def test_beats_show_themselves_from_start_to_stop(project, clean_redis_url):
    """One leads, one stands by, and takes over when the first stops; the last one says good-bye."""
    project.write(EVERY_SECOND, broker=clean_redis_url)
    url = clean_redis_url
    assert ask(url, "health")[0] == 1

    beats = {each.popen.pid: each for each in (project.beat(), project.beat())}
    told = until(url, ["active", "standby"])
    [leader] = [each for each in told if each["leads"]]
    assert leader["state"] == "active"
    assert {each["pid"] for each in told} == set(beats)
    assert {each["entries"] for each in told} == {1}
    process = project.run("periodic", "health", timeout=40)
    assert process.popen.returncode == 0
    assert f"{leader['beat']} leads, 1 entry, last tick" in process.output

    beats.pop(leader["pid"]).stop()
    told = until(url, ["active", "stopped"])
    [heir] = [each for each in told if each["leads"]]
    assert heir["pid"] in beats
    assert ask(url, "health")[0] == 0
    process = project.run("periodic", "beats", timeout=40)
    assert process.popen.returncode == 0
    assert f"\n{heir['beat']} leads\n" in process.output

    beats[heir["pid"]].stop()
    status, verdict = ask(url, "health")
    assert status == 1
    assert [each["problem"] for each in verdict["problems"]] == ["stopped"]


@pytest.mark.slow
def test_a_beat_that_hangs_is_not_healthy(project, clean_redis_url):
    """A beat whose loop hangs lives on as a process: the probe sees that it does not tick."""
    project.write(HANGS, broker=clean_redis_url)
    project.beat()
    until(clean_redis_url, ["active"])
    assert ask(clean_redis_url, "health")[0] == 0
    deadline = time.monotonic() + 40
    while not (told := ask(clean_redis_url, "health")[1]["problems"]):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert [each["problem"] for each in told] == ["stuck"]


def test_a_server_that_hangs_ends_the_probe_in_seconds(project, redis_server):
    """Whatever the user's socket time-outs: status 1, and the broker's state."""
    with servers.private("redis") as server:
        project.write(
            EVERY_SECOND + 'app.conf.broker_transport_options = {"socket_timeout": 3600}\n',
            broker=server.url,
        )
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            start = time.monotonic()
            process = project.run("periodic", "health", timeout=30)
            took = time.monotonic() - start
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
    assert process.popen.returncode == 1
    assert "the broker is unreachable: it has not answered within 5 s" in process.output
    assert took < 15  # five seconds, and an interpreter with Celery on a busy machine
