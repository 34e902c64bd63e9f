"""What a store keeps: records of entries, who changed them, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from .clock import iso_utc, to_utc


class Source(StrEnum):
    """Where an entry is defined."""

    #: The record holds all of it.
    STORE = "store"
    #: The code holds it; the record says what is otherwise.
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Pause:
    """An entry that does not run for now.

    Args:
        at: since when; aware.
        note: why, in a person's words.
        until: when it goes on by itself; aware, or None for "until somebody resumes it".
    """

    at: datetime
    note: str = ""
    until: datetime | None = None

    def lasts(self, now: datetime) -> bool:
        """Tell whether the pause still holds at an instant (aware)."""
        return self.until is None or to_utc(now) < to_utc(self.until)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; instants as ISO 8601 in UTC."""
        until = None if self.until is None else iso_utc(self.until)
        return {"at": iso_utc(self.at), "note": self.note, "until": until}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """One entry as a store keeps it.

    Args:
        name: unique in its namespace.
        definition: what is said of the entry, as JSON-ready data: `task`, `schedule` in the form
            of `to_dict()`, `args`, `kwargs`, `options`, `enabled` and the policies; times in
            seconds. For an entry of the code only what is otherwise.
        source: where the entry is defined.
        pause: None while it runs.
        since: when its counting began anew: it was made, its schedule changed, or it was enabled
            or resumed. Aware, UTC.
        version: the store's revision in which it was last changed; 0 before it is kept.
        created_at: aware, UTC.
        updated_at: aware, UTC.
        problem: why the store could not read it; "" for a good one.
    """

    name: str
    definition: Mapping[str, Any] = field(default_factory=dict, hash=False)
    source: Source = Source.STORE
    pause: Pause | None = None
    since: datetime | None = None
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    problem: str = ""

    @classmethod
    def usual(
        cls,
        name: str,
        definition: Mapping[str, Any],
        *,
        since: datetime,
        version: int,
        created_at: datetime,
        updated_at: datetime,
    ) -> EntryRecord:
        """Return a good record of an entry of the store that is not paused, as most are.

        The arguments are those of the class. A reader makes a hundred thousand of them at once,
        each in a third of the time.
        """
        made = object.__new__(cls)
        _set_name(made, name)
        _set_definition(made, definition)
        _set_source(made, Source.STORE)
        _set_pause(made, None)
        _set_since(made, since)
        _set_version(made, version)
        _set_created_at(made, created_at)
        _set_updated_at(made, updated_at)
        _set_problem(made, "")
        return made

    @property
    def task(self) -> str | None:
        """The registered name of the task; None where the code says it."""
        return self.definition.get("task")

    @property
    def schedule(self) -> Mapping[str, Any] | None:
        """The schedule in the form of `to_dict()`; None where the code says it."""
        return self.definition.get("schedule")

    @property
    def enabled(self) -> bool:
        """Whether its definition lets it run; a pause is another matter."""
        return self.definition.get("enabled") is not False

    def paused(self, now: datetime) -> bool:
        """Tell whether it is paused at an instant (aware)."""
        return self.pause is not None and self.pause.lasts(now)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; instants as ISO 8601 in UTC."""
        return {
            "name": self.name,
            "source": str(self.source),
            "version": self.version,
            **self.definition,
            "pause": None if self.pause is None else self.pause.to_dict(),
            "since": None if self.since is None else iso_utc(self.since),
            "created_at": None if self.created_at is None else iso_utc(self.created_at),
            "updated_at": None if self.updated_at is None else iso_utc(self.updated_at),
            **({"problem": self.problem} if self.problem else {}),
        }


# What is frozen is set by its slots, in a third of the time of `object.__setattr__`.
(
    _set_name,
    _set_definition,
    _set_source,
    _set_pause,
    _set_since,
    _set_version,
    _set_created_at,
    _set_updated_at,
    _set_problem,
) = (getattr(EntryRecord, each.name).__set__ for each in fields(EntryRecord))


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes something, from where, and what they call it.

    Args:
        who: a person or program; "" where nobody said.
        via: `api`, `cli`, `web` or `import`.
        action: `put`, `set`, `pause`, `resume`, `delete`, `rename` or `sync`.
    """

    who: str = ""
    via: str = "api"
    action: str = "put"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One change of one entry.

    Args:
        revision: of the store, by this change.
        name: the entry's.
        at: when; aware, UTC, by the clock of who changed it.
        origin: who, from where, and how.
        before: the record in the form of `to_dict()`; None where there was none.
        after: the same afterwards; None where there is none any more.
    """

    revision: int
    name: str
    at: datetime
    origin: Origin
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "revision": self.revision,
            "name": self.name,
            "at": iso_utc(self.at),
            "who": self.origin.who,
            "via": self.origin.via,
            "action": self.origin.action,
            "before": None if self.before is None else dict(self.before),
            "after": None if self.after is None else dict(self.after),
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise since a revision.

    Args:
        revision: up to which this tells; ask from here the next time.
        records: what was made or changed since, as it is now.
        removed: the names of what is gone.
        whole: `records` is all there is, read while it is asked for: once, with the errors of
            reading. So it is where everything was asked for, or more than is remembered.
    """

    revision: int
    records: Iterable[EntryRecord]
    removed: Sequence[str] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records, in the order of their names.

    Args:
        prefix: of the name.
        source: of the code or of the store; None takes both.
        task: the registered name of a task; None takes all.
        enabled: what the definition says; None takes both.
        paused: whether a pause is on record, even one that has ended; None takes both.
        after: names behind this one.
        limit: at most so many.
    """

    prefix: str = ""
    source: Source | None = None
    task: str | None = None
    enabled: bool | None = None
    paused: bool | None = None
    after: str = ""
    limit: int = 100

    def takes(self, record: EntryRecord) -> bool:
        """Tell whether a record is meant; the limit is the caller's."""
        return (
            record.name.startswith(self.prefix)
            and record.name > self.after
            and self.source in (None, record.source)
            and self.task in (None, record.task)
            and self.enabled in (None, record.enabled)
            and self.paused in (None, record.pause is not None)
        )
