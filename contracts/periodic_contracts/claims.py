"""One entry's occurrences and their claims, as contracts make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .contract import NAMESPACE
from .messages import ContractMessage

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: A fingerprint of no schedule in particular.
FINGERPRINT = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Claims:
    """Makes adoptions and dispatches of an entry whose occurrences are whole units apart.

    Args:
        core: the core under test.
        clock: whose units count.
        anchor: where counting starts; UTC. Instant 0 is the anchor, 1 the first occurrence.
        entry: the entry's name.
        namespace: of the occurrences.
    """

    core: Core
    clock: DrivenClock
    anchor: datetime
    entry: str = "job"
    namespace: str = NAMESPACE

    @classmethod
    def now(cls, core: Core, clock: DrivenClock, **given: str) -> Claims:
        """Start counting now."""
        return cls(core, clock, clock.now(), **given)

    def at(self, number: int) -> datetime:
        """Return an instant of the entry, by its number."""
        return self.anchor + self.clock.units(number)

    def number(self, at: datetime) -> int:
        """Return the number of an instant of the entry."""
        number = round((at - self.anchor) / self.clock.units(1))

        assert self.at(number) == at
        return number

    def occurrence(self, number: int) -> periodic.Occurrence:
        """Return an occurrence, by its number."""
        return self.core.Occurrence(self.namespace, self.entry, self.at(number))

    def adopt(
        self,
        broker: periodic.Broker,
        *,
        anchor: int = 0,
        fingerprint: str = FINGERPRINT,
        copy: int | None = None,
    ) -> datetime:
        """Let a broker adopt the entry and return the entry's cursor."""
        copied = None if copy is None else self.at(copy)
        adoption = self.core.Adoption(self.entry, fingerprint, self.at(anchor), copied)
        return broker.adopt([adoption])[self.entry]

    def dispatch(
        self,
        number: int,
        *,
        previous: int | None = None,
        up_to: int | None = None,
        fingerprint: str = FINGERPRINT,
        **message: Any,
    ) -> periodic.Dispatch:
        """Make the dispatch of an occurrence.

        Args:
            number: of the occurrence.
            previous: the number of the forerunner; the one before unless given.
            up_to: the number of the newest that is given up with it, if any is.
            fingerprint: of the schedule.
            message: fields of its `ContractMessage`.
        """
        occurrence = self.occurrence(number)
        stands = self.at(number - 1 if previous is None else previous)
        contents = ContractMessage(occurrence, **message)
        given_up = None if up_to is None else self.at(up_to)
        return self.core.Dispatch(occurrence, stands, fingerprint, contents, given_up)

    def chain(self, first: int, last: int) -> list[periodic.Dispatch]:
        """Make the dispatches of consecutive occurrences, each naming its forerunner."""
        return [self.dispatch(number) for number in range(first, last + 1)]

    def ids(self, *numbers: int) -> list[str]:
        """Return the ids of occurrences, by their numbers, sorted."""
        return sorted(self.occurrence(number).id for number in numbers)


def statuses(outcomes: list[periodic.Outcome]) -> list[str]:
    """Return what became of dispatches, by name: a vendored core has a Status of its own."""
    return [outcome.status.name for outcome in outcomes]
