"""`flask periodic ...`: the options; `commands.py` does the work.

Every `flask` command of an environment loads this module, so it imports neither Celery nor what
needs it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import click
from flask.cli import ScriptInfo, pass_script_info

from ...live import Schedules
from .. import comparing, linting, looks, simulating
from ..changing import add_commands


@click.group()
def periodic() -> None:
    """Run periodic tasks, see when they run and who runs them, and change them in a store."""


@periodic.command()
@click.option("--host", "-h", default="127.0.0.1", show_default=True, help="Address of the web.")
@click.option(
    "--port",
    "-p",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="Port of the web; 0 takes a free one.",
)
@click.option(
    "--reload/--no-reload",
    default=None,
    help="Start again when a source file changes; on by default in debug mode.",
)
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many tasks run at once, as threads.",
)
@click.option("--no-web", is_flag=True, help="Worker and beat alone.")
@pass_script_info
def run(
    info: ScriptInfo,
    *,
    host: str,
    port: int,
    reload: bool | None,
    concurrency: int,
    no_web: bool,
) -> None:
    """Run web, worker and beat in this one process; Ctrl-C stops all three.

    For development and small sites: the web server is Flask's development server.
    """
    if reload and no_web:
        raise click.UsageError("--reload restarts with the web: leave out --no-web or --reload")
    where = _commands().Where(host, port, web=not no_web)
    _commands().run(info, where, reload=reload, concurrency=concurrency)


@periodic.command("list")
@looks.json_option
@pass_script_info
def list_(info: ScriptInfo, *, as_json: bool) -> None:
    """Show every entry: its schedule in words, its task and its next run.

    Ends with status 1 if an entry has a problem.
    """
    _commands().show_list(info, as_json=as_json)


@periodic.command("next")
@looks.next_options
@pass_script_info
def next_(
    info: ScriptInfo, *, entry: str | None, count: int | None, after: str | None, as_json: bool
) -> None:
    """Show the coming runs of ENTRY, or of all entries: local time, UTC and how far away."""
    _commands().show_next(info, entry, count=count, after=after, as_json=as_json)


@periodic.command()
@simulating.simulate_options
@pass_script_info
def simulate(info: ScriptInfo, /, **options: Any) -> None:
    """Show what will run, and what becomes of it when beats, broker or clocks fail.

    The beat's own code runs on a clock that leaps; nothing is sent, and no broker is asked. Of the
    app, or of another SCHEDULE: a file (a crontab, or .json or .yaml as `export` writes it),
    git:REVISION:FILE, the URL of another store, or MODULE:NAME, a mapping in the form of
    beat_schedule.
    Ends with status 1 if an entry has a problem, or a run is lost or sent twice.
    """
    _commands().show_simulation(info, **options)


@periodic.command()
@comparing.diff_options
@pass_script_info
def diff(info: ScriptInfo, /, **options: Any) -> None:
    """Show the runs that B adds, removes and moves, compared with A.

    Each is `app` (B, unless given), a file (a crontab, or .json or .yaml as `export` writes it),
    git:REVISION:FILE, the URL of another store, or MODULE:NAME, a mapping in the form of
    beat_schedule. Ends with status 0 if no run changes, else 1.
    """
    _commands().show_difference(info, **options)


@periodic.command()
@comparing.draw_options
@pass_script_info
def draw(info: ScriptInfo, /, **options: Any) -> None:
    """Draw when the app runs, or another SCHEDULE: a heat map, or a calendar feed.

    SCHEDULE is a file (a crontab, or .json or .yaml as `export` writes it), git:REVISION:FILE, the
    URL of another store, or MODULE:NAME, a mapping in the form of beat_schedule.
    """
    _commands().show_drawing(info, **options)


@periodic.command()
@linting.lint_options
@pass_script_info
def lint(info: ScriptInfo, /, **options: Any) -> None:
    """Find what will not do what was meant, or will hurt on a bad day.

    In the app, with its settings and the files beside it, or in another SCHEDULE, named as for
    simulate. Ends with status 1 if a finding is as bad as --fail-on.
    """
    _commands().show_lint(info, **options)


@periodic.command()
@looks.json_option
@pass_script_info
def beats(info: ScriptInfo, *, as_json: bool) -> None:
    """Show every beat that shows itself: what it does, since when, its last tick, who leads."""
    _commands().show_beats(info, as_json=as_json)


@periodic.command()
@looks.json_option
@pass_script_info
def health(info: ScriptInfo, *, as_json: bool) -> None:
    """Tell whether the beats do their work, for probes.

    Ends with status 0 if at least one beat works, 1 with a sentence for each problem, 2 if it
    cannot be told.
    """
    _commands().show_health(info, as_json=as_json)


def _commands() -> ModuleType:
    try:
        from . import commands  # noqa: PLC0415  # see above
    except ImportError as error:
        raise click.ClickException(
            f"{error}; install periodic-celery[flask], which brings Celery"
        ) from error
    return commands


def _schedules(context: click.Context) -> Schedules:
    found: Schedules = _commands().schedules(context.ensure_object(ScriptInfo))
    return found


add_commands(periodic, _schedules)
