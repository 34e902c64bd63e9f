"""Makes the entries of records that are alike: each time from the one that was made first.

An application that gives each of its users an entry has a hundred thousand of them, which differ
in name, arguments and beginning. What they share is read and checked once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from .definitions import entry_of, schedule_of
from .entry import Entry
from .records import EntryRecord, Source

#: How many kinds of entries are remembered: a schedule for each minute of a day, and more.
_MOST = 4096
#: What an entry of a kind says besides its arguments, and nothing else.
_OF_A_KIND = frozenset({"task", "schedule", "options"})


class Said(Mapping[str, Any]):
    """What a record says, in parts: what it shares with others of its kind, and its arguments.

    Args:
        shared: the very object that others of its kind have, too; nobody changes it.
        args: as in a definition; None where it says nothing of them.
        kwargs: as in a definition; None where it says nothing of them.
    """

    __slots__ = ("args", "kwargs", "shared")

    def __init__(
        self,
        shared: Mapping[str, Any],
        args: Sequence[Any] | None,
        kwargs: Mapping[str, Any] | None,
    ) -> None:
        self.shared: Mapping[str, Any] = shared
        self.args: Sequence[Any] | None = args
        self.kwargs: Mapping[str, Any] | None = kwargs

    def __getitem__(self, key: str) -> Any:
        return self._whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())

    def _whole(self) -> dict[str, Any]:
        own = {"args": self.args, "kwargs": self.kwargs}
        return {**self.shared, **{key: value for key, value in own.items() if value is not None}}


class Alike:
    """Makes entries as `entry_of` does, and sooner where a record is of the kind of an earlier one.

    Kinds are told apart by the object that their records share: to compare what they say would
    take as long as to make an entry.

    Args:
        zone: for a schedule that names none.
        defaults: the app's policies, for an entry that is the store's alone.
    """

    def __init__(self, zone: tzinfo, defaults: Mapping[str, Any]) -> None:
        self._zone = zone
        self._defaults = defaults
        #: An entry of each kind, and what it shares: what is kept gives its `id` to nothing else.
        self._models: dict[int, tuple[Entry, Mapping[str, Any]]] = {}

    def entry_of(self, record: EntryRecord, now: datetime, base: Entry | None = None) -> Entry:
        """Return the entry that a record and the code make together.

        Args:
            record: from a store.
            now: when a pause is looked at; aware.
            base: the entry of that name in the code, if there is one.

        Raises:
            EntryError: the record is not valid, or the code that it needs is gone.
            ScheduleError: its schedule is not valid.
        """
        said = record.definition
        if (
            not isinstance(said, Said)
            or record.source is not Source.STORE
            or record.pause is not None
            or record.problem
        ):
            return self._made(record, now, base)
        shared, args, kwargs = said.shared, said.args, said.kwargs
        known = self._models.get(id(shared))
        if known is not None:
            return known[0].like(
                record.name,
                () if args is None else args,
                {} if kwargs is None else kwargs,
                record.since,
            )
        made = self._made(record, now, base)
        # Where the name has a part in the schedule, as in `H * * * *`, no other entry has it.
        same = schedule_of(shared["schedule"], self._zone) is made.schedule
        if same and shared.keys() <= _OF_A_KIND:
            if len(self._models) >= _MOST:
                self._models.clear()
            self._models[id(shared)] = made, shared
        return made

    def _made(self, record: EntryRecord, now: datetime, base: Entry | None) -> Entry:
        return entry_of(record, now, zone=self._zone, base=base, defaults=self._defaults)
