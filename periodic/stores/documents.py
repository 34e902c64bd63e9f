"""Between records and JSON documents, for stores that keep one text for each entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..clock import iso_utc, to_utc
from ..records import AuditRow, EntryRecord, Origin, Pause, Source

_INSTANTS = ("since", "created_at", "updated_at")
#: What a document raises that somebody has spoiled.
_UNREADABLE = (
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)


def to_document(record: EntryRecord) -> str:
    """Return a record as JSON text."""
    return str(record.version).join(document_parts(record))


def document_parts(record: EntryRecord) -> tuple[str, str]:
    """Return the text of a record in front of its version and behind it.

    The server that keeps it counts, so it is the one that knows the version.
    """
    data: dict[str, Any] = {
        "definition": dict(record.definition),
        "source": str(record.source),
        "pause": None if record.pause is None else record.pause.to_dict(),
    }
    for key in _INSTANTS:
        at = getattr(record, key)
        data[key] = None if at is None else iso_utc(at)
    return _parts(data, "version")


def to_record(name: str, text: str) -> EntryRecord:
    """Return the record of a document; one that cannot be read says so in its `problem`."""
    try:
        text.encode()  # bytes that are no text come as halves of characters
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
    except _UNREADABLE as error:
        return EntryRecord(name=name, problem=f"its document cannot be read: {error!r}")


def audit_parts(row: AuditRow) -> tuple[str, ...]:
    """Return the text of a change around its revision, which the new record's version is, too."""
    data = row.to_dict()
    del data["revision"]
    after = data.pop("after")
    if after is None:
        return _parts({**data, "after": None}, "revision")
    head, middle = _parts(data, "revision")
    start, end = _told(after)
    return head, f'{middle[:-1]}, "after": {start}', f"{end}}}"


def told_parts(record: EntryRecord) -> tuple[str, str]:
    """Return the text of a record as the audit tells it, around its version."""
    return _told(record.to_dict())


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
    return None if text is None else to_utc(datetime.fromisoformat(text))


def _pause(data: Mapping[str, Any]) -> Pause:
    return Pause(to_utc(datetime.fromisoformat(data["at"])), data["note"], _instant(data["until"]))


def _told(data: Mapping[str, Any]) -> tuple[str, str]:
    return _parts({key: value for key, value in data.items() if key != "version"}, "version")


def _parts(data: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Return the JSON text of a mapping around the value of one more key, its first."""
    return f'{{"{key}": ', f", {json.dumps(data)[1:]}"
