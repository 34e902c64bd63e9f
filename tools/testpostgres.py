"""A private PostgreSQL on a free loopback port, for the tests of the store: made, stopped by pid.

Where this is root the server runs as the system's user `postgres`, because it refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from periodic_contracts import servers

#: Seconds until a server that does not answer counts as broken.
_LIMIT = 30
_USER = "postgres"
#: Quick, and kept by nobody: what a power cut does is not tested here.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")


def find() -> Path | None:
    """The newest folder of programs of a PostgreSQL on this machine; None where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name)
    if folders:
        found: Path | None = folders[-1]
    else:
        program = shutil.which("initdb")
        found = None if program is None else Path(program).resolve().parent
    if found is None or not (found / "initdb").exists():
        return None
    return None if os.geteuid() == 0 and _account() is None else found


class Postgres:
    """A server that can be stopped and started again.

    Args:
        programs: the folder with `initdb` and `postgres`.
        folder: for all that it writes.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.port: int = servers.free_port()
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        account = _account() if os.geteuid() == 0 else None
        self._user = None if account is None else account.pw_uid
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        """The URL of its first database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and return once it takes connections."""
        options = [part for option in _OPTIONS for part in ("-c", option)]
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", "data", "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-k", str(self._folder), *options),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + _LIMIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self._folder / "output.log").read_text(errors="replace")
                raise servers.ServerBrokenError(f"PostgreSQL does not answer:\n{log_text}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a machine that goes down does for its clients."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(_LIMIT)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=self._user,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise servers.ServerBrokenError(f"{program} failed:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        """Tell whether it takes clients, which is later than that it listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                # Protocol 3.0, user postgres: a server that starts answers with an error, "E".
                words = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
                connection.sendall((len(words) + 4).to_bytes(4, "big") + words)
                return connection.recv(1) == b"R"
        except OSError:
            return False


@contextmanager
def private() -> Iterator[Postgres]:
    """Run a private server in a folder of its own."""
    programs = find()
    if programs is None:
        raise servers.ServerMissingError("no PostgreSQL on this machine", "postgresql")
    with tempfile.TemporaryDirectory(prefix="periodic-postgres-") as name:
        server = Postgres(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        return None
