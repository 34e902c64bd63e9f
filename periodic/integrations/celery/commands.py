"""`celery -A app periodic ...`: a Celery app's entries, runs and beats, and what changes them.

Celery imports this module in each of its commands; by importing the package it also sets the
guard that keeps a beat from starting where its messages could never arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from ...clock import SystemClock
from ...entry import Entry
from .. import comparing, linting, looks, simulating
from ..changing import add_commands
from ..ending import ending
from . import watched
from .entries import Loaded, read_entries
from .lint import lint_app
from .live import load_all, schedules_of
from .settings import Settings


@click.group()
def periodic() -> None:
    """Look at the entries of the beat and at the beats, and change entries in a store."""


@periodic.command("list")
@looks.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """Show every entry: its schedule in words, its task and its next run.

    Ends with status 1 if an entry has a problem.
    """
    loaded, _ = _load(context)
    looks.show_list(
        loaded.entries, loaded.problems, loaded.warnings, notes=loaded.notes, as_json=as_json
    )


@periodic.command("next")
@looks.next_options
@click.pass_context
def next_(
    context: click.Context,
    *,
    entry: str | None,
    count: int | None,
    after: str | None,
    as_json: bool,
) -> None:
    """Show the coming runs of ENTRY, or of all entries: local time, UTC and how far away."""
    loaded, settings = _load(context)
    looks.show_next(
        loaded.entries,
        loaded.problems,
        entry,
        zone=settings.timezone,
        count=count,
        after=after,
        as_json=as_json,
    )


@periodic.command("simulate")
@simulating.simulate_options
@click.pass_context
def simulate(context: click.Context, /, **options: Any) -> None:
    """Show what will run, and what becomes of it when beats, broker or clocks fail.

    The beat's own code runs on a clock that leaps; nothing is sent, and no broker is asked.
    Ends with status 1 if an entry has a problem, or a run is lost or sent twice.
    """
    simulating.show_simulation(_source(context), **options)


@periodic.command("diff")
@comparing.diff_options
@click.pass_context
def diff(context: click.Context, /, **options: Any) -> None:
    """Show the runs that B adds, removes and moves, compared with A.

    Each is `app` (B, unless given), a crontab (a file, git:REVISION:PATH, or -), or MODULE:NAME, a
    mapping in the form of beat_schedule. Ends with status 0 if no run changes, else 1.
    """
    comparing.show_difference(_source(context), **options)


@periodic.command("draw")
@comparing.draw_options
@click.pass_context
def draw(context: click.Context, /, **options: Any) -> None:
    """Draw when the app runs, or another SCHEDULE: a heat map, or a calendar feed.

    SCHEDULE is a crontab (a file, git:REVISION:PATH, or -), or MODULE:NAME, a mapping in the form
    of beat_schedule.
    """
    comparing.show_drawing(_source(context), **options)


@periodic.command("lint")
@linting.lint_options
@click.pass_context
def lint(context: click.Context, /, *, folder: Path, **options: Any) -> None:
    """Find what will not do what was meant, or will hurt on a bad day.

    Ends with status 1 if a finding is as bad as --fail-on.
    """
    linting.show_findings(
        lambda: lint_app(context.obj.app, SystemClock().now(), folder=folder), **options
    )


@periodic.command("beats")
@looks.json_option
@click.pass_context
def beats(context: click.Context, *, as_json: bool) -> None:
    """Show every beat that shows itself: what it does, since when, its last tick, who leads."""
    watched.show_beats(lambda: context.obj.app, as_json=as_json)


@periodic.command("health")
@looks.json_option
@click.pass_context
def health(context: click.Context, *, as_json: bool) -> None:
    """Tell whether the beats do their work, for probes.

    Ends with status 0 if at least one beat works, 1 with a sentence for each problem, 2 if it
    cannot be told.
    """
    watched.show_health(lambda: context.obj.app, as_json=as_json)


def _source(context: click.Context) -> simulating.Source:
    app: Any = context.obj.app

    def load() -> tuple[Sequence[Entry], Mapping[str, str], tzinfo]:
        loaded, settings = _load(context)
        return loaded.entries, loaded.problems, settings.timezone

    def read(given: Mapping[str, Any]) -> tuple[Sequence[Entry], Mapping[str, str], tzinfo]:
        loaded = read_entries(app, given)
        return loaded.entries, loaded.problems, Settings.of(app).timezone

    return simulating.Source(load, read)


def _load(context: click.Context) -> tuple[Loaded, Settings]:
    app: Any = context.obj.app
    with ending():
        return load_all(app), Settings.of(app)


add_commands(periodic, lambda context: schedules_of(context.obj.app))
