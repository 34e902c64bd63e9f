"""Scripts on a Redis server, asked for with little more than the bytes that go over the line.

The client's own way (a connection out of the pool for each command, retries, hooks for observers)
takes more than twice the time of a small question, and a worker asks one before every task. A beat
sends thousands of messages at their instant: their bytes are made ahead of it, and the next script
is on its way while the server works on the last one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

from redis import exceptions

#: What the server answers with; the connection is sound, and the error is the question's.
_ANSWERS = (exceptions.ResponseError,)


def packed(*arguments: str | bytes) -> bytes:
    """Return arguments of a command as they go over the line.

    The protocol is RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/.
    """
    pieces: list[bytes] = []
    for argument in arguments:
        data = argument.encode() if isinstance(argument, str) else argument
        pieces.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(pieces)


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
        command = _command(script, [key], [packed(*map(str, arguments))], len(arguments))
        connection = self._take()
        try:
            connection.send_packed_command([command])
            reply = _answer(connection, script, command)
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
            return _connection(self._pool)

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)


class ScriptPipe:
    """Runs scripts on one connection; several may be asked for before answers are read.

    Args:
        pool: a `redis.ConnectionPool`; the connection goes back to it at the end of the block.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._connection: Any = None
        self._asked: deque[tuple[str, bytes]] = deque()
        self._refused = False

    def __enter__(self) -> Self:
        self._connection = _connection(self._pool)
        return self

    def __exit__(self, *_: object) -> None:
        if self._asked:
            self._connection.disconnect()  # nobody must take the answers for his own
        self._pool.release(self._connection)

    def ask(self, script: str, keys: Sequence[str], arguments: Iterable[bytes], count: int) -> None:
        """Ask for a script.

        Args:
            script: the name of a file in `lua`.
            keys: of the script.
            arguments: of the script, as `packed` returns them; one item may be several.
            count: how many arguments these are.

        Raises:
            RedisError: of the client.
            OSError: of the connection.
        """
        command = _command(script, keys, arguments, count)
        # The client's check would take the answer that is on its way for its own, and call anew.
        check = not self._asked
        self._asked.append((script, command))
        self._connection.send_packed_command([command], check_health=check)

    def answer(self) -> Any:
        """Return the answer to the oldest question.

        Raises:
            RedisError: of the client, or of the server; it is `NoScriptError` where the server has
                forgotten the script, and another question is on its way already. That one is
                refused then, too: it must not be answered before this one is asked again.
            OSError: of the connection.
        """
        script, command = self._asked[0]
        try:
            if self._refused or len(self._asked) > 1:
                answer = self._connection.read_response()
            else:
                answer = _answer(self._connection, script, command)
        except _ANSWERS:
            self._refused = True
            self._asked.popleft()
            raise
        self._asked.popleft()
        return answer


def _connection(pool: Any) -> Any:
    try:
        return pool.get_connection()
    except TypeError:  # clients before 5.3 want to know for what
        return pool.get_connection("EVALSHA")


def _command(script: str, keys: Sequence[str], arguments: Iterable[bytes], count: int) -> bytes:
    _, sha = _read(script)
    head = packed("EVALSHA", sha, str(len(keys)), *keys)
    return b"*%d\r\n%b%b" % (3 + len(keys) + count, head, b"".join(arguments))


def _answer(connection: Any, script: str, command: bytes) -> Any:
    """Return the answer to the command that was sent; a script that is not known is loaded."""
    try:
        return connection.read_response()
    except exceptions.NoScriptError:
        text, _ = _read(script)
        connection.send_command("SCRIPT LOAD", text)
        connection.read_response()
        connection.send_packed_command([command])
        return connection.read_response()


@cache
def _read(script: str) -> tuple[str, str]:
    """Return a script's text, and the hash by which the server knows it."""
    text = Path(__file__).with_name("lua").joinpath(f"{script}.lua").read_text("utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
