"""What a store says of the code's entries, beside today's code; and taking it back.

Nothing here runs by itself: a beat of the old code and one of the new would else undo each other's
work as long as a deploy takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .entry import Entry
from .errors import ConfigError, StaleVersion
from .live import Schedules
from .records import EntryRecord, Origin, Source


class Sync(StrEnum):
    """What becomes of what a store says of the code's entries."""

    #: It stays; what is gone from the code does not run.
    KEEP = "keep"
    #: It stays, but for entries that are gone from the code.
    PRUNE = "prune"
    #: It goes: the code alone counts.
    REPLACE = "replace"


class State(StrEnum):
    """How a record stands to the code."""

    #: It changes an entry that is gone from the code.
    GONE = "gone"
    #: It pauses or changes an entry of the code.
    CHANGED = "changed"
    #: It is whole, and runs in place of the code's entry of its name.
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that says otherwise than the code.

    Args:
        record: what the store holds.
        state: how it stands to the code.
        keys: what is otherwise: key -> (in the code, in the store), as JSON-ready data.
    """

    record: EntryRecord
    state: State
    keys: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def goes(self, mode: Sync) -> bool:
        """Tell whether the record is removed."""
        return mode is Sync.REPLACE or (mode is Sync.PRUNE and self.state is State.GONE)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        pause = self.record.pause
        return {
            "name": self.record.name,
            "state": str(self.state),
            "version": self.record.version,
            "pause": None if pause is None else pause.to_dict(),
            "keys": {key: {"code": code, "store": own} for key, (code, own) in self.keys.items()},
        }


def differences(schedules: Schedules) -> list[Difference]:
    """Return what the store says of the code's entries, in the order of their names.

    Args:
        schedules: the app's.

    Raises:
        ConfigError: the code is not known here.
        StoreUnreachable: the store cannot be read now.
    """
    if schedules.rules.code is None:
        raise ConfigError("there is no code to compare with; take the entries of an app")
    code = schedules.rules.code()
    found = (_difference(record, code.get(record.name)) for record in schedules.all())
    return [each for each in found if each is not None]


def sync(schedules: Schedules, mode: Sync, given: Iterable[Difference]) -> list[str]:
    """Remove what a mode removes, in one step; return the names.

    The code's own entries run again, and count from then on.

    Args:
        schedules: the app's, changed by somebody.
        mode: what goes.
        given: from `differences`, as somebody has seen them.

    Raises:
        StaleVersion: one of them was changed since; nothing was removed.
    """
    seen = {each.record.name: each.record.version for each in given if each.goes(mode)}

    def change(name: str, before: EntryRecord | None) -> None:
        if before is not None and before.version != seen[name]:
            raise StaleVersion(
                f"the entry {name!r} has version {before.version}, not version {seen[name]}: it "
                "was changed since; look again"
            )

    if seen:
        schedules.store.update([*seen], change, Origin(schedules.who, schedules.via, "sync"))
    return [*seen]


def _difference(record: EntryRecord, base: Entry | None) -> Difference | None:
    if record.source is Source.CODE:
        if base is None:
            return Difference(record, State.GONE)
        return Difference(record, State.CHANGED, _keys(record.definition, base))
    return None if base is None else Difference(record, State.DOUBLED)


def _keys(definition: Mapping[str, Any], base: Entry) -> dict[str, tuple[Any, Any]]:
    both = ((key, _plain(getattr(base, key, None)), own) for key, own in definition.items())
    return {key: (code, own) for key, code, own in both if code != own}


def _plain(value: Any) -> Any:
    """Return a field of an entry as a definition would say it."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return value
