"""What `flask periodic run`, `list`, `next`, `simulate`, `beats` and `health` do."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from celery import Celery
from flask import Flask
from flask.cli import ScriptInfo
from flask.helpers import get_debug_flag
from kombu.exceptions import OperationalError

from ...clock import SystemClock
from ...errors import BrokerUnreachable, PeriodicError, StoreUnreachable
from ...lint import Finding
from ...live import Schedules
from .. import comparing, console, linting, looks, naming, simulating
from ..celery import Embedded, Loaded, Settings, load_entries, watched
from ..celery.elsewhere import names_of
from ..celery.lint import lint_app, lint_named
from ..celery.live import load_all, schedules_of
from ..celery.settings import connection_to_broker
from ..ending import ending
from . import serve
from .extension import PeriodicState, state_of

logger: logging.Logger = logging.getLogger(__name__)

#: How long the broker may take to answer at the start, in seconds.
_REACH = 5
_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@dataclass(frozen=True, slots=True)
class Where:
    """Where the web is served.

    Args:
        host: address.
        port: 0 takes a free one.
        web: False runs worker and beat alone.
    """

    host: str
    port: int
    web: bool = True


def run(info: ScriptInfo, where: Where, *, reload: bool | None, concurrency: int) -> None:
    """Run web, worker and beat until Ctrl-C or SIGTERM.

    Args:
        info: finds the app.
        where: the web's address.
        reload: None follows debug mode.
        concurrency: how many tasks run at once.
    """
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    if not where.web or not (get_debug_flag() if reload is None else reload):
        _run_here(info, where, concurrency)
    elif serve.is_serving_child():
        _run_serving_child(info, where, concurrency)
    else:
        with _clear_errors():
            status = serve.supervise(
                where.host, where.port, announce=lambda port: _say_web(where.host, port)
            )
        sys.exit(status)


def show_list(info: ScriptInfo, *, as_json: bool) -> None:
    """Print every entry; end with status 1 if one has a problem."""
    _, loaded = _entries(_load(info))
    looks.show_list(
        loaded.entries, loaded.problems, loaded.warnings, notes=loaded.notes, as_json=as_json
    )


def show_next(
    info: ScriptInfo, entry: str | None, *, count: int | None, after: str | None, as_json: bool
) -> None:
    """Print coming runs; the arguments are those of `looks.show_next`."""
    state, loaded = _entries(_load(info))
    looks.show_next(
        loaded.entries,
        loaded.problems,
        entry,
        zone=Settings.of(state.celery).timezone,
        count=count,
        after=after,
        as_json=as_json,
    )


def show_simulation(info: ScriptInfo, **options: Any) -> None:
    """Print a simulation; the options are those of `simulating.show_simulation`."""
    simulating.show_simulation(_names(info), **options)


def show_difference(info: ScriptInfo, **options: Any) -> None:
    """Print what changes; the options are those of `comparing.show_difference`."""
    comparing.show_difference(_names(info), **options)


def show_drawing(info: ScriptInfo, **options: Any) -> None:
    """Print a drawing; the options are those of `comparing.show_drawing`."""
    comparing.show_drawing(_names(info), **options)


def _names(info: ScriptInfo) -> naming.Names:
    return names_of(lambda: state_of(_load(info)).celery, lambda: _entries(_load(info))[1])


def schedules(info: ScriptInfo) -> Schedules:
    """Return the entries of the app's store, to be changed.

    Raises:
        ConfigError: the app names no store.
    """
    return schedules_of(state_of(_load(info)).celery)


def show_lint(info: ScriptInfo, *, folder: Path, **options: Any) -> None:
    """Print what lint finds; the options are those of `linting.show_findings`."""

    def find(what: str) -> list[Finding]:
        state = state_of(_load(info))
        if what != naming.APP:
            return lint_named(state.celery, _names(info).find(what, None), SystemClock().now())
        found = lint_app(state.celery, SystemClock().now(), folder=folder)
        problems = state.problems.items()
        return [*(Finding("PER001", name, problem) for name, problem in problems), *found]

    linting.show_findings(find, **options)


def show_beats(info: ScriptInfo, *, as_json: bool) -> None:
    """Print every beat of the app's namespace."""
    watched.show_beats(lambda: state_of(info.load_app()).celery, as_json=as_json)


def show_health(info: ScriptInfo, *, as_json: bool) -> None:
    """Print whether the beats of the app do their work; always ends the command."""
    watched.show_health(lambda: state_of(info.load_app()).celery, as_json=as_json)


