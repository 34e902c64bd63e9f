"""A store in this process: for tests, for simulation, and for apps of one process."""

from __future__ import annotations

import threading
from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Self

from .clock import Clock
from .errors import ConfigError
from .records import AuditRow, Changes, EntryRecord, Origin, Query
from .store import AUDIT_KEPT, REMOVALS_KEPT, Change, ScheduleStore, StoreWatch, changes_something

_SCHEME = "memory"
_LOOK_EVERY = timedelta(milliseconds=20)


@dataclass(slots=True)
class _State:
    """What all stores of one place and namespace share."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    revision: int = 0
    records: dict[str, EntryRecord] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    #: Name -> the revision of its newest change, the newest last; of what is gone, too.
    changed: dict[str, int] = field(default_factory=dict)
    #: Up to which revision removals are forgotten.
    forgotten: int = 0
    audit: deque[AuditRow] = field(default_factory=deque)


_PLACES: dict[tuple[str, str], _State] = {}


class MemoryStore(ScheduleStore):
    """Records in this process: they live as long as it does.

    Args:
        namespace: whose records these are.
        clock: says when a record was made and changed.
        audit_kept: how many changes the audit remembers.
        place: stores of one place share their records; None is a place of its own.
    """

    def __init__(
        self,
        namespace: str = "",
        *,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
        place: str | None = None,
    ) -> None:
        super().__init__(namespace, clock=clock, audit_kept=audit_kept)
        state = _State() if place is None else _PLACES.setdefault((place, namespace), _State())
        self._state = state

    @classmethod
    def open(
        cls,
        url: str,
        *,
        namespace: str,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> Self:
        """Open `memory://PLACE`: all stores of one place in this process share their records."""
        scheme, separator, place = url.partition("://")
        if scheme != _SCHEME or not separator:
            raise ConfigError(f"a store in memory is named memory://PLACE, not {url!r}")
        return cls(namespace, clock=clock, audit_kept=audit_kept, place=place)

    def revision(self) -> int:
        """Return the number of changes so far."""
        return self._state.revision

    def read(self, names: Iterable[str]) -> dict[str, EntryRecord]:
        """Return the records of these names; what is handed out is the caller's own."""
        with self._state.lock:
            records = self._state.records
            return {name: deepcopy(records[name]) for name in names if name in records}

    def page(self, query: Query) -> list[EntryRecord]:
        """Return records in the order of their names."""
        found: list[EntryRecord] = []
        with self._state.lock:
            for name in self._state.names:
                if len(found) >= query.limit:
                    break
                if query.takes(self._state.records[name]):
                    found.append(deepcopy(self._state.records[name]))
        return found

    def changes(self, since: int | None) -> Changes:
        """Return what is otherwise since a revision."""
        state = self._state
        with state.lock:
            if since is None or since < state.forgotten or since > state.revision:
                records = [deepcopy(state.records[name]) for name in state.names]
                return Changes(state.revision, records, whole=True)
            names: list[str] = []
            for name in reversed(state.changed):
                if state.changed[name] <= since:
                    break
                names.append(name)
            there = [name for name in reversed(names) if name in state.records]
            gone = [name for name in reversed(names) if name not in state.records]
            return Changes(state.revision, [deepcopy(state.records[n]) for n in there], gone)

    def update(
        self, names: Sequence[str], change: Change, origin: Origin
    ) -> list[EntryRecord | None]:
        """Change records under this process's lock."""
        with self._state.lock:
            writes = self.planned(names, self.read(names), change)
            for write in writes:
                if changes_something(write):
                    self._keep(write.name, write.before, write.after, origin)
            kept = self.read(names)
            return [kept.get(name) for name in names]

    def audit(
        self, name: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[AuditRow]:
        """Return changes, the newest first."""
        with self._state.lock:
            rows = [
                row
                for row in reversed(self._state.audit)
                if name in (None, row.name) and (before is None or row.revision < before)
            ]
            return deepcopy(rows[:limit])

    def watch(self) -> StoreWatch:
        """Return a watch that compares revisions."""
        return _MemoryWatch(self._state)

    def close(self) -> None:
        """Nothing is held."""

    def _keep(
        self, name: str, before: EntryRecord | None, after: EntryRecord | None, origin: Origin
    ) -> None:
        state = self._state
        state.revision += 1
        kept = None if after is None else replace(deepcopy(after), version=state.revision)
        if kept is None:
            state.records.pop(name, None)
            state.names.remove(name)
        else:
            if name not in state.records:
                insort(state.names, name)
            state.records[name] = kept
        state.changed.pop(name, None)
        state.changed[name] = state.revision
        self._forget(state)
        state.audit.append(
            AuditRow(
                revision=state.revision,
                name=name,
                at=self.clock.now(),
                origin=origin,
                before=None if before is None else before.to_dict(),
                after=None if kept is None else kept.to_dict(),
            )
        )
        while len(state.audit) > self.audit_kept:
            state.audit.popleft()

    @staticmethod
    def _forget(state: _State) -> None:
        """Forget removals that are so far back that nobody asks for them."""
        if len(state.changed) - len(state.records) <= REMOVALS_KEPT:
            return
        gone = [name for name in state.changed if name not in state.records]
        for name in gone[: REMOVALS_KEPT // 2]:
            state.forgotten = state.changed.pop(name)


class _MemoryWatch(StoreWatch):
    every = _LOOK_EVERY

    def __init__(self, state: _State) -> None:
        self._state = state
        self._seen = state.revision

    def changed(self) -> bool:
        """Tell whether the revision has moved."""
        seen, self._seen = self._seen, self._state.revision
        return seen != self._seen

    def close(self) -> None:
        """Nothing is held."""
