"""Refuses to start a beat whose messages could never reach a worker.

A worker with `-B` is refused before it starts where this module is known by then: Celery imports
it with the installed package's commands. A vendored copy that the app does not import is known
only in the beat's own process, which then ends with the same sentence and leaves the worker.
"""

from __future__ import annotations

import threading
from typing import Any

from celery import Celery, signals
from celery.utils.imports import load_extension_class_names, symbol_by_name

from ...broker import Capability
from ...errors import ConfigError
from .scheduler import BeatScheduler, refuse
from .settings import Settings, connection_to_broker

_WHY = (
    "the broker {uri} lives inside one process, and `{command}` makes the beat a process of its "
    "own: no worker would ever receive its messages. Run worker and beat in one process with "
    "`flask periodic run` (or {embedded}), or set broker_url to a broker that processes share, "
    "such as filesystem:// or redis://"
)


def one_process_only(app: Celery, command: str) -> str | None:
    """Return why a beat in a process of its own makes no sense for this app, or None.

    Args:
        app: its broker counts; no connection is established.
        command: what would start the beat, for the message.

    Raises:
        ConfigError: the app's settings are not valid, or its broker cannot be used.
    """
    connection = connection_to_broker(app)
    if Capability.CROSS_PROCESS in Settings.of(app).adapter_for(connection).capabilities:
        return None
    embedded = f"{__name__.rpartition('.')[0]}.Embedded"
    return _WHY.format(uri=connection.as_uri(), command=command, embedded=embedded)


def _guard_worker(instance: Any = None, options: Any = None, **_: Any) -> None:
    """Before a worker with `-B` starts: refuse where its beat could not reach it."""
    if instance is None or not options or not options.get("beat"):
        return
    app: Any = instance.app
    if _is_ours(options.get("scheduler") or app.conf.beat_scheduler):
        _refuse_if_alone(app, "celery worker -B")


def _guard_beat(sender: Any = None, **_: Any) -> None:
    """Before a beat service ticks: refuse where it is a process of its own and may not be.

    A service in a thread shares its process with whoever started it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if isinstance(getattr(sender, "scheduler", None), BeatScheduler):
        _refuse_if_alone(sender.app, "celery beat")


def _refuse_if_alone(app: Celery, command: str) -> None:
    try:
        reason = one_process_only(app, command)
    except ConfigError as error:
        reason = str(error)
    if reason is not None:
        raise refuse(reason)


def _is_ours(scheduler: Any) -> bool:
    try:
        names: Any = load_extension_class_names("celery.beat_schedulers")
        aliases: dict[str, str] = dict(names)  # pairs, whatever their stub says
        found = symbol_by_name(scheduler, aliases=aliases)
    except (ImportError, AttributeError, ValueError):
        return False  # Celery will say what is wrong with the name
    return isinstance(found, type) and issubclass(found, BeatScheduler)


def install() -> None:
    """Connect the guard to Celery's signals; once is enough, again does no harm."""
    signals.celeryd_init.connect(_guard_worker, weak=False, dispatch_uid=f"{__name__}.worker")
    signals.beat_init.connect(_guard_beat, weak=False, dispatch_uid=f"{__name__}.beat")
