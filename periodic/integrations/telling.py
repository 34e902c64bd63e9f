"""What the commands that change entries print: records, what they mean, and what was changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ..definitions import entry_of
from ..errors import PeriodicError
from ..live import Schedules
from ..masking import masked
from ..records import AuditRow, EntryRecord
from . import console


def each_told(records: Sequence[EntryRecord], *, as_json: bool) -> Sequence[EntryRecord]:
    """Return the records to tell one by one; as JSON they are told here, together."""
    if not as_json:
        return records
    told = [masked(record.to_dict()) for record in records]
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    return ()


def tell_one(
    schedules: Schedules, record: EntryRecord, verb: str, *, as_json: bool = False
) -> None:
    """Print one record: what was done, its version, and when it runs next."""
    if as_json:
        click.echo(json.dumps(masked(record.to_dict()), indent=2, ensure_ascii=False))
        return
    click.echo(f"{verb} {record.name}, version {record.version}: {_state(schedules, record)}")


def _state(schedules: Schedules, record: EntryRecord) -> str:
    """Return in a few words when an entry runs next, or why it does not."""
    now = schedules.store.clock.now()
    if record.pause is not None and record.paused(now):
        return console.pause_words(record.pause, schedules.rules.zone)
    told = all_of(schedules, record)
    if "problem" in told:
        return str(told["problem"])
    if not told["enabled"]:
        return "disabled"
    following = told["next"]
    return f"{told['words']}, next {following[0]}" if following else f"{told['words']}, no run"


def all_of(schedules: Schedules, record: EntryRecord) -> dict[str, Any]:
    """Return a record with what it means: the schedule in words, and the next runs."""
    rules, now = schedules.rules, schedules.store.clock.now()
    code = rules.code() if rules.code is not None else {}
    told = record.to_dict()
    try:
        entry = entry_of(
            record, now, zone=rules.zone, base=code.get(record.name), defaults=rules.defaults
        )
    except PeriodicError as error:
        return {**told, "problem": str(error)}
    runs = [console.local(row.at) for row in console.next_rows([entry], now, 3)]
    return {
        **told,
        "task": entry.task,
        "schedule": entry.schedule.to_dict(),
        "args": list(entry.args),
        "kwargs": dict(entry.kwargs),
        "options": dict(entry.options),
        "enabled": entry.enabled or record.paused(now),
        "words": entry.schedule.describe(),
        "next": runs,
    }


def audit_cells(row: AuditRow) -> tuple[str, ...]:
    """Return a change as a line of a table."""
    at = f"{row.at:%Y-%m-%d %H:%M:%S}"
    return (at, row.origin.who or "-", row.origin.via, row.origin.action, row.name, _what(row))


#: What changes with each write and tells nothing.
_ALWAYS = {"version", "updated_at", "created_at", "since", "name", "source"}


def _what(row: AuditRow) -> str:
    """Return what a change changed: the keys, old and new."""
    if row.after is None:
        return "gone"
    before, after = masked(row.before or {}), masked(row.after)
    keys = [key for key in (*before, *after) if key not in _ALWAYS]
    changed = [key for key in dict.fromkeys(keys) if before.get(key) != after.get(key)]
    if row.before is None:
        return ", ".join(f"{key} {_short(after[key])}" for key in changed if after.get(key))
    return ", ".join(
        f"{key} {_short(before.get(key))} -> {_short(after.get(key))}" for key in changed
    )


_WIDE = 40


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


def plain(value: Any) -> str:
    """Return a value for a person: text as it is, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "; ".join(value)
    return json.dumps(value, ensure_ascii=False)
