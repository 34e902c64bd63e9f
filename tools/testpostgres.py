"""A private PostgreSQL on a free loopback port, for the tests of the store: made, stopped by pid.

Where this is root the server runs as the system's user `postgres`, because it refuses root.
"""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testdatabase import Database, running

from periodic_contracts import servers

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
    return found if Postgres.may_run() else None


class Postgres(Database):
    """A server that can be stopped and started again.

    Args:
        programs: the folder with `initdb` and `postgres`.
        folder: for all that it writes.
    """

    name = "PostgreSQL"
    user = "postgres"
    limit = 30
    end = signal.SIGQUIT

    def __init__(self, programs: Path, folder: Path) -> None:
        super().__init__(folder)
        self._programs = programs
        made_by = programs / "initdb"
        self._run(made_by, "-D", "data", "-U", self.user, "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        """The URL of its first database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/postgres"

    def _command(self) -> Sequence[str | Path]:
        options = [part for option in _OPTIONS for part in ("-c", option)]
        return [
            *(self._programs / "postgres", "-D", "data", "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-k", str(self._folder), *options),
        ]

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
    with running(lambda folder: Postgres(programs, folder), "postgres") as server:
        yield server
