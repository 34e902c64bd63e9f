"""`celery beat`, `celery worker` and `celery periodic` as people start them: real processes."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

#: Real processes, most of whose time is their start.
pytestmark = pytest.mark.thorough

SECOND = timedelta(seconds=1)
EVERY_SECOND = """
app.conf.beat_schedule = {"tick": {"task": "project.note", "schedule": 1.0}}
"""
ASLEEP = """
app.conf.beat_schedule = {"slow": {"task": "project.note", "schedule": crontab(0, 0, 1, 1, 1)}}
"""


def assert_exactly_once(runs):
    """Each occurrence ran once, under its own id, one second after the other."""
    assert set(Counter(run.task_id for run in runs).values()) == {1}
    assert_none_lost(runs)


def assert_none_lost(runs):
    """Each second has its run under its own id; a repeated one has the same id."""
    assert [run.task_id for run in runs] == [run.occurrence_id for run in runs]
    times = sorted({run.fire_time for run in runs})
    assert {b - a for a, b in pairwise(times)} <= {SECOND}


def test_beat_and_worker(project):
    """Two processes over a broker of files: every occurrence once, ids as computed."""
    project.write(EVERY_SECOND)
    worker, beat = project.worker(), project.beat()
    assert_exactly_once(project.wait_for_runs(3))
    assert "Scheduler: Sending due task tick (project.note)" in beat.output
    assert "scheduler -> periodic.integrations.celery.scheduler.BeatScheduler" in beat.output
    assert beat.stop() < 1
    worker.kill()
    assert beat.popen.returncode == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_sleeping_beat_ends_in_under_a_second(project, signum):
    """Whatever the next wake, `--max-interval 300` or not: a stop is a stop."""
    project.write(ASLEEP)
    beat = project.beat("--max-interval", "300")
    beat.wait_for("beat: Starting...")
    time.sleep(0.7)
    start = time.monotonic()
    beat.popen.send_signal(signum)
    beat.popen.wait(10)
    assert time.monotonic() - start < 1
    assert beat.popen.returncode == 0
    assert "Traceback" not in beat.output


def test_a_restart_goes_on_where_it_stopped(project):
    """Stopped and started again: nothing twice, nothing lost, and `-s` says where it stood."""
    project.write(EVERY_SECOND)
    worker = project.worker()
    for _ in range(2):
        beat = project.beat("-s", str(project.folder / "mine"))
        project.wait_for_runs(len(project.runs()) + 2)
        beat.stop()
    time.sleep(1)
    worker.kill()
    assert_exactly_once(project.runs())
    assert (project.folder / "mine.cursors").exists()
    assert not list(project.folder.glob("celerybeat-schedule*"))


def test_a_killed_beat_loses_nothing(project):
    """Killed between a message and its cursor a beat repeats it, under the same id; none is lost.

    The adapter for any transport does not declare ATOMIC_DISPATCH.
    """
    project.write(EVERY_SECOND)
    worker = project.worker()
    for _ in range(3):
        beat = project.beat()
        project.wait_for_runs(len(project.runs()) + 2)
        beat.kill()
    time.sleep(1)
    worker.kill()
    assert_none_lost(project.runs())


def test_two_beats_that_share_their_cursors(project):
    """Two beats side by side, one of them stopped: each occurrence is still sent once."""
    project.write(EVERY_SECOND)
    worker, one, two = project.worker(), project.beat(), project.beat()
    project.wait_for_runs(3)
    one.stop()
    project.wait_for_runs(5)
    two.stop()
    project.wait_for_runs(sum(each.output.count("Sending due") for each in (one, two)))
    worker.kill()
    assert_exactly_once(project.runs())


def test_worker_with_beat_inside(project):
    """`celery worker -B --scheduler periodic` runs what is due; both end together."""
    project.write(EVERY_SECOND)
    worker = project.worker("-B", "--scheduler", "periodic")
    assert_exactly_once(project.wait_for_runs(3))
    worker.stop()
    assert "Traceback" not in worker.output


def test_worker_with_beat_by_setting(project):
    """`beat_scheduler` names the class; `-B` is enough then, with Celery's usual pool, too."""
    project.write(
        EVERY_SECOND + 'app.conf.beat_scheduler = "periodic.integrations.celery:BeatScheduler"\n'
    )
    worker = project.celery("worker", "-B", "-c", "1", "-l", "INFO")
    assert_exactly_once(project.wait_for_runs(2))
    worker.stop()


