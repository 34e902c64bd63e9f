"""`diff` and `draw` as commands of click: what a schedule does, compared or as a picture.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

from ..cli_diff import EVERYTHING, LENGTH
from ..clock import SystemClock
from ..difference import Telling, difference
from ..errors import PeriodicError, ScheduleError
from ..schedules.zones import settle
from ..simulation.command import HELP, span_of
from ..simulation.drawing import FORM_HELP, FORMS, SPREAD_HELP, VIEW_HELP, VIEWS, draw
from .colours import print_picture
from .naming import APP, Names

F = TypeVar("F", bound=Callable[..., Any])

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
    click.option(
        "--view", type=click.Choice(VIEWS), default="week", show_default=True, help=VIEW_HELP
    ),
    click.option("--spread", "spreads", is_flag=True, help=SPREAD_HELP),
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
    names: Names,
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
        names: finds the schedules.
        before: the name of a schedule.
        after: the same.
        start: a moment, or None for now.
        end: a moment or a length, or None for a week.
        tz: whose clock is read and shown, or None.
        everything: no entry's changes are cut.
        as_json: JSON lines instead of text.
    """
    try:
        zone = settle(tz)
        old, new = (names.find_and_warn(name, zone) for name in (before, after))
        first, last = span_of(start, end, zone or old.zone, SystemClock().now(), default="7d")
    except ScheduleError as error:
        raise _Trouble(f"--tz: {error}") from error
    except PeriodicError as error:
        raise _Trouble(str(error)) from error
    telling = Telling(click.echo, zone, as_json=as_json, everything=everything)
    sys.exit(telling.tell(difference(old.entries, new.entries, first, last)))


def draw_options(command: F) -> F:
    """Give a command the options of `draw`."""
    for option in reversed(_DRAW):
        command = option(command)
    return command


def show_drawing(
    names: Names,
    *,
    what: str,
    form: str,
    view: str,
    spreads: bool,
    start: str | None,
    end: str | None,
    tz: str | None,
) -> None:
    """Draw when a schedule runs.

    Args:
        names: finds the schedules.
        what: the name of a schedule.
        form: what is drawn.
        view: how much is looked at.
        spreads: draw what spreading the herd would do instead.
        start: a moment, or None for now.
        end: a moment or a length, or None for a week.
        tz: whose clock is read, or None for the app's.

    Raises:
        ClickException: something that was typed cannot be understood.
    """
    try:
        zone = settle(tz)
        found = names.find_and_warn(what, zone)
        first, last = span_of(start, end, zone or found.zone, SystemClock().now(), default="7d")
    except PeriodicError as error:
        raise _Trouble(str(error)) from error
    write = (
        partial(print_picture, stream=sys.stdout)
        if form == "text"
        else partial(click.echo, nl=False)
    )
    try:
        view = "spread" if spreads else view
        draw(found.entries, first, last, write, form=form, view=view, zone=zone or found.zone)
    except PeriodicError as error:
        raise _Trouble(str(error)) from error


class _Trouble(click.ClickException):
    """As of `diff`: 1 says that something changes."""

    exit_code = 2
