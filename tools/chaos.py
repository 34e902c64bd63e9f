"""Beats, servers and counts for `tests/chaos`: what is stopped, killed and added up there."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import redis

from periodic import Occurrence
from periodic_brokers.redis_leases import RedisLeases
from periodic_contracts import servers

NAMESPACE = "chaos"
#: The list that Celery's default queue is on Redis.
QUEUE = "celery"
SECOND = timedelta(seconds=1)

_APP = """\
import os

from celery import Celery

from periodic import interval

app = Celery({namespace!r}, broker=os.environ.get("CHAOS_URL", {url!r}))
app.conf.broker_connection_retry_on_startup = True
app.conf.periodic = {settings!r}
app.conf.beat_schedule = {{
    f"entry-{{number}}": {{"task": "chaos.run", "schedule": interval(seconds={every})}}
    for number in range({entries})
}}


@app.task(name="chaos.run")
def run():
    pass
"""
_UNREACHABLE = re.compile(r"broker unreachable \(([\w-]+)\)|broker (reachable) again")


def wait_until(done: Callable[[], Any], *, seconds: float, what: str) -> None:
    """Poll for an effect of other processes; fail when it does not come.

    Args:
        done: asked until it says yes.
        seconds: how long.
        what: is waited for, for the message.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def whole_second_after(moment: datetime) -> datetime:
    """The first whole second after a moment."""
    return moment.replace(microsecond=0) + SECOND


def now() -> datetime:
    """The machine's time: aware, UTC."""
    return datetime.now(UTC)


# -- the server ---------------------------------------------------------------------------------


class Server(Protocol):
    """What beats and counts ask of a broker's server."""

    @property
    def url(self) -> str:
        """The broker URL that Celery takes."""
        ...

    def messages(self) -> list[Sent]:
        """Every message that came to the queue and was not lost with it, oldest first."""
        ...

    def leader(self, started: list[BeatProcess]) -> BeatProcess | None:
        """The beat that leads, if one of these does."""
        ...


