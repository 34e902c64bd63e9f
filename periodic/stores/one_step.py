"""A step of the SQL store in one round trip: PostgreSQL's function `periodic_step`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from ..clock import iso_utc
from ..records import EntryRecord, Origin
from ..store import Write, changes_something
from . import rows
from .documents import told_parts
from .guessing import Look

_STEP = text(
    "SELECT periodic_step(:space, CAST(:steps AS jsonb), CAST(:told AS jsonb), :audit_kept)"
)


def attempt(
    connection: Connection,
    space: str,
    writes: Sequence[Write],
    origin: Origin,
    *,
    at: datetime,
    audit_kept: int,
) -> list[EntryRecord | None] | Look:
    """Send a step; it is kept where versions are those that it was decided on.

    Args:
        connection: to PostgreSQL, without a transaction.
        space: the namespace.
        writes: by place.
        origin: who does it.
        at: when; aware.
        audit_kept: how many changes the audit remembers.

    Returns:
        What there is now, by place; or what there is instead of what was believed.
    """
    told = {
        "at": iso_utc(at),
        "who": origin.who,
        "via": origin.via,
        "action": origin.action,
    }
    values = {
        "space": space,
        "steps": rows.to_json([_step(space, write) for write in writes]),
        "told": rows.to_json(told),
        "audit_kept": audit_kept,
    }
    answer = connection.execute(_STEP, values).scalar_one()
    # Some drivers hand out JSON as text.
    found: Mapping[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
    if "there" in found:
        return Look({row["name"]: rows.to_record(row) for row in found["there"]})
    return [_kept(write, version) for write, version in zip(writes, found["kept"], strict=True)]


def _step(space: str, write: Write) -> dict[str, Any]:
    before, after = write.before, write.after
    step: dict[str, Any] = {
        "name": write.name,
        "there": before is not None,
        "version": before.version if before is not None else None,
        "updated_at": iso_utc(before.updated_at)
        if before is not None and before.updated_at is not None
        else None,
        "what": "",
    }
    if not changes_something(write):
        return step
    step["before"] = None if before is None else rows.to_json(before.to_dict())
    if after is None:
        return {**step, "what": "remove"}
    return {
        **step,
        "what": "make" if before is None else "change",
        "row": {"namespace": space, "name": write.name, **rows.to_row(after)},
        "after": told_parts(after),
    }


def _kept(write: Write, version: int | None) -> EntryRecord | None:
    if not changes_something(write) or write.after is None:
        return write.after
    return replace(write.after, version=version or 0)
