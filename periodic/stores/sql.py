"""A store in a SQL database: SQLite in a file, PostgreSQL, MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from ..clock import Clock, iso_utc
from ..records import AuditRow, Changes, EntryRecord, Origin, Query, Source
from ..store import (
    AUDIT_KEPT,
    REMOVALS_KEPT,
    Change,
    ScheduleStore,
    StoreWatch,
    Write,
    changes_something,
)
from . import one_step, rows
from .connecting import Database, rows_of
from .guessing import Beliefs, Look
from .tables import audit, changes, entries, revisions
from .watching import watch_of

#: How many names go into one statement, and how many records into one page of all there is.
_MANY = 500
_PAGE = 5000
#: How many names are changed by one statement, where the database knows how.
_AT_ONCE = 100

_JOINED = entries.outerjoin(
    changes,
    and_(changes.c.namespace == entries.c.namespace, changes.c.name == entries.c.name),
)
#: In the order of `rows.COLUMNS`.
_OF_RECORDS = (*(entries.c[key] for key in rows.COLUMNS[:-1]), changes.c.revision)
_RECORDS = select(*_OF_RECORDS).select_from(_JOINED)


class SQLStore(ScheduleStore):
    """Records in the tables `periodic_...` of a database.

    An empty SQLite database gets its tables at the first use; others by `migrate`. Writers wait for
    one another; nobody waits for a reader.

    Args:
        database: an engine, whose connections are used and given back; or what `open` makes.
        namespace: whose records these are.
        clock: says when a record was made and changed.
        audit_kept: how many changes the audit remembers.
    """

    def __init__(
        self,
        database: Engine | Database,
        namespace: str,
        *,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> None:
        super().__init__(namespace, clock=clock, audit_kept=audit_kept)
        self._database = Database(database) if isinstance(database, Engine) else database
        self._beliefs = Beliefs()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        namespace: str,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> Self:
        """Open the database of a URL of SQLAlchemy; no connection is established yet.

        Raises:
            ConfigError: it is no such URL, or its driver is not installed.
        """
        return cls(Database.at(url), namespace, clock=clock, audit_kept=audit_kept)

    # -- reading ---------------------------------------------------------------------------------

    def revision(self) -> int:
        """Return the number of changes so far."""
        with self._database.reading() as connection:
            return self._counters(connection)[0]

    def read(self, names: Iterable[str]) -> dict[str, EntryRecord]:
        """Return the records of these names."""
        wanted = list(names)
        with self._database.reading() as connection:
            found = self._read(connection, wanted)
        self._beliefs.see_read(wanted, found)
        return found

    def page(self, query: Query) -> list[EntryRecord]:
        """Return records in the order of their names."""
        return [rows.to_record(rows.by_column(row)) for row in self._page(query)]

    def changes(self, since: int | None) -> Changes:
        """Return what is otherwise since a revision."""
        with self._database.reading() as connection:
            # First the revision, then the rows: what is newer than it is told again, not missed.
            revision, forgotten = self._counters(connection)
            if since is None or since < forgotten or since > revision:
                return Changes(revision, self._all(), whole=True)
            joined = changes.outerjoin(
                entries,
                and_(changes.c.namespace == entries.c.namespace, changes.c.name == entries.c.name),
            )
            wanted = (
                select(*_OF_RECORDS, changes.c.name)
                .select_from(joined)
                .where(changes.c.namespace == self.namespace, changes.c.revision > since)
                .order_by(changes.c.revision)
            )
            found = rows_of(connection, wanted)
        there = [rows.to_record(rows.by_column(row[:-1])) for row in found if row[0] is not None]
        return Changes(revision, there, [row[-1] for row in found if row[0] is None])

    def audit(
        self, name: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[AuditRow]:
        """Return changes, the newest first."""
        wanted = select(audit).where(audit.c.namespace == self.namespace)
        if name is not None:
            wanted = wanted.where(audit.c.name == name)
        if before is not None:
            wanted = wanted.where(audit.c.revision < before)
        wanted = wanted.order_by(audit.c.revision.desc()).limit(limit)
        with self._database.reading() as connection:
            return [rows.to_audit_row(row) for row in connection.execute(wanted).mappings()]

    def watch(self) -> StoreWatch:
        """Return the quickest watch that the database has."""
        return watch_of(self._database, self.revision)

    # -- writing ---------------------------------------------------------------------------------

    def update(
        self, names: Sequence[str], change: Change, origin: Origin
    ) -> list[EntryRecord | None]:
        """Change records in one transaction that has the namespace to itself.

        On PostgreSQL a step of a few names is one statement, and one round trip where they are new
        or were seen last as they are.
        """
        if self._database.is_postgresql and len(names) <= _AT_ONCE:
            return self._beliefs.step(
                names,
                change,
                decide=self.planned,
                look=lambda names: Look(self.read(names)),
                attempt=lambda writes, _: self._attempt(writes, origin),
            )
        with self._database.writing() as connection:
            self._lock(connection)
            found = self._read(connection, names)
            writes = [w for w in self.planned(names, found, change) if changes_something(w)]
            if not writes:
                return [found.get(name) for name in names]
            self._write(connection, writes)
            kept = self._read(connection, names)
            self._note(connection, writes, kept, origin)
            return [kept.get(name) for name in names]

    def migrate(self) -> list[str]:
        """Make or change the tables, all of it or nothing; return what was done, in words."""
        return self._database.migrate()

    def close(self) -> None:
        """Give back the connections; where the engine was handed in, that is all."""
        self._database.close()

    # -- steps -----------------------------------------------------------------------------------

    def _attempt(self, writes: Sequence[Write], origin: Origin) -> list[EntryRecord | None] | Look:
        with self._database.reading() as connection:
            done = one_step.attempt(
                connection,
                self.namespace,
                writes,
                origin,
                at=self.clock.now(),
                audit_kept=self.audit_kept,
            )
            if not isinstance(done, Look) and any(
                write.after is None and write.before is not None for write in writes
            ):
                self._forget(connection, self._counters(connection)[0] - REMOVALS_KEPT)
        return done

    def _counters(self, connection: Connection) -> tuple[int, int]:
        wanted = select(revisions.c.revision, revisions.c.forgotten).where(
            revisions.c.namespace == self.namespace
        )
        row = connection.execute(wanted).one_or_none()
        return (0, 0) if row is None else (row[0], row[1])

    def _read(self, connection: Connection, names: Sequence[str]) -> dict[str, EntryRecord]:
        found: dict[str, EntryRecord] = {}
        for some in _lots(names):
            wanted = _RECORDS.where(entries.c.namespace == self.namespace, entries.c.name.in_(some))
            for row in rows_of(connection, wanted):
                record = rows.to_record(rows.by_column(row))
                found[record.name] = record
        return found

    def _page(self, query: Query) -> Sequence[Sequence[Any]]:
        wanted = (
            _RECORDS.where(entries.c.namespace == self.namespace, *_conditions(query))
            .order_by(entries.c.name)
            .limit(query.limit)
        )
        with self._database.reading() as connection:
            return rows_of(connection, wanted)

    def _all(self) -> Iterator[EntryRecord]:
        page = self._page(Query(limit=_PAGE))
        yield from rows.to_records(page)
        while len(page) == _PAGE:  # by number: a name that plain SQL has made may be empty
            page = self._page(Query(after=page[-1][0], limit=_PAGE))
            yield from rows.to_records(page)

    def _lock(self, connection: Connection) -> None:
        """Let writers of this namespace follow one another; SQLite's transaction does already."""
        if connection.dialect.name == "sqlite":
            return
        wanted = select(revisions).where(revisions.c.namespace == self.namespace)
        connection.execute(self._database.first_counters(self.namespace))
        connection.execute(wanted.with_for_update()).one()

    def _write(self, connection: Connection, writes: Sequence[Write]) -> None:
        """Write rows; what goes is told first, so that a rename reads in its order."""
        gone = [{"b_name": each.name} for each in writes if each.after is None]
        changed = [
            {"b_name": each.name, **rows.to_row(each.after)}
            for each in writes
            if each.after is not None and each.before is not None
        ]
        made = [
            {"namespace": self.namespace, "name": each.name, **rows.to_row(each.after)}
            for each in writes
            if each.after is not None and each.before is None
        ]
        own = and_(entries.c.namespace == self.namespace, entries.c.name == bindparam("b_name"))
        if gone:
            connection.execute(delete(entries).where(own), gone)
        if changed:
            connection.execute(update(entries).where(own), changed)
        if made:
            connection.execute(insert(entries), made)

    def _note(
        self,
        connection: Connection,
        writes: Sequence[Write],
        kept: Mapping[str, EntryRecord],
        origin: Origin,
    ) -> None:
        """Write the audit, and forget what is too old."""
        counted = self._counted(connection, [write.name for write in writes])
        at = iso_utc(self.clock.now())
        told: list[dict[str, Any]] = []
        for write in writes:
            after = kept.get(write.name)
            told.append(
                {
                    "namespace": self.namespace,
                    "revision": counted[write.name],
                    "name": write.name,
                    "at": at,
                    "who": origin.who,
                    "via": origin.via,
                    "action": origin.action,
                    "before": None
                    if write.before is None
                    else rows.to_json(write.before.to_dict()),
                    "after": None if after is None else rows.to_json(after.to_dict()),
                }
            )
        connection.execute(insert(audit), told)
        newest = max(counted.values())
        old = and_(
            audit.c.namespace == self.namespace, audit.c.revision <= newest - self.audit_kept
        )
        connection.execute(delete(audit).where(old))
        if any(write.after is None for write in writes):
            self._forget(connection, newest - REMOVALS_KEPT)

    def _counted(self, connection: Connection, names: Sequence[str]) -> dict[str, int]:
        """Return the revision of each name's newest change, as the triggers counted it."""
        counted: dict[str, int] = {}
        for some in _lots(names):
            wanted = select(changes.c.name, changes.c.revision).where(
                changes.c.namespace == self.namespace, changes.c.name.in_(some)
            )
            counted.update((row[0], row[1]) for row in connection.execute(wanted))
        return counted

    def _forget(self, connection: Connection, up_to: int) -> None:
        """Forget removals that are so far back that nobody asks for them; seldom, in lots."""
        if up_to - self._counters(connection)[1] < REMOVALS_KEPT // 10:
            return
        there = select(entries.c.name).where(entries.c.namespace == self.namespace)
        old = and_(
            changes.c.namespace == self.namespace,
            changes.c.revision <= up_to,
            changes.c.name.not_in(there),
        )
        connection.execute(delete(changes).where(old))
        connection.execute(
            update(revisions).where(revisions.c.namespace == self.namespace).values(forgotten=up_to)
        )


def _conditions(query: Query) -> Iterator[ColumnElement[bool]]:
    columns = entries.c
    if query.after != "":
        yield columns.name > query.after
    if query.prefix:
        # LIKE knows neither case nor accents in some databases; the comparison uses the index.
        yield columns.name >= query.prefix
        yield func.substr(columns.name, 1, len(query.prefix)) == query.prefix
    if query.source is not None:
        yield columns.source == str(Source(query.source))
    if query.task is not None:
        yield columns.task == query.task
    if query.enabled is not None:
        off = and_(columns.enabled.is_not(None), columns.enabled == 0)
        yield ~off if query.enabled else off
    if query.paused is not None:
        yield columns.paused_at.is_not(None) if query.paused else columns.paused_at.is_(None)


def _lots(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _MANY):
        yield names[start : start + _MANY]
