"""The tables, and the triggers that count each change, whoever makes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_COUNT_SQLITE = """
    INSERT INTO periodic_revisions (namespace, revision, forgotten)
    VALUES ({row}.namespace, 1, 0)
    ON CONFLICT (namespace) DO UPDATE SET revision = revision + 1;
    INSERT INTO periodic_changes (namespace, name, revision)
    SELECT namespace, {row}.name, revision FROM periodic_revisions
    WHERE namespace = {row}.namespace
    ON CONFLICT (namespace, name) DO UPDATE SET revision = excluded.revision;
"""
_SQLITE = tuple(
    f"CREATE TRIGGER periodic_entries_{name} AFTER {event} ON periodic_entries {when} "
    f"BEGIN {_COUNT_SQLITE.format(row=row)} END"
    for name, event, row, when in (
        ("insert", "INSERT", "NEW", ""),
        ("update", "UPDATE", "NEW", ""),
        (
            "rename",
            "UPDATE",
            "OLD",
            "WHEN OLD.namespace <> NEW.namespace OR OLD.name <> NEW.name",
        ),
        ("delete", "DELETE", "OLD", ""),
    )
)

_POSTGRESQL = (
    """
    CREATE FUNCTION periodic_count(space text, entry text) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE counted bigint;
    BEGIN
        INSERT INTO periodic_revisions AS r (namespace, revision, forgotten)
        VALUES (space, 1, 0)
        ON CONFLICT (namespace) DO UPDATE SET revision = r.revision + 1
        RETURNING r.revision INTO counted;
        INSERT INTO periodic_changes AS c (namespace, name, revision)
        VALUES (space, entry, counted)
        ON CONFLICT (namespace, name) DO UPDATE SET revision = excluded.revision;
    END $$
    """,
    """
    CREATE FUNCTION periodic_changed() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR (OLD.namespace, OLD.name)
                                  IS DISTINCT FROM (NEW.namespace, NEW.name)) THEN
            PERFORM periodic_count(OLD.namespace, OLD.name);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM periodic_count(NEW.namespace, NEW.name);
        END IF;
        PERFORM pg_notify('periodic', '');
        RETURN NULL;
    END $$
    """,
    # One step of a store in one round trip: kept where what it was decided on is still there.
    """
    CREATE FUNCTION periodic_step(space text, steps jsonb, told jsonb, audit_kept bigint)
    RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
        step jsonb;
        counted bigint;
        answer jsonb := '[]';
    BEGIN
        INSERT INTO periodic_revisions AS r (namespace, revision, forgotten) VALUES (space, 0, 0)
        ON CONFLICT (namespace) DO UPDATE SET revision = r.revision;
        IF EXISTS (
            SELECT FROM jsonb_array_elements(steps) AS s
            LEFT JOIN periodic_entries e ON e.namespace = space AND e.name = s ->> 'name'
            LEFT JOIN periodic_changes c ON c.namespace = e.namespace AND c.name = e.name
            WHERE (e.name IS NOT NULL) <> (s ->> 'there')::boolean
            OR (e.name IS NOT NULL AND (c.revision, e.updated_at)
                IS DISTINCT FROM ((s ->> 'version')::bigint, s ->> 'updated_at'))
        ) THEN
            SELECT coalesce(
                jsonb_agg(to_jsonb(e) || jsonb_build_object('version', c.revision)), '[]')
            INTO answer
            FROM jsonb_array_elements(steps) AS s
            JOIN periodic_entries e ON e.namespace = space AND e.name = s ->> 'name'
            LEFT JOIN periodic_changes c ON c.namespace = e.namespace AND c.name = e.name;
            RETURN jsonb_build_object('there', answer);
        END IF;
        FOR step IN SELECT * FROM jsonb_array_elements(steps) LOOP
            counted := NULL;
            IF step ->> 'what' = 'remove' THEN
                DELETE FROM periodic_entries
                WHERE namespace = space AND name = step ->> 'name';
            ELSIF step ->> 'what' = 'make' THEN
                INSERT INTO periodic_entries
                SELECT * FROM jsonb_populate_record(NULL::periodic_entries, step -> 'row');
            ELSIF step ->> 'what' = 'change' THEN
                UPDATE periodic_entries e SET
                    task = n.task, schedule = n.schedule, args = n.args, kwargs = n.kwargs,
                    options = n.options, policies = n.policies, enabled = n.enabled,
                    source = n.source, paused_at = n.paused_at, pause_note = n.pause_note,
                    pause_until = n.pause_until, since = n.since, created_at = n.created_at,
                    updated_at = n.updated_at
                FROM jsonb_populate_record(NULL::periodic_entries, step -> 'row') AS n
                WHERE e.namespace = space AND e.name = step ->> 'name';
            END IF;
            IF step ->> 'what' <> '' THEN
                SELECT revision INTO counted FROM periodic_changes
                WHERE namespace = space AND name = step ->> 'name';
                INSERT INTO periodic_audit
                (namespace, revision, name, at, who, via, action, before, after)
                VALUES (space, counted, step ->> 'name', told ->> 'at', told ->> 'who',
                        told ->> 'via', told ->> 'action', step ->> 'before',
                        (step -> 'after' ->> 0) || counted || (step -> 'after' ->> 1));
            END IF;
            answer := answer || jsonb_build_array(counted);
        END LOOP;
        DELETE FROM periodic_audit WHERE namespace = space AND revision <= counted - audit_kept;
        RETURN jsonb_build_object('kept', answer);
    END $$
    """,
    """
    CREATE TRIGGER periodic_entries_changed AFTER INSERT OR UPDATE OR DELETE ON periodic_entries
    FOR EACH ROW EXECUTE FUNCTION periodic_changed()
    """,
)

_COUNT_MYSQL = """
    INSERT INTO periodic_revisions (namespace, revision, forgotten)
    VALUES ({row}.namespace, 1, 0)
    ON DUPLICATE KEY UPDATE revision = revision + 1;
    INSERT INTO periodic_changes (namespace, name, revision)
    SELECT r.namespace, {row}.name, r.revision FROM periodic_revisions r
    WHERE r.namespace = {row}.namespace
    ON DUPLICATE KEY UPDATE periodic_changes.revision = r.revision;
