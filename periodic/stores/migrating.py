"""Bringing a database up to what this version of the package needs, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, String, column, inspect, select, table

from ..errors import ConfigError

if TYPE_CHECKING:  # what is up to date needs no Alembic, and is the faster for it
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

#: Alembic's table, so that an application's own migrations are another matter.
VERSION_TABLE = "periodic_version"
#: The newest migration.
NEWEST = "0001"
#: The databases whose triggers are written.
DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")


def scripts() -> ScriptDirectory:
    """Return the migrations of this version of the package."""
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def pending(connection: Connection) -> list[str]:
    """Return what a migration would do, in words, the first step first.

    Raises:
        ConfigError: the database was made by a newer version.
    """
    if _is_newest(connection):
        return []
    script = scripts()
    current = _context(connection).get_current_revision()
    known = list(script.walk_revisions())[::-1]  # the first one first
    names = [each.revision for each in known]
    if current is not None and current not in names:
        raise ConfigError(
            f"the tables are of version {current}, and this periodic knows them up to "
            f"{names[-1]}: a newer periodic made them; install that one here, too"
        )
    done = 0 if current is None else names.index(current) + 1
    return [f"{each.revision}: {(each.doc or '').splitlines()[0]}" for each in known[done:]]


def migrate(connection: Connection) -> list[str]:
    """Run what is pending inside the caller's transaction; return what was done, in words."""
    steps = pending(connection)
    if not steps:
        return []
    from alembic.operations import Operations  # noqa: PLC0415

    script = scripts()

    def upgrade(revision: Any, _context: MigrationContext) -> Any:
        step: Any = script  # Alembic's own commands call this, and give it no public name
        return step._upgrade_revs("head", revision)  # noqa: SLF001

    context = _context(connection, fn=upgrade)
    with Operations.context(context):
        context.run_migrations()
    return steps


def is_untouched(connection: Connection) -> bool:
    """Tell whether a database holds no table at all: it was made just now."""
    return not inspect(connection).get_table_names()


def _is_newest(connection: Connection) -> bool:
    """Tell whether nothing is pending, without Alembic."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return False
    wanted = select(column("version_num", String)).select_from(table(VERSION_TABLE))
    return [*connection.execute(wanted).scalars()] == [NEWEST]


def _context(connection: Connection, **more: Any) -> MigrationContext:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, **more})
