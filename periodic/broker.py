"""What a broker adapter promises: one atomic step that claims, moves the cursor and enqueues."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from .clock import Clock
from .cursors import Adoption, CursorStore
from .entry import Occurrence


class Capability(StrEnum):
    """A declared ability of an adapter; contracts prove each, and its absence too."""

    #: Claim, cursor and message are one step: a beat killed at any moment loses and repeats none.
    ATOMIC_DISPATCH = "atomic_dispatch"
    #: What is enqueued here can be consumed by another process.
    CROSS_PROCESS = "cross_process"


class Message(Protocol):
    """What is sent for one occurrence: it knows how to publish itself through a kombu producer."""

    def publish(self, producer: Any) -> None:
        """Publish through `producer`, once; raise when it could not be published."""
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One occurrence on its way to the broker.

    Args:
        occurrence: what is claimed.
        previous: where the entry's cursor must still stand for the claim to win; UTC.
        fingerprint: of the entry's schedule, kept beside the cursor.
        message: what is enqueued when the claim wins.
    """

    occurrence: Occurrence
    previous: datetime
    fingerprint: str
    message: Message


class Status(StrEnum):
    """What became of a dispatch."""

    DISPATCHED = "dispatched"
    #: Another beat's claim came first (or the cursor stands elsewhere); nothing was enqueued.
    TAKEN = "taken"
    #: Nothing was enqueued, the cursor did not move; `Outcome.error` says why.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one dispatch.

    Args:
        occurrence: which one.
        status: dispatched, taken or failed.
        cursor: where the entry's cursor stands now; UTC.
        error: why it failed; `BrokerUnreachable` means that the broker, not the message, is
            at fault.
    """

    occurrence: Occurrence
    status: Status
    cursor: datetime
    error: Exception | None = None


class Broker(ABC):
    """An adapter: cursors and messages in one place.

    Batches are the unit: one round trip, many occurrences. Dispatches of one entry come in order
    of their fire times, each naming its forerunner as `previous`.
    """

    #: Declared on the class, readable without an instance.
    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    @classmethod
    @abstractmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        clock: Clock,
        cursors: Callable[[], CursorStore],
    ) -> Self:
        """Make an adapter; no connection is established before it is needed.

        Args:
            connection: a `kombu.Connection`, not yet connected; the adapter clones it.
            namespace: whose cursors and claims these are.
            clock: the beat's clock.
            cursors: makes a cursor store, for adapters whose broker cannot keep cursors.
        """

    @abstractmethod
    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry, in one step; see `CursorTable.adopt`.

        Raises:
            BrokerUnreachable: nothing was adopted; try again later.
        """

    @abstractmethod
    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Claim, move the cursor and enqueue, for each dispatch of the batch.

        A claim wins when the entry's cursor equals `previous`; then the message is enqueued and
        the cursor becomes the occurrence's fire time. Comparing for equality instead of order is
        what survives clocks that disagree: a beat ahead of the others cannot make them skip.

        Returns:
            One outcome for each dispatch, in order. An outage is an outcome, not an exception.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what the adapter holds; calling it again does nothing."""
