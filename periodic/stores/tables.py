"""The tables of a SQL store, as the newest migration leaves them.

Instants are text, ISO 8601 in UTC, and so is JSON: every database keeps both as they are, and a
person reads them. The triggers of the migration count the revision, so that an `UPDATE` typed by
hand counts like any other.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, SmallInteger, String, Table, Text

metadata: MetaData = MetaData()

#: Names are compared by code points, in every database.
_NAME = (
    String(200)
    .with_variant(String(200, collation="C"), "postgresql")
    .with_variant(String(200, collation="utf8mb4_bin"), "mysql", "mariadb")
)
_INSTANT = String(40)

#: One row for each namespace.
revisions: Table = Table(
    "periodic_revisions",
    metadata,
    Column("namespace", _NAME, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    #: Up to which revision removals are forgotten.
    Column("forgotten", BigInteger, nullable=False),
)

#: One row for each entry; what is NULL is not said.
entries: Table = Table(
    "periodic_entries",
    metadata,
    Column("namespace", _NAME, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("task", String(255)),
    Column("schedule", Text),
    Column("args", Text),
    Column("kwargs", Text),
    Column("options", Text),
    Column("policies", Text),
    #: 0 or 1, in every database.
    Column("enabled", SmallInteger),
    Column("source", String(10), nullable=False, server_default="store"),
    Column("paused_at", _INSTANT),
    Column("pause_note", Text),
    Column("pause_until", _INSTANT),
    Column("since", _INSTANT),
    Column("created_at", _INSTANT),
    Column("updated_at", _INSTANT),
)

#: The newest change of each entry, also of those that are gone; written by triggers.
changes: Table = Table(
    "periodic_changes",
    metadata,
    Column("namespace", _NAME, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Index("periodic_changes_by_revision", "namespace", "revision"),
)

audit: Table = Table(
    "periodic_audit",
    metadata,
    Column("namespace", _NAME, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("name", _NAME, nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("who", String(200), nullable=False),
    Column("via", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Index("periodic_audit_by_name", "namespace", "name", "revision"),
)
