"""Makes the entries of records that are alike: each time from the one that was made first.

An application that gives each of its users an entry has a hundred thousand of them, which differ
in name, arguments and beginning. What they share is read and checked once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from .definitions import entry_of, schedule_of
from .entry import Entry
from .records import EntryRecord, Source

#: How many kinds of entries are remembered: a schedule for each minute of a day, and more.
_MOST = 4096
#: What the definition of an entry says that is like others.
_USUAL = frozenset({"task", "schedule", "args", "kwargs", "options"})

#: The task, the very objects of schedule, kwargs and options by `id`, and what else tells whether
#: a definition says more than these.
_Key = tuple[Any, int, int, int, int, bool]


class Alike:
    """Makes entries as `entry_of` does, and sooner where a record is like an earlier one.

    Records are alike when they share their schedule, kwargs and options as objects, as those
    that are read together do: to compare what they say would take as long as to make an entry.
    Nobody changes what a record says.

    Args:
        zone: for a schedule that names none.
        defaults: the app's policies, for an entry that is the store's alone.
    """

    def __init__(self, zone: tzinfo, defaults: Mapping[str, Any]) -> None:
        self._zone = zone
        self._defaults = defaults
        #: An entry of each kind, and what it shares: what is kept gives its `id` to nothing else.
        self._models: dict[_Key, tuple[Entry, tuple[object, ...]]] = {}

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
        if record.source is not Source.STORE or record.pause is not None or record.problem:
            return self._made(record, now, base)
        get = said.get
        shared = schedule, kwargs, options = get("schedule"), get("kwargs"), get("options")
        # A model says what is usual and nothing else: so does what has as many keys.
        key = (get("task"), id(schedule), id(kwargs), id(options), len(said), "args" in said)
        try:
            known = self._models.get(key)
        except TypeError:  # a task without a hash: hear what is allowed
            return self._made(record, now, base)
        if known is not None:
            model, _ = known
            return model.like(record.name, get("args", model.args), record.since)
        made = self._made(record, now, base)
        # Where the name has a part in the schedule, as in `H * * * *`, no other entry has it.
        if said.keys() <= _USUAL and schedule_of(said["schedule"], self._zone) is made.schedule:
            if len(self._models) >= _MOST:
                self._models.clear()
            self._models[key] = made, shared
        return made

    def _made(self, record: EntryRecord, now: datetime, base: Entry | None) -> Entry:
        return entry_of(record, now, zone=self._zone, base=base, defaults=self._defaults)
