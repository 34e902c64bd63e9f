"""A beat for a Celery app, put together from its settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery

from ...beat import Beat
from ...broker import Broker, Capability, Outcome, Status
from ...clock import Clock, SystemClock
from ...cursors import CursorStore, FileCursors
from ...entry import Entry
from ...errors import ConfigError
from ...leadership import Leadership
from .entries import load_entries
from .live import entries_to_run
from .render import Renderer
from .settings import Settings, connection_to_broker

logger: logging.Logger = logging.getLogger(__name__)
#: Celery's own logger: people look for its line about each task that is sent.
celery_logger: logging.Logger = logging.getLogger("celery.beat")

Observer = Callable[[Entry, Outcome], None]


def log_dispatch(entry: Entry, outcome: Outcome) -> None:
    """Log what was dispatched in Celery's words; other outcomes are the beat's to tell."""
    if outcome.status is Status.DISPATCHED:
        celery_logger.info(
            "Scheduler: Sending due task %s (%s)",
            entry.name,
            entry.task,
            extra={
                "event": "dispatched",
                "entry": entry.name,
                "task_id": outcome.occurrence.id,
                "fire_time": outcome.occurrence.fire_time.isoformat(),
            },
        )


def open_beat(
    app: Celery,
    settings: Settings,
    *,
    clock: Clock | None = None,
    observer: Observer | None = None,
) -> Beat:
    """Make a beat without entries; no connection is established yet.

    Args:
        app: the Celery app.
        settings: the app's.
        clock: where time comes from; the machine's unless given.
        observer: told every outcome, after it was logged.

    Raises:
        ConfigError: no broker adapter serves the app's transport.
    """
    clock = clock if clock is not None else SystemClock()
    connection = connection_to_broker(app)

    def cursors() -> CursorStore:
        return FileCursors(settings.cursors)

    def observe(entry: Entry, outcome: Outcome) -> None:
        log_dispatch(entry, outcome)
        if observer is not None:
            observer(entry, outcome)

    broker = settings.adapter_for(connection).open(
        connection, namespace=settings.namespace, clock=clock, cursors=cursors
    )
    conf: Any = app.conf
    if conf.task_always_eager:
        logger.warning(
            "task_always_eager is on: nothing is sent, tasks run inside the beat one by one",
            extra={"event": "eager"},
        )
    if conf.beat_cron_starting_deadline is not None:
        logger.warning(
            "beat_cron_starting_deadline has no effect: how old a missed run may be that is still "
            "sent, say in periodic['catch_up_window'] or in each entry",
            extra={"event": "setting-ignored"},
        )
    return Beat(
        broker,
        Renderer(app, clock),
        namespace=settings.namespace,
        clock=clock,
        max_interval=settings.max_interval,
        observer=observe,
        copy=_copy(broker, settings),
        leadership=_leadership(broker, settings, clock),
    )


def _copy(broker: Broker, settings: Settings) -> CursorStore | None:
    """Return where a copy of the cursors is kept, for a broker that may lose its data.

    Where the cursors live in that file it is no copy. A broker inside this process forgets with
    every restart, as one expects of it, unless somebody names the file.
    """
    if Capability.ATOMIC_DISPATCH not in broker.capabilities:
        return None
    if Capability.CROSS_PROCESS not in broker.capabilities and not settings.cursors_given:
        return None
    try:
        return FileCursors(settings.cursors)
    except ConfigError as error:
        logger.warning(
            "no copy of the cursors is kept, so a broker that loses its data makes a restarted "
            "beat count anew: %s; set periodic['cursors'] to a path that can be written",
            error,
            extra={"event": "no-copy"},
        )
        return None


def _leadership(broker: Broker, settings: Settings, clock: Clock) -> Leadership | None:
    """Return the contest with beats of other processes, where there can be any."""
    if Capability.CROSS_PROCESS not in broker.capabilities:
        return None
    return Leadership(broker, clock=clock, all_active=settings.all_active)


def make_beat(app: Celery, *, clock: Clock | None = None, observer: Observer | None = None) -> Beat:
    """Make a beat with all entries of a Celery app; problems are logged, good entries go on.

    Args:
        app: the Celery app.
        clock: where time comes from; the machine's unless given.
        observer: told every outcome, on the beat's thread.

    Returns:
        The beat; `run()` it, and close its `broker` in the end.

    Raises:
        ConfigError: the app's settings are not valid, or no adapter serves its broker.
    """
    loaded = load_entries(app)
    settings = Settings.of(app)
    beat = open_beat(app, settings, clock=clock, observer=observer)
    loaded.report()
    runs = entries_to_run(app, settings, beat)
    for entry in loaded.entries:
        runs.put(entry)
    return beat
