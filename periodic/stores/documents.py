"""Between records and JSON documents, for stores that keep one text for each entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..clock import iso_utc
from ..records import AuditRow, EntryRecord, Origin, Pause, Source

_INSTANTS = ("since", "created_at", "updated_at")


def to_document(record: EntryRecord) -> str:
    """Return a record as JSON text."""
    data: dict[str, Any] = {
        "definition": dict(record.definition),
        "source": str(record.source),
        "version": record.version,
        "pause": None if record.pause is None else record.pause.to_dict(),
    }
    for key in _INSTANTS:
        at = getattr(record, key)
        data[key] = None if at is None else iso_utc(at)
    return json.dumps(data)


def to_record(name: str, text: str) -> EntryRecord:
    """Return the record of a document; one that cannot be read says so in its `problem`."""
    try:
        data: Mapping[str, Any] = json.loads(text)
        pause = data.get("pause")
        since, created_at, updated_at = (_instant(data.get(key)) for key in _INSTANTS)
        return EntryRecord(
            name=name,
            definition=dict(data["definition"]),
            source=Source(data.get("source", Source.STORE)),
            pause=None if pause is None else _pause(pause),
            version=int(data.get("version", 0)),
            since=since,
            created_at=created_at,
            updated_at=updated_at,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return EntryRecord(name=name, problem=f"its document cannot be read: {error!r}")


def to_audit_document(row: AuditRow) -> str:
    """Return a change as JSON text."""
    return json.dumps(row.to_dict())


def to_audit_row(text: str) -> AuditRow:
    """Return the change of a document."""
    data = json.loads(text)
    return AuditRow(
        revision=data["revision"],
        name=data["name"],
        at=datetime.fromisoformat(data["at"]),
        origin=Origin(data["who"], data["via"], data["action"]),
        before=data["before"],
        after=data["after"],
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _pause(data: Mapping[str, Any]) -> Pause:
    return Pause(datetime.fromisoformat(data["at"]), data["note"], _instant(data["until"]))
