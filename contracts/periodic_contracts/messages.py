"""What the contracts send, and how they read it back: through kombu, as a worker does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import periodic

#: The queue, exchange and routing key that contracts use.
QUEUE = "periodic-contracts"


def queue_named(name: str) -> Any:
    """Return a durable direct queue bound as Celery binds its own: to an exchange of its name."""
    import kombu  # noqa: PLC0415  # the plugin loads this module in every pytest run

    return kombu.Queue(name, kombu.Exchange(name, type="direct"), routing_key=name)


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class ContractMessage:
    """A message as Celery's protocol 2 makes them: the id is in the headers and the properties.

    Args:
        occurrence: whose id and headers it carries.
        body: what the task is called with.
        queue: where it goes.
        before: called when publishing begins; may raise.
        after: called when kombu has taken the message; may raise.
    """

    occurrence: periodic.Occurrence
    body: Any = None
    queue: str = QUEUE
    before: Callable[[], None] = nothing
    after: Callable[[], None] = nothing

    def publish(self, producer: Any) -> None:
        """Publish through a kombu producer, once."""
        self.before()
        queue = queue_named(self.queue)
        producer.publish(
            [[], {"body": self.body}, {}],
            serializer="json",
            exchange=queue.exchange,
            routing_key=queue.routing_key,
            declare=[queue],
            correlation_id=self.occurrence.id,
            headers={
                "id": self.occurrence.id,
                "task": "contracts.task",
                **self.occurrence.headers,
            },
        )
        self.after()


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a worker got it.

    Args:
        id: the task id in the headers.
        correlation_id: the same id, in the properties.
        headers: all headers.
        body: what the task is called with.
    """

    id: str
    correlation_id: str
    headers: dict[str, Any]
    body: Any

    @property
    def entry(self) -> str:
        """The entry that it came from."""
        return str(self.headers["periodic-entry"])

    @property
    def fire_time(self) -> str:
        """The fire time, ISO 8601 in UTC."""
        return str(self.headers["periodic-fire-time"])


def drain(connection: Any, queue: str = QUEUE) -> list[Received]:
    """Consume every message that waits in a queue, in the order in which a worker gets them.

    Args:
        connection: a `kombu.Connection`; it is cloned.
        queue: which queue.
    """
    with draining(connection, queue) as consume:
        return consume()


@contextmanager
def draining(connection: Any, queue: str = QUEUE) -> Generator[Callable[[], list[Received]]]:
    """Hold a connection open, and consume through it every message that waits, again and again.

    Args:
        connection: a `kombu.Connection`; it is cloned.
        queue: which queue.
    """
    with connection.clone() as own:
        bound = queue_named(queue)(own.channel())
        bound.declare()
        yield lambda: list(_consume(bound))


def _consume(bound: Any) -> Iterator[Received]:
    while (message := bound.get(no_ack=True, accept=["json"])) is not None:
        headers = dict(message.headers)
        _, kwargs, _ = message.decode()
        correlation_id = message.properties["correlation_id"]
        yield Received(headers["id"], correlation_id, headers, kwargs["body"])


def ids_of(received: list[Received]) -> list[str]:
    """Return the ids of messages, sorted: which, and how often, whatever their order."""
    return sorted(message.id for message in received)
