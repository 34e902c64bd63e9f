"""`lint` as a command of click: its options and what it does, for whatever app has the entries.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import PeriodicError
from ..lint import FAIL_ON, FORMATS, Finding, chosen, fails, printed
from .naming import APP

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("what", metavar="[SCHEDULE]", default=APP),
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How findings are printed.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        default="warning",
        show_default=True,
        help="End with status 1 if a finding is as bad as that.",
    ),
    click.option(
        "--ignore", "ignored", multiple=True, metavar="CODE", help="Leave out what has this code."
    ),
    click.option(
        "--only", multiple=True, metavar="CODE", help="Show only what has this code, or begins so."
    ),
    click.option(
        "--files",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=".",
        help="Where Procfile, compose file and the like are; the working directory unless given.",
    ),
)


def lint_options(command: F) -> F:
    """Give a command the options of `lint`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show_findings(
    find: Callable[[str], Iterable[Finding]],
    *,
    what: str,
    form: str,
    fail_on: str,
    ignored: Sequence[str],
    only: Sequence[str],
) -> None:
    """Print findings; always ends the command.

    Args:
        find: returns all of a schedule.
        what: the name of the schedule.
        form: how they are printed.
        fail_on: from which severity on the status is 1.
        ignored: codes to leave out.
        only: codes to keep.

    Raises:
        ClickException: a code is unknown, or the app's settings are not valid.
    """
    try:
        found = chosen(find(what), ignored=ignored, only=only)
    except PeriodicError as error:
        raise click.ClickException(str(error)) from error
    click.echo(printed(found, form), nl=False)
    sys.exit(1 if fails(found, fail_on) else 0)
