"""The command line, with the standard library alone: `next`, `explain`, `simulate` and more."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, NoReturn

from . import cli_diff, cli_draw, cli_lint, cli_simulate
from .clock import SystemClock, to_utc
from .clock_changes import utc
from .errors import ConfigError, ScheduleError
from .explain import FIRST_YEAR, LAST_YEAR, explain, run_data, run_line, runs_from
from .expressions import pointer, read_expression
from .schedules.base import Schedule
from .schedules.cron import cron
from .schedules.zones import settle

_WRONG = 2
#: What a shell says of a program whose reader went away.
_BROKEN_PIPE = 141
_INTERRUPTED = 130

_EXAMPLES = """\
examples:
  {prog} next '0 9 * * mon-fri' --tz Europe/London -n 3
  {prog} explain '30 2 * * *' --tz America/New_York --year 2026
  {prog} next '*/15 8-17 * * *' --dialect celery --from 2026-03-08T07:00 --json
  {prog} simulate crontab.txt --tz Europe/London --to 7d --kill 1@12:00+5m
"""


def main(arguments: Sequence[str] | None = None, *, prog: str = "periodic") -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of this process unless given.
        prog: the program's name, for messages.

    Returns:
        The exit status: 0, or 2 where an argument cannot be understood.
    """
    try:
        status = _run(_parser(prog).parse_args(arguments), prog)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has what it wanted; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _run(given: argparse.Namespace, prog: str) -> int:
    if given.command in ("simulate", "lint", "diff", "draw"):
        return _run_on_file(given, prog)
    try:
        zone = settle(given.tz)
    except ScheduleError as error:
        return _refuse(prog, f"--tz: {error}")
    try:
        schedule = read_expression(given.expr, dialect=given.dialect, tz=zone, name=given.name)
        if isinstance(schedule, cron) and schedule.parsed.hashed:
            return _refuse(prog, "H is settled by the entry's name; give one: --name report")
        start = _start(given.start, schedule)
        command = _next if given.command == "next" else _explain
        command(given, schedule, start)
    except ScheduleError as error:
        return _refuse(prog, str(error), *(pointer(given.expr, error) or ()))
    return 0


def _run_on_file(given: argparse.Namespace, prog: str) -> int:
    try:
        if given.command == "lint":
            return cli_lint.run(given, _write)
        if given.command == "draw":
            return cli_draw.run(given, _write, lambda line: _warn(prog, line))
        run = cli_diff.run if given.command == "diff" else cli_simulate.run
        return run(given, _say, lambda line: _warn(prog, line))
    except (ConfigError, ScheduleError) as error:
        return _refuse(prog, str(error))


def _next(given: argparse.Namespace, schedule: Schedule, start: datetime) -> None:
    runs = islice(runs_from(schedule, start), given.count)
    if given.json:
        _print_json({**_head(given, schedule), "runs": [run_data(run) for run in runs]})
        return
    first = next(runs, None)
    if first is None:
        _say(f"no run from {utc(start)} on")
        return
    for run in chain((first,), runs):
        _say(run_line(run))


def _explain(given: argparse.Namespace, schedule: Schedule, start: datetime) -> None:
    explanation = explain(schedule, start=start, year=given.year, count=given.count)
    if given.json:
        _print_json({**_head(given, schedule), **explanation.to_dict()})
        return
    _say(" ".join(given.expr.split()))
    for line in explanation.lines():
        _say(line)


def _head(given: argparse.Namespace, schedule: Schedule) -> dict[str, Any]:
    return {
        "expression": given.expr,
        "dialect": given.dialect,
        "tz": given.tz,
        "words": schedule.describe(),
    }


def _start(text: str | None, schedule: Schedule) -> datetime:
    """Return where to begin, in the schedule's zone."""
    zone = schedule.tz or UTC
    start = SystemClock().now()
    if text is not None:
        try:
            start = datetime.fromisoformat(text)
        except ValueError:
            raise ScheduleError(
                f"--from {text!r} is not an ISO 8601 date and time such as 2026-03-08T02:30, "
                "2026-03-08 or 2026-03-08T07:30:00Z"
            ) from None
        if start.tzinfo is None:
            start = start.replace(tzinfo=zone)
    try:
        start = to_utc(start)
    except OverflowError:
        start = datetime.min.replace(tzinfo=UTC)
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise ScheduleError(f"--from {text!r} is outside of the years {FIRST_YEAR} to {LAST_YEAR}")
    return start


def _say(line: str) -> None:
    _write(f"{line}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)


def _print_json(data: dict[str, Any]) -> None:
    _say(json.dumps(data, indent=2))


def _warn(prog: str, line: str) -> None:
    sys.stderr.write(f"{prog}: {line}\n")


def _refuse(prog: str, *lines: str) -> int:
    first, *pointed = lines
    _warn(prog, first)
    sys.stderr.writelines(f"  {line}\n" for line in pointed)
    return _WRONG


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="When a cron expression or a crontab runs, and what clock changes do to it.",
        epilog=_EXAMPLES.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    coming = commands.add_parser("next", help="the next runs, in local time and UTC")
    _add_common(coming, count=10)
    told = commands.add_parser(
        "explain", help="in words, with the clock changes of a year and near-by mistakes"
    )
    _add_common(told, count=5)
    told.add_argument(
        "--year", type=_year, help="whose clock changes are told (default: that of --from)"
    )
    cli_simulate.add_parser(commands)
    cli_lint.add_parser(commands)
    cli_diff.add_parser(commands)
    cli_draw.add_parser(commands)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, count: int) -> None:
    parser.add_argument("expr", metavar="EXPR", help="the expression, in quotes: '30 2 * * *'")
    parser.add_argument(
        "--tz", default="UTC", metavar="ZONE", help="whose clock is read, such as Europe/London"
    )
    parser.add_argument(
        "-n", dest="count", type=_count, default=count, metavar="N", help="how many runs"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="T",
        help="where to begin, in ISO 8601; in --tz without an offset (default: now)",
    )
    parser.add_argument(
        "--dialect",
        choices=("cron", "celery"),
        default="cron",
        help="cron as Debian's (default), or Celery's crontab.from_string",
    )
    parser.add_argument("--name", help="the entry's name, by which H is settled")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


#: The most runs that `-n` lists.
MOST_RUNS: int = 1_000_000


def _count(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_RUNS))
    if not digits or not 1 <= int(text) <= MOST_RUNS:
        _not_allowed(text, f"1 to {MOST_RUNS}")
    return int(text)


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not FIRST_YEAR <= int(text) <= LAST_YEAR:
        _not_allowed(text, f"{FIRST_YEAR} to {LAST_YEAR}")
    return int(text)


def _not_allowed(text: str, allowed: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give a whole number, {allowed}")
