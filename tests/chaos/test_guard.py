"""Workers behind the guard, on a RabbitMQ that is killed while they run what it has sent.

`PERIODIC_CHAOS_KILLS` says how often, a tenth of it, at least once.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from chaos_rabbitmq import RabbitMQServer

from periodic import Entry, Occurrence, interval
from periodic.integrations.celery.render import Renderer
from periodic_contracts import servers

pytestmark = [pytest.mark.rabbitmq, pytest.mark.redis]

KILLS = int(os.environ.get("PERIODIC_CHAOS_KILLS", "10"))
RESTARTS = max(1, KILLS // 10)
#: How many runs there are between two kills, each sent twice; half of them with `acks_late`.
RUNS = 100
START = datetime(2026, 3, 2, 12, tzinfo=UTC)

PROJECT = """
import time
from pathlib import Path
from celery import Celery

app = Celery("project", broker={broker!r})
app.conf.periodic = {{"guard": {guard}, "guard_lease": 10}}
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_heartbeat = 4
app.conf.task_ignore_result = True

def note(self, number):
    time.sleep(0.02)
    with open(Path(__file__).with_name("runs.txt"), "a") as runs:
        runs.write("%s\\n" % self.request.id)

app.task(note, name="early", bind=True)
app.task(note, name="late", bind=True, acks_late=True)
"""


class Workers:
    """Two workers of an app, and what a beat would send them."""

    def __init__(self, folder, broker, guard, stack):
        self.folder = folder
        self.broker = broker
        self.sent = []
        (folder / "project.py").write_text(PROJECT.format(broker=broker, guard=guard))
        for name in ("one", "two"):
            command = [sys.executable, "-m", "celery", "-A", "project", "worker", "-n", name]
            with (folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [*command, "-P", "threads", "-c", "4", "-l", "WARNING"],
                    cwd=folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            stack.callback(servers.stop, process)

    def send(self, round_):
        """Send what is to run in this round, each message twice, confirmed."""
        app = Celery("project", broker=self.broker, set_as_current=False)
        render = Renderer(app)
        options = {"confirm_publish": True}
        with app.connection_for_write(transport_options=options) as connection:
            producer = connection.Producer()
            for number in range(RUNS):
                task = ("early", "late")[number % 2]
                entry = Entry(name=f"{task}-{number}", task=task, schedule=interval(1), args=[0])
                occurrence = Occurrence("project", entry.name, START + timedelta(days=round_))
                self.sent.append(occurrence.id)
                for _ in range(2):
                    render(entry, occurrence).publish(producer)
        app.close()

    def runs(self):
        """Count the runs of each id."""
        path = self.folder / "runs.txt"
        return Counter(path.read_text().split() if path.exists() else [])

    def wait_for(self, count):
        """Wait until so many ids have run."""
        deadline = time.monotonic() + 90
        while len(self.runs()) < count:
            logs = "\n".join(path.read_text()[-3000:] for path in self.folder.glob("*.log"))
            assert time.monotonic() < deadline, f"{len(self.runs())} of {count}\n{logs}"
            time.sleep(0.05)


@pytest.fixture
def start(tmp_path, clean_redis_url):
    """Start a node, and workers whose runs are claimed on Redis, or not at all."""
    try:
        servers.find("rabbitmq")
    except servers.ServerMissingError as error:
        if "rabbitmq" in servers.required():
            pytest.fail(f"PERIODIC_REQUIRE names rabbitmq: {error}", pytrace=False)
        pytest.skip(str(error))
    with ExitStack() as stack:

        def start():
            server = RabbitMQServer(tmp_path / "rabbitmq", stack)
            return server, Workers(tmp_path, server.url, repr(clean_redis_url), stack)

        yield start


@pytest.mark.timeout(120 + 60 * RESTARTS)
def test_no_run_is_doubled_or_lost_when_the_broker_is_killed(start):
    """Every message is in the queue twice, and those in hand come again: each run happens once."""
    server, workers = start()
    for round_ in range(RESTARTS):
        workers.send(round_)
        workers.wait_for(round_ * RUNS + random.randint(1, RUNS // 2))
        server.kill()
        server.start()
        workers.wait_for((round_ + 1) * RUNS)
    # What still waits behind a claim, or in the queue, has its time to run.
    time.sleep(12)

    runs = workers.runs()
    doubled = sum(count > 1 for count in runs.values())
    lost = len(set(workers.sent) - set(runs))
    dropped = sum(
        path.read_text().count("is a duplicate and does not run")
        for path in workers.folder.glob("*.log")
    )
    print(
        f"\n{RESTARTS} kills of RabbitMQ, {len(workers.sent)} runs sent twice: "
        f"lost {lost}, doubled {doubled}; {dropped} copies dropped"
    )
    assert (lost, doubled) == (0, 0)
