"""`periodic diff A B`: what a change of a crontab does, with the standard library alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC
from typing import Any

from .cli_simulate import read_text
from .clock import SystemClock
from .crontab_file import read_crontab
from .difference import Telling, difference
from .schedules.zones import settle
from .simulation.command import HELP, span_of

#: What `--help` says of the options that every front has.
EVERYTHING = "Every change of every entry; else the first ten of each."
LENGTH = "Where to end (not included): a moment, or a length such as 30d; 7d unless given."


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diff", help="the runs that a change of a crontab adds, removes and moves"
    )
    what = "a crontab: a file, git:REVISION:PATH, or - for standard input"
    parser.add_argument("before", metavar="A", help=what)
    parser.add_argument("after", metavar="B", help="the crontab that it is compared with")
    parser.add_argument("--from", dest="start", metavar="T", help=HELP["from"])
    parser.add_argument("--to", dest="end", metavar="T", help=LENGTH)
    parser.add_argument("--tz", metavar="ZONE", help=HELP["tz"])
    parser.add_argument(
        "--user-column", action="store_true", help="the sixth field is a user, as in /etc/crontab"
    )
    parser.add_argument("--all", action="store_true", help=EVERYTHING)
    parser.add_argument("--json", action="store_true", help=HELP["json"])


def run(given: argparse.Namespace, say: Callable[[str], None], warn: Callable[[str], None]) -> int:
    """Compare two crontabs.

    Args:
        given: what the parser found.
        say: prints a line.
        warn: prints a line on standard error.

    Returns:
        The exit status: 0 where no run changes, else 1.

    Raises:
        ConfigError: something that was typed cannot be understood.
        ScheduleError: the zone is unknown.
    """
    zone = settle(given.tz)
    start, end = span_of(given.start, given.end, zone or UTC, SystemClock().now(), default="7d")
    files = []
    for name in (given.before, given.after):
        file = read_crontab(read_text(name), tz=zone or UTC, user_column=given.user_column)
        for where, problem in file.problems.items():
            warn(f"{name}: {where} is left out: {problem}")
        files.append(file.entries)
    telling = Telling(say, zone, as_json=given.json, everything=given.all)
    return telling.tell(difference(files[0], files[1], start, end))
