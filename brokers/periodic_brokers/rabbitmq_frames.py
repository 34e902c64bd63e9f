"""Messages as they go over an AMQP connection: kombu renders them, nothing is sent yet.

Routing, exchanges, priorities, serializing and compression stay kombu's. Messages of one family are
rendered once; their bytes are kept, and the texts in which they differ are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from amqp import spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from kombu import Producer

from periodic import BrokerError, FamilyMessage, Message

#: Bytes of a frame of headers besides the properties: 8 around, 12 before.
_HEADER = 20


class Address(NamedTuple):
    """By what a message is known when it comes back: its id, and where it was to go.

    Args:
        id: of the task; "" for a message without.
        exchange: "" for the default one.
        routing_key: there the name of a queue.
    """

    id: str
    exchange: str
    routing_key: str


class Published(NamedTuple):
    """One message as kombu would publish it.

    Args:
        address: by what it is known.
        frames: the bytes of method, header and body.
    """

    address: Address
    frames: bytes

    @property
    def route(self) -> tuple[str, str]:
        """Where it goes: exchange and routing key."""
        return self.address.exchange, self.address.routing_key


@dataclass(frozen=True, slots=True)
class _Template:
    """The bytes of a family's messages, with empty pieces where slots are.

    The bytes count the texts around them, so they fit texts of one length only.

    Args:
        pieces: bytes around slots.
        slots: (index in `pieces`, name of the header whose text goes there).
        exchange: where the messages go.
        routing_key: the same.
    """

    pieces: tuple[bytes, ...]
    slots: tuple[tuple[int, str], ...]
    exchange: str
    routing_key: str

    def fill(self, texts: Mapping[str, str]) -> Published:
        """Return a message with these texts."""
        pieces = list(self.pieces)
        for index, name in self.slots:
            pieces[index] = texts[name].encode()
        address = Address(texts["id"], self.exchange, self.routing_key)
        return Published(address, b"".join(pieces))


#: How long the texts of own headers are in bytes, by name.
_Lengths = tuple[tuple[str, int], ...]


class _Capturing:
    """A channel that keeps what is published; all else goes to the real one.

    Args:
        channel: the real one.
        watched: in which its methods are called.
    """

    def __init__(self, channel: Any, watched: Callable[[], AbstractContextManager[None]]) -> None:
        self._channel = channel
        self._watched = watched
        self.published: list[tuple[Any, str, str]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._channel, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._watched():
                return found(*args, **kwargs)

        return call

    def basic_publish(
        self, message: Any, exchange: str = "", routing_key: str = "", **_: Any
    ) -> None:
        self.published.append((message, exchange, routing_key))


class _Wire:
    """What py-amqp's writer of frames needs of a connection, and where it writes to."""

    def __init__(self, frame_max: int) -> None:
        self.frame_max = frame_max
        self.bytes_sent = 0
        self._written = bytearray()
        self._write = frame_writer(self, _Into(self._written))

    def frames(self, channel_id: int, message: Any, exchange: str, routing_key: str) -> bytes:
        # The body goes in as many frames as it takes. For headers there is one, or the connection
        # is at its end, and with it every other message.
        size, most = len(message._serialize_properties()), self.frame_max - _HEADER  # noqa: SLF001
        if size > most:
            raise BrokerError(
                f"the message's headers and properties have {size} bytes, and RabbitMQ takes "
                f"{most} (its frame_max); send less in headers"
            )
        self._written.clear()
        # Mandatory: what no queue takes comes back.
        arguments = dumps("Bssbb", (0, exchange, routing_key, True, False))
        self._write(1, channel_id, spec.Basic.Publish, arguments, message)
        return bytes(self._written)


class _Into:
    def __init__(self, written: bytearray) -> None:
        self._written = written

    def write(self, data: bytes) -> None:
        self._written += data