def _run_here(info: ScriptInfo, where: Where, concurrency: int) -> None:
    app = _load(info)

    def announce(serving: serve.Serving) -> None:
        if where.web:
            _say_web(serving.host, serving.port)
        _say_started(app, concurrency)

    with _clear_errors():
        _reach_broker(state_of(app).celery)
        serving = serve.Serving(
            app.wsgi_app if where.web else None,
            state_of(app).celery,
            host=where.host,
            port=where.port,
            concurrency=concurrency,
        )
        serve.serve(serving, announce=announce)


def _run_serving_child(info: ScriptInfo, where: Where, concurrency: int) -> None:
    try:
        app = info.load_app()
        _reach_broker(state_of(app).celery)
        embedded = Embedded(state_of(app).celery, concurrency=concurrency)
    except Exception as error:  # what is being edited may not even compile: its next change may
        # What periodic raises on purpose says all in its sentence.
        trace = None if isinstance(error, PeriodicError) else error
        logger.error(  # noqa: TRY400  # the traceback goes with it where it helps
            "the app could not be started, waiting for a change: %s", error, exc_info=trace
        )
        serve.serve_reloading(serve.failing(error), None, host=where.host, port=where.port)
        return
    with _clear_errors():
        serve.serve_reloading(
            app.wsgi_app,
            embedded,
            host=where.host,
            port=where.port,
            debugger=get_debug_flag(),
            announce=lambda: _say_started(app, concurrency),
        )


def _reach_broker(celery: Celery) -> None:
    """Refuse to start without a broker: a worker would try again for minutes, line by line."""
    with connection_to_broker(celery, read=True) as connection:
        # A wrong password, user or virtual host is no OperationalError; a senseless address is a
        # ValueError.
        errors = (*connection.connection_errors, *connection.channel_errors, OperationalError)
        try:
            connection.ensure_connection(max_retries=1, interval_start=1, timeout=_REACH)
        except (*errors, OSError, ValueError) as error:
            raise BrokerUnreachable(
                f"the broker {connection.as_uri()} cannot be reached: {error}; "
                "start it, or correct broker_url"
            ) from error


def _load(info: ScriptInfo) -> Flask:
    with _clear_errors():
        return info.load_app()


@contextmanager
def _clear_errors() -> Generator[None]:
    """Show what `periodic` raises on purpose as one sentence, without a traceback."""
    try:
        yield
    except PeriodicError as error:
        raise click.ClickException(str(error)) from error


def _entries(app: Flask) -> tuple[PeriodicState, Loaded]:
    with ending():
        state = state_of(app)
        loaded = load_all(state.celery)
    return state, replace(loaded, problems={**loaded.problems, **state.problems})


def _entries_at_start(app: Flask) -> tuple[PeriodicState, Loaded]:
    """Return what runs; a store that is away is told by the beat, and stops nothing here."""
    state = state_of(app)
    try:
        return state, load_all(state.celery)
    except StoreUnreachable:
        return state, load_entries(state.celery)


def _say_started(app: Flask, concurrency: int) -> None:
    """Say what runs, on which queues, and what comes next."""
    state, loaded = _entries_at_start(app)
    queues = sorted(state.celery.amqp.queues.consume_from)
    with state.celery.connection_for_read() as connection:
        # as_uri() hides the password; in memory there is no address to show.
        memory = connection.transport_cls == "memory"
        broker = "the memory of this process" if memory else connection.as_uri()
    click.echo(f" * worker: {concurrency} threads, queues {', '.join(queues)}, broker: {broker}")
    now = SystemClock().now()
    upcoming = console.next_rows(loaded.entries, now, 1)[:1]
    first = "".join(f", next {row.name} {console.relative(row.at, now)}" for row in upcoming)
    count = len(loaded.entries)
    click.echo(f" * beat: {count} {'entry' if count == 1 else 'entries'}{first}")
    for entry in loaded.entries:
        queue = entry.options.get("queue")
        if isinstance(queue, str) and queue not in queues:
            logger.warning(
                "entry %r goes to the queue %r, which this worker does not consume; add it to "
                "Celery's task_queues, or run a worker for it",
                entry.name,
                queue,
            )
    click.echo(" * Ctrl-C stops")


def _say_web(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    click.echo(f" * web: http://{shown}:{port} (a development server)")
