"""A beat on a clock that moves when told, a real Redis under it, and what can happen between."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import redis
from celery import Celery

from periodic import Beat, CursorStore, Entry, ManualClock, MemoryCursors, interval
from periodic.integrations.celery.render import Renderer
from periodic_brokers.redis import RedisBroker
from periodic_contracts import servers

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NAMES = ("a", "b")
CURSORS = "periodic:shop:cursors"


def an_entry(name: str, queue: str | None = None, every: int = 1, **options: Any) -> Entry:
    """Return an entry that is due each second, or less often."""
    if queue is not None:
        options["queue"] = queue
    return Entry(name=name, task="shop.work", schedule=interval(every), options=options)


class Bench:
    """A beat with two entries that are due each second, `a` to the queue `a`, `b` to `b`."""

    def __init__(
        self,
        url: str,
        *,
        copy: CursorStore | None = None,
        app: Celery | None = None,
        start: datetime = START,
        **conf: Any,
    ) -> None:
        self.clock = ManualClock(start)
        self.app = app if app is not None else Celery("shop", broker=url, set_as_current=False)
        self.app.conf.update(conf)
        self.app.finalize()
        self.beat = self.new_beat(copy=copy)

    def new_beat(self, copy: CursorStore | None = None) -> Beat:
        """Return a beat; the server's clock has nothing to do with this one."""
        with self.app.connection_for_write() as connection:
            broker = RedisBroker.open(
                connection, namespace="shop", clock=self.clock, cursors=MemoryCursors
            )
        beat = Beat(
            broker,
            Renderer(self.app, self.clock),
            namespace="shop",
            clock=self.clock,
            max_skew=None,
            copy=copy,
        )
        for name in NAMES:
            beat.put(an_entry(name, name))
        return beat

    def run(self, seconds: int = 3) -> None:
        """Tick each second of the clock."""
        for _ in range(seconds):
            self.clock.advance(SECOND)
            self.beat.tick()

    @property
    def seconds(self) -> int:
        """How far the clock is from the start."""
        return (self.clock.now() - START) // SECOND

    def due(self, since: int = 1) -> dict[str, list[int]]:
        """Return what each queue must hold: every second from `since` to now, once, in order."""
        return {name: list(range(since, self.seconds + 1)) for name in NAMES}

    def close(self) -> None:
        """Give back the connections."""
        self.beat.close()
        self.app.close()


class Server:
    """What is on the server, seen and changed by an operator."""

    def __init__(self, server: servers.Server, **options: Any) -> None:
        self.url = server.url
        self.port = server.port
        self.pid = server.process.pid
        self.prefix = options.pop("prefix", "")
        self.client: Any = redis.Redis(port=server.port, **options)

    def sent(self, queue: str) -> list[int]:
        """Return which seconds after the start were enqueued, oldest first."""
        times = (
            json.loads(raw)["headers"]["periodic-fire-time"]
            for raw in reversed(self.client.lrange(f"{self.prefix}{queue}", 0, -1))
        )
        return [(datetime.fromisoformat(each) - START) // SECOND for each in times]

    def queues(self) -> dict[str, list[int]]:
        """Return what `sent` says of each queue."""
        return {name: self.sent(name) for name in NAMES}


def wait_for(done: Callable[[], bool], seconds: float = 20, pause: float = 0.01) -> None:
    """Wait for what another process does; look each `pause` seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {seconds} s")
        time.sleep(pause)


def others_out(server: Server) -> int:
    """Kill every connection but the operator's; return how many there were."""
    killed: int = server.client.client_kill_filter(_type="normal", skipme=True)
    return killed


class Wire:
    """A loopback port in front of a server, which can lose the server's answers."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lose_answers = False
        self.lost = 0
        self._lose_next = False
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            each.close()

    def lose_the_next_answer(self) -> None:
        """Cut the connection instead of handing over the next answer."""
        self.lost, self._lose_next = 0, True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            self._open += (client, server)
            for source, target, answers in ((client, server, False), (server, client, True)):
                pump = partial(self._pump, source, target, answers=answers)
                threading.Thread(target=pump, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, *, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and (self._lose_next or self.lose_answers):
                    self._lose_next = False
                    self.lost += 1
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Sentinels:
    """Sentinels that watch over one master, and promote its replica when it is gone.

    Args:
        master: what they watch.
        count: how many there are.
        folder: existing folder for their files.
        stack: closing it ends them.
    """

    NAME = "shop-master"

    def __init__(self, master: Server, count: int, folder: Path, stack: ExitStack) -> None:
        self.ports = [self._start(master, folder, stack, count // 2 + 1) for _ in range(count)]
        self.client = redis.Redis(port=self.ports[0])
        stack.callback(self.client.close)

    @property
    def url(self) -> str:
        """The broker URL that Celery takes; the option `master_name` goes with it."""
        return ";".join(f"sentinel://127.0.0.1:{port}/0" for port in self.ports)

    def master_port(self) -> int:
        """Return where the master is, as the first sentinel knows it."""
        answer: Any = self.client.execute_command("SENTINEL", "get-master-addr-by-name", self.NAME)
        return int(answer[1])

    def settled(self, replicas: int = 1) -> bool:
        """Tell whether the sentinels know each other and the replicas."""
        answer: Any = self.client.execute_command("SENTINEL", "master", self.NAME)
        wanted = {
            b"num-slaves": b"%d" % replicas,
            b"num-other-sentinels": b"%d" % (len(self.ports) - 1),
            b"flags": b"master",
        }
        return wanted.items() <= answer.items()

    def _start(self, master: Server, folder: Path, stack: ExitStack, quorum: int) -> int:
        port = servers.free_port()
        home = folder / f"sentinel-{port}"
        home.mkdir()
        (home / "sentinel.conf").write_text(
            f"port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {home}\n"
            f"sentinel monitor {self.NAME} 127.0.0.1 {master.port} {quorum}\n"
            f"sentinel down-after-milliseconds {self.NAME} 2000\n"
            f"sentinel failover-timeout {self.NAME} 2000\n"
        )
        process = subprocess.Popen(
            [servers.find("redis"), home / "sentinel.conf", "--sentinel"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        stack.callback(servers.stop, process)
        wait_for(lambda: servers.answers(port, servers.GREETING["redis"]))
        return port
