"""`list` and `next` as commands: the options and what they do, for whatever app has the entries.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from ..clock import SystemClock
from ..entry import Entry
from . import console

F = TypeVar("F", bound=Callable[..., Any])

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
_NEXT: tuple[Callable[[Any], Any], ...] = (
    click.argument("entry", required=False),
    click.option(
        "-n",
        "--count",
        type=click.IntRange(1, 10_000),
        default=None,
        help="How many runs of each entry; 5 of one entry, 1 of each of all, unless given.",
    ),
    click.option(
        "--from",
        "after",
        metavar="ISO",
        help="Runs after this moment (ISO 8601; in the app's time zone unless it has an offset).",
    ),
    _JSON,
)


def json_option(command: F) -> F:
    """Give a command its only option: `as_json`."""
    return _JSON(command)


def next_options(command: F) -> F:
    """Give a command the options of `next`: `entry`, `count`, `after` and `as_json`."""
    for option in reversed(_NEXT):
        command = option(command)
    return command


def show_list(
    entries: Sequence[Entry],
    problems: Mapping[str, str],
    warnings: Mapping[str, str],
    *,
    notes: Mapping[str, str] | None = None,
    as_json: bool,
) -> None:
    """Print every entry; end with status 1 if one has a problem.

    Args:
        entries: the good ones.
        problems: name -> one sentence, for each entry that does not run.
        warnings: name -> one sentence, told on standard error.
        notes: name -> until when and why it is paused.
        as_json: JSON instead of a table.
    """
    now = SystemClock().now()
    rows = console.entry_rows(entries, now, problems, notes)
    console.print_entries(rows, now, as_json=as_json)
    for name, warning in warnings.items():
        click.echo(f"warning: {name}: {warning}", err=True)
    if any(row.problem is not None for row in rows):
        sys.exit(1)


def show_next(
    entries: Sequence[Entry],
    problems: Mapping[str, str],
    entry: str | None,
    *,
    zone: tzinfo,
    count: int | None,
    after: str | None,
    as_json: bool,
) -> None:
    """Print coming runs.

    Args:
        entries: the good ones.
        problems: name -> one sentence, for each entry that does not run.
        entry: the name of one entry; None takes all.
        zone: of an `after` without an offset.
        count: how many runs of each; None takes 5 of one entry, 1 of each of all.
        after: ISO 8601; None means now.
        as_json: JSON instead of a table.

    Raises:
        ClickException: no entry has this name, or it has a problem.
        BadParameter: `after` is no moment.
    """
    chosen = entries if entry is None else [_find(entry, entries, problems)]
    now = SystemClock().now()
    start = now if after is None else _instant(after, zone)
    count = count if count is not None else 1 if entry is None else 5
    console.print_next(console.next_rows(chosen, start, count), now, as_json=as_json)


def _find(name: str, entries: Sequence[Entry], problems: Mapping[str, str]) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    if name in problems:
        raise click.ClickException(f"entry {name!r} has no runs: {problems[name]}")
    known = [entry.name for entry in entries]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    raise click.ClickException(f"no entry is named {name!r}; {hint}")


def _instant(text: str, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment; write it as 2026-03-29, 2026-03-29T00:30 or "
            "2026-03-29T00:30+00:00",
            param_hint="'--from'",
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
