"""Between records and rows; a row that somebody's SQL has spoiled becomes a record that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
    if row["task"] is not None:
        definition["task"] = row["task"]
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


_scan = json.JSONDecoder().raw_decode


def _read_json(text: str, key: str, kind: type[Any], problems: list[str]) -> Any:
    try:
        value, end = _scan(text)
        if end != len(text):  # space behind it, or more than one value
            value = json.loads(text)
    except (TypeError, ValueError) as error:
        problems.append(f"its column {key} is no JSON: {error}")
        return None
    if not isinstance(value, kind):
        problems.append(f"its column {key} is {_WORDS[kind]} as JSON, not {text[:60]}")
        return None
    return value


def _read_instant(row: Row, key: str, problems: list[str]) -> datetime | None:
    text = row[key]
    if text is None:
        return None
    try:
        return to_utc(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        problems.append(
            f"its column {key} is an instant such as 2026-03-08T07:30:00+00:00, not {text!r}"
        )
        return None
