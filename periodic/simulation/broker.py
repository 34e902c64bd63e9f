"""The broker of a simulation, and a beat's line to it, which faults may cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from ..broker import Broker, Capability, Dispatch, Outcome, Status
from ..claims import claim
from ..clock import Clock
from ..cursors import Adoption, CursorStore, MemoryCursors
from ..errors import BrokerUnreachable
from ..leases import LeaseStore, MemoryLeases
from .faults import Moment


class SimulatedBroker(Broker):
    """Cursors, claims and leases of the memory adapter, without queues: nobody consumes here.

    Args:
        clock: the server's.
        namespace: whose cursors these are.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.ATOMIC_DISPATCH, Capability.LEASES, Capability.SERVER_TIME}
    )

    def __init__(self, clock: Clock, namespace: str) -> None:
        self._clock = clock
        self._namespace = namespace
        self._cursors = MemoryCursors()
        self._leases = MemoryLeases(clock)

    @classmethod
    def open(
        cls,
        connection: Any,  # noqa: ARG003  # there is no server
        *,
        namespace: str,
        clock: Clock,
        cursors: Callable[[], CursorStore],  # noqa: ARG003  # it keeps its own
    ) -> Self:
        """Make the broker; neither a connection nor `cursors` is used."""
        return cls(clock, namespace)

    def now(self) -> datetime:
        """Return the server's time; aware, UTC."""
        return self._clock.now()

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry; new and edited ones start at their anchor."""
        with self._cursors.step(self._namespace) as table:
            return table.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Claim each occurrence."""
        with self._cursors.step(self._namespace) as table:
            return [claim(table, each, _nothing) for each in batch]

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        with self._cursors.step(self._namespace) as table:
            for name in names:
                table.remove(name)

    def leases(self) -> LeaseStore:
        """Return the leases."""
        return self._leases

    def close(self) -> None:
        """Nothing is held."""


class Killed(BaseException):  # no handler of the beat may catch it
    """The beat was killed in the midst of its tick."""


class Line(Broker):
    """One beat's line to the broker.

    Args:
        broker: what all lines lead to.
        sent: told the occurrences that the broker took.
    """

    def __init__(self, broker: Broker, sent: Callable[[list[Dispatch]], None]) -> None:
        self._broker = broker
        self._sent = sent
        self.capabilities: frozenset[Capability] = broker.capabilities - {  # type: ignore[misc]
            Capability.REGISTRY
        }
        #: Whether the broker cannot be reached.
        self.cut: bool = False
        #: At which moment of the next dispatch the beat dies, or None.
        self.strike: Moment | None = None

    @classmethod
    def open(cls, connection: Any, **_: Any) -> Self:
        """Refuse: a line is made by the simulation alone."""
        raise NotImplementedError(f"{connection!r}: a line is made by the simulation alone")

    def now(self) -> datetime:
        """Return the server's time."""
        self._reach()
        return self._broker.now()

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Return the cursor of each entry."""
        self._reach()
        return self._broker.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Dispatch, unless the line is cut or the beat dies over it."""
        if self.cut:
            error = _unreachable()
            return [Outcome(each.occurrence, Status.FAILED, each.previous, error) for each in batch]
        if self.strike is Moment.BEFORE_DISPATCH:
            raise Killed
        outcomes = self._broker.dispatch(batch)
        self._sent(
            [
                each
                for each, outcome in zip(batch, outcomes, strict=True)
                if outcome.status is Status.DISPATCHED
            ]
        )
        if self.strike is Moment.AFTER_DISPATCH:
            raise Killed
        return outcomes

    def forget(self, names: Iterable[str]) -> None:
        """Forget the cursors of entries that are gone."""
        self._reach()
        self._broker.forget(names)

    def leases(self) -> LeaseStore:
        """Return the leases."""
        self._reach()
        return self._broker.leases()

    def close(self) -> None:
        """Nothing is held: the broker is others' too."""

    def _reach(self) -> None:
        if self.cut:
            raise _unreachable()


def _unreachable() -> BrokerUnreachable:
    return BrokerUnreachable("the simulated broker is away")


def _nothing() -> None:
    return
