"""`simulate` as a command of click: its options and what it does, for whatever app has the entries.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..clock import SystemClock
from ..errors import ConfigError, PeriodicError, ScheduleError
from ..schedules.zones import settle
from ..simulation.command import HELP, Typed, simulation_of, tell
from .naming import Names
from .objects import mapping_at

F = TypeVar("F", bound=Callable[..., Any])

_COUNT = click.IntRange(0, 100_000)
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("what", metavar="[SCHEDULE]", default="app"),
    click.option("--from", "start", metavar="T", help=HELP["from"]),
    click.option("--to", "end", metavar="T", help=HELP["to"]),
    click.option("--tz", metavar="ZONE", help=HELP["tz"]),
    click.option(
        "--beats", type=click.IntRange(1, 100), default=1, show_default=True, help=HELP["beats"]
    ),
    click.option("--kill", "kills", multiple=True, metavar="N@T", help=HELP["kill"]),
    click.option("--outage", "outages", multiple=True, metavar="SPAN", help=HELP["outage"]),
    click.option("--clock", "clocks", multiple=True, metavar="BY@T", help=HELP["clock"]),
    click.option("--duration", "durations", multiple=True, metavar="NAME=D", help=HELP["duration"]),
    click.option("--random-kills", type=_COUNT, default=0, help=HELP["random-kills"]),
    click.option("--random-outages", type=_COUNT, default=0, help=HELP["random-outages"]),
    click.option("--seed", type=int, default=0, show_default=True, help=HELP["seed"]),
    click.option("--all-active", is_flag=True, help=HELP["all-active"]),
    click.option("--execute", is_flag=True, help=HELP["execute"]),
    click.option("--json", "as_json", is_flag=True, help=HELP["json"]),
    click.option("--quiet", "-q", is_flag=True, help=HELP["quiet"]),
    click.option(
        "--crontab",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Simulate the lines of this crontab instead of the app's entries.",
    ),
    click.option(
        "--schedule",
        "schedule",
        metavar="MODULE:NAME",
        help="Simulate this mapping in the form of beat_schedule instead of the app's entries.",
    ),
)


def simulate_options(command: F) -> F:
    """Give a command the options of `simulate`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show_simulation(
    names: Names,
    *,
    what: str,
    tz: str | None,
    crontab: Path | None,
    schedule: str | None,
    execute: bool,
    as_json: bool,
    quiet: bool,
    **typed: Any,
) -> None:
    """Run a simulation and print it; always ends the command.

    It ends with status 0, or 1 if an entry has a problem, a run is lost or sent twice, or a task
    that is executed raises.

    Args:
        names: finds the schedule.
        what: its name.
        tz: whose clock is read and shown, or None.
        crontab: another way to say the name of a crontab.
        schedule: another way to say MODULE:NAME.
        execute: run the tasks.
        as_json: JSON lines instead of text.
        quiet: the numbers alone.
        typed: the fields of `Typed`.

    Raises:
        ClickException: something that was typed cannot be understood.
    """
    said = [each for each in (what, crontab, schedule) if each not in (None, "app")]
    if len(said) > 1:
        raise click.UsageError("SCHEDULE, --crontab and --schedule exclude each other: keep one")
    try:
        zone = settle(tz)
        if schedule is not None:
            mapping_at(schedule)  # a name without a colon would be that of a file
        found = names.find_and_warn(str(said[0]) if said else what, zone)
        wanted = Typed(**typed)
        now = SystemClock().now()
        if execute and not found.tasks:
            raise ConfigError("--execute runs tasks, and a crontab has commands; leave it out")
        simulation = simulation_of(
            found.entries,
            wanted,
            zone=zone or found.zone,
            now=now,
            execute=names.execute() if execute else None,
        )
    except ScheduleError as error:
        raise click.ClickException(f"--tz: {error}") from error
    except PeriodicError as error:
        raise click.ClickException(str(error)) from error
    status = tell(simulation, click.echo, zone=zone, as_json=as_json, quiet=quiet)
    sys.exit(1 if found.problems else status)