@pytest.mark.parametrize(
    "command",
    [
        ("worker", "-B", "--scheduler", "periodic"),
        ("beat", "-S", "periodic"),
        ("-q", "beat", "-S", "periodic.integrations.celery:BeatScheduler"),
    ],
)
def test_memory_broker_refuses_a_beat_of_its_own(project, command):
    """Messages in another process's memory would never arrive: the start is refused, and why."""
    project.write(EVERY_SECOND, broker="memory://")
    process = project.run(*command)
    assert process.popen.returncode == 1
    line = next(each for each in process.output.splitlines() if "periodic refuses" in each)
    for part in (
        "memory://",
        "`celery beat`" if "beat" in command else "`celery worker -B`",
        "`flask periodic run`",
        "redis://",
    ):
        assert part in line
    assert "Traceback" not in process.output
    assert not project.runs()


def test_memory_broker_is_no_trouble_for_a_plain_worker(project):
    """The guard is for beats."""
    project.write(EVERY_SECOND, broker="memory://")
    worker = project.worker()
    worker.wait_for("ready.")
    worker.stop()
    assert "refuses" not in worker.output


def test_another_scheduler_is_none_of_our_business(project):
    """`celery worker -B` with Celery's own scheduler starts as before, even on `memory://`."""
    project.write(EVERY_SECOND, broker="memory://")
    worker = project.worker("-B")
    worker.wait_for("ready.")
    worker.stop()
    assert "refuses" not in worker.output


def test_a_wrong_setting_is_one_sentence(project):
    """An unknown key ends the command before anything starts."""
    project.write(EVERY_SECOND + 'app.conf.periodic = {"namespce": "x"}\n')
    beat = project.run("beat", "-S", "periodic")
    assert beat.popen.returncode == 1
    assert "unknown key 'namespce'; did you mean 'namespace'?" in beat.output
    assert "Traceback" not in beat.output


def test_a_schedule_that_is_no_mapping_is_one_sentence(project):
    """The wrong type of `beat_schedule` ends each command with a sentence and status 1."""
    project.write("app.conf.beat_schedule = [1]\n")
    for command in (("beat", "-S", "periodic"), ("periodic", "list")):
        process = project.run(*command)
        assert process.popen.returncode == 1
        assert "beat_schedule is [1]; give a mapping of entry names" in process.output
        assert "Traceback" not in process.output


def test_cursors_in_a_folder_that_is_not_there(project):
    """A file that cannot be written ends the command with its sentence."""
    project.write(EVERY_SECOND)
    beat = project.run("beat", "-S", "periodic", "-s", "no/such/folder/beat")
    assert beat.popen.returncode == 1
    assert "cursors cannot be kept in 'no/such/folder/beat.cursors'" in beat.output
    assert "Traceback" not in beat.output


BAD = (
    EVERY_SECOND
    + """
app.conf.beat_schedule |= {
    "wrong-schedule": {"task": "project.note", "schedule": "0 9 * * *"},
    "wrong-text": {"task": "project.note", "schedule": crontab(day_of_week="fri#2")},
    "wrong-key": {"task": "project.note", "schedule": 1, "enbled": False},
    "wrong-task": {"task": "project.not", "schedule": 3600},
    "wrong-argument": {"task": "project.note", "schedule": 1, "args": [object()]},
}
"""
)


def test_bad_input_is_one_sentence_each_and_the_others_run(project):
    """Every wrong entry has its sentence in the log, once; the good one runs."""
    project.write(BAD)
    worker, beat = project.worker(), project.beat()
    runs = project.wait_for_runs(2)
    beat.stop()
    worker.kill()
    assert {run.entry for run in runs} == {"tick"}
    for sentence in (
        "entry 'wrong-schedule' is set aside: the string '0 9 * * *' is not a schedule; give",
        "entry 'wrong-text' is set aside: day_of_week='fri#2'",
        "entry 'wrong-key' is set aside: unknown key 'enbled'; did you mean 'enabled'?",
        "entry 'wrong-task': no task named 'project.not' is known here; did you mean 'project.not",
        "entry 'wrong-argument' is set aside: its arguments cannot be sent as json",
    ):
        assert beat.output.count(sentence) == 1
    assert "Traceback" not in beat.output


