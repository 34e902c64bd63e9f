"""The commands `import` and `export`, for whatever app has a store.

Imports neither Flask nor Celery until a crontab is compared with Celery's own.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ..clock import to_utc
from ..errors import DuplicateEntry, PeriodicError
from ..live import Schedules
from ..schedules import Schedule, crontab
from . import looks
from .ending import Find, ending, found, who_option
from .importing import Coming, exported, from_django_celery_beat, from_export

_YEAR = timedelta(days=366)


def put_all(
    schedules: Schedules, coming: list[Coming], *, replace: bool, dry_run: bool
) -> list[str]:
    """Put what can come along, in one step; return the names.

    Args:
        schedules: the entries of the app.
        coming: what was read; what the app refuses gets its `problem`.
        replace: overwrite entries that are there and differ.
        dry_run: only find out.

    Raises:
        DuplicateEntry: an entry is there and differs, and `replace` is False.
    """
    taken: list[str] = []
    for each in coming:
        if each.problem:
            continue
        try:
            before, after = schedules.preview(each.name, **each.given)
        except PeriodicError as error:
            each.problem = str(error).removeprefix(f"entry {each.name!r}: ")
            continue
        if before is not None and after != before:
            taken.append(each.name)
    if taken and not replace:
        raise DuplicateEntry(
            f"{len(taken)} entries are there already and differ: {', '.join(taken[:5])}; "
            "give --replace to overwrite them"
        )
    good = [each for each in coming if not each.problem]
    if good and not dry_run:
        schedules.put_many({each.name: each.given for each in good})
        for each in good:
            _pause(schedules, each)
    return [each.name for each in good]


def _pause(schedules: Schedules, coming: Coming) -> None:
    if coming.pause is None:
        return
    until = coming.pause.get("until")
    end = None if until is None else datetime.fromisoformat(until)
    if end is None or to_utc(end) > schedules.store.clock.now():
        schedules.pause(coming.name, note=str(coming.pause.get("note", "")), until=end)


def compare(coming: list[Coming], now: datetime) -> None:
    """Add to each crontab's notes where Celery itself would run it otherwise in the coming year."""
    from .celery.proving import differences  # noqa: PLC0415  # asks Celery's own schedules

    told: dict[Schedule, str] = {}
    for each in coming:
        schedule = each.given.get("schedule")
        if each.problem or not isinstance(schedule, crontab):
            continue
        if schedule not in told:
            told[schedule] = differences(schedule, now, now + _YEAR)
        if told[schedule]:
            each.notes.append(told[schedule])


def show(coming: list[Coming], *, dry_run: bool, as_json: bool) -> None:
    """Print what came along, what changes meaning, and what stayed behind."""
    if as_json:
        told: list[dict[str, Any]] = [
            {"entry": each.name, "notes": each.notes, "problem": each.problem or None}
            for each in coming
        ]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for each in coming:
        verb = "stays behind" if each.problem else "would come" if dry_run else "imported"
        click.echo(f"{verb}: {each.name}" + (f": {each.problem}" if each.problem else ""))
        for note in each.notes:
            click.echo(f"  {note}")
    good = sum(not each.problem for each in coming)
    click.echo(f"{good} of {len(coming)} entries" + (", nothing was written" if dry_run else ""))


def read(kind: str, source: str, now: datetime) -> list[Coming]:
    """Read entries from a source of a kind: `json` or `django-celery-beat`."""
    if kind == "json":
        return from_export(Path(source))
    return from_django_celery_beat(source, now)


def import_command(find: Find) -> click.Command:
    """Return the command `import`."""

    @click.command("import")
    @click.option(
        "--from",
        "kind",
        type=click.Choice(["json", "django-celery-beat"]),
        default="json",
        show_default=True,
        help="What SOURCE is: a file of `export`, or the URL of their database.",
    )
    @click.argument("source")
    @click.option("--dry-run", is_flag=True, help="Only tell what would come.")
    @click.option("--replace", is_flag=True, help="Overwrite entries that are there and differ.")
    @who_option
    @looks.json_option
    def import_(
        source: str, *, kind: str, dry_run: bool, replace: bool, who: str | None, as_json: bool
    ) -> None:
        """Bring entries along from SOURCE, and tell what changes meaning.

        Each crontab is compared with Celery's own over the coming year. Ends with status 1 if one
        stays behind, 4 if one is there already and differs.
        """
        with ending():
            schedules = found(find, who, via="import")
            now = schedules.store.clock.now()
            coming = read(kind, source, now)
            put_all(schedules, coming, replace=replace, dry_run=dry_run)
            compare(coming, now)
        show(coming, dry_run=dry_run, as_json=as_json)
        if any(each.problem for each in coming):
            raise SystemExit(1)

    return import_


def export_command(find: Find) -> click.Command:
    """Return the command `export`."""

    @click.command("export")
    @click.argument("prefix", default="")
    def export(prefix: str) -> None:
        """Print the entries of the store as JSON, which `import` reads; secrets as they are."""
        with ending():
            told = exported(list(found(find).all(prefix)))
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))

    return export
