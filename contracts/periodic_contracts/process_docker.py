"""A stand-in for `docker.DockerClient` whose containers are processes of this machine.

pytest-celery reaches Docker through one fixture, `docker_client`; with this client in its place the
same tests run where no engine answers. It knows what pytest-celery asks for and no more: networks
that do nothing, volumes that are folders, images that are names, and three kinds of container:
Redis, RabbitMQ and a Celery worker of the environment in use.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from . import servers


class Container(ABC):
    """What pytest-docker-tools asks of a container, on a process.

    Args:
        folder: where the process writes; exists.
        environment: what the container's environment adds.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.id = uuid.uuid4().hex
        self.name = folder.name
        self.labels: dict[str, str] = {}
        self.folder = folder
        self.environment = dict(environment)
        self.process = self.launch()

    @abstractmethod
    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process; its output goes to `output.log`."""

    @property
    def listens(self) -> dict[str, int]:
        """Port in the container's own terms, such as `6379/tcp`, to port of this machine."""
        return {}

    @property
    def hostname(self) -> str:
        """What others put into a URL to reach it."""
        return self.id[:12]

    @property
    def attrs(self) -> dict[str, Any]:
        """The part of `docker inspect` that is read."""
        ports = {name: [{"HostPort": str(port)}] for name, port in self.listens.items()}
        return {
            "Config": {
                "Hostname": self.hostname,
                "Labels": self.labels,
                "Env": [f"{name}={value}" for name, value in self.environment.items()],
            },
            "HostConfig": {"PortBindings": {}},
            "NetworkSettings": {"Networks": {"local": {"IPAddress": "127.0.0.1"}}, "Ports": ports},
        }

    @property
    def status(self) -> str:
        """`running` or `exited`."""
        return "running" if self.process.poll() is None else "exited"

    def reload(self) -> None:  # noqa: B027 # nothing to do: attributes are never stale
        """Look at the process again."""

    def logs(self, **_: object) -> bytes:
        """Everything that the process has written."""
        return (self.folder / "output.log").read_bytes()

    def kill(self, sign: str | int | None = None) -> None:
        """Send a signal; a kill takes all descendants, as the end of a container does."""
        number = signal.Signals[sign] if isinstance(sign, str) else (sign or signal.SIGKILL)
        if self.status == "exited":
            return
        if number == signal.SIGKILL:
            # Each leads a group of its own, with its helpers and the children of a pool.
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(timeout=30)

    def restart(self, timeout: float = 10) -> None:  # noqa: ARG002 # Docker's signature
        """Stop the process in good order and start it again."""
        self.kill(signal.SIGTERM)
        self.process = self.launch()

    def exec_run(self, command: str, **_: object) -> tuple[int, bytes]:
        """Run a command beside the process; the probe for listening ports is answered here."""
        if command.startswith("cat /proc/net/"):
            return 0, self._listening().encode()
        done = subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout

    def remove(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 # Docker's signature
        """End the process and all that it has started."""
        self.kill()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the process; seconds."""
        self.process.wait(timeout)

    def _listening(self) -> str:
        """Lines as in /proc/net/tcp for the ports that accept a connection now."""
        lines = []
        for name, port in self.listens.items():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    inside = int(name.partition("/")[0])
                    lines.append(f"0: 0100007F:{inside:04X} 00000000:0000 0A")
        return "\n".join(lines)


class ServerContainer(Container):
    """A private Redis or RabbitMQ; a restart keeps its port and its folder."""

    INSIDE: ClassVar[dict[str, str]] = {"redis": "6379/tcp", "rabbitmq": "5672/tcp"}

    def __init__(self, kind: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self.port = servers.free_port()
        self.stack = contextlib.ExitStack()
        super().__init__(folder, environment)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers."""
        return servers.start(self.kind, self.port, self.folder, self.stack).process

    @property
    def listens(self) -> dict[str, int]:
        """The server's own port."""
        return {self.INSIDE[self.kind]: self.port}

    @property
    def hostname(self) -> str:
        """Host and port: a worker that is a process has no network of its own."""
        return f"127.0.0.1:{self.port}"

    def restart(self, timeout: float = 10) -> None:  # noqa: ARG002 # Docker's signature
        """Stop the server with its helpers and start it again."""
        self.stack.close()
        self.process = self.launch()

    def remove(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 # Docker's signature
        """Stop the server with its helpers."""
        self.stack.close()


class WorkerContainer(Container):
    """A Celery worker of this environment; its volume is its working directory."""

    def __init__(
        self, command: Sequence[str], volume: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.command = command
        self.volume = volume
        super().__init__(folder, environment)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the worker; inside a container `%h` would be its short id."""
        command = [part.replace("@%h", f"@{self.hostname}") for part in self.command]
        with (self.folder / "output.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.volume,
                env={**os.environ, **self.environment, "PYTHONPATH": str(self.volume)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


class _Seed:
    """The scratch container through which pytest-docker-tools fills a volume."""

    def __init__(self, volume: Path) -> None:
        self.volume = volume

    def put_archive(self, _place: str, archive: io.BytesIO) -> None:
        with tarfile.open(fileobj=archive) as opened:
            opened.extractall(self.volume, filter="data")

    def remove(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 # Docker's signature
        """Do nothing: the volume stays."""


class ProcessDockerClient:
    """Networks, volumes, images and containers without an engine; close it to remove all.

    Args:
        on_missing: told that a server's program is not on this machine; raises, as pytest's `skip`.
    """

    def __init__(self, on_missing: Callable[[servers.ServerMissingError], object]) -> None:
        self._on_missing = on_missing
        self._folder = tempfile.TemporaryDirectory(prefix="periodic-nodes-")
        self._root = Path(self._folder.name)
        self._containers: list[Container] = []
        self.networks = SimpleNamespace(create=self._network)
        self.volumes = SimpleNamespace(create=self._volume)
        self.images = SimpleNamespace(build=self._build, pull=self._pull)
        self.containers = SimpleNamespace(run=self._run, create=self._create)

    def close(self) -> None:
        """End what still runs and remove all folders."""
        for container in self._containers:
            container.remove(force=True)
        self._folder.cleanup()

    @staticmethod
    def _network(name: str, **_: object) -> SimpleNamespace:
        return SimpleNamespace(name=name, remove=lambda: None)

    def _volume(self, name: str, **_: object) -> SimpleNamespace:
        (self._root / name).mkdir()
        return SimpleNamespace(name=name, attrs={"Labels": {}}, remove=lambda _force: None)

    @staticmethod
    def _build(tag: str = "scratch", **_: object) -> tuple[SimpleNamespace, list[str]]:
        return SimpleNamespace(id=tag, tags=[tag]), []

    @staticmethod
    def _pull(repository: str, **_: object) -> SimpleNamespace:
        return SimpleNamespace(id=repository, tags=[repository])

    def _create(self, volumes: Mapping[str, object], **_: object) -> _Seed:
        return _Seed(self._root / next(iter(volumes)))

    def _run(
        self,
        image: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        volumes: Mapping[str, object] | None = None,
        **_: object,
    ) -> Container:
        kind = image.partition(":")[0].rpartition("/")[2]
        folder = self._root / f"{kind}-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        container: Container
        if kind in servers.FINDERS:
            try:
                servers.find(kind)
            except servers.ServerMissingError as error:
                self._on_missing(error)
                raise
            container = ServerContainer(kind, folder, environment or {})
        else:
            volume = self._root / next(iter(volumes or {folder.name: None}))
            container = WorkerContainer(command or (), volume, folder, environment or {})
        self._containers.append(container)
        return container
