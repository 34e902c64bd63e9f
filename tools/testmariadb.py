"""A private MariaDB on a free loopback port, for the tests of the store: made, stopped by pid.

Where this is root the server runs as the system's user `mysql`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testdatabase import Database, running

from periodic_contracts import servers

_PROGRAMS = ("mariadbd", "mariadb-install-db")
#: Where packages put a server, beside the search path.
_FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/libexec", "/usr/local/sbin"))
#: Who may do anything in the private server: whoever comes by its port.
_SETUP = """\
CREATE DATABASE shop CHARACTER SET utf8mb4;
CREATE USER 'shop'@'127.0.0.1';
GRANT ALL ON *.* TO 'shop'@'127.0.0.1';
"""


def find() -> dict[str, Path] | None:
    """The programs of a MariaDB on this machine, by name; None where there is none."""
    path = os.pathsep.join((os.environ.get("PATH", ""), _FOLDERS))
    found = {name: shutil.which(name, path=path) for name in _PROGRAMS}
    if not all(found.values()) or not MariaDB.may_run():
        return None
    return {name: Path(program) for name, program in found.items() if program}


class MariaDB(Database):
    """A server with an empty database.

    Args:
        programs: from `find`.
        folder: for all that it writes.
    """

    name = "MariaDB"
    user = "mysql"
    limit = 60
    #: Nobody keeps what it holds.
    end = signal.SIGKILL

    def __init__(self, programs: dict[str, Path], folder: Path) -> None:
        super().__init__(folder)
        self._programs = programs
        self._run(
            *(programs["mariadb-install-db"], "--no-defaults"),
            *(f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"),
            "--skip-test-db",
        )
        (folder / "setup.sql").write_text(_SETUP)

    @property
    def url(self) -> str:
        """The URL of its database, as SQLAlchemy takes it."""
        return f"mariadb+pymysql://shop@127.0.0.1:{self.port}/shop?charset=utf8mb4"

    def _command(self) -> Sequence[str | Path]:
        return [
            *(self._programs["mariadbd"], "--no-defaults"),
            *(f"--datadir={self._folder / 'data'}", f"--port={self.port}"),
            *("--bind-address=127.0.0.1", f"--socket={self._folder / 'socket'}"),
            *(f"--pid-file={self._folder / 'pid'}", "--skip-name-resolve"),
            # Quick, and kept by nobody.
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"),
            f"--init-file={self._folder / 'setup.sql'}",
        ]

    def _answers(self) -> bool:
        """Tell whether it greets clients; it does once its set-up is done."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                greeting = connection.recv(5)
                # Three bytes of length, one of number, then protocol 10; an error would be 255.
                return greeting[4:5] == b"\x0a"
        except OSError:
            return False


@contextmanager
def private() -> Iterator[MariaDB]:
    """Run a private server in a folder of its own."""
    programs = find()
    if programs is None:
        raise servers.ServerMissingError("no MariaDB on this machine", "mariadb")
    with running(lambda folder: MariaDB(programs, folder), "mariadb") as server:
        yield server
