"""Between records and rows; a row that somebody's SQL has spoiled becomes a record that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from ..alike import Said
from ..clock import iso_utc, to_utc
from ..records import AuditRow, EntryRecord, Origin, Pause, Source

#: One row, by the names of its columns.
Row = Mapping[Any, Any]

#: Columns that hold JSON, and what each must be.
_JSON: Mapping[str, type[Any]] = {
    "schedule": dict,
    "args": list,
    "kwargs": dict,
    "options": dict,
    "policies": dict,
}
_WORDS: Mapping[type[Any], str] = {dict: "a mapping", list: "a list"}
_ENABLED = {0: False, 1: True}


#: The columns of a record and its version, in the order in which `to_records` takes them.
COLUMNS: tuple[str, ...] = (
    *("name", "task", "schedule", "args", "kwargs", "options", "policies"),
    *("enabled", "source", "paused_at", "pause_note", "pause_until"),
    *("since", "created_at", "updated_at", "version"),
)
#: Longer JSON than this is hardly the same in many rows.
_SHORT = 500
_NESTED = frozenset({dict, list})


def to_row(record: EntryRecord) -> dict[str, Any]:
    """Return the columns of a record, without its namespace and name."""
    definition = dict(record.definition)
    enabled = definition.pop("enabled", None)
    row: dict[str, Any] = {
        "task": definition.pop("task", None),
        "enabled": None if enabled is None else int(enabled),
    }
    for key in ("schedule", "args", "kwargs", "options"):
        row[key] = to_json(definition.pop(key)) if key in definition else None
    pause = record.pause
    return {
        **row,
        "policies": to_json(definition) if definition else None,
        "source": str(record.source),
        "paused_at": None if pause is None else iso_utc(pause.at),
        "pause_note": None if pause is None else pause.note,
        "pause_until": None if pause is None or pause.until is None else iso_utc(pause.until),
        "since": None if record.since is None else iso_utc(record.since),
        "created_at": None if record.created_at is None else iso_utc(record.created_at),
        "updated_at": None if record.updated_at is None else iso_utc(record.updated_at),
    }


def to_record(row: Row) -> EntryRecord:
    """Return the record of a row of `entries` and its `version`."""
    problems: list[str] = []
    definition: dict[str, Any] = {}
    for key, kind in _JSON.items():
        if row[key] is None:
            continue
        value = _read_json(row[key], key, kind, problems)
        if value is None:
            continue
        if key == "policies":
            definition.update(value)
        else:
            definition[key] = value
    task = _read_task(row["task"], problems)
    if task is not None:
        definition["task"] = task
    if row["enabled"] in _ENABLED:
        definition["enabled"] = _ENABLED[row["enabled"]]
    elif row["enabled"] is not None:
        problems.append(f"its column enabled is 0 or 1, not {row['enabled']!r}")
    source = Source.STORE
    try:
        source = Source(row["source"])
    except ValueError:
        problems.append(f"source is 'store' or 'code', not {row['source']!r}")
    paused_at = _read_instant(row, "paused_at", problems)
    pause = None
    if row["paused_at"] is not None:
        # A pause that cannot be read is no reason to run.
        until = _read_instant(row, "pause_until", problems)
        pause = Pause(paused_at or _LONG_AGO, row["pause_note"] or "", until)
    return EntryRecord(
        name=row["name"],
        definition=definition,
        source=source,
        pause=pause,
        since=_read_instant(row, "since", problems),
        version=row["version"] or 0,
        created_at=_read_instant(row, "created_at", problems),
        updated_at=_read_instant(row, "updated_at", problems),
        problem="; ".join(problems),
    )


def to_records(found: Iterable[Sequence[Any]]) -> Iterable[EntryRecord]:
    """Yield the records of many rows, for a reader that changes nothing of them.

    Rows of one application are much alike: what they say in the same words is one object.

    Args:
        found: rows in the order of `COLUMNS`.
    """
    for row in found:
        yield _quickly(row) or to_record(by_column(row))


def by_column(found: Sequence[Any]) -> Row:
    """Return a row in the order of `COLUMNS` by the names of its columns."""
    return dict(zip(COLUMNS, found, strict=True))


def _quickly(row: Sequence[Any]) -> EntryRecord | None:
    """Return the record of a row in which nothing is unusual; None for every other one."""
    # In the order of `COLUMNS`, at once: slices take ten times as long.
    (
        name,
        task,
        schedule,
        args,
        kwargs,
        options,
        policies,
        enabled,
        source,
        paused_at,
        _,
        _,
        since,
        created_at,
        updated_at,
        version,
    ) = row
    if policies is not None or enabled is not None or paused_at is not None or source != "store":
        return None
    try:
        # What is missing, or of another type, raises a TypeError.
        if not version or len(schedule) > _SHORT or (options and len(options) > _SHORT):
            return None
        shared = _shape(task, schedule, options)
        if shared is None:
            return None
        positional = None
        if args is not None:
            positional, end = _scan_once(args, 0)
            if type(positional) is not list or end != len(args):
                return None
        return EntryRecord.usual(
            name,
            Said(shared, positional, None if kwargs is None else _mapping(kwargs)),
            since=to_utc(datetime.fromisoformat(since)),
            version=version,
            created_at=_moment(created_at),
            updated_at=_moment(updated_at),
        )
    except (StopIteration, TypeError, ValueError, OverflowError, RecursionError):
        return None  # the careful way says what is wrong


@lru_cache(maxsize=2**12)
def _shape(task: str, schedule: str, options: str | None) -> dict[str, Any] | None:
    """Return what records of one kind share, the same object each time; None where none may."""
    value, end = _scan_once(schedule, 0)
    if type(task) is not str or type(value) is not dict or end != len(schedule):
        return None
    shape: dict[str, Any] = {"task": task, "schedule": value}
    if options is not None:
        shape["options"] = _shared(options)
    return shape if shape.get("options", {}) is not None else None


def _mapping(text: str) -> dict[str, Any]:
    """Return what a mapping's text says: one that is short and plain is the same for all."""
    value = _shared(text) if len(text) <= _SHORT else None
    if value is None:
        value = json.loads(text)
        if type(value) is not dict:
            raise ValueError(text)
    return value


