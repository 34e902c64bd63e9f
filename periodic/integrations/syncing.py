"""`sync`: what the store says of the code's entries, and taking it back."""

from __future__ import annotations

import json
from typing import Any

import click

from ..errors import PeriodicError
from ..live import Schedules
from ..masking import masked
from ..schedules.base import Schedule
from ..syncing import Difference, State, Sync, differences, sync
from . import console, looks
from .ending import Find, ending, found, who_option

_WIDE = 60


def sync_command(find: Find) -> click.Command:
    """Make the command.

    Args:
        find: finds the entries of the app.
    """

    @click.command("sync")
    @click.option(
        "--mode",
        type=click.Choice([str(each) for each in Sync]),
        default=str(Sync.KEEP),
        show_default=True,
        help="keep: remove nothing; prune: what changes entries that are gone from the code; "
        "replace: all that says otherwise than the code.",
    )
    @click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
    @who_option
    @looks.json_option
    def command(*, mode: str, dry_run: bool, who: str | None, as_json: bool) -> None:
        """Show what the store says otherwise than the code, and remove it where the mode says so.

        Run it after a deploy, once no beat runs the old code: no beat does it by itself.
        """
        wanted = Sync(mode)
        with ending():
            schedules = found(find, who)
            seen = differences(schedules)
            if not dry_run:
                sync(schedules, wanted, seen)
        if as_json:
            told = [{**masked(each.to_dict()), "goes": each.goes(wanted)} for each in seen]
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        for each in seen:
            verb = ("would go" if dry_run else "removed") if each.goes(wanted) else "stays"
            click.echo(f"{verb} {each.record.name}: {_words(each, schedules)}")
        count = sum(each.goes(wanted) for each in seen)
        end = f"{count} would go, nothing was written" if dry_run else f"{count} removed"
        click.echo(f"{len(seen)} {'differs' if len(seen) == 1 else 'differ'} from the code, {end}")

    return command


def _words(difference: Difference, schedules: Schedules) -> str:
    """Return in a few words what a record says otherwise."""
    record, words = difference.record, list[str]()
    if difference.state is State.GONE:
        words.append("gone from the code, so it does not run")
    elif difference.state is State.DOUBLED:
        words.append("an entry of the store in place of the code's of this name")
    if record.pause is not None and record.paused(schedules.store.clock.now()):
        words.append(console.pause_words(record.pause, schedules.rules.zone))
    told = masked({key: own for key, (_, own) in difference.keys.items()})
    code = masked({key: one for key, (one, _) in difference.keys.items()})
    words += [f"{key} {_short(told[key])}, in the code {_short(code[key])}" for key in told]
    return "; ".join(words) or "says what the code says"


def _short(value: Any) -> str:
    if isinstance(value, dict) and "kind" in value:
        try:
            return Schedule.from_dict(value).describe()
        except PeriodicError:
            pass
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."
