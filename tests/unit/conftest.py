"""A broker small enough to check by eye, and beats over it on a manual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import (
    Adoption,
    Beat,
    Broker,
    BrokerUnreachable,
    Cursor,
    Dispatch,
    Entry,
    ManualClock,
    MemoryCursors,
    Occurrence,
    Outcome,
    Status,
    interval,
)

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class ListBroker(Broker):
    """Enqueues into a list; can be told to be down, or to fail the messages of some entries."""

    def __init__(self) -> None:
        self.cursors = MemoryCursors()
        self.enqueued: list[Occurrence] = []
        self.batches: list[int] = []
        self.down = False
        self.failing: set[str] = set()
        self.attempts = 0

    @classmethod
    def open(cls, *_: Any, **__: Any) -> ListBroker:
        """Make one; there is nothing to connect to."""
        return cls()

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Adopt, or be unreachable."""
        self.attempts += 1
        if self.down:
            raise BrokerUnreachable("list is down")
        with self.cursors.step("test") as table:
            return table.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Claim and enqueue one after another."""
        self.attempts += 1
        self.batches.append(len(batch))
        with self.cursors.step("test") as table:
            return [self._one(table, each) for each in batch]

    def _one(self, table: Any, each: Dispatch) -> Outcome:
        occurrence = each.occurrence
        cursor = table.stand(occurrence.entry, each.previous)
        if self.down:
            error = BrokerUnreachable("list is down")
            return Outcome(occurrence, Status.FAILED, cursor, error)
        if cursor != each.previous:
            return Outcome(occurrence, Status.TAKEN, cursor)
        if occurrence.entry in self.failing:
            return Outcome(occurrence, Status.FAILED, cursor, TypeError("not JSON"))
        self.enqueued.append(occurrence)
        table.set(occurrence.entry, Cursor(each.cursor, each.fingerprint))
        return Outcome(occurrence, Status.DISPATCHED, each.cursor)

    def forget(self, names: Iterable[str]) -> None:
        """Forget cursors."""
        with self.cursors.step("test") as table:
            for name in names:
                table.remove(name)

    def close(self) -> None:
        """Nothing is held."""

    def fire_times(self, entry: str) -> list[str]:
        """Return when the entry's occurrences fire, in the order they were enqueued."""
        return [f"{each.fire_time:%H:%M:%S}" for each in self.enqueued if each.entry == entry]


class Silence:
    """A message that says nothing."""

    def publish(self, producer: Any) -> None:
        """Publish nowhere."""


@dataclass
class Stage:
    """A clock, a broker and beats over it."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    broker: ListBroker = field(default_factory=ListBroker)

    def beat(self, *entries: Entry, **options: Any) -> Beat:
        """Return a beat with these entries that has ticked once."""
        render: Callable[[Entry, Occurrence], Any] = options.pop("render", lambda *_: Silence())
        beat = Beat(self.broker, render, namespace="test", clock=self.clock, **options)
        beat.replace(entries)
        beat.tick()
        return beat

    def pass_time(self, beat: Beat, **by: float) -> None:
        """Let the beat tick at each of its own wakes for a while."""
        end = self.clock.now() + timedelta(**by)
        while (wake := beat.tick()) is not None and wake <= end:
            self.clock.advance_to(max(wake, self.clock.now()))
        self.clock.advance_to(end)
        beat.tick()


def entry(name: str = "job", every: float = 10, **fields: Any) -> Entry:
    """Return an entry on an interval grid, `every` in seconds."""
    return Entry(name=name, task="tasks.job", schedule=interval(seconds=every), **fields)


@pytest.fixture
def stage() -> Stage:
    """Return a stage at Monday noon UTC."""
    return Stage()


@pytest.fixture(name="entry")
def entry_maker() -> Callable[..., Entry]:
    """Return a maker of entries on an interval grid."""
    return entry
