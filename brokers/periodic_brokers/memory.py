"""The memory adapter: kombu's `memory://`, inside one process.

Claim, cursor and messages change under one lock, so any number of beats in the threads of this
process enqueue each occurrence exactly once. Nothing outlives the process: cursors share the fate
of the messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Self, cast

from kombu import Connection, Producer
from kombu.transport import memory

from periodic import (
    Adoption,
    BeatRegistry,
    BeatStatus,
    Broker,
    Capability,
    Clock,
    CursorStore,
    Dispatch,
    LeaseStore,
    MemoryCursors,
    MemoryLeases,
    MemoryRegistry,
    MemoryRunClaims,
    Outcome,
    claim,
)

#: Kombu's memory queues are global to the process; so are the cursors that belong to them.
_CURSORS = MemoryCursors()
#: Namespace -> beat -> its last word.
_BEATS: dict[str, dict[str, BeatStatus]] = {}
#: Namespace -> its leases.
_LEASES: dict[str, MemoryLeases] = {}

#: What a message becomes in the end: puts of a raw message into a queue.
_Put = tuple[str, Any]


class _CapturingChannel(memory.Channel):
    """Kombu's memory channel with its last step held back: puts are collected, not done.

    Routing, exchanges, serializing and compression stay kombu's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.captured: list[_Put] = []

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        self.captured.append((queue, message))

    def _put_fanout(
        self, exchange: str, message: Any, routing_key: str | None = "", **_: Any
    ) -> None:
        self.captured.extend(
            (queue, message) for queue in self._lookup(exchange, routing_key or "")
        )

    def enqueue(self, puts: Iterable[_Put]) -> None:
        for queue, message in puts:
            super()._put(queue, message)


class _CapturingTransport(memory.Transport):
    Channel = _CapturingChannel


class MemoryBroker(Broker):
    """Messages in kombu's memory transport, cursors beside them.

    Args:
        connection: a `kombu.Connection` to `memory://`.
        namespace: whose cursors these are.
        clock: the beat's clock; `now()` is its wall time.

    A beat killed here is a thread that ended: nothing is lost, nothing repeated. When the process
    ends, messages and cursors end with it.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.ATOMIC_DISPATCH,
            Capability.LEASES,
            Capability.REGISTRY,
            Capability.SERVER_TIME,
        }
    )

    def __init__(self, connection: Connection, *, namespace: str, clock: Clock) -> None:
        self._connection = connection.clone(transport=_CapturingTransport)
        self._namespace = namespace
        self._clock = clock
        self._channel: _CapturingChannel | None = None

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

    def now(self) -> datetime:
        """Return the server's time, which here is the injected clock's; aware, UTC."""
        return self._clock.now()

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        with _CURSORS.step(self._namespace) as table:
            return table.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Render every message first, then claim and enqueue under one lock."""
        channel = self._capturing()
        rendered = [_capture(channel, dispatch) for dispatch in batch]
        with _CURSORS.step(self._namespace) as table:
            return [
                claim(
                    table,
                    dispatch,
                    result if isinstance(result, Exception) else partial(channel.enqueue, result),
                )
                for dispatch, result in zip(batch, rendered, strict=True)
            ]

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        with _CURSORS.step(self._namespace) as table:
            for name in names:
                table.remove(name)

    def registry(self) -> BeatRegistry:
        """Return where the beats of this namespace show themselves: in this process."""
        return MemoryRegistry(self._clock, _BEATS.setdefault(self._namespace, {}))

    def leases(self) -> LeaseStore:
        """Return the leases of this namespace in this process.

        Leases of one namespace end by one clock: that of the first adapter that asks for them.
        """
        return _LEASES.setdefault(self._namespace, MemoryLeases(self._clock))

    def _capturing(self) -> _CapturingChannel:
        if self._channel is None:
            # The connection was made with a transport whose channels are these.
            self._channel = cast("_CapturingChannel", self._connection.channel())
        return self._channel

    def close(self) -> None:
        """Close the connection; messages and cursors stay with the process."""
        self._channel = None
        self._connection.release()


def _capture(channel: _CapturingChannel, dispatch: Dispatch) -> list[_Put] | Exception:
    channel.captured = []
    try:
        dispatch.message.publish(Producer(channel, auto_declare=False))
    except Exception as error:  # noqa: BLE001  # a task's own code may run; the outcome carries it
        return error
    return channel.captured


def reset() -> None:
    """Forget all that this process keeps here, as a server without a disk does."""
    _CURSORS.clear()
    _BEATS.clear()
    _LEASES.clear()
    MemoryRunClaims.reset()
    memory.Channel.queues.clear()
    memory.Transport.global_state.clear()
