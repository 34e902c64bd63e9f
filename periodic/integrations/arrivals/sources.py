"""Every kind of source that `import` knows: its reader, and the options that go with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from ...cli_simulate import read_text
from ...live import Schedules
from ...schedules.zones import settle
from .coming import Coming, Place
from .documents import from_json, from_yaml


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed after `import`.

    Args:
        source: a file, a URL or MODULE:NAME.
        tz: read where the source names no zone; None for the app's.
        table: of commands and their tasks, each `COMMAND=TASK`.
        user_column: a crontab's lines name a user.
        prefix: of RedBeat's keys; None for theirs.
        schema: of a database; None for the usual one.
    """

    source: str
    tz: str | None = None
    table: tuple[str, ...] = ()
    user_column: bool = False
    prefix: str | None = None
    schema: str | None = None


def _crontab(asked: Asked, place: Place) -> list[Coming]:
    from .crontabs import from_crontab  # noqa: PLC0415  # each source loads its own
    from .shell_commands import read_table  # noqa: PLC0415

    return from_crontab(
        read_text(asked.source),
        place,
        table=read_table(asked.table),
        user_column=asked.user_column,
    )


def _beat_schedule(asked: Asked, place: Place) -> list[Coming]:
    from .beat_schedule import from_beat_schedule  # noqa: PLC0415

    return from_beat_schedule(asked.source, place)


def _django(asked: Asked, place: Place) -> list[Coming]:
    from .tables import DJANGO, from_tables  # noqa: PLC0415

    return from_tables(DJANGO, asked.source, place.now)


def _sqlalchemy(asked: Asked, place: Place) -> list[Coming]:
    from .tables import SQLALCHEMY, from_tables  # noqa: PLC0415

    return from_tables(SQLALCHEMY, asked.source, place.now, schema=asked.schema or "")


def _redbeat(asked: Asked, place: Place) -> list[Coming]:
    from .redbeat import PREFIX, from_redbeat  # noqa: PLC0415

    prefix = PREFIX if asked.prefix is None else asked.prefix
    return from_redbeat(asked.source, place, prefix=prefix)


_Reader = Callable[[Asked, Place], list[Coming]]
#: The reader of each kind of source, and the options that it understands.
KINDS: Mapping[str, tuple[_Reader, frozenset[str]]] = {
    "json": (lambda asked, _: from_json(Path(asked.source)), frozenset()),
    "yaml": (lambda asked, _: from_yaml(Path(asked.source)), frozenset()),
    "crontab": (_crontab, frozenset({"tz", "table", "user_column"})),
    "beat-schedule": (_beat_schedule, frozenset({"tz"})),
    "django-celery-beat": (_django, frozenset()),
    "sqlalchemy-celery-beat": (_sqlalchemy, frozenset({"schema"})),
    "redbeat": (_redbeat, frozenset({"tz", "prefix"})),
}
_TYPED = {
    "tz": "--tz",
    "table": "--map",
    "user_column": "--user-column",
    "prefix": "--prefix",
    "schema": "--schema",
}


def read(kind: str, asked: Asked, schedules: Schedules) -> list[Coming]:
    """Read entries from a source.

    Args:
        kind: of the source, as `--from` names it.
        asked: what was typed.
        schedules: where they arrive.

    Raises:
        UsageError: an option does not go with the kind.
        PeriodicError: the source cannot be read.
    """
    reader, known = KINDS[kind]
    for key, option in _TYPED.items():
        if getattr(asked, key) not in (None, (), False) and key not in known:
            raise click.UsageError(f"{option} does not go with --from {kind}")
    zone = settle(asked.tz)
    place = Place(schedules.store.clock.now(), zone or schedules.rules.zone, given=zone is not None)
    coming = reader(asked, place)
    if kind == "beat-schedule" and schedules.rules.code is not None:
        from .beat_schedule import refuse_own  # noqa: PLC0415

        refuse_own(coming, schedules.rules.code())
    return coming
