"""What a broker adapter promises: one atomic step that claims, moves the cursor and enqueues."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from .clock import Clock
from .cursors import Adoption, CursorStore
from .entry import Occurrence
from .errors import NotSupported
from .leases import LeaseStore
from .registry import BeatRegistry


class Capability(StrEnum):
    """A declared ability of an adapter; contracts prove each, and its absence too."""

    #: Claim, cursor and message are one step: a beat killed at any moment loses and repeats none.
    ATOMIC_DISPATCH = "atomic_dispatch"
    #: What is enqueued here can be consumed by another process.
    CROSS_PROCESS = "cross_process"
    #: One connection leads, and no other can claim while it lives; the server knows when it dies
    #: and fences what a dead one still sends: `lead()`.
    LEADERSHIP = "leadership"
    #: Leases with an end that the server sets, and fencing tokens: `leases()`.
    LEASES = "leases"
    #: The server has a clock that beats can compare theirs with: `now()`.
    SERVER_TIME = "server_time"
    #: Running beats can show themselves to whoever asks: `registry()`.
    REGISTRY = "registry"


class Message(Protocol):
    """What is sent for one occurrence: it knows how to publish itself through a kombu producer."""

    def publish(self, producer: Any) -> None:
        """Publish through `producer`, once; raise when it could not be published."""
        ...


class FamilyMessage(Message, Protocol):
    """A message that is like its siblings, the entry's other messages, but for a few headers.

    An adapter may render two siblings, keep what they share, and fill in the rest for each
    occurrence, which is many times faster than to publish each.
    """

    @property
    def family(self) -> Hashable | None:
        """Return an object that siblings share, and that lives as long as more may come.

        None is for a message like no other: what makes it must run for each occurrence.
        """
        ...

    def own_headers(self) -> dict[str, str]:
        """Return a new dict of the headers in which it differs from its siblings, with `id`.

        The text of each may stand elsewhere in the message too, as the id does.
        """
        ...

    @property
    def settled(self) -> bool:
        """Return whether `own_headers` says the same whenever it is asked."""
        ...

    def sibling(self, number: int) -> FamilyMessage:
        """Return one of its family, whose own headers have texts that stand nowhere else.

        They are as long as its own, so that what counts bytes around them stays as it is.
        """
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One occurrence on its way to the broker.

    Args:
        occurrence: what is claimed.
        previous: where the entry's cursor must still stand for the claim to win; UTC.
        fingerprint: of the entry's schedule, kept beside the cursor.
        message: what is enqueued when the claim wins.
        up_to: the newest occurrence that is given up with this one, if any is after it; UTC.
    """

    occurrence: Occurrence
    previous: datetime
    fingerprint: str
    message: Message
    up_to: datetime | None = None

    @property
    def cursor(self) -> datetime:
        """Where the entry's cursor stands when the claim wins; UTC."""
        return self.occurrence.fire_time if self.up_to is None else self.up_to


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
    #: How many occurrences a beat hands over at a time, at the most: a stop waits for them, so that
    #: those which take long come in smaller batches.
    batch_size: ClassVar[int] = 500

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
        the cursor becomes the dispatch's `cursor`, as a rule the occurrence's fire time. Comparing
        for equality instead of order is what survives clocks that disagree: a beat ahead of the
        others cannot make them skip.

        Returns:
            One outcome for each dispatch, in order. An outage is an outcome, not an exception.
        """

    @abstractmethod
    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone; an unknown name is no error.

        An entry of that name that comes back later starts at its anchor.

        Raises:
            BrokerUnreachable: nothing was forgotten; try again later.
        """

    def prepare(self, batch: Sequence[Dispatch]) -> list[Dispatch]:
        """Return dispatches of the same occurrences that cost less when they are dispatched.

        Only saves time, and claims nothing. An adapter may return what it was given; what it
        returns may never be dispatched.
        """
        return list(batch)

    def lead(self) -> bool:
        """Become, or stay, the one broker of the namespace that may claim; again and again.

        A broker that leads stays it by calling this at least each second, and so does one that
        waits for its turn. Adopting, dispatching and forgetting try to lead first; while another
        leads they fail by `NotLeading`.

        Returns:
            Whether this broker leads now.

        Raises:
            NotSupported: the adapter does not declare `LEADERSHIP`.
            BrokerUnreachable: the server did not answer.
        """
        raise self._lacks(Capability.LEADERSHIP)

    def resign(self) -> None:
        """Let another broker lead, at once; one that does not lead does nothing.

        Raises:
            NotSupported: the adapter does not declare `LEADERSHIP`.
        """
        raise self._lacks(Capability.LEADERSHIP)

    def now(self) -> datetime:
        """Return the server's time: aware, UTC.

        Raises:
            NotSupported: the adapter does not declare `SERVER_TIME`.
            BrokerUnreachable: the server did not answer.
        """
        raise self._lacks(Capability.SERVER_TIME)

    def leases(self) -> LeaseStore:
        """Return the leases of this namespace.

        Raises:
            NotSupported: the adapter does not declare `LEASES`.
        """
        raise self._lacks(Capability.LEASES)

    def registry(self) -> BeatRegistry:
        """Return where the beats of this namespace show themselves.

        Raises:
            NotSupported: the adapter does not declare `REGISTRY`.
        """
        raise self._lacks(Capability.REGISTRY)

    @abstractmethod
    def close(self) -> None:
        """Give back what the adapter holds; calling it again does nothing."""

    def _lacks(self, capability: Capability) -> NotSupported:
        declared = ", ".join(sorted(each.name for each in self.capabilities)) or "nothing"
        return NotSupported(
            f"{type(self).__name__} does not declare {capability.name} (it declares {declared}); "
            "use a broker whose adapter does"
        )
