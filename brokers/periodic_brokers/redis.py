"""The Redis adapter: claim, cursor and messages in one Lua script for each batch.

What lives on the server, for each namespace, after kombu's `global_keyprefix`:

    periodic:<namespace>:cursors      a hash, entry -> "<fire time, ISO 8601 UTC> <fingerprint>"
    periodic:<namespace>:beats        a hash, beat -> what it says of itself, as JSON
    periodic:<namespace>:lease:<key>  a string with an end, who holds the lease
    periodic:<namespace>:fence        the newest fencing token

About a hundred bytes for each entry and nothing for each occurrence: nothing grows with time. With
a prefix that is a hash tag (`{shop}`) all keys of an application share a slot.
"""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast
from weakref import WeakKeyDictionary

import redis
from kombu import Connection

from periodic import (
    Adoption,
    BeatRegistry,
    Broker,
    BrokerError,
    BrokerUnreachable,
    Capability,
    Clock,
    CursorStore,
    Dispatch,
    FamilyMessage,
    LeaseStore,
    Message,
    Outcome,
    Status,
    iso_utc,
)

from .capture import Command
from .redis_connection import RedisConnection
from .redis_dispatch import Request, instant, outcomes, prepared, request
from .redis_errors import ERRORS, translated
from .redis_leases import RedisLeases
from .redis_line import ScriptPipe
from .redis_registry import RedisRegistry, server_time
from .template import Template, build

T = TypeVar("T")

_LUA = Path(__file__).parent / "lua"

#: How many occurrences one script takes: it holds up the server for some 2 ms, and Lua's `unpack`
#: ends at about 8,000.
_CHUNK = 500


