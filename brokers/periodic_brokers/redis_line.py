"""Scripts on a Redis server, asked for with little more than the bytes that go over the line.

A worker asks before every task. The client's own way (a connection out of the pool for each
command, retries, hooks for observers) takes more than twice the time of the question itself.
"""

from __future__ import annotations

import hashlib
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from redis import exceptions

#: What the server answers with; the connection is sound, and the error is the question's.
_ANSWERS = (exceptions.ResponseError,)


class ScriptLine:
    """Runs scripts of one key on a server; used from any thread, each with a connection of its own.

    Args:
        pool: a `redis.ConnectionPool`; connections stay taken until `close`.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._free: deque[Any] = deque()

    def ask(self, script: str, key: str, *arguments: str | int) -> str:
        """Run a script, once, and return its answer, which is a text.

        Args:
            script: the name of a file in `lua`.
            key: the script's only key.
            *arguments: of the script.

        Raises:
            RedisError: of the client, or of the server.
            OSError: of the connection.
        """
        text, sha = _read(script)
        connection = self._take()
        try:
            connection.send_command("EVALSHA", sha, 1, key, *arguments)
            try:
                reply = connection.read_response()
            except exceptions.NoScriptError:
                connection.send_command("SCRIPT LOAD", text)
                connection.read_response()
                connection.send_command("EVALSHA", sha, 1, key, *arguments)
                reply = connection.read_response()
        except _ANSWERS:
            self._free.append(connection)
            raise
        except BaseException:
            # An answer may yet come on this connection: nobody must take it for his own.
            self._drop(connection)
            raise
        self._free.append(connection)
        # The user's options may ask for decoded answers.
        return reply if isinstance(reply, str) else reply.decode()

    def close(self) -> None:
        """Give all connections back that nobody uses now."""
        with suppress(IndexError):
            while True:
                self._drop(self._free.popleft())

    def _take(self) -> Any:
        try:
            return self._free.pop()
        except IndexError:
            return self._new()

    def _new(self) -> Any:
        try:
            return self._pool.get_connection()
        except TypeError:  # clients before 5.3 want to know for what
            return self._pool.get_connection("EVALSHA")

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)


@cache
def _read(script: str) -> tuple[str, str]:
    """Return a script's text, and the hash by which the server knows it."""
    text = Path(__file__).with_name("lua").joinpath(f"{script}.lua").read_text("utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