@lru_cache(maxsize=2**12)
def _shared(text: str) -> dict[str, Any] | None:
    """Return a mapping of plain values, the same one each time; None for what is something else."""
    value, end = _scan_once(text, 0)
    if type(value) is not dict or end != len(text):
        return None
    for each in value.values():  # as a loop, because kwargs are often other ones in each row
        if type(each) in _NESTED:
            return None
    return value


@lru_cache(maxsize=2**10)
def _moment(text: str) -> datetime:
    return to_utc(datetime.fromisoformat(text))


def to_audit_row(row: Row) -> AuditRow:
    """Return a change from a row of `audit`."""
    return AuditRow(
        revision=row["revision"],
        name=row["name"],
        at=datetime.fromisoformat(row["at"]),
        origin=Origin(row["who"], row["via"], row["action"]),
        before=None if row["before"] is None else json.loads(row["before"]),
        after=None if row["after"] is None else json.loads(row["after"]),
    )


def to_json(value: Any) -> str:
    """Return JSON as a person reads it in a table."""
    return json.dumps(value, ensure_ascii=False)


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


_DECODER: Any = json.JSONDecoder()
#: Without the decoder's sentences: it raises `StopIteration`.
_scan_once = _DECODER.scan_once


def _read_json(text: str, key: str, kind: type[Any], problems: list[str]) -> Any:
    if not isinstance(text, str):  # SQLite keeps whatever it is told, and JSON may be bytes
        problems.append(f"its column {key} is {_WORDS[kind]} as JSON text, not {text!r:.60}")
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        problems.append(f"its column {key} is no JSON: {error}")
        return None
    if not isinstance(value, kind):
        problems.append(f"its column {key} is {_WORDS[kind]} as JSON, not {text[:60]}")
        return None
    return value


def _read_task(text: Any, problems: list[str]) -> str | None:
    if text is None or isinstance(text, str):
        return text
    problems.append(f"its column task is the name of a task, not {text!r:.60}")
    return None


def _read_instant(row: Row, key: str, problems: list[str]) -> datetime | None:
    text = row[key]
    if text is None:
        return None
    try:
        return to_utc(datetime.fromisoformat(text))
    except (TypeError, ValueError, OverflowError):
        problems.append(
            f"its column {key} is an instant such as 2026-03-08T07:30:00+00:00, not {text!r}"
        )
        return None
