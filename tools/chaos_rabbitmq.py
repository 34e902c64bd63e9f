"""A RabbitMQ that may die, and a cable to it that may be pulled, for `tests/chaos`."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import threading
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import kombu
from chaos import QUEUE, BeatProcess, Sent

from periodic_contracts import servers

_LEADS = re.compile(r"^\[(\S+ \S+): INFO/MainProcess\] this beat leads", re.MULTILINE)


class RabbitMQServer:
    """A private node that may be killed and started again; it takes out what comes to the queue.

    What was taken is remembered here, as by a worker: a message that a crash of the server repeats
    is counted twice.

    Args:
        folder: where it keeps what it keeps.
        stack: closing it ends the node.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.port = servers.free_port()
        self._running = ExitStack()
        self._taken: list[Sent] = []
        self._connection: Any = None
        self._taking = threading.Lock()
        self._server = self._start()
        stack.callback(self._end)

    def _start(self) -> servers.Server:
        self.folder.mkdir(exist_ok=True)
        return servers.start("rabbitmq", self.port, self.folder, self._running)

    def _end(self) -> None:
        self._hang_up()
        self._running.close()

    @property
    def url(self) -> str:
        """The broker URL that Celery takes."""
        return self._server.url

    def start(self) -> None:
        """Start it again, on the same port and folder."""
        self._server = self._start()

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        self._hang_up()
        os.killpg(self._server.process.pid, signal.SIGKILL)
        self._server.process.wait(10)
        self._running.close()  # its name server; nothing is left of the node itself

    def messages(self) -> list[Sent]:
        """Every message that came to the queue so far."""
        with self._taking:
            try:
                self._take()
            except (OSError, kombu.exceptions.KombuError):
                self._hang_up()  # the server is not there: what was taken counts
            return list(self._taken)

    def leader(self, started: list[BeatProcess]) -> BeatProcess | None:
        """The beat that was the last to say that it leads; a dead one until another says so."""
        said = {beat: max(_LEADS.findall(beat.output), default="") for beat in started}
        leader = max(said, key=lambda beat: said[beat], default=None)
        return leader if leader is not None and said[leader] else None

    def _take(self) -> None:
        if self._connection is None:
            self._connection = kombu.Connection(self.url, connect_timeout=2)
        channel = self._connection.default_channel
        channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        while (message := channel.basic_get(QUEUE, no_ack=True)) is not None:
            headers = message.headers
            fire_time = datetime.fromisoformat(headers["periodic-fire-time"])
            tag = str(len(self._taken))
            self._taken.append(Sent(headers["id"], headers["periodic-entry"], fire_time, tag))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.collect()


class Cable:
    """A way to a loopback port that can be pulled: bytes stop, and nobody is told.

    Args:
        port: where it leads to.
        stack: closing it ends the cable.
    """

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._to = port
        self._ends = False
        self.pulled = False
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        #: Where it begins.
        self.port: int = self._listener.getsockname()[1]
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        stack.callback(self._end, thread)

    def _end(self, thread: threading.Thread) -> None:
        self._ends = True
        thread.join(5)

    def _run(self) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        while not self._ends:
            ready, _, _ = select.select([self._listener, *pairs], [], [], 0.1)
            for one in ready:
                if self.pulled:
                    select.select([], [], [], 0.05)
                elif one is self._listener:
                    near, _ = self._listener.accept()
                    far = socket.create_connection(("127.0.0.1", self._to))
                    pairs |= {near: far, far: near}
                elif one in pairs:
                    self._pass_on(one, pairs)
        for one in pairs:
            one.close()

    def _pass_on(self, one: socket.socket, pairs: dict[socket.socket, socket.socket]) -> None:
        other = pairs[one]
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for each in (one, other):
            pairs.pop(each, None)
            each.close()