class RedisServer:
    """A private Redis or Valkey that may be paused, shut down, killed and started again.

    Args:
        folder: where it keeps what it keeps.
        stack: closing it ends the server.
        *options: of `redis-server`.
    """

    def __init__(self, folder: Path, stack: ExitStack, *options: str) -> None:
        self.folder = folder
        self._options = options
        self._port = servers.free_port()
        self._running = ExitStack()
        self._server = self._start()
        stack.callback(self._end)

    def _start(self) -> servers.Server:
        self.folder.mkdir(exist_ok=True)
        return servers.start("redis", self._port, self.folder, self._running, *self._options)

    def _end(self) -> None:
        self.resume()  # a paused one would not hear of its end
        self._running.close()

    def _ended(self) -> None:
        self._server.process.wait(10)
        self._running.pop_all()  # its number may be another process's by the end of the test

    @property
    def url(self) -> str:
        """The broker URL that Celery takes."""
        return self._server.url

    def client(self) -> redis.Redis:
        """A client of the database that the URL names."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start it again, on the same port and folder."""
        self._server = self._start()

    def pause(self) -> None:
        """Stop it where it is: connections stay and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; it then does what was sent to it meanwhile."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        self._signal(signal.SIGKILL)
        self._ended()

    def shut_down(self) -> None:
        """End it as an operator does, by SIGTERM: it writes what it has to write."""
        self._signal(signal.SIGTERM)
        self._ended()

    def messages(self) -> list[Sent]:
        """Every message in the queue, oldest first."""
        with self.client() as client:
            return list(read(reversed(client.lrange(QUEUE, 0, -1))))

    def leader(self, started: list[BeatProcess]) -> BeatProcess | None:
        """The beat that holds the lease, if one of these does."""
        with self.client() as client:
            lease = RedisLeases(client, namespace=NAMESPACE).holder("beat")
        pid = int(lease.owner.split(":")[1]) if lease is not None else None
        return next((beat for beat in started if beat.popen.pid == pid), None)

    def written(self) -> Path:
        """The file that `appendonly yes` is writing to."""
        return max(self.folder.rglob("*.aof"), key=lambda file: file.stat().st_mtime_ns)

    def _signal(self, number: int) -> None:
        if self._server.process.poll() is None:
            self._server.process.send_signal(number)


# -- the beats ----------------------------------------------------------------------------------


@dataclass(eq=False)
class BeatProcess:
    """A `celery beat -S periodic`.

    Args:
        popen: the process.
        log: the file of its output.
    """

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    @property
    def ready(self) -> bool:
        """Whether it has started and lives."""
        return self.popen.poll() is None and "beat: Starting..." in self.output

    @property
    def outages(self) -> list[str]:
        """What it said of the broker, in order: each state it met, and `reachable`."""
        return [a or b for a, b in _UNREACHABLE.findall(self.output)]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)

    def stop(self, timeout: float = 20) -> float:
        """Send SIGTERM; return after how many seconds it ended."""
        started = time.monotonic()
        self.popen.terminate()
        self.popen.wait(timeout)
        return time.monotonic() - started


@dataclass
class Beats:
    """The beats of one app.

    Args:
        folder: for the app, the logs and the copies of cursors.
        server: the app's broker.
        compiled: for byte code, where this run is told to write none elsewhere.
        entries: how many there are.
        every: the seconds from one run of an entry to the next.
        settings: the app's `periodic` mapping.
    """

    folder: Path
    server: Server
    compiled: Path
    entries: int
    every: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    started: list[BeatProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        text = _APP.format(
            namespace=NAMESPACE,
            url=self.server.url,
            settings={"namespace": NAMESPACE, **self.settings},
            entries=self.entries,
            every=self.every,
        )
        (self.folder / "chaos_app.py").write_text(text)

    @property
    def names(self) -> list[str]:
        """The names of the entries."""
        return [f"entry-{number}" for number in range(self.entries)]

    def start(self, *, elsewhere: bool = False, url: str = "") -> BeatProcess:
        """Start one more beat.

        Args:
            elsewhere: as on another machine: it shares no file with the others.
            url: its way to the server, where that is not the others'.
        """
        number = len(self.started)
        log = self.folder / f"beat-{number}.log"
        command = [sys.executable, "-m", "celery", "-A", "chaos_app", "beat", "-S", "periodic"]
        command += ["-l", "INFO"]
        if elsewhere:
            command += ["-s", f"elsewhere-{number}"]
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self._environment(), **({"CHAOS_URL": url} if url else {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        beat = BeatProcess(popen, log)
        self.started.append(beat)
        return beat

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
            # Compiling Celery takes longer than all else that a beat does before its first run.
            environment["PYTHONPYCACHEPREFIX"] = str(self.compiled)
        return environment

    def start_many(self, count: int, **how: Any) -> list[BeatProcess]:
        """Start beats and wait until all of them are up, and their entries run."""
        beats = [self.start(**how) for _ in range(count)]
        wait_until(lambda: all(beat.ready for beat in beats), seconds=60, what="beats are up")
        wait_until(
            lambda: {each.entry for each in messages(self.server)} == set(self.names),
            seconds=60 + self.every,
            what="every entry has run",
        )
        return beats

    def leader(self) -> BeatProcess | None:
        """The beat that leads, if one of ours does."""
        return self.server.leader(self.started)

    def settle(self, seconds: float) -> datetime:
        """Wait until every entry was sent for the present second, or a later one; return it.

        Args:
            seconds: how long that may take.
        """
        present = now().replace(microsecond=0)

        def settled() -> bool:
            newest = {each.entry: each.fire_time for each in messages(self.server)}
            return len(newest) == self.entries and min(newest.values()) >= present

        wait_until(settled, seconds=seconds, what="every entry is up to date")
        return present

    def stop(self) -> None:
        """Stop all that live, once they are up, and see that each ends well."""
        living = [beat for beat in self.started if beat.popen.poll() is None]
        wait_until(lambda: all(beat.ready for beat in living), seconds=60, what="beats are up")
        for beat in living:
            beat.popen.terminate()
        for beat in living:
            if beat.popen.wait(20):
                raise AssertionError(f"a beat ended with {beat.popen.returncode}:\n{beat.output}")

    def kill(self) -> None:
        """End whatever lives."""
        for beat in self.started:
            beat.kill()


def kill_at_random(beats: Beats, kills: int, dice: random.Random) -> int:
    """Kill beats that are up, and start each again at once; return how many led.

    Half of the kills hit any moment, half the 30 ms after a whole second, when runs are due.
    """
    leaders = 0
    for number in range(kills):
        wait_until(lambda: len(up(beats)) > 1, seconds=60, what="two beats are up")
        time.sleep(dice.uniform(0, 1))
        if number % 2:
            time.sleep(1 - time.time() % 1 + dice.uniform(0, 0.03))
        victim = dice.choice(up(beats))
        victim.kill()
        leaders += beats.leader() is victim
        beats.start()
    return leaders


def up(beats: Beats) -> list[BeatProcess]:
    """The beats that may be killed."""
    return [beat for beat in beats.started if beat.ready]


# -- the count ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """A message in the queue.

    Args:
        id: of its task.
        entry: whose it is, by its header.
        fire_time: by its header.
        tag: its delivery tag, which tells two messages with one id apart.
    """

    id: str
    entry: str
    fire_time: datetime
    tag: str


def read(raw: Iterable[bytes]) -> Iterator[Sent]:
    """What the messages of a Redis list are."""
    for text in raw:
        message = json.loads(text)
        headers, tag = message["headers"], message["properties"]["delivery_tag"]
        fire_time = datetime.fromisoformat(headers["periodic-fire-time"])
        yield Sent(headers["id"], headers["periodic-entry"], fire_time, tag)


def messages(server: Server) -> list[Sent]:
    """Every message that came to the queue and was not lost with it, oldest first."""
    return server.messages()


@dataclass(frozen=True, slots=True)
class Count:
    """Messages beside the exact list of occurrences.

    Args:
        expected: how many occurrences there were.
        lost: those without a message.
        doubled: id -> how many messages it has, above one.
        strange: messages that belong to no occurrence, or whose id is not that of theirs.
    """

    expected: int
    lost: list[Occurrence]
    doubled: dict[str, int]
    strange: list[Sent]

    @property
    def numbers(self) -> tuple[int, int, int]:
        """How many were lost, doubled and strange."""
        return len(self.lost), sum(self.doubled.values()) - len(self.doubled), len(self.strange)

    def __str__(self) -> str:
        lost, doubled, strange = self.numbers
        said = f"expected {self.expected}, lost {lost}, doubled {doubled}, strange {strange}"
        some = [f"{each.entry} at {each.fire_time.time()}" for each in self.lost[:5]]
        return said + (f"; lost first: {', '.join(some)}" if some else "")


def count(sent: Iterable[Sent], names: list[str], first: datetime, last: datetime) -> Count:
    """Count messages against each whole second of each entry, first and last included.

    Args:
        sent: the messages; those outside of the time may not be doubled or strange either.
        names: of the entries.
        first: a whole second, before which an entry may have begun.
        last: a whole second, after which a beat may have been stopped.
    """
    seconds = int((last - first) / SECOND) + 1
    expected = [
        Occurrence(NAMESPACE, name, first + number * SECOND)
        for number in range(seconds)
        for name in names
    ]
    sent = list(sent)
    seen = Counter(each.id for each in sent)
    return Count(
        expected=len(expected),
        lost=[each for each in expected if each.id not in seen],
        doubled={id_: times for id_, times in seen.items() if times > 1},
        strange=[
            each
            for each in sent
            if each.entry not in names
            or each.fire_time.microsecond
            or each.id != Occurrence(NAMESPACE, each.entry, each.fire_time).id
        ],
    )