class Frames:
    """Renders messages for one channel of one connection.

    Args:
        connection: an `amqp` connection; queues and exchanges are declared on a channel of its own,
            so that an error there is the message's own.
        channel_id: of the channel that sends; frames carry it.
    """

    def __init__(self, connection: Any, channel_id: int) -> None:
        #: What says that the connection is broken, rather than the message.
        self.connection_errors: tuple[type[Exception], ...] = (
            *connection.connection_errors,
            *connection.recoverable_connection_errors,
            OSError,
        )
        #: Whether the connection failed while something was declared: no later answer counts, it
        #: may be that to an earlier question.
        self.lost: bool = False
        self._connection = connection
        self._channel_id = channel_id
        self._channel: Any = None
        self._exchanges: set[str] = set()
        #: (exchange, routing key) of what is sent alone: the server has refused something there.
        self.suspects: set[tuple[str, str]] = set()
        self._wire = _Wire(connection.frame_max)
        # A family that nobody renders any more takes its templates with it.
        self._templates: WeakKeyDictionary[Any, dict[_Lengths, _Template | None]] = (
            WeakKeyDictionary()
        )

    def forget(self) -> None:
        """Declare everything anew: a queue or an exchange is gone."""
        self._templates.clear()
        self._exchanges.clear()
        self._connection.client.declared_entities.clear()

    def render(self, message: Message) -> list[Published]:
        """Return the messages that a message comes to; none where the task sends nothing."""
        family: Any = getattr(message, "family", None)
        if family is not None:
            texts = cast("FamilyMessage", message).own_headers()
            template = self._template(family, cast("FamilyMessage", message), texts)
            if template is not None:
                return [template.fill(texts)]
        return self._capture(message)

    def _template(
        self, family: Any, message: FamilyMessage, texts: Mapping[str, str]
    ) -> _Template | None:
        templates = self._templates.setdefault(family, {})
        lengths = _lengths(texts)
        if lengths not in templates:
            templates[lengths] = self._build(message, lengths)
        return templates[lengths]

    def _capture(self, message: Message) -> list[Published]:
        return [self._published(*each) for each in self._captured(message)]

    def _captured(self, message: Message) -> list[tuple[Any, str, str]]:
        channel = _Capturing(self._own_channel(), self._watched)
        try:
            # All that a producer asks of a channel is there.
            message.publish(Producer(cast("Any", channel), auto_declare=False))
            self._look_for({exchange for _, exchange, _ in channel.published})
        except self._connection.channel_errors as error:
            self.forget()
            raise BrokerError(f"RabbitMQ refuses what the message is to go to: {error}") from error
        return channel.published

    def _published(self, message: Any, exchange: str, routing_key: str) -> Published:
        frames = self._wire.frames(self._channel_id, message, exchange, routing_key)
        return Published(address_of(message, exchange, routing_key), frames)

    def _look_for(self, exchanges: Iterable[str]) -> None:
        """Refuse an exchange that is not there: publishing to it would end the whole channel."""
        for exchange in exchanges:
            if exchange and exchange not in self._exchanges:
                with self._watched():
                    self._own_channel().exchange_declare(exchange, type="", passive=True)
                self._exchanges.add(exchange)

    def _own_channel(self) -> Any:
        if self._channel is None or not self._channel.is_open:
            with self._watched():
                self._channel = self._connection.channel()
        return self._channel

    @contextmanager
    def _watched(self) -> Generator[None]:
        try:
            yield
        except self.connection_errors:
            self.lost = True
            raise

    def _build(self, message: FamilyMessage, lengths: _Lengths) -> _Template | None:
        """Render two siblings; the first one, filled in for the second, must be the second."""
        rendered: list[tuple[Published, dict[str, str]]] = []
        for number in (1, 2):
            captured = self._captured(message.sibling(number))
            if len(captured) != 1:
                return None
            headers = _headers(captured[0][0])
            texts = {name: str(headers.get(name, "")) for name, _ in lengths}
            if _lengths(texts) != lengths:
                return None
            rendered.append((self._published(*captured[0]), texts))
        (first, texts), (second, others) = rendered
        template = _template(first, texts)
        return template if template.fill(others) == second else None


def address_of(message: Any, exchange: str, routing_key: str) -> Address:
    """Return by what an `amqp` message is known."""
    return Address(str(_headers(message).get("id", "")), exchange, routing_key)


def _headers(message: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", message.properties.get("application_headers") or {})


def _lengths(texts: Mapping[str, str]) -> _Lengths:
    return tuple((name, len(text.encode())) for name, text in texts.items())


def _template(published: Published, texts: Mapping[str, str]) -> _Template:
    # Two headers may have one text, in all messages alike: the first name then stands for both.
    names = {text.encode(): name for name, text in reversed(list(texts.items()))}
    pattern = b"(" + b"|".join(map(re.escape, names)) + b")"
    parts = re.split(pattern, published.frames)
    slots = tuple((index, names[part]) for index, part in enumerate(parts) if part in names)
    filled = {index for index, _ in slots}
    pieces = tuple(b"" if index in filled else part for index, part in enumerate(parts))
    address = published.address
    return _Template(pieces, slots, address.exchange, address.routing_key)
