"""`celery -A app periodic ...`: a Celery app's entries, runs and beats, and what changes them.

Celery imports this module in each of its commands; by importing the package it also sets the
guard that keeps a beat from starting where its messages could never arrive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...clock import SystemClock
from ...lint import Finding
from .. import comparing, linting, looks, naming, simulating
from ..changing import add_commands
from ..ending import ending
from . import watched
from .elsewhere import names_of
from .entries import Loaded
from .lint import lint_app, lint_named
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

    The beat's own code runs on a clock that leaps; nothing is sent, and no broker is asked. Of the
    app, or of another SCHEDULE: a file (a crontab, or .json or .yaml as `export` writes it),
    git:REVISION:FILE, the URL of another store, or MODULE:NAME, a mapping in the form of
    beat_schedule.
    Ends with status 1 if an entry has a problem, or a run is lost or sent twice.
    """
    simulating.show_simulation(_names(context), **options)


@periodic.command("diff")
@comparing.diff_options
@click.pass_context
def diff(context: click.Context, /, **options: Any) -> None:
    """Show the runs that B adds, removes and moves, compared with A.

    Each is `app` (B, unless given), a file (a crontab, or .json or .yaml as `export` writes it),
    git:REVISION:FILE, the URL of another store, or MODULE:NAME, a mapping in the form of
    beat_schedule. Ends with status 0 if no run changes, else 1.
    """
    comparing.show_difference(_names(context), **options)


@periodic.command("draw")
@comparing.draw_options
@click.pass_context
def draw(context: click.Context, /, **options: Any) -> None:
    """Draw when the app runs, or another SCHEDULE: a heat map, or a calendar feed.

    SCHEDULE is a file (a crontab, or .json or .yaml as `export` writes it), git:REVISION:FILE, the
    URL of another store, or MODULE:NAME, a mapping in the form of beat_schedule.
    """
    comparing.show_drawing(_names(context), **options)


@periodic.command("lint")
@linting.lint_options
@click.pass_context
def lint(context: click.Context, /, *, folder: Path, **options: Any) -> None:
    """Find what will not do what was meant, or will hurt on a bad day.

    In the app, with its settings and the files beside it, or in another SCHEDULE, named as for
    simulate. Ends with status 1 if a finding is as bad as --fail-on.
    """
    app, now = context.obj.app, SystemClock().now()

    def find(what: str) -> list[Finding]:
        if what == naming.APP:
            return lint_app(app, now, folder=folder)
        return lint_named(app, _names(context).find(what, None), now)

    linting.show_findings(find, **options)


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


def _names(context: click.Context) -> naming.Names:
    return names_of(lambda: context.obj.app, lambda: _load(context)[0])


def _load(context: click.Context) -> tuple[Loaded, Settings]:
    app: Any = context.obj.app
    with ending():
        return load_all(app), Settings.of(app)


add_commands(periodic, lambda context: schedules_of(context.obj.app))
