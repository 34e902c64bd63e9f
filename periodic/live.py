"""Entries that change while beats run: what applications, tasks, shells and commands call.

>>> from periodic import MemoryStore, Schedules, crontab
>>> schedules = Schedules(MemoryStore())
>>> schedules.put("report", task="shop.report", schedule=crontab(minute=0, hour=9)).version
1
>>> schedules.pause("report", note="stocktaking").pause.note
'stocktaking'
>>> [record.name for record in schedules.list()]
['report']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from .errors import StoreError
from .records import AuditRow, EntryRecord, Origin, Query, Source
from .schedules.base import Schedule
from .steps import Rules, Steps
from .store import Change, ScheduleStore

#: The longest name of whoever changes something, in characters.
LONGEST_WHO = 200


class Schedules:
    """The entries of a store, to be made, changed, paused and removed while beats run.

    A change is one step: all of it is kept, or nothing and an error says why. An entry that is put
    as it is already is left alone, so `put` may be called at each start.

    A name of the code makes a record that says what is otherwise than in the code; it survives
    deploys, and `delete` brings the code's own entry back.

    Args:
        store: where they are kept.
        rules: what the application adds.
        who: a person or program, for the audit.
        via: `api`, `cli`, `web` or `import`, for the audit.
    """

    def __init__(
        self, store: ScheduleStore, *, rules: Rules | None = None, who: str = "", via: str = "api"
    ) -> None:
        self.store: ScheduleStore = store
        self.rules: Rules = rules if rules is not None else Rules()
        # What somebody typed or sent goes into a table that people read.
        self.who: str = "".join(char for char in who if char.isprintable())[:LONGEST_WHO]
        self.via: str = via
        self._steps = Steps(self.rules, store.clock)

    def by(self, who: str, *, via: str | None = None) -> Schedules:
        """Return the same entries, changed by somebody: the audit names them."""
        return Schedules(self.store, rules=self.rules, who=who, via=via or self.via)

    # -- reading ---------------------------------------------------------------------------------

    def get(self, name: str) -> EntryRecord | None:
        """Return a record, or None where there is none."""
        return self.store.read([name]).get(name)

    def list(
        self,
        prefix: str = "",
        *,
        source: Source | str | None = None,
        task: str | None = None,
        enabled: bool | None = None,
        paused: bool | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Sequence[EntryRecord]:
        """Return one page of records in the order of their names.

        Args:
            prefix: of the name.
            source: `code` or `store`.
            task: the registered name of a task.
            enabled: what the definition says.
            paused: whether a pause is on record.
            after: the last name of the page before.
            limit: at most so many.
        """
        return self.store.page(
            Query(
                prefix=prefix,
                source=None if source is None else Source(source),
                task=task,
                enabled=enabled,
                paused=paused,
                after=after,
                limit=limit,
            )
        )

    def all(self, prefix: str = "", **filters: Any) -> Iterator[EntryRecord]:
        """Yield all records, page by page; the filters are those of `list`."""
        limit = filters.pop("limit", 1000)
        page = self.list(prefix, limit=limit, **filters)
        while page:
            yield from page
            if len(page) < limit:
                return
            further: dict[str, Any] = {**filters, "after": page[-1].name}
            page = self.list(prefix, limit=limit, **further)

    def audit(
        self, name: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> Sequence[AuditRow]:
        """Return who changed what, the newest first.

        Args:
            name: of one entry; None takes all.
            limit: at most so many.
            before: only changes before this revision.
        """
        return self.store.audit(name, limit=limit, before=before)

    def preview(self, name: str, **given: Any) -> tuple[EntryRecord | None, EntryRecord]:
        """Return what there is of a name, and what `put` would make of it; nothing is written.

        Args:
            name: the entry's.
            given: the keywords of `put`.

        Raises:
            EntryError: `put` would refuse it; so with its other errors.
        """
        before = self.get(name)
        after = self._steps.putting({name: given}, None)(name, before)
        return before, _there(after, name)

    # -- writing ---------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        *,
        task: Any = None,
        schedule: Schedule | Mapping[str, Any] | timedelta | float | None = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        tz: str | tzinfo | None = None,
        enabled: bool | None = None,
        if_version: int | None = None,
        **policies: Any,
    ) -> EntryRecord:
        """Make an entry, or make it anew; a pause stays.

        Args:
            name: at most 200 printable characters.
            task: the task, or its registered name.
            schedule: when it runs; a number is seconds.
            args: positional arguments, as JSON can hold them.
            kwargs: keyword arguments.
            options: options of `apply_async`.
            tz: the zone of a schedule that names none.
            enabled: False for an entry that has no occurrences.
            if_version: write only if this is the version that is there; 0: only if there is none.
            policies: `catch_up` and the like, as in `Entry`; times in seconds, or timedeltas.

        Raises:
            EntryError: a value is not allowed; nothing was written, as with the others.
            ScheduleError: the schedule is not valid.
            StaleVersion: somebody else was faster.
            DuplicateEntry: `if_version` is 0 and the name is taken.
            StoreUnreachable: the store cannot be written now.
        """
        given = _given(
            policies,
            task=task,
            schedule=schedule,
            args=args,
            kwargs=kwargs,
            options=options,
            tz=tz,
            enabled=enabled,
        )
        return self._one("put", name, self._steps.putting({name: given}, if_version))

    def put_many(self, entries: Mapping[str, Mapping[str, Any]]) -> Sequence[EntryRecord]:
        """Make or change entries in one step: all of them, or none.

        Args:
            entries: name -> the keywords of `put`.
        """
        return self._many("put", entries, self._steps.putting(entries, None))

    def set(self, name: str, *, if_version: int | None = None, **changes: Any) -> EntryRecord:
        """Change what is given of an entry, and leave the rest.

        Args:
            name: the entry's.
            if_version: write only if this is the version that is there.
            changes: the keywords of `put`; None takes what was said back, as if never given.

        Raises:
            UnknownEntry: there is none of this name; else as `put`.
        """
        return self._one("set", name, self._steps.setting(name, changes, if_version))

    def pause(
        self,
        name: str,
        *,
        note: str = "",
        until: datetime | None = None,
        if_version: int | None = None,
    ) -> EntryRecord:
        """Let an entry have no occurrences for a while, whatever its definition says.

        Args:
            name: the entry's; one of the code as well.
            note: why.
            until: when it goes on by itself; aware, in the future.
            if_version: write only if this is the version that is there.

        Raises:
            UnknownEntry: there is none of this name.
            EntryError: `until` is naive or past, or the note too long.
        """
        return self._one("pause", name, self._steps.pausing(note, until, if_version))

    def pause_many(
        self, names: Iterable[str], *, note: str = "", until: datetime | None = None
    ) -> Sequence[EntryRecord]:
        """Pause entries in one step: all of them, or none."""
        return self._many("pause", names, self._steps.pausing(note, until, None))

    def resume(self, name: str, *, if_version: int | None = None) -> EntryRecord:
        """End a pause; counting starts now, so nothing of the pause is made up for.

        Raises:
            UnknownEntry: there is none of this name.
        """
        return self._one("resume", name, self._steps.resuming(if_version))

    def resume_many(self, names: Iterable[str]) -> Sequence[EntryRecord]:
        """Resume entries in one step: all of them, or none."""
        return self._many("resume", names, self._steps.resuming(None))

    def delete(self, name: str, *, if_version: int | None = None) -> None:
        """Remove a record; where the code has the entry, the code's own counts again.

        Raises:
            UnknownEntry: there is none of this name.
        """
        self._step("delete", [name], self._steps.deleting(if_version))

    def delete_many(self, names: Iterable[str]) -> None:
        """Remove records in one step: all of them, or none."""
        self._step("delete", [*dict.fromkeys(names)], self._steps.deleting(None))

    def rename(self, name: str, new: str, *, if_version: int | None = None) -> EntryRecord:
        """Give an entry another name; its counting starts now, because its runs have other ids.

        Raises:
            UnknownEntry: there is none of this name.
            DuplicateEntry: the new one is taken.
            EntryError: the new name is not allowed, or the entry is the code's.
        """
        step = self._steps.renaming(name, new, if_version)
        return _there(self._step("rename", [name, new], step)[1], new)

    # -- steps -----------------------------------------------------------------------------------

    def _one(self, action: str, name: str, change: Change) -> EntryRecord:
        return _there(self._step(action, [name], change)[0], name)

    def _many(self, action: str, names: Iterable[str], change: Change) -> Sequence[EntryRecord]:
        each = [*dict.fromkeys(names)]
        found = self._step(action, each, change)
        return [_there(record, name) for name, record in zip(each, found, strict=True)]

    def _step(
        self, action: str, names: Sequence[str], change: Change
    ) -> Sequence[EntryRecord | None]:
        return self.store.update(names, change, Origin(self.who, self.via, action))


def _given(policies: Mapping[str, Any], **named: Any) -> dict[str, Any]:
    return {**{key: value for key, value in named.items() if value is not None}, **policies}


def _there(record: EntryRecord | None, name: str) -> EntryRecord:
    if record is None:
        raise StoreError(f"the store did not keep {name!r}")
    return record
