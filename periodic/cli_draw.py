"""`periodic draw CRONTAB`: when a crontab runs, as a picture, with the standard library alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC
from typing import Any

from .cli_diff import LENGTH
from .cli_simulate import read_text
from .clock import SystemClock
from .crontab_file import read_crontab
from .schedules.zones import settle
from .simulation.command import HELP, span_of
from .simulation.drawing import FORM_HELP, FORMS, SPREAD_HELP, VIEW_HELP, VIEWS, draw


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "draw", help="when a crontab runs: a heat map, time lines, or a calendar feed"
    )
    parser.add_argument("file", metavar="CRONTAB", help="a file, or - for standard input")
    parser.add_argument("--form", choices=FORMS, default="text", help=FORM_HELP)
    parser.add_argument("--view", choices=VIEWS, default="week", help=VIEW_HELP)
    parser.add_argument("--spread", action="store_true", help=SPREAD_HELP)
    parser.add_argument("--from", dest="start", metavar="T", help=HELP["from"])
    parser.add_argument("--to", dest="end", metavar="T", help=LENGTH)
    parser.add_argument("--tz", metavar="ZONE", help="whose clock is read; UTC unless given")
    parser.add_argument(
        "--user-column", action="store_true", help="the sixth field is a user, as in /etc/crontab"
    )


def run(
    given: argparse.Namespace, write: Callable[[str], None], warn: Callable[[str], None]
) -> int:
    """Draw a crontab.

    Args:
        given: what the parser found.
        write: prints text as it stands.
        warn: prints a line on standard error.

    Returns:
        The exit status: 0, or 1 if a line has a problem.

    Raises:
        ConfigError: something that was typed cannot be understood.
        ScheduleError: the zone is unknown.
    """
    zone = settle(given.tz) or UTC
    start, end = span_of(given.start, given.end, zone, SystemClock().now(), default="7d")
    file = read_crontab(read_text(given.file), tz=zone, user_column=given.user_column)
    for where, problem in file.problems.items():
        warn(f"{where} is left out: {problem}")
    view = "spread" if given.spread else given.view
    draw(file.entries, start, end, write, form=given.form, view=view, zone=zone)
    return 1 if file.problems else 0