def test_an_unreachable_broker_delays_and_loses_nothing(project):
    """The beat says once that the broker is away, does not spin, and ends when told."""
    project.write(EVERY_SECOND, broker="redis://127.0.0.1:1/0")
    beat = project.beat()
    beat.wait_for("broker unreachable")
    time.sleep(2)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert beat.stop() < 2
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert beat.output.count("broker unreachable") == 1
    assert "Sending due task" not in beat.output
    # Importing Celery takes a second or two of processor time; spinning would take all of it.
    assert after.ru_stime - before.ru_stime < 1
    assert beat.output.count("\n") < 30


def test_chains_run(project):
    """A chain that `add_periodic_task` was given runs step by step."""
    project.write(
        """
app.add_periodic_task(1.0, chain(note.si("first"), note.si("second")), name="pipeline")
"""
    )
    worker, beat = project.worker(), project.beat()
    runs = project.wait_for_runs(4)
    beat.stop()
    worker.kill()
    assert {run.entry for run in runs} == {"pipeline"}
    assert Counter(run.task_id == run.occurrence_id for run in runs)[True] >= 2


def test_detach(project):
    """`--detach` with a pid file and a log file works as with Celery's own scheduler."""
    project.write(EVERY_SECOND)
    worker = project.worker()
    pidfile, logfile = project.folder / "beat.pid", project.folder / "beat.log"
    project.run(
        *("beat", "-S", "periodic", "-l", "INFO", "--detach"),
        *("--pidfile", str(pidfile), "--logfile", str(logfile)),
    )
    try:
        assert_exactly_once(project.wait_for_runs(2))
    finally:
        pid = int(pidfile.read_text())
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 5
    while pidfile.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker.kill()
    assert "Sending due task tick" in logfile.read_text()


class TestCommands:
    """`celery -A app periodic list` and `next`."""

    def test_list(self, project):
        """Every entry in words with its next run, problems below."""
        project.write(BAD)
        process = project.run("periodic", "list")
        assert process.popen.returncode == 1
        output = process.output
        assert re.search(r"^tick +every second +project\.note +\w{3} \d{4}-", output, re.MULTILINE)
        assert "wrong-key: unknown key 'enbled'" in output

    @pytest.mark.parametrize("more", [(), ("--json",)])
    def test_the_status_of_list_guards_a_deploy(self, project, more):
        """Status 1 where an entry has a problem, 0 where none has, with --json as well."""
        project.write(BAD)
        assert project.run("periodic", "list", *more).popen.returncode == 1
        project.write(EVERY_SECOND)
        assert project.run("periodic", "list", *more).popen.returncode == 0

    def test_next_from_a_moment(self, project):
        """The options and defaults are those of `flask periodic next`."""
        project.write(EVERY_SECOND + 'app.conf.timezone = "Europe/Berlin"\n')
        process = project.run("periodic", "next", "tick", "--from", "2026-01-15T09:30", "--json")
        rows = json.loads(process.output)
        assert len(rows) == 5
        assert rows[0]["utc"] == "2026-01-15T08:30:01+00:00"
        assert len(json.loads(project.run("periodic", "next", "--json").output)) == 1

    def test_next(self, project):
        """The coming runs of one entry, as JSON if asked."""
        project.write(EVERY_SECOND)
        process = project.run("periodic", "next", "tick", "-n", "3", "--json")
        rows = json.loads(process.output)
        assert [row["entry"] for row in rows] == ["tick"] * 3

    def test_an_unknown_entry(self, project):
        """A wrong name is an error that names the nearest."""
        project.write(EVERY_SECOND)
        process = project.run("periodic", "next", "tock")
        assert process.popen.returncode == 1
        assert "no entry is named 'tock'; did you mean 'tick'?" in process.output

    def test_an_entry_with_a_problem(self, project):
        """A wrong entry says what is wrong."""
        project.write(BAD)
        process = project.run("periodic", "next", "wrong-key")
        assert process.popen.returncode == 1
        assert "entry 'wrong-key' has no runs: unknown key 'enbled'" in process.output
