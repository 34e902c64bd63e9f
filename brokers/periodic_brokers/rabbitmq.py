"""The RabbitMQ adapter: the connection that leads keeps the cursors in queues beside the messages.

One broker of a namespace leads, by its connection: no other can claim while that lives, and nothing
that it sent counts after the server has found it dead. See `rabbitmq_queues` for what lives on the
server, `rabbitmq_journal` for how it is written, `rabbitmq_dispatch` for what becomes of a batch,
`rabbitmq_frames` for how messages are made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Self, TypeVar

import amqp
from kombu import Connection

from periodic import (
    Adoption,
    Broker,
    BrokerError,
    BrokerUnreachable,
    Capability,
    Clock,
    Cursor,
    CursorStore,
    Dispatch,
    MemoryTable,
    NotLeading,
    Outcome,
    Status,
)

from .kombu_errors import channel_errors, connection_errors
from .rabbitmq_dispatch import Lead, prepared, send
from .rabbitmq_frames import Frames
from .rabbitmq_journal import take_over
from .rabbitmq_queues import Names

T = TypeVar("T")

#: Seconds without a sign of life after which the server takes a connection for dead, at the latest
#: after three of them.
HEARTBEAT = 4
#: Seconds after which a server that does not answer counts as unreachable; the user's options win.
_TIMEOUT = 4.0
#: Seconds after which a server that shows life, but does not answer, counts as unreachable.
_ANSWER = 10.0
#: Seconds that an answer may take while a connection is given up: a stop takes one.
_FAREWELL = 0.3
#: How many occurrences one commit takes.
_CHUNK = 500
#: How many cursors are written at a time when entries are adopted.
_ADOPT = 1000


class RabbitMQBroker(Broker):
    """Messages in RabbitMQ (AMQP 0-9-1, TLS), cursors in queues beside them; one broker leads.

    Args:
        connection: a `kombu.Connection`; it is cloned, not used.
        namespace: whose cursors these are.
        clock: whose monotonic time counts.
        heartbeat: seconds; a leader that dies without a word, such as by a pulled cable, is found
            dead after two to three of them.

    A beat killed at any moment loses nothing and repeats nothing. When the server is killed it may
    forget the batch in hand, which is then sent again with the same ids: nothing is lost, and at
    most that one batch is repeated. A message that no queue takes is an error. Calls from several
    threads wait for each other.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.ATOMIC_DISPATCH, Capability.CROSS_PROCESS, Capability.LEADERSHIP}
    )

    def __init__(
        self, connection: Connection, *, namespace: str, clock: Clock, heartbeat: int = HEARTBEAT
    ) -> None:
        options = {
            "read_timeout": _TIMEOUT,
            "write_timeout": _TIMEOUT,
            **(connection.transport_options or {}),
            "confirm_publish": False,  # a transaction confirms, and the two exclude each other
        }
        self._connection = connection.clone(
            transport_options=options, heartbeat=heartbeat, connect_timeout=_TIMEOUT
        )
        self._uri = self._connection.as_uri()
        self._connection_errors = connection_errors(self._connection)
        self._channel_errors = channel_errors(self._connection)
        self._names = Names(namespace)
        self._clock = clock
        self._lock = threading.RLock()
        self._led: Lead | None = None

    @classmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        clock: Clock,
        cursors: Callable[[], CursorStore],  # noqa: ARG003  # cursors live beside the messages
    ) -> Self:
        """Make the adapter; `cursors` is not used."""
        return cls(connection, namespace=namespace, clock=clock)

    # -- leading ---------------------------------------------------------------------------------

    def lead(self) -> bool:
        """Become, or stay, the one who may claim."""
        with self._lock, self._translated():
            if self._led is None:
                connection = self._connected()
                journal = take_over(connection, self._names, self._clock)
                if journal is not None:
                    self._led = Lead(journal, Frames(connection, journal.channel.channel_id))
            else:
                self._led.journal.stay()
            return self._led is not None

    def resign(self) -> None:
        """Let another broker lead, at once."""
        with self._lock:
            led, self._led = self._led, None
            if led is not None:
                try:
                    with self._hurried():
                        led.journal.close()
                except (*self._connection_errors, *self._channel_errors):
                    self._disconnect()  # the server finds out as well

    # -- cursors and claims ----------------------------------------------------------------------

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        wanted = list(adoptions)

        def adopt(led: Lead) -> dict[str, datetime]:
            found: dict[str, datetime] = {}
            for start in range(0, len(wanted), _ADOPT):
                table = MemoryTable(led.journal.cursors)
                found |= table.adopt(wanted[start : start + _ADOPT])
                if table.written:
                    led.journal.keep(table.written)
            return found

        return self._leading(adopt)

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        gone = list(names)

        def forget(led: Lead) -> None:
            known: dict[str, Cursor | None] = {
                name: None for name in gone if name in led.journal.cursors
            }
            if known:
                led.journal.keep(known)

        self._leading(forget)

    def prepare(self, batch: Sequence[Dispatch]) -> list[Dispatch]:
        """Make the frames of messages in which nothing counts from the dispatch."""
        with self._lock:
            if self._led is None:
                return list(batch)
            frames = self._led.frames
            with self._translated():
                return [prepared(dispatch, frames) for dispatch in batch]

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Compare, render, then enqueue and move cursors by one commit a chunk."""
        outcomes: list[Outcome] = []
        outage: BrokerUnreachable | None = None
        for start in range(0, len(batch), _CHUNK):
            some = batch[start : start + _CHUNK]
            if outage is None:
                try:
                    outcomes += self._leading(partial(send, batch=some))
                    continue
                except BrokerUnreachable as error:
                    outage = error
            outcomes += [
                Outcome(each.occurrence, Status.FAILED, each.previous, outage) for each in some
            ]
        return outcomes

    # -- the connection --------------------------------------------------------------------------

    def _leading(self, work: Callable[[Lead], T]) -> T:
        """Do something as the one who leads; once more if the connection was broken before it.

        A claim that was won by the first try says TAKEN at the second.
        """
        with self._lock:
            broken: BrokerUnreachable | None = None
            if self._led is not None:
                try:
                    with self._translated():
                        return work(self._led)
                except BrokerUnreachable as error:
                    if self._led is not None:  # the connection is as it was
                        raise
                    broken = error
            self.lead()
            if self._led is None:
                # The server may not have seen yet what has become of the connection.
                raise broken or NotLeading(
                    f"{self._uri}: another beat's connection leads; this one waits for its turn"
                )
            with self._translated():
                return work(self._led)

    def _connected(self) -> Any:
        if not self._connection.connected:
            # `connect` would wait two seconds and try again, and no stop would be heard.
            self._connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)
            own: Any = self._connection  # its stub knows no value of this
            own.declared_entities.clear()
            made: Any = self._connection.connection
            made.drain_events = partial(_drain, made, self._clock)
            made.on_blocked = _blocked
        return self._connection.connection

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except BrokerError:
            raise
        except (*self._connection_errors, *self._channel_errors) as error:
            self._disconnect()
            raise BrokerUnreachable(f"{self._uri}: {type(error).__name__}: {error}") from error
        except BaseException:
            # In the middle of a commit nobody knows what the server has done: it says so to the
            # next connection. In that of a take-over tokens are in hand that nobody else could get.
            if self._led is None or self._led.journal.uncertain:
                self._disconnect()
            raise

    @contextmanager
    def _hurried(self) -> Generator[None]:
        connection: Any = self._connection.connection if self._connection.connected else None
        if connection is None:
            yield
        else:
            with connection.transport.having_timeout(_FAREWELL):
                yield

    def _disconnect(self) -> None:
        self._led = None
        with suppress(Exception):
            self._connection.collect(socket_timeout=0.1)

    def close(self) -> None:
        """Let another broker lead, and close the connection."""
        with self._lock:
            self.resign()
            with suppress(*self._connection_errors), self._hurried():
                self._connection.release()


def _drain(connection: Any, clock: Clock, timeout: float | None = None) -> None:
    """Do what py-amqp's `drain_events` does; but signs of life alone are no answer.

    A server that is short of memory, or whose quorum queue has no majority, sends nothing else.
    """
    until = clock.monotonic() + _ANSWER
    while not connection.blocking_read(timeout):
        if clock.monotonic() >= until:
            raise TimeoutError(f"RabbitMQ lives but has not answered for {_ANSWER:g} seconds")


def _blocked(reason: str) -> None:
    raise amqp.RecoverableConnectionError(
        "RabbitMQ takes no messages now, it is short of memory or of disk space: " + reason
    )
