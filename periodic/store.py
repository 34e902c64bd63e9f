"""Where entries are kept that change while beats run: the promises of a store.

A store keeps records and a revision. Each change of a record makes the revision grow by one and
becomes that record's version, so a stale write is seen, even by one that has been deleted and made
anew. The revision is the truth; a watch only says that it is worth asking for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from .clock import Clock, SystemClock
from .errors import NotSupported
from .records import AuditRow, Changes, EntryRecord, Origin, Query

#: How many changes the audit remembers.
AUDIT_KEPT: int = 10_000
#: How many changes back a store can tell what is gone; who asks for more gets all there is.
REMOVALS_KEPT: int = 100_000

#: What becomes of a record: given its name and what there is (or None), returns what there shall
#: be (or None); whatever it raises stops the whole step.
Change = Callable[[str, EntryRecord | None], EntryRecord | None]


@dataclass(frozen=True, slots=True)
class Write:
    """One record that a step changes.

    Args:
        name: the entry's.
        before: what there is; None where there is nothing.
        after: what there shall be; None where there shall be nothing.
    """

    name: str
    before: EntryRecord | None
    after: EntryRecord | None


class StoreWatch(ABC):
    """Tells one watcher that a store may have changed; used by one thread."""

    #: How often it is worth asking.
    every: timedelta = timedelta(seconds=1)

    @abstractmethod
    def changed(self) -> bool:
        """Tell whether anything may have changed since the last call; cheap.

        Raises:
            StoreUnreachable: it cannot be told now.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""


class ScheduleStore(ABC):
    """Keeps the records of one namespace.

    A step is all or nothing, and steps follow one another: `update` reads, decides and writes
    while nobody else does. Objects may be used by any thread.

    Args:
        namespace: whose records these are; others in the same place are not seen.
        clock: says when a record was made and changed.
        audit_kept: how many changes the audit remembers.
    """

    #: For the report of the contracts; stores declare nothing yet.
    capabilities: ClassVar[frozenset[Any]] = frozenset()

    def __init__(
        self, namespace: str, *, clock: Clock | None = None, audit_kept: int = AUDIT_KEPT
    ) -> None:
        self.namespace: str = namespace
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.audit_kept: int = audit_kept

    @classmethod
    @abstractmethod
    def open(
        cls,
        url: str,
        *,
        namespace: str,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> Self:
        """Open the store that a URL names.

        Raises:
            ConfigError: it is no URL of such a store, or the place is not as it has to be.
            StoreUnreachable: it cannot be reached now.
        """

    @abstractmethod
    def revision(self) -> int:
        """Return the number of changes so far.

        Raises:
            StoreUnreachable: it cannot be read now; so with every other method.
        """

    @abstractmethod
    def read(self, names: Iterable[str]) -> dict[str, EntryRecord]:
        """Return the records of these names, in one look; unknown names are left out."""

    @abstractmethod
    def page(self, query: Query) -> list[EntryRecord]:
        """Return records in the order of their names."""

    @abstractmethod
    def changes(self, since: int | None) -> Changes:
        """Return what is otherwise since a revision; costs what has changed, not what there is.

        Args:
            since: from an earlier answer; None asks for all there is.
        """

    @abstractmethod
    def update(
        self, names: Sequence[str], change: Change, origin: Origin
    ) -> list[EntryRecord | None]:
        """Change records in one step, and write each change into the audit.

        Args:
            names: each once.
            change: called for each name, in order; may be called again if the step has to be.
            origin: who does it.

        Returns:
            What there is now, by place. A record that is as it was keeps its version.
        """

    @abstractmethod
    def audit(
        self, name: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[AuditRow]:
        """Return the changes of one entry, or of all, the newest first.

        Args:
            name: the entry's; None takes all.
            limit: at most so many.
            before: only revisions smaller than this one.
        """

    @abstractmethod
    def watch(self) -> StoreWatch:
        """Return a new watch; changes count from now."""

    def migrate(self) -> list[str]:
        """Bring the place up to what this version needs; return what was done, in words.

        Raises:
            ConfigError: it was made by a newer version.
            NotSupported: there is nothing to migrate.
        """
        raise NotSupported(f"a {type(self).__name__} has no tables to migrate")

    @abstractmethod
    def close(self) -> None:
        """Give back connections; calling it again does nothing."""

    def planned(
        self, names: Sequence[str], found: Mapping[str, EntryRecord], change: Change
    ) -> list[Write]:
        """Return what a step does, by place: the part of `update` that all stores share.

        Args:
            names: each once.
            found: what there is.
            change: the caller's.
        """
        now = self.clock.now()
        return [_planned(name, found.get(name), change, now) for name in names]


def changes_something(write: Write) -> bool:
    """Tell whether a write is one: what is as it was needs none."""
    return write.after != write.before


def _planned(name: str, before: EntryRecord | None, change: Change, now: datetime) -> Write:
    after = change(name, before)
    if after is None or after == before:
        return Write(name, before, after)
    created = before.created_at if before is not None and before.created_at else now
    return Write(name, before, replace(after, created_at=created, updated_at=now))
