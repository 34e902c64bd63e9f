"""`beats` and `health` on a real Redis, with beats that are real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import testservers

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


def until(project: Any, ready: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Ask for the beats until they are as wanted; return them."""
    deadline = time.monotonic() + 30
    while True:
        process = project.run("periodic", "beats", "--json")
        assert process.popen.returncode == 0, process.output
        told: list[dict[str, Any]] = json.loads(process.output)
        if ready(told):
            return told
        assert time.monotonic() < deadline, told


def states(told: list[dict[str, Any]]) -> list[str]:
    """Return the states, sorted."""
    return sorted(each["state"] for each in told)


def test_beats_show_themselves_from_start_to_stop(project, clean_redis_url):
    """One leads, one stands by, and takes over when the first stops; the last one says good-bye."""
    project.write(EVERY_SECOND, broker=clean_redis_url)
    process = project.run("periodic", "health")
    assert (process.popen.returncode, "no beat" in process.output) == (1, True)

    beats = {each.popen.pid: each for each in (project.beat(), project.beat())}
    told = until(project, lambda told: states(told) == ["active", "standby"])
    [leader] = [each for each in told if each["leads"]]
    assert leader["state"] == "active"
    assert {each["pid"] for each in told} == set(beats)
    assert {each["entries"] for each in told} == {1}
    assert project.run("periodic", "health").popen.returncode == 0

    beats.pop(leader["pid"]).stop()
    told = until(project, lambda told: states(told) == ["active", "stopped"])
    [heir] = [each for each in told if each["leads"]]
    assert heir["pid"] in beats
    assert project.run("periodic", "health").popen.returncode == 0

    beats[heir["pid"]].stop()
    process = project.run("periodic", "health", "--json")
    assert process.popen.returncode == 1
    assert [each["problem"] for each in json.loads(process.output)["problems"]] == ["stopped"]


@pytest.mark.slow
def test_a_beat_that_hangs_is_not_healthy(project, clean_redis_url):
    """A beat whose loop hangs lives on as a process: the probe sees that it does not tick."""
    project.write(HANGS, broker=clean_redis_url)
    project.beat()
    until(project, lambda told: states(told) == ["active"])
    assert project.run("periodic", "health").popen.returncode == 0
    deadline = time.monotonic() + 40
    while True:
        process = project.run("periodic", "health", "--json")
        problems = [each["problem"] for each in json.loads(process.output)["problems"]]
        if process.popen.returncode == 1:
            break
        assert time.monotonic() < deadline
        time.sleep(1)
    assert problems == ["stuck"]


def test_a_server_that_hangs_ends_the_probe_in_seconds(project, redis_server):
    """Whatever the user's socket time-outs: status 1, and the broker's state."""
    with testservers.private("redis") as server:
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
