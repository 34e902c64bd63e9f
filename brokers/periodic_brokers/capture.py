"""Kombu's Redis channel with its last step held back: commands are collected, not sent.

Routing, exchanges, priorities, serializing, compression and the global key prefix stay kombu's.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from kombu import Producer
from kombu.transport import redis as kombu_redis

from periodic import BrokerError, Message


class Command(NamedTuple):
    """What kombu would send to Redis for a message.

    Args:
        name: L for LPUSH, E for PEXPIRE, P for PUBLISH.
        key: with the global key prefix.
        argument: the message, or milliseconds; bytes are ready to be sent.
    """

    name: str
    key: str
    argument: str | bytes


@dataclass(frozen=True, slots=True)
class Captured:
    """What publishing one message came to.

    Args:
        commands: in order.
        routed: an exchange was asked for its queues, which may be others the next time.
    """

    commands: tuple[Command, ...]
    routed: bool


@dataclass(slots=True)
class _Recorder:
    """Stands in for a Redis client, and its pipeline, during kombu's last step."""

    calls: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])

    def lpush(self, key: str, payload: Any) -> None:
        self.calls.append(("LPUSH", key, payload))

    def pexpire(self, key: str, milliseconds: Any) -> None:
        self.calls.append(("PEXPIRE", key, milliseconds))

    def publish(self, topic: str, payload: Any) -> None:
        self.calls.append(("PUBLISH", topic, payload))

    @contextmanager
    def pipeline(self, *_: Any, **__: Any) -> Generator[_Recorder]:
        yield self

    def execute(self) -> None:
        """Send nothing."""


class _Counting(Producer):
    """A producer that knows how often it was used."""

    published: int = 0

    def publish(self, *args: Any, **kwargs: Any) -> Any:
        self.published += 1
        return super().publish(*args, **kwargs)


class CapturingChannel(kombu_redis.Channel):
    """A channel of kombu's Redis transport that collects what it would send.

    What declares queues and bindings, and what looks them up, goes to the server as ever.
    """

    #: What a call to the server has raised during the newest `capture`.
    failed: Exception | None = None
    _recorder: _Recorder | None = None
    _routed: bool = False
    _captured: list[Command]

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Generator[Any]:
        """Yield the recorder during the last step, a client otherwise."""
        if self._recorder is not None:
            yield self._recorder
        else:
            try:
                with super().conn_or_acquire(client) as acquired:
                    yield acquired
            except Exception as error:
                self.failed = error
                raise

    def _lookup(self, exchange: Any, routing_key: Any, default: Any = None) -> Any:
        self._routed = True
        return super()._lookup(exchange, routing_key, default)

    def _put(self, queue: Any, message: Any, **kwargs: Any) -> None:
        with self._recording():
            super()._put(queue, message, **kwargs)

    def _put_fanout(self, exchange: Any, message: Any, routing_key: Any, **kwargs: Any) -> None:
        with self._recording():
            above: Any = super()  # its stub does not know the method
            above._put_fanout(exchange, message, routing_key, **kwargs)  # noqa: SLF001  # ours

    @contextmanager
    def _recording(self) -> Generator[None]:
        recorder = self._recorder = _Recorder()
        try:
            yield
        finally:
            self._recorder = None
        self._captured += [self._command(*call) for call in recorder.calls]

    def _command(self, name: str, key: str, argument: Any) -> Command:
        channel: Any = self  # its stub does not know the method
        client = channel._create_client()  # noqa: SLF001  # ours
        prefixed = getattr(client, "_prefix_args", list)((name, key))
        return Command(name[0] if name != "PEXPIRE" else "E", str(prefixed[1]), str(argument))

    def capture(self, message: Message) -> Captured:
        """Publish a message as far as its commands.

        Returns:
            What it came to; no command where the task has decided to send nothing.

        Raises:
            BrokerError: it goes nowhere: no queue is bound to its exchange.
        """
        self._captured, self._routed, self.failed = [], False, None
        producer = _Counting(self, auto_declare=False)
        message.publish(producer)
        if producer.published and not self._captured:
            # A server that has lost its data knows no binding: the next try declares them anew.
            client: Any = self.connection.client
            client.declared_entities.clear()
            self.state.clear()
            raise BrokerError(
                "no queue is bound to the exchange that the message goes to; start a worker that "
                "declares the queue, or correct the route"
            )
        return Captured(tuple(self._captured), self._routed)


def capturing(transport: type[Any]) -> type[Any]:
    """Return a transport of kombu's Redis family (plain, TLS, Sentinel) with capturing channels.

    Args:
        transport: the class that serves the connection's URL.
    """
    channel = type("CapturingChannel", (CapturingChannel, transport.Channel), {})
    return cast("type[Any]", type("CapturingTransport", (transport,), {"Channel": channel}))
