"""What the private databases of the tests share: a free loopback port, a folder, an end by pid.

Where this is root a server runs as the system's user that its packages made for it.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

from periodic_contracts import servers

D = TypeVar("D", bound="Database")


class Database(ABC):
    """A server that can be stopped and started again.

    Args:
        folder: for all that it writes; the server's user shall own it.
    """

    #: How people call it.
    name: ClassVar[str]
    #: The system's user that it runs as where this is root.
    user: ClassVar[str]
    #: Seconds until a server that does not answer counts as broken.
    limit: ClassVar[int]
    #: What ends it.
    end: ClassVar[signal.Signals]

    def __init__(self, folder: Path) -> None:
        self.port: int = servers.free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        account = _account(self.user) if os.geteuid() == 0 else None
        self._user = None if account is None else account.pw_uid
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)

    @classmethod
    def may_run(cls) -> bool:
        """Tell whether there is a user to run it as: root is refused, or should be."""
        return os.geteuid() != 0 or _account(cls.user) is not None

    def start(self) -> None:
        """Start it and return once it takes connections."""
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + self.limit
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self._folder / "output.log").read_text(errors="replace")
                raise servers.ServerBrokenError(f"{self.name} does not answer:\n{log_text}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a machine that goes down does for its clients."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(self.end)
            process.wait(self.limit)

    def _run(self, program: Path, *arguments: str) -> None:
        """Run a program as the server's user, to its end."""
        done = subprocess.run(
            [program, *arguments],
            cwd=self._folder,
            user=self._user,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise servers.ServerBrokenError(f"{program.name} failed:\n{done.stdout}{done.stderr}")

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return the program and its arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether it takes clients, which is later than that it listens."""


@contextmanager
def running(make: Callable[[Path], D], kind: str) -> Iterator[D]:
    """Run a private server in a folder of its own.

    Args:
        make: makes it in a folder.
        kind: of server, such as `postgres`.
    """
    with tempfile.TemporaryDirectory(prefix=f"periodic-{kind}-") as name:
        server = make(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _account(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None
