"""`diff` and `draw` as commands of click: what a schedule does, compared or as a picture.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from ..cli_diff import EVERYTHING, LENGTH
from ..cli_simulate import read_text
from ..clock import SystemClock
from ..crontab_file import read_crontab
from ..difference import Telling, difference
from ..entry import Entry
from ..errors import PeriodicError, ScheduleError
from ..schedules.zones import settle
from ..simulation.command import HELP, span_of
from ..simulation.drawing import FORM_HELP, FORMS, draw
from .simulating import Source

F = TypeVar("F", bound=Callable[..., Any])

#: What stands for the entries of the app.
APP = "app"
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("before", metavar="A"),
    click.argument("after", metavar="B", default=APP),
    click.option("--from", "start", metavar="T", help=HELP["from"]),
    click.option("--to", "end", metavar="T", help=LENGTH),
    click.option("--tz", metavar="ZONE", help=HELP["tz"]),
    click.option("--all", "everything", is_flag=True, help=EVERYTHING),
    click.option("--json", "as_json", is_flag=True, help=HELP["json"]),
)


_DRAW: tuple[Callable[[Any], Any], ...] = (
    click.argument("what", metavar="[SCHEDULE]", default=APP),
    click.option(
        "--form", type=click.Choice(FORMS), default="text", show_default=True, help=FORM_HELP
    ),
    click.option("--from", "start", metavar="T", help=HELP["from"]),
    click.option("--to", "end", metavar="T", help=LENGTH),
    click.option("--tz", metavar="ZONE", help="Whose clock is read; the app's unless given."),
)


def diff_options(command: F) -> F:
    """Give a command the options of `diff`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show_difference(
    source: Source,
    *,
    before: str,
    after: str,
    start: str | None,
    end: str | None,
    tz: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Compare two schedules and print what changes; always ends the command.

    It ends with status 0 where no run changes, 1 where one does, 2 where it cannot be told.

    Args:
        source: knows the app's entries, and reads a mapping.
        before: `app`, MODULE:NAME, or a crontab as `periodic diff` takes it.
        after: the same.
        start: a moment, or None for now.
        end: a moment or a length, or None for a week.
        tz: whose clock is read and shown, or None.
        everything: no entry's changes are cut.
        as_json: JSON lines instead of text.
    """
    try:
        zone = settle(tz)
        old, default = _entries(source, before, zone)
        new, _ = _entries(source, after, zone)
        first, last = span_of(start, end, zone or default, SystemClock().now(), default="7d")
    except ScheduleError as error:
        raise _Trouble(f"--tz: {error}") from error
    except PeriodicError as error:
        raise _Trouble(str(error)) from error
    telling = Telling(click.echo, zone, as_json=as_json, everything=everything)
    sys.exit(telling.tell(difference(old, new, first, last)))


def draw_options(command: F) -> F:
    """Give a command the options of `draw`."""
    for option in reversed(_DRAW):
        command = option(command)
    return command


def show_drawing(
    source: Source, *, what: str, form: str, start: str | None, end: str | None, tz: str | None
) -> None:
    """Draw when a schedule runs.

    Args:
        source: knows the app's entries, and reads a mapping.
        what: `app`, MODULE:NAME, or a crontab as `periodic draw` takes it.
        form: what is drawn.
        start: a moment, or None for now.
        end: a moment or a length, or None for a week.
        tz: whose clock is read, or None for the app's.

    Raises:
        ClickException: something that was typed cannot be understood.
    """
    try:
        zone = settle(tz)
        entries, default = _entries(source, what, zone)
        first, last = span_of(start, end, zone or default, SystemClock().now(), default="7d")
    except PeriodicError as error:
        raise _Trouble(str(error)) from error
    write = partial(click.echo, nl=False)
    draw(entries, first, last, write, form=form, zone=zone or default)


class _Trouble(click.ClickException):
    """As of `diff`: 1 says that something changes."""

    exit_code = 2


def _entries(source: Source, name: str, zone: tzinfo | None) -> tuple[Sequence[Entry], tzinfo]:
    problems: Mapping[str, str]
    if name == APP:
        entries, problems, default = source.entries(None, None, zone)
    elif Path(name).exists() or name == "-" or name.startswith("git:") or ":" not in name:
        default = zone or UTC
        file = read_crontab(read_text(name), tz=default)
        entries, problems = file.entries, file.problems
    else:
        entries, problems, default = source.entries(None, name, zone)
    for subject, problem in problems.items():
        click.echo(f"warning: {name}: {subject} is left out: {problem}", err=True)
    return entries, default
