"""The generic adapter: any kombu transport that other processes can reach, at least once.

The message goes first and the cursor after it, so a beat killed between the two sends the same
occurrence again, under the same id, and never loses one. Beats that share a cursor store take
turns, so that two of them do not send the same occurrence while both live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from kombu import Connection, Producer

from periodic import (
    Adoption,
    Broker,
    BrokerError,
    BrokerUnreachable,
    Capability,
    Clock,
    Cursor,
    CursorStore,
    CursorTable,
    Dispatch,
    Outcome,
    Status,
)

from . import filesystem
from .kombu_errors import channel_errors, connection_errors

#: Seconds after which a server that does not answer counts as unreachable.
_TIMEOUT = 4.0

#: Transport options that bound every wait and ask for confirmation, where kombu has them; the
#: user's own options win.
_OPTIONS: dict[str, dict[str, Any]] = {
    "amqp": {"confirm_publish": True, "read_timeout": _TIMEOUT, "write_timeout": _TIMEOUT},
    "redis": {"socket_connect_timeout": _TIMEOUT, "socket_timeout": _TIMEOUT},
}


class KombuBroker(Broker):
    """Messages in a kombu transport, cursors in a store of our own.

    Args:
        connection: a `kombu.Connection`; it is cloned, not used.
        namespace: whose cursors these are.
        cursors: where the cursors are kept.

    A beat killed at any moment loses nothing; the occurrences of the batch in hand may be sent a
    second time with the same id. What a crash of the broker does to messages is the broker's.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CROSS_PROCESS})

    def __init__(self, connection: Connection, *, namespace: str, cursors: CursorStore) -> None:
        driver = connection.transport.driver_type
        options = {**_OPTIONS.get(driver, {}), **(connection.transport_options or {})}
        self._connection = connection.clone(
            transport=filesystem.Transport if driver == "filesystem" else connection.transport_cls,
            transport_options=options,
            connect_timeout=_TIMEOUT,
        )
        self._connection_errors = connection_errors(self._connection)
        self._channel_errors = channel_errors(self._connection)
        self._namespace = namespace
        self._cursors = cursors
        self._producer: Producer | None = None

    @classmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        clock: Clock,  # noqa: ARG003  # this adapter asks no time
        cursors: Callable[[], CursorStore],
    ) -> Self:
        """Make the adapter with a cursor store from `cursors`; `clock` is not used."""
        return cls(connection, namespace=namespace, cursors=cursors())

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        with self._cursors.step(self._namespace) as table:
            return table.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Publish what is not taken, then move its cursor; one exclusive step for the batch."""
        try:
            with self._cursors.step(self._namespace) as table:
                return self._dispatch(batch, table)
        except BrokerUnreachable as error:  # the store's; nothing it was told is kept
            return [Outcome(each.occurrence, Status.FAILED, each.previous, error) for each in batch]

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        with self._cursors.step(self._namespace) as table:
            for name in names:
                table.remove(name)

    def _dispatch(self, batch: Sequence[Dispatch], table: CursorTable) -> list[Outcome]:
        outcomes: list[Outcome] = []
        outage: BrokerUnreachable | None = None
        for dispatch in batch:
            occurrence = dispatch.occurrence
            cursor = table.stand(occurrence.entry, dispatch.previous)
            if cursor != dispatch.previous:
                outcomes.append(Outcome(occurrence, Status.TAKEN, cursor))
                continue
            error = outage or self._publish(dispatch)
            if error is None:
                at = dispatch.cursor
                table.set(occurrence.entry, Cursor(at, dispatch.fingerprint))
                outcomes.append(Outcome(occurrence, Status.DISPATCHED, at))
                continue
            if isinstance(error, BrokerUnreachable):
                outage = error
            outcomes.append(Outcome(occurrence, Status.FAILED, cursor, error))
        return outcomes

    def _publish(self, dispatch: Dispatch) -> Exception | None:
        """Publish once more on a new connection if the first try fails as a connection does.

        An outage is when nobody answers a new connection. An error that comes back although the
        broker answers is the message's own, so that it cannot hold up the entries behind it.
        """
        failure: Exception | None = None
        for _ in range(2):
            try:
                producer = self._connected()
            except (*self._connection_errors, *self._channel_errors) as error:
                self._disconnect()
                return BrokerUnreachable(self._says(error))
            try:
                dispatch.message.publish(producer)
            except self._connection_errors as error:
                self._disconnect()
                failure = BrokerError(self._says(error))
            except self._channel_errors as error:
                self._disconnect()  # the server has closed the channel
                return BrokerError(self._says(error))
            except Exception as error:  # noqa: BLE001  # a task's own code may run; the outcome carries it
                return error
            else:
                return None
        return failure

    def _connected(self) -> Producer:
        if self._producer is None:
            self._connection.connect()
            self._producer = Producer(self._connection.channel(), auto_declare=False)
        return self._producer

    def _says(self, error: Exception) -> str:
        return f"{self._connection.as_uri()}: {type(error).__name__}: {error}"

    def _disconnect(self) -> None:
        self._producer = None
        self._connection.collect(socket_timeout=0.1)

    def close(self) -> None:
        """Close the connection; the cursors stay where they are kept."""
        self._producer = None
        self._connection.release()