"""
_RENAMED_MYSQL = (
    "IF OLD.namespace <> NEW.namespace OR OLD.name <> NEW.name THEN "
    f"{_COUNT_MYSQL.format(row='OLD')} END IF;"
)
_MYSQL = tuple(
    f"CREATE TRIGGER periodic_entries_{name} AFTER {name.upper()} ON periodic_entries "
    f"FOR EACH ROW BEGIN {body} END"
    for name, body in (
        ("insert", _COUNT_MYSQL.format(row="NEW")),
        ("update", _RENAMED_MYSQL + _COUNT_MYSQL.format(row="NEW")),
        ("delete", _COUNT_MYSQL.format(row="OLD")),
    )
)

_TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}


def _name() -> sa.types.TypeEngine[str]:
    return (
        sa.String(200)
        .with_variant(sa.String(200, collation="C"), "postgresql")
        .with_variant(sa.String(200, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "periodic_revisions",
        sa.Column("namespace", _name(), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "periodic_entries",
        sa.Column("namespace", _name(), primary_key=True),
        sa.Column("name", _name(), primary_key=True),
        sa.Column("task", sa.String(255)),
        sa.Column("schedule", sa.Text),
        sa.Column("args", sa.Text),
        sa.Column("kwargs", sa.Text),
        sa.Column("options", sa.Text),
        sa.Column("policies", sa.Text),
        sa.Column("enabled", sa.SmallInteger),
        sa.Column("source", sa.String(10), nullable=False, server_default="store"),
        sa.Column("paused_at", sa.String(40)),
        sa.Column("pause_note", sa.Text),
        sa.Column("pause_until", sa.String(40)),
        sa.Column("since", sa.String(40)),
        sa.Column("created_at", sa.String(40)),
        sa.Column("updated_at", sa.String(40)),
    )
    op.create_table(
        "periodic_changes",
        sa.Column("namespace", _name(), primary_key=True),
        sa.Column("name", _name(), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("periodic_changes_by_revision", "periodic_changes", ["namespace", "revision"])
    op.create_table(
        "periodic_audit",
        sa.Column("namespace", _name(), primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("via", sa.String(20), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
    )
    op.create_index("periodic_audit_by_name", "periodic_audit", ["namespace", "name", "revision"])
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
