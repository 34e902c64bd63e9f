"""`simulate` as a command of click: its options and what it does, for whatever app has the entries.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from ..clock import SystemClock
from ..crontab_file import read_crontab
from ..entry import Entry
from ..errors import ConfigError, PeriodicError, ScheduleError
from ..schedules.zones import settle
from ..simulation.command import HELP, Typed, simulation_of, tell

F = TypeVar("F", bound=Callable[..., Any])

_COUNT = click.IntRange(0, 100_000)
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
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


class Source:
    """Where the entries of a command come from: the app, a crontab or a mapping.

    Args:
        load: returns the app's entries, problems (name -> one sentence) and zone.
        read: returns the entries and problems of a mapping in the form of `beat_schedule`.
    """

    def __init__(
        self,
        load: Callable[[], tuple[Sequence[Entry], Mapping[str, str], tzinfo]],
        read: Callable[[Mapping[str, Any]], tuple[Sequence[Entry], Mapping[str, str], tzinfo]],
    ) -> None:
        self._load = load
        self._read = read

    def entries(
        self, crontab: Path | None, schedule: str | None, zone: tzinfo | None
    ) -> tuple[Sequence[Entry], Mapping[str, str], tzinfo]:
        """Return entries, problems and the zone that they are in by default.

        Args:
            crontab: a file, or None.
            schedule: `MODULE:NAME`, or None.
            zone: of a crontab.

        Raises:
            UsageError: both are given.
            PeriodicError: what was named cannot be read.
        """
        if crontab is not None and schedule is not None:
            raise click.UsageError("--crontab and --schedule exclude each other: leave out one")
        if crontab is not None:
            zone = zone or UTC
            found = read_crontab(crontab.read_text(encoding="utf-8"), tz=zone)
            return found.entries, found.problems, zone
        if schedule is not None:
            return self._read(mapping_at(schedule))
        return self._load()


def mapping_at(path: str) -> Mapping[str, Any]:
    """Return the mapping that `MODULE:NAME` names; NAME may have dots.

    Args:
        path: the module is imported, from the working directory too.

    Raises:
        ConfigError: there is no such thing, or it is no mapping.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ConfigError(f"{path!r} names nothing; write MODULE:NAME, as shop.config:BEAT")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be found: {error}") from error
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path!r} is {found!r}; give a mapping of entry names to entries")
    return found


def show_simulation(
    source: Source,
    *,
    tz: str | None,
    crontab: Path | None,
    schedule: str | None,
    as_json: bool,
    quiet: bool,
    **typed: Any,
) -> None:
    """Run a simulation and print it; always ends the command.

    It ends with status 0, or 1 if an entry has a problem, or a run is lost or sent twice.

    Args:
        source: whose entries.
        tz: whose clock is read and shown, or None.
        crontab: a file to take instead.
        schedule: a mapping to take instead.
        as_json: JSON lines instead of text.
        quiet: the numbers alone.
        typed: the fields of `Typed`.

    Raises:
        ClickException: something that was typed cannot be understood.
    """
    try:
        zone = settle(tz)
        entries, problems, default = source.entries(crontab, schedule, zone)
        wanted = Typed(**typed)
        simulation = simulation_of(entries, wanted, zone=zone or default, now=SystemClock().now())
    except ScheduleError as error:
        raise click.ClickException(f"--tz: {error}") from error
    except PeriodicError as error:
        raise click.ClickException(str(error)) from error
    for name, problem in problems.items():
        click.echo(f"warning: {name} is left out: {problem}", err=True)
    status = tell(simulation, click.echo, zone=zone, as_json=as_json, quiet=quiet)
    sys.exit(1 if problems else status)
