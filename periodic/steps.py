"""What becomes of a record when somebody changes an entry: pure functions that a store calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from .clock import Clock, to_utc
from .definitions import Convert, check_name, checked_text, entry_of, make_definition, no_convert
from .entry import Entry
from .errors import DuplicateEntry, EntryError, StaleVersion, UnknownEntry
from .records import EntryRecord, Pause, Source
from .store import Change

#: The longest note of a pause, in characters.
LONGEST_NOTE = 1000
#: What an entry of the store has where nothing is said.
_DEFAULTS: Mapping[str, Any] = {"args": [], "kwargs": {}, "options": {}, "enabled": True}


def _no_check(_entry: Entry) -> None:
    return


@dataclass(frozen=True, slots=True)
class Rules:
    """What an application adds to a store.

    Args:
        zone: of schedules that name none.
        defaults: policies where an entry says nothing.
        convert: knows further schedules.
        check: raises `EntryError` for an entry that could not run.
        code: returns the entries of the code by name; None where the code is not known here.
    """

    zone: tzinfo = UTC
    defaults: Mapping[str, Any] = field(default_factory=dict)
    convert: Convert = no_convert
    check: Callable[[Entry], None] = _no_check
    code: Callable[[], Mapping[str, Entry]] | None = None


class Steps:
    """Makes the changes that a store carries out, each checked before anything is written.

    Args:
        rules: what the application adds.
        clock: says when counting begins anew.
    """

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock

    def putting(self, entries: Mapping[str, Mapping[str, Any]], if_version: int | None) -> Change:
        """Return the change that makes entries, or makes them anew."""
        made = {
            name: make_definition(name, given, convert=self._rules.convert)
            for name, given in entries.items()
        }

        def change(name: str, before: EntryRecord | None) -> EntryRecord:
            _match(name, before, if_version)
            return self._defined(name, before, made[name])

        return change

    def setting(self, name: str, changes: Mapping[str, Any], if_version: int | None) -> Change:
        """Return the change of some keys; None takes what was said back."""
        wanted = {key: value for key, value in changes.items() if value is not None}
        made = make_definition(name, wanted, convert=self._rules.convert)

        def change(name: str, before: EntryRecord | None) -> EntryRecord:
            known = self._known(name, before, if_version)
            kept = {key: value for key, value in known.definition.items() if key not in changes}
            return self._defined(name, known, {**kept, **made})

        return change

    def pausing(self, note: str, until: datetime | None, if_version: int | None) -> Change:
        """Return the change that pauses an entry, or changes note and end of its pause."""
        if not isinstance(note, str) or len(note) > LONGEST_NOTE or "\0" in note:
            raise EntryError(f"a note is text of at most {LONGEST_NOTE} characters")
        checked_text(note, "the note")
        now = self._clock.now()
        if until is not None and (until.utcoffset() is None or to_utc(until) <= now):
            raise EntryError(
                f"until is a moment to come, with its time zone, not {until!r} (it is "
                f"{now.isoformat(timespec='seconds')})"
            )
        end = None if until is None else to_utc(until)

        def change(name: str, before: EntryRecord | None) -> EntryRecord:
            known = self._known(name, before, if_version)
            at = known.pause.at if known.pause is not None and known.paused(now) else now
            return replace(known, pause=Pause(at, note, end))

        return change

    def resuming(self, if_version: int | None) -> Change:
        """Return the change that ends a pause."""
        now = self._clock.now()

        def change(name: str, before: EntryRecord | None) -> EntryRecord:
            known = self._known(name, before, if_version)
            if known.pause is None:
                return known
            since = now
            if known.pause.until is not None and not known.paused(now):
                since = to_utc(known.pause.until) - datetime.resolution  # it went on by itself
            return replace(known, pause=None, since=since)

        return change

    def deleting(self, if_version: int | None) -> Change:
        """Return the change that removes a record."""

        def change(name: str, before: EntryRecord | None) -> None:
            if before is None and name in self._code():
                raise EntryError(
                    f"the entry {name!r} is the code's; remove it there, or pause it here"
                )
            self._known(name, before, if_version)

        return change

    def renaming(self, name: str, new: str, if_version: int | None) -> Change:
        """Return the change of two names, the old one first, that gives an entry another name."""
        check_name(new)
        if new == name:
            raise EntryError(f"the entry {name!r} has this name already")
        moved: dict[str, EntryRecord] = {}

        def change(each: str, before: EntryRecord | None) -> EntryRecord | None:
            if each == name:
                moved[name] = self._known(name, before, if_version)
                if moved[name].source is Source.CODE:
                    raise EntryError(f"the entry {name!r} is named by the code; rename it there")
                return None
            if before is not None or new in self._code():
                raise DuplicateEntry(f"there is an entry named {new!r} already")
            return replace(moved[name], name=new, since=self._clock.now())

        return change

    # -- parts -----------------------------------------------------------------------------------

    def _defined(
        self, name: str, before: EntryRecord | None, definition: Mapping[str, Any]
    ) -> EntryRecord:
        """Return a record with another definition, which could run."""
        now = self._clock.now()
        source = self._source(name, before)
        kept = dict(definition)
        if source is Source.STORE:
            kept = {k: v for k, v in kept.items() if k not in _DEFAULTS or v != _DEFAULTS[k]}
        former = before if before is not None else EntryRecord(name=name)
        after = replace(former, definition=kept, source=source, problem="")
        if before is None:
            anew = source is Source.STORE or bool(kept.keys() & {"schedule", "enabled"})
        else:
            enabled = after.enabled and not before.enabled
            anew = enabled or before.schedule != after.schedule
        if anew:
            after = replace(after, since=now)
        rules = self._rules
        base = self._code().get(name)
        rules.check(entry_of(after, now, zone=rules.zone, base=base, defaults=rules.defaults))
        return after

    def _source(self, name: str, before: EntryRecord | None) -> Source:
        if self._rules.code is None:
            return before.source if before is not None else Source.STORE
        if before is not None and before.source is Source.STORE:
            return Source.STORE
        return Source.CODE if name in self._code() else Source.STORE

    def _known(self, name: str, before: EntryRecord | None, if_version: int | None) -> EntryRecord:
        """Return what there is; for an entry of the code alone an empty record."""
        if before is None and name not in self._code():
            raise UnknownEntry(f"no entry is named {name!r}")
        _match(name, before, if_version)
        return before if before is not None else EntryRecord(name=name, source=Source.CODE)

    def _code(self) -> Mapping[str, Entry]:
        return {} if self._rules.code is None else self._rules.code()


def _match(name: str, before: EntryRecord | None, if_version: int | None) -> None:
    there = 0 if before is None else before.version
    if if_version is None or there == if_version:
        return
    if if_version == 0:
        raise DuplicateEntry(f"there is an entry named {name!r} already, version {there}")
    told = "is gone" if before is None else f"has version {there}"
    raise StaleVersion(
        f"the entry {name!r} {told}, not version {if_version}: it was changed since; look at it "
        "again"
    )