class RedisBroker(Broker):
    """Messages in kombu's Redis transport (plain, TLS, Unix socket, Sentinel), cursors beside them.

    Args:
        connection: a `kombu.Connection`; it is cloned, not used.
        namespace: whose cursors these are.

    A beat killed at any moment loses nothing and repeats nothing. When the server itself crashes,
    cursors and queues go back together to what it had written: with `appendonly yes` and
    `appendfsync always` nothing is lost; with `everysec` up to a second of both, which the running
    beats then send again; without persistence the queues are gone, and the cursors resume from the
    beats, or from the copy that they keep. One thread dispatches; leases and registry may be used
    from any.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.ATOMIC_DISPATCH,
            Capability.CROSS_PROCESS,
            Capability.LEASES,
            Capability.REGISTRY,
            Capability.SERVER_TIME,
        }
    )
    #: More than a chunk: the server works on one while the next is made.
    batch_size: ClassVar[int] = 4 * _CHUNK

    def __init__(self, connection: Connection, *, namespace: str) -> None:
        self._server = RedisConnection(connection)
        self._namespace = namespace
        # A family that nobody renders any more takes its template with it.
        self._templates: WeakKeyDictionary[Any, Template | None] = WeakKeyDictionary()
        #: Whether the server has been seen to know the script.
        self._is_known = False
        # A delivery tag is any text that no other message in flight has.
        self._tags = map(f"{uuid.uuid4().hex}-{{:x}}".format, itertools.count())

    @classmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        clock: Clock,  # noqa: ARG003  # the server has its own
        cursors: Callable[[], CursorStore],  # noqa: ARG003  # cursors live beside the messages
    ) -> Self:
        """Make the adapter; `clock` and `cursors` are not used."""
        return cls(connection, namespace=namespace)

    # -- cursors and claims ----------------------------------------------------------------------

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        found: dict[str, datetime] = {}
        with self._translated():
            script = self._server.client().register_script(_read("adopt"))
            for some in _chunks(list(adoptions)):
                arguments = [text for each in some for text in _adoption(each)]
                reply = script(keys=[self._key("cursors")], args=arguments)
                for each, at in zip(some, reply, strict=True):
                    # What nobody can read is told where the entry is dispatched.
                    found[each.name] = instant(_text(at)) or each.anchor
        return found

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        gone = list(names)
        if gone:
            with self._translated():
                self._server.client().hdel(self._key("cursors"), *gone)

    def prepare(self, batch: Sequence[Dispatch]) -> list[Dispatch]:
        """Build templates, and fill them in where nothing counts from the dispatch."""
        return [self._prepared(dispatch) for dispatch in batch]

    def _prepared(self, dispatch: Dispatch) -> Dispatch:
        message = dispatch.message
        if self._template(message) is None or not cast("FamilyMessage", message).settled:
            return dispatch
        return prepared(dispatch, self._render(message))

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Render every message, then claim, enqueue and move cursors by one script a chunk."""
        chunks = list(_chains(batch))
        answered, outage = self._in_one_go(chunks)
        told: list[Outcome] = []
        for some, found in zip_longest(chunks, answered):
            if found is not None:
                told += found
                continue
            if outage is None:
                try:
                    told += self._alone(some)
                    continue
                except BrokerUnreachable as error:
                    outage = error
            told += [
                Outcome(each.occurrence, Status.FAILED, each.previous, outage) for each in some
            ]
        return told

    def _in_one_go(
        self, chunks: Iterable[Sequence[Dispatch]]
    ) -> tuple[list[list[Outcome] | None], BrokerUnreachable | None]:
        """Ask for each chunk before the answer to the last one is read, for the server works then.

        Returns:
            The outcomes of the first chunks, None where the server answered with an error; and why
            the rest need not be tried. Otherwise they are to be asked for once more: a claim that
            was won says TAKEN then.
        """
        asked: deque[Request] = deque()
        answered: list[list[Outcome] | None] = []
        try:
            with self._pipe() as pipe:
                for some in chunks:
                    try:
                        wanted = self._request(some)
                    except ERRORS:
                        break  # the server's: it is asked for this chunk again
                    pipe.ask("dispatch", wanted.keys, wanted.arguments, wanted.count)
                    asked.append(wanted)
                    # Not before it is known that the server knows the script: chunks stay in order.
                    if len(asked) > 1 or not self._is_known:
                        answered.append(self._answer(pipe, asked.popleft()))
                    if None in answered:
                        break
                while asked:
                    answered.append(self._answer(pipe, asked.popleft()))
        except (redis.ConnectionError, OSError):
            self._disconnect()
        except ERRORS as error:
            self._disconnect()
            return answered, translated(error, self._server.uri, self._key("cursors"))
        return answered, None

    def _answer(self, pipe: ScriptPipe, wanted: Request) -> list[Outcome] | None:
        try:
            reply = pipe.answer()
        except redis.ResponseError:
            self._is_known = False
            return None
        self._is_known = True
        return outcomes(wanted, reply)

    def _alone(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        with self._translated(), self._pipe() as pipe:
            wanted = self._request(batch)
            pipe.ask("dispatch", wanted.keys, wanted.arguments, wanted.count)
            return outcomes(wanted, pipe.answer())

    def _request(self, batch: Sequence[Dispatch]) -> Request:
        return request(batch, self._key("cursors"), self._rendered)

    def _pipe(self) -> ScriptPipe:
        return ScriptPipe(self._server.channel().pool)

    # -- rendering -------------------------------------------------------------------------------

    def _render(self, message: Message) -> Sequence[Command]:
        template = self._template(message)
        if template is not None:
            headers = cast("FamilyMessage", message).own_headers()
            return template.fill(headers, next(self._tags))
        return self._server.channel().capture(message).commands

    def _rendered(self, message: Message) -> Sequence[Command] | Exception:
        """Return the commands of a message, or the error that is its own; raise the server's.

        The server is asked while rendering: queues are declared, exchanges looked up.
        """
        try:
            return self._render(message)
        except ERRORS as error:
            if not self._server.has_raised(error):
                return error  # users' code raises what sockets raise, too
            outage = translated(error, self._server.uri)
            if outage.state == "wrong-type":  # of a key that belongs to this message's queue
                return BrokerError(str(outage))
            raise
        except Exception as error:  # noqa: BLE001  # a task's own code may run; the outcome carries it
            return error

    def _template(self, message: Message) -> Template | None:
        family: Any = getattr(message, "family", None)
        if family is None:
            return None
        if family not in self._templates:
            template = build(self._server.channel(), cast("FamilyMessage", message))
            self._templates[family] = template
        return self._templates[family]

    # -- what else the server keeps --------------------------------------------------------------

    def now(self) -> datetime:
        """Return the server's time."""
        with self._translated():
            return server_time(self._server.client())

    def leases(self) -> LeaseStore:
        """Return the leases of this namespace."""
        with self._translated():
            return RedisLeases(
                self._server.client(), prefix=self._server.prefix, namespace=self._namespace
            )

    def registry(self) -> BeatRegistry:
        """Return where the beats of this namespace show themselves."""
        with self._translated():
            return RedisRegistry(self._server.client(), self._key("beats"), self._server.uri)

    # -- the server ------------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        return f"{self._server.prefix}periodic:{self._namespace}:{name}"

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except ERRORS as error:
            self._disconnect()
            raise translated(error, self._server.uri, self._key("cursors")) from error

    def _disconnect(self) -> None:
        self._is_known = False
        self._server.disconnect()

    def close(self) -> None:
        """Close the connections; everything else is on the server."""
        self._server.close()


def _entry(dispatch: Dispatch) -> str:
    return dispatch.occurrence.entry


def _chains(batch: Sequence[Dispatch]) -> Iterator[Sequence[Dispatch]]:
    """Yield chunks that divide no entry's chain: of what is refused the script knows the rest."""
    start = 0
    while start < len(batch):
        end = min(start + _CHUNK, len(batch))
        while end < len(batch) and _entry(batch[end]) == _entry(batch[end - 1]):
            end += 1
        yield batch[start:end]
        start = end


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


@cache
def _read(script: str) -> str:
    return (_LUA / f"{script}.lua").read_text(encoding="utf-8")


def _adoption(adoption: Adoption) -> tuple[str, str, str, str]:
    copy = "" if adoption.copy is None else iso_utc(adoption.copy)
    return adoption.name, adoption.fingerprint, iso_utc(adoption.anchor), copy


def _text(reply: bytes | str) -> str:
    # The user's options may ask for decoded answers.
    return reply if isinstance(reply, str) else reply.decode()
