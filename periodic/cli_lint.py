"""`periodic lint CRONTAB`: traps in a crontab, with the standard library alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC
from typing import Any

from .cli_simulate import read_text
from .clock import SystemClock
from .crontab_file import read_crontab
from .lint import FAIL_ON, FORMATS, Finding, chosen, fails, lint_schedules, printed
from .schedules.zones import settle
from .simulation.notation import read_moment


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "lint", help="what in a crontab will not do what was meant"
    )
    parser.add_argument("file", metavar="CRONTAB", help="a file, or - for standard input")
    parser.add_argument("--tz", metavar="ZONE", help="whose clock is read; UTC unless given")
    parser.add_argument("--from", dest="start", metavar="T", help="the present; now unless given")
    parser.add_argument(
        "--user-column", action="store_true", help="the sixth field is a user, as in /etc/crontab"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="how it is printed")
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, default="warning", help="from when on the status is 1"
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="CODE", help="leave out this code"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="CODE", help="show only this code"
    )


def run(given: argparse.Namespace, write: Callable[[str], None]) -> int:
    """Lint a crontab.

    Args:
        given: what the parser found.
        write: prints text.

    Returns:
        The exit status: 0, or 1 if a finding is as bad as `--fail-on`.

    Raises:
        ConfigError: something that was typed cannot be understood.
        ScheduleError: the zone is unknown.
    """
    zone = settle(given.tz) or UTC
    start = SystemClock().now()
    if given.start is not None:
        start = read_moment(given.start, start, zone)
    file = read_crontab(read_text(given.file), tz=zone, user_column=given.user_column)
    findings = [Finding("PER001", where, problem) for where, problem in file.problems.items()]
    findings += lint_schedules(file.entries, start)
    found = chosen(findings, ignored=given.ignore, only=given.only)
    write(printed(found, given.format))
    return 1 if fails(found, given.fail_on) else 0
