"""The commands that change entries in a store, for whatever app has one.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from ..errors import UnknownEntry
from ..live import Schedules
from ..masking import masked
from ..records import EntryRecord, Source
from . import console, looks, telling
from .definitions import definition_options, read_definition
from .ending import Find, ending, found, who_option
from .moving import export_command, import_command
from .syncing import sync_command

_if_version = click.option(
    "--if-version", type=click.IntRange(0), help="Only if this is the version that is there."
)
_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


def add_commands(group: click.Group, find: Find) -> None:
    """Add the commands to a group.

    Args:
        group: `flask periodic`, or `celery periodic`.
        find: finds the entries of the app.
    """
    makers = (_add, _set, _show, _pause, _resume, _delete, _rename, _audit, _migrate)
    for make in (*makers, sync_command, import_command, export_command):
        group.add_command(make(find))


def _add(find: Find) -> click.Command:
    @click.command("add")
    @click.argument("name")
    @definition_options
    @who_option
    @looks.json_option
    def add(name: str, *, who: str | None, as_json: bool, **given: Any) -> None:
        """Make the entry NAME in the store; beats run it in under a second.

        Ends with status 4 if there is one of this name already.
        """
        wanted = read_definition(name, given)
        with ending():
            schedules = found(find, who)
            telling.tell_one(
                schedules, schedules.put(name, if_version=0, **wanted), "added", as_json=as_json
            )

    return add


def _set(find: Find) -> click.Command:
    @click.command("set")
    @click.argument("name")
    @definition_options
    @_if_version
    @who_option
    @looks.json_option
    def set_(
        name: str, *, if_version: int | None, who: str | None, as_json: bool, **given: Any
    ) -> None:
        """Change what is given of the entry NAME, and leave the rest.

        An entry of the code is changed beside the code: the change survives deploys, and `delete`
        takes it back.
        """
        wanted = read_definition(name, given)
        if not wanted:
            raise click.UsageError("nothing to set; give --cron, --args or another option")
        with ending():
            schedules = found(find, who)
            record = schedules.set(name, if_version=if_version, **wanted)
            telling.tell_one(schedules, record, "set", as_json=as_json)

    return set_


def _show(find: Find) -> click.Command:
    @click.command("show")
    @click.argument("name")
    @click.option("--reveal", is_flag=True, help="Show what looks like a secret, too.")
    @looks.json_option
    def show(name: str, *, reveal: bool, as_json: bool) -> None:
        """Show the entry NAME: all that is known of it, and its next runs.

        Ends with status 3 if there is none of this name.
        """
        with ending():
            schedules = found(find)
            record = schedules.get(name)
            code = schedules.rules.code() if schedules.rules.code is not None else {}
            if record is None and name not in code:
                raise UnknownEntry(f"no entry is named {name!r}")
            record = record or EntryRecord(name=name, source=Source.CODE)
        told = telling.all_of(schedules, record)
        told = told if reveal else masked(told)
        if as_json:
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        width = max(map(len, told))
        for key, value in told.items():
            click.echo(f"{key:<{width}}  {telling.plain(value)}")

    return show


def _pause(find: Find) -> click.Command:
    @click.command("pause")
    @_names
    @click.option("--note", default="", help="Why.")
    @click.option(
        "--until",
        metavar="ISO",
        help="When it goes on by itself (ISO 8601; in the app's time zone without an offset).",
    )
    @who_option
    @looks.json_option
    def pause(
        names: Sequence[str], *, note: str, until: str | None, who: str | None, as_json: bool
    ) -> None:
        """Pause entries, of the code as well: no run until they are resumed.

        All of them, or none: ends with status 3 if one is not known.
        """
        with ending():
            schedules = found(find, who)
            end = None if until is None else _moment(until, schedules)
            paused = schedules.pause_many(names, note=note, until=end)
            for record in telling.each_told(paused, as_json=as_json):
                telling.tell_one(schedules, record, "paused")

    return pause


def _resume(find: Find) -> click.Command:
    @click.command("resume")
    @_names
    @who_option
    @looks.json_option
    def resume(names: Sequence[str], *, who: str | None, as_json: bool) -> None:
        """Let paused entries go on; what they missed meanwhile is not made up for."""
        with ending():
            schedules = found(find, who)
            for record in telling.each_told(schedules.resume_many(names), as_json=as_json):
                telling.tell_one(schedules, record, "resumed")

    return resume


def _delete(find: Find) -> click.Command:
    @click.command("delete")
    @_names
    @who_option
    def delete(names: Sequence[str], *, who: str | None) -> None:
        """Remove entries from the store; what was changed of the code's is taken back."""
        with ending():
            schedules = found(find, who)
            schedules.delete_many(names)
            code = schedules.rules.code() if schedules.rules.code is not None else {}
        for name in names:
            again = "; the code's own entry runs again" if name in code else ""
            click.echo(f"deleted {name}{again}")

    return delete


def _rename(find: Find) -> click.Command:
    @click.command("rename")
    @click.argument("name")
    @click.argument("new")
    @_if_version
    @who_option
    @looks.json_option
    def rename(
        name: str, new: str, *, if_version: int | None, who: str | None, as_json: bool
    ) -> None:
        """Give the entry NAME the name NEW; its counting starts now."""
        with ending():
            schedules = found(find, who)
            record = schedules.rename(name, new, if_version=if_version)
            telling.tell_one(schedules, record, f"renamed {name} to", as_json=as_json)

    return rename


def _audit(find: Find) -> click.Command:
    @click.command("audit")
    @click.argument("name", required=False)
    @click.option("-n", "--count", type=click.IntRange(1, 10_000), default=20, show_default=True)
    @looks.json_option
    def audit(name: str | None, *, count: int, as_json: bool) -> None:
        """Show who changed what in the store, the newest first; of all entries, or of NAME."""
        with ending():
            rows = found(find).audit(name, limit=count)
        if as_json:
            told = [masked(row.to_dict()) for row in rows]
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        if not rows:
            click.echo("no changes")
            return
        console.print_table(
            ("when (UTC)", "who", "via", "action", "entry", "what"),
            [telling.audit_cells(row) for row in rows],
        )

    return audit


def _migrate(find: Find) -> click.Command:
    @click.command("migrate")
    def migrate() -> None:
        """Make or change the tables of the store; all of it is done, or nothing."""
        with ending():
            steps = found(find).store.migrate()
        for step in steps:
            click.echo(f"migrated {step}")
        if not steps:
            click.echo("the store is up to date")

    return migrate


def _moment(text: str, schedules: Schedules) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment; write it as 2026-03-29T00:30 or 2026-03-29T00:30+00:00",
            param_hint="'--until'",
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=schedules.rules.zone)
