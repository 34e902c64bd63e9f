"""Real workers, some of which are killed, run one of the copies of a message."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from celery import Celery

from periodic import Entry, Occurrence, interval
from periodic.integrations.celery.render import Renderer

pytestmark = [pytest.mark.redis, pytest.mark.thorough, pytest.mark.timeout(180)]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASKS = """
app.conf.periodic = {periodic!r}
app.conf.broker_transport_options = {{"visibility_timeout": 2}}
app.conf.task_default_queue = "guarded"

def write(*words):
    with open(HERE / "steps.txt", "a") as steps:
        steps.write(" ".join(map(str, words)) + "\\n")

@app.task(bind=True)
def quick(self, name):
    write("ran", name, self.request.id)

@app.task(bind=True, acks_late=True)
def slow(self, name):
    write("began", name, os.getpid())
    while not (HERE / "go-on").exists():
        time.sleep(0.05)
    write("ended", name, os.getpid())
"""


@pytest.fixture
def guarded(project, clean_redis_url):
    """Write the project with these settings; return how to send its tasks, and what they wrote."""

    class Guarded:
        url = clean_redis_url

        def write(self, **periodic):
            project.write(TASKS.format(periodic=periodic), broker=self.url)

        def send(self, task, name, copies=1):
            with Celery("project", broker=self.url, set_as_current=False) as app:
                app.conf.task_default_queue = "guarded"
                entry = Entry(name=name, task=task, schedule=interval(60), args=[name])
                occurrence = Occurrence("project", name, NOON)
                with app.connection_for_write() as connection:
                    for _ in range(copies):
                        Renderer(app)(entry, occurrence).publish(connection.Producer())

        def steps(self):
            path = project.folder / "steps.txt"
            return path.read_text().splitlines() if path.exists() else []

        def wait_for(self, step, count=1):
            deadline = time.monotonic() + 60
            while sum(each.startswith(step) for each in self.steps()) < count:
                told = "\n".join(each.output for each in project.started)
                assert time.monotonic() < deadline, f"no {count} {step!r}: {self.steps()}\n{told}"
                time.sleep(0.05)

        def worker(self, *options):
            return project.celery("worker", "-l", "INFO", *options)

    return Guarded()


@pytest.mark.parametrize(
    "pool", [["-P", "prefork", "-c", "2"], ["-P", "threads", "-c", "2"], ["-P", "solo"]]
)
def test_of_two_copies_one_runs_in_every_pool(guarded, pool):
    """Ten occurrences, each sent twice, half of them to a worker that is up: each runs once."""
    guarded.write(guard=True)
    for number in range(5):
        guarded.send("project.quick", f"job-{number}", copies=2)
    worker = guarded.worker(*pool)
    guarded.wait_for("ran", 5)
    for number in range(5, 10):
        guarded.send("project.quick", f"job-{number}", copies=2)
    guarded.wait_for("ran", 10)
    guarded.send("project.quick", "last")
    guarded.wait_for("ran last")
    worker.stop()

    names = Counter(line.split()[1] for line in guarded.steps())
    assert dict.fromkeys([*(f"job-{number}" for number in range(10)), "last"], 1) == names
    assert 10 == worker.output.count("is a duplicate and does not run")


@pytest.mark.parametrize("pool", [["-P", "prefork", "-c", "1"], ["-P", "solo"]])
def test_a_run_whose_worker_was_killed_is_run_again_once(guarded, project, pool):
    """The message comes again before the claim has ended: it waits for that, and then runs."""
    guarded.write(guard=True, guard_lease=20)
    killed = guarded.worker(*pool)
    guarded.send("project.slow", "job")
    guarded.wait_for("began job")
    time.sleep(3)  # past the visibility time-out; the claim was renewed
    os.kill(killed.popen.pid, signal.SIGKILL)
    killed.popen.wait(10)
    (project.folder / "go-on").touch()
    second = guarded.worker(*pool)
    guarded.wait_for("ended job")
    guarded.send("project.slow", "job")
    guarded.send("project.quick", "last")
    guarded.wait_for("ran last")
    second.stop()

    began = [line for line in guarded.steps() if line.startswith("began")]
    ended = [line for line in guarded.steps() if line.startswith("ended")]
    assert (2, 1) == (len(began), len(ended))
    assert began[0] != began[1]
    assert "is put back for" in second.output
    assert 1 == second.output.count("is a duplicate and does not run")


def test_a_message_that_comes_again_while_it_runs_does_not_run_beside_itself(guarded, project):
    """A visibility time-out shorter than the task: a second worker gets it, and waits."""
    guarded.write(guard=True, guard_lease=2)
    first = guarded.worker("-P", "solo", "-n", "one@%h")
    guarded.send("project.slow", "job")
    guarded.wait_for("began job")
    time.sleep(2.5)
    second = guarded.worker("-P", "solo", "-n", "two@%h")
    second.wait_for("is put back for", 60)
    assert 1 == len(guarded.steps())
    (project.folder / "go-on").touch()
    second.wait_for("is a duplicate and does not run", 60)
    first.stop()
    second.stop()

    assert ["began", "ended"] == [line.split()[0] for line in guarded.steps()]


@pytest.mark.rabbitmq
def test_a_broker_that_delivers_again_at_once_waits_for_the_claim_of_the_dead(
    guarded, project, clean_redis_url, clean_rabbitmq_url
):
    """RabbitMQ sees the connection of a killed worker end; the claims are on a Redis beside it."""
    guarded.url = clean_rabbitmq_url
    guarded.write(guard=clean_redis_url, guard_lease=6)
    killed = guarded.worker("-P", "solo", "-n", "one@%h")
    guarded.send("project.slow", "job")
    guarded.wait_for("began job")
    second = guarded.worker("-P", "solo", "-n", "two@%h")
    second.wait_for("ready.")
    os.kill(killed.popen.pid, signal.SIGKILL)
    (project.folder / "go-on").touch()
    second.wait_for("is put back for")
    guarded.wait_for("ended job")
    guarded.send("project.slow", "job")
    second.wait_for("is a duplicate and does not run")
    second.stop()

    assert ["began", "began", "ended"] == [line.split()[0] for line in guarded.steps()]


def test_a_worker_whose_guard_cannot_guard_does_not_start(guarded, project):
    """One sentence and status 1: prefork has no memory in common."""
    guarded.write(guard="memory://")
    worker = guarded.worker("-P", "prefork")
    worker.popen.wait(30)

    assert 1 == worker.popen.returncode
    (line,) = [each for each in worker.output.splitlines() if "periodic refuses" in each]
    assert "memory of one process" in line
    assert "Traceback" not in worker.output


def test_a_project_that_never_imports_us_is_guarded(project, clean_redis_url):
    """Celery's own command is enough: the setting alone makes its workers claim runs."""
    (project.folder / "project.py").write_text(
        "from celery import Celery\n"
        f"app = Celery('project', broker={clean_redis_url!r})\n"
        "app.conf.periodic = {'guard': True}\n"
        "@app.task\n"
        "def hello(): print('hello ' + 'you')\n"
    )
    worker = project.celery("worker", "-l", "INFO", "-P", "prefork", "-c", "1")
    worker.wait_for("ready.")
    with Celery("project", broker=clean_redis_url, set_as_current=False) as app:
        entry = Entry(name="job", task="project.hello", schedule=interval(60))
        message = Renderer(app)(entry, Occurrence("project", "job", NOON))
        with app.connection_for_write() as connection:
            for _ in range(2):
                message.publish(connection.Producer())
    worker.wait_for("is a duplicate and does not run")
    worker.stop()

    assert 1 == worker.output.count("hello you")
