"""The commands `import` and `export`, for whatever app has a store.

Imports neither Flask nor Celery until a schedule is compared with Celery's own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from ..clock import iso_utc, to_utc
from ..errors import DuplicateEntry, PeriodicError, ScheduleError
from ..live import Schedules
from ..records import EntryRecord
from ..schedules import Schedule, interval
from . import departures, looks
from .arrivals.coming import Coming, Theirs
from .arrivals.documents import exported, load_yaml
from .arrivals.sources import KINDS, Asked, read
from .ending import Find, ending, found, who_option
from .holding_against import Found, hold_against

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
            if before is not None and _keeps_grid(each, before):
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


def _keeps_grid(coming: Coming, before: EntryRecord) -> bool:
    """Leave an interval on the grid that it has: the source's moves with each run there."""
    schedule = coming.given.get("schedule")
    if coming.own or not isinstance(schedule, interval) or before.schedule is None:
        return False
    there = Schedule.from_dict(before.schedule)
    if not isinstance(there, interval) or there.every != schedule.every:
        return False
    coming.given["schedule"] = there
    return True


def _pause(schedules: Schedules, coming: Coming) -> None:
    if coming.pause is None:
        return
    until = coming.pause.get("until")
    end = None if until is None else datetime.fromisoformat(until)
    if end is None or to_utc(end) > schedules.store.clock.now():
        schedules.pause(coming.name, note=str(coming.pause.get("note", "")), until=end)


def compare(coming: list[Coming], schedules: Schedules) -> None:
    """Hold each entry against what its source would do in the coming year; note what differs.

    Args:
        coming: what comes along; each gets what was found.
        schedules: where they arrive.
    """
    from .celery.proving import celery_runs  # noqa: PLC0415  # asks Celery's own schedules

    now = schedules.store.clock.now()
    known: dict[Schedule, Found] = {}
    for each in coming:
        schedule = each.given.get("schedule")
        if each.problem or each.own or not isinstance(schedule, Schedule):
            continue
        settled = schedule.in_zone(schedules.rules.zone).named(each.name)
        theirs = each.theirs or celery_runs(settled)
        if theirs is None:
            continue
        if each.also:
            theirs = _with(theirs, each.also)
        if each.theirs is not None or each.also or settled not in known:
            known[settled] = hold_against(
                settled, theirs, now, now + _YEAR, whole=each.who == "cron"
            )
        each.found = known[settled]
        if each.found:
            each.notes.append(each.found.sentence(each.who))


def _with(theirs: Theirs, also: Sequence[datetime]) -> Theirs:
    def runs(start: datetime, end: datetime) -> list[datetime]:
        return sorted([*theirs(start, end), *(at for at in also if start <= at < end)])

    return runs


def show(coming: list[Coming], now: datetime, *, dry_run: bool, as_json: bool) -> None:
    """Print what came along, what changes meaning, and what stayed behind."""
    if as_json:
        click.echo(json.dumps([_told(each) for each in coming], indent=2, ensure_ascii=False))
        return
    for each in coming:
        verb = "stays behind" if each.problem else "would come" if dry_run else "imported"
        where = f" ({each.where})" if each.where not in ("", each.name) else ""
        problem = f": {each.problem}" if each.problem else ""
        click.echo(f"{verb}: {each.name}{where}{problem}")
        for note in each.notes:
            click.echo(f"  {note}")
    good = [each for each in coming if not each.problem]
    click.echo(
        f"{len(good)} of {len(coming)} entries" + (", nothing was written" if dry_run else "")
    )
    compared = [each.found for each in good if each.found is not None]
    if compared:
        same = sum(not each for each in compared)
        left = len(good) - len(compared)
        click.echo(
            f"simulated until {(now + _YEAR).date()}: {same} run at the same instants as there, "
            f"{len(compared) - same} otherwise" + (f", {left} cannot be compared" if left else "")
        )


