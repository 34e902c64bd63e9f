"""`periodic simulate CRONTAB`: a crontab simulated, with the standard library alone."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

from .clock import SystemClock
from .crontab_file import read_crontab
from .errors import ConfigError
from .schedules.zones import settle
from .simulation.command import HELP, Typed, simulation_of, tell

_GIT = "git:"
_MANY = {"action": "append", "default": []}
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--from", {"dest": "start", "metavar": "T"}),
    ("--to", {"dest": "end", "metavar": "T"}),
    ("--beats", {"type": int, "default": 1, "metavar": "N"}),
    ("--kill", {"dest": "kills", "metavar": "N@T", **_MANY}),
    ("--outage", {"dest": "outages", "metavar": "SPAN", **_MANY}),
    ("--clock", {"dest": "clocks", "metavar": "BY@T", **_MANY}),
    ("--duration", {"dest": "durations", "metavar": "NAME=D", **_MANY}),
    ("--random-kills", {"type": int, "default": 0, "metavar": "N"}),
    ("--random-outages", {"type": int, "default": 0, "metavar": "N"}),
    ("--seed", {"type": int, "default": 0, "metavar": "N"}),
    ("--all-active", {"action": "store_true"}),
)
_TYPED = (
    "start",
    "end",
    "beats",
    "kills",
    "outages",
    "clocks",
    "durations",
    "random_kills",
    "random_outages",
    "seed",
    "all_active",
)


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "simulate", help="what a crontab will run, and what becomes of it when things fail"
    )
    parser.add_argument("file", metavar="CRONTAB", help="a file, or - for standard input")
    parser.add_argument("--tz", metavar="ZONE", help=HELP["tz"])
    for name, options in _OPTIONS:
        parser.add_argument(name, help=HELP[name.removeprefix("--")], **options)
    parser.add_argument(
        "--user-column", action="store_true", help="the sixth field is a user, as in /etc/crontab"
    )
    parser.add_argument("--json", action="store_true", help=HELP["json"])
    parser.add_argument("-q", "--quiet", action="store_true", help=HELP["quiet"])


def run(given: argparse.Namespace, say: Callable[[str], None], warn: Callable[[str], None]) -> int:
    """Simulate a crontab.

    Args:
        given: what the parser found.
        say: prints a line.
        warn: prints a line on standard error.

    Returns:
        The exit status: 0, or 1 if a line has a problem, or a run is lost or sent twice.

    Raises:
        ConfigError: something that was typed cannot be understood.
        ScheduleError: the zone is unknown.
    """
    zone = settle(given.tz)
    found = read_crontab(read_text(given.file), tz=zone or UTC, user_column=given.user_column)
    typed = Typed(**{name: getattr(given, name) for name in _TYPED})
    simulation = simulation_of(found.entries, typed, zone=zone or UTC, now=SystemClock().now())
    for where, problem in found.problems.items():
        warn(f"{where} is left out: {problem}")
    status = tell(simulation, say, zone=zone, as_json=given.json, quiet=given.quiet)
    return 1 if found.problems else status


def read_text(file: str) -> str:
    """Return the text of a file, of standard input, or of a file at a revision of git.

    Args:
        file: its path, `-`, or `git:REVISION:PATH`.

    Raises:
        ConfigError: it cannot be read.
    """
    if file == "-":
        return sys.stdin.read()
    try:
        if file.startswith(_GIT):
            return _at_revision(file.removeprefix(_GIT))
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file!r} cannot be read: {error}") from error


def _at_revision(name: str) -> str:
    revision, _, path = name.partition(":")
    if not (revision and path) or revision.startswith("-"):
        raise ConfigError(f"{name!r} names no file of a revision; write git:REVISION:PATH")
    # A path is one of the repository's top, as git has it; "./" makes it one of this directory.
    command = ["git", "show", "--end-of-options", f"{revision}:./{path}"]
    shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # no shell
    if shown.returncode:
        said = shown.stderr.decode(errors="replace").strip()
        raise ConfigError(f"git:{name} cannot be read: {said}")
    return shown.stdout.decode()
