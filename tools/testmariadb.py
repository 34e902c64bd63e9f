"""A private MariaDB on a free loopback port, for the tests of the store: made, stopped by pid.

Where this is root the server runs as the system's user `mysql`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Seconds until a server that does not answer counts as broken.
_LIMIT = 60
_USER = "mysql"
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
    if not all(found.values()) or (os.geteuid() == 0 and _account() is None):
        return None
    return {name: Path(program) for name, program in found.items() if program}


class MariaDB:
    """A server with an empty database.

    Args:
        programs: from `find`.
        folder: for all that it writes.
    """

    def __init__(self, programs: dict[str, Path], folder: Path) -> None:
        self.port: int = _free_port()
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        account = _account() if os.geteuid() == 0 else None
        self._user = None if account is None else account.pw_uid
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            [
                *(programs["mariadb-install-db"], "--no-defaults"),
                *(f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"),
                "--skip-test-db",
            ],
            cwd=folder,
            user=self._user,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"it was not made:\n{done.stdout}{done.stderr}")
        (folder / "setup.sql").write_text(_SETUP)

    @property
    def url(self) -> str:
        """The URL of its database, as SQLAlchemy takes it."""
        return f"mariadb+pymysql://shop@127.0.0.1:{self.port}/shop?charset=utf8mb4"

    def start(self) -> None:
        """Start it and return once it takes connections."""
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs["mariadbd"], "--no-defaults"),
                    *(f"--datadir={self._folder / 'data'}", f"--port={self.port}"),
                    *("--bind-address=127.0.0.1", f"--socket={self._folder / 'socket'}"),
                    *(f"--pid-file={self._folder / 'pid'}", "--skip-name-resolve"),
                    # Quick, and kept by nobody.
                    *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"),
                    f"--init-file={self._folder / 'setup.sql'}",
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
                raise RuntimeError(f"MariaDB does not answer:\n{log_text}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once: nobody keeps what it holds."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_LIMIT)

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
        raise RuntimeError("no MariaDB on this machine")
    with tempfile.TemporaryDirectory(prefix="periodic-mariadb-") as name:
        server = MariaDB(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        return None