def _told(coming: Coming) -> dict[str, Any]:
    compared = None if coming.found is None else "otherwise" if coming.found else "same"
    here, there = ([], []) if coming.found is None else (coming.found.here, coming.found.there)
    return {
        "entry": coming.name,
        "where": coming.where or None,
        "notes": coming.notes,
        "problem": coming.problem or None,
        "compared": compared,
        "here_alone": [*map(iso_utc, here)],
        "there_alone": [*map(iso_utc, there)],
    }


_SOURCES = """What SOURCE is: a file of `export` (json, yaml), a crontab (a file, -, or
git:REVISION:PATH), MODULE:NAME (beat-schedule: a mapping or a Celery app), or the URL of the
database or the Redis of another package."""


def import_command(find: Find) -> click.Command:
    """Return the command `import`."""

    @click.command("import")
    @click.option(
        "--from",
        "kind",
        type=click.Choice([*KINDS]),
        default="json",
        show_default=True,
        help=_SOURCES,
    )
    @click.argument("source")
    @click.option("--dry-run", is_flag=True, help="Only tell what would come.")
    @click.option("--replace", is_flag=True, help="Overwrite entries that are there and differ.")
    @click.option(
        "--tz", metavar="ZONE", help="Whose clock is read where SOURCE does not say; the app's."
    )
    @click.option(
        "--map",
        "table",
        multiple=True,
        metavar="COMMAND=TASK",
        help="A crontab's command and the task that does its work; may be repeated.",
    )
    @click.option(
        "--user-column", is_flag=True, help="The sixth field is a user, as in /etc/crontab."
    )
    @click.option("--prefix", help="Their redbeat_key_prefix.")
    @click.option("--schema", help="Their beat_schema, of sqlalchemy-celery-beat.")
    @who_option
    @looks.json_option
    def import_(
        *, kind: str, dry_run: bool, replace: bool, who: str | None, as_json: bool, **typed: Any
    ) -> None:
        """Bring entries along from SOURCE, and tell what changes meaning.

        Each is held against what SOURCE itself would do in the coming year. Ends with status 1 if
        one stays behind, 4 if one is there already and differs.
        """
        with ending():
            schedules = found(find, who, via="import")
            try:
                coming = read(kind, Asked(**typed), schedules)
            except ScheduleError as error:
                raise click.BadParameter(str(error), param_hint="'--tz'") from error
            put_all(schedules, coming, replace=replace, dry_run=dry_run)
            compare(coming, schedules)
        show(coming, schedules.store.clock.now(), dry_run=dry_run, as_json=as_json)
        if any(each.problem for each in coming):
            raise SystemExit(1)

    return import_


def export_command(find: Find) -> click.Command:
    """Return the command `export`."""

    @click.command("export")
    @click.argument("prefix", default="")
    @click.option(
        "--format",
        "form",
        type=click.Choice(["json", "yaml", "crontab"]),
        default="json",
        show_default=True,
    )
    @click.option(
        "--call",
        metavar="COMMAND",
        default=departures.CALL,
        show_default=True,
        help="What sends a task by its name in a crontab, such as 'celery -A shop call'.",
    )
    def export(prefix: str, *, form: str, call: str) -> None:
        """Print the entries of the store, which `import` reads; secrets as they are.

        What a crontab cannot say is a comment in it, with its reason; then the status is 1.
        """
        with ending():
            schedules = found(find)
            records = list(schedules.all(prefix))
            if form == "crontab":
                now = schedules.store.clock.now()
                made = departures.as_crontab(schedules, records, now, call=call)
                click.echo(made.text, nl=False)
                for name, reason in made.left_out.items():
                    click.echo(f"a comment: {name}: {reason}", err=True)
                raise SystemExit(1 if made.left_out else 0)
            told = exported(records)
            text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
            if form == "yaml":
                text = load_yaml().safe_dump(told, sort_keys=False, allow_unicode=True)
        click.echo(text, nl=False)

    return export
