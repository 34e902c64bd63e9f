"""The guard in a worker: put on when the worker starts, in every process that runs tasks.

Workers of prefork run tasks in children, which make what runs a task anew; all other pools run them
in the worker's own process, which makes it anew with each connection.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from celery import Celery, bootsteps, current_app, signals
from celery.apps.worker import Worker

from ...errors import ConfigError
from ...run_claims import MemoryRunClaims
from ...run_guard import RunGuard
from .guarding import GuardSettings, open_store, place_of, store_class
from .once import Once
from .scheduler import refuse
from .settings import Settings

logger: logging.Logger = logging.getLogger(__name__)

_PREFORK = "celery.concurrency.prefork"

#: App -> the process that made its guard, and the guard: a fork has one of its own.
_GUARDS: WeakKeyDictionary[Celery, tuple[int, Once]] = WeakKeyDictionary()


def guard_of(app: Celery) -> Once | None:
    """Return the guard of an app in this process, or None where its settings ask for none.

    Raises:
        ConfigError: the app's settings are not valid.
    """
    settings = Settings.of(app)
    asked = settings.guard
    if asked is None:
        return None
    pid, once = _GUARDS.get(app, (0, None))
    if once is None or pid != os.getpid():
        guard = RunGuard(
            lambda: open_store(app, asked, settings.namespace),
            lease=asked.lease,
            outage=asked.outage,
        )
        once = Once.of(app, guard)
        _GUARDS[app] = os.getpid(), once
    return once


def close_guard(app: Celery) -> None:
    """Give back what the guard of an app holds in this process; the next run opens it again."""
    pid, once = _GUARDS.pop(app, (0, None))
    if once is not None and pid == os.getpid():
        once.guard.close()


def check_guard(app: Celery, pool: object) -> bool:
    """Return whether an app asks for a guard, once it is known that there can be one.

    Args:
        app: the Celery app.
        pool: the worker's.

    Raises:
        ConfigError: the settings are not valid, or the pool's tasks do not share the place of the
            claims.
    """
    asked = Settings.of(app).guard
    if asked is None:
        return False
    kinds = {each.__module__ for each in type(pool).__mro__}
    if issubclass(store_class(app, asked), MemoryRunClaims) and _PREFORK in kinds:
        raise ConfigError(
            "the guard keeps its claims in the memory of one process, and a prefork pool runs "
            "tasks in several; start the worker with --pool threads or solo, or name a place that "
            "processes share: periodic['guard'] = 'redis://localhost/0'"
        )
    return True


def doubts(app: Celery, asked: GuardSettings) -> list[str]:
    """Return why the guard may not do what is hoped of it, one sentence each."""
    conf: Any = app.conf
    options: Mapping[str, Any] = conf.broker_transport_options or {}
    again = options.get("visibility_timeout")
    if not isinstance(again, int | float):
        return []
    found: list[str] = []
    if again <= asked.lease.total_seconds():
        found.append(
            f"the broker sends a message again after {again:g} s (visibility_timeout), and a copy "
            f"waits up to {asked.lease.total_seconds():g} s for a run that goes on, so copies "
            "multiply; make visibility_timeout longer than periodic['guard_lease']"
        )
    if again >= asked.remember.total_seconds():
        found.append(
            f"the broker sends a message again after {again:g} s (visibility_timeout), and runs "
            f"are remembered for {asked.remember.total_seconds():g} s; make "
            "periodic['guard_remember'] longer than visibility_timeout"
        )
    return found


class GuardStep(bootsteps.StartStopStep):
    """The part of a worker's consumer that guards its tasks, after Celery has made them ready."""

    requires: Any = ("celery.worker.consumer.tasks:Tasks",)  # its stub and its metaclass disagree

    def include_if(self, parent: Any) -> bool:
        """Return whether the app asks for a guard.

        Raises:
            ConfigError: there cannot be one.
            SystemExit: the same, where a person started the worker by its command.
        """
        try:
            return check_guard(parent.app, parent.pool)
        except ConfigError as error:
            if isinstance(parent.controller, Worker):
                raise refuse(error) from error
            raise

    def start(self, parent: Any) -> None:
        """Guard the tasks, with each connection."""
        app: Celery = parent.app
        once, asked = guard_of(app), Settings.of(app).guard
        if once is None or asked is None:
            return
        once.wrap_all(app)
        for reason in doubts(app, asked):
            logger.warning("%s", reason, extra={"event": "guard-doubt"})
        logger.info(
            "each run of a beat's entries is claimed before it begins, in %s",
            place_of(app, asked),
            extra={"event": "guard"},
        )


def guard_worker(app: Celery) -> None:
    """Let every worker of an app that starts from now on guard its tasks, if its settings ask."""
    steps: Any = app.steps
    steps["consumer"].add(GuardStep)


def _app_is_imported(sender: Any = None, **_: Any) -> None:
    """Before a worker is put together, Celery imports the app's modules."""
    if sender is not None:
        guard_worker(sender)


def _child_is_ready(**_: Any) -> None:
    """In a child of a prefork pool, when it has made what runs its tasks."""
    current: Any = current_app
    app: Celery = current._get_current_object()  # noqa: SLF001  # Celery's way to the app itself
    once = guard_of(app)
    if once is not None:
        once.wrap_all(app)


def install() -> None:
    """Connect to Celery's signals; once is enough, again does no harm."""
    uid = f"{__name__}.{{}}".format
    signals.import_modules.connect(_app_is_imported, weak=False, dispatch_uid=uid("modules"))
    signals.worker_process_init.connect(_child_is_ready, weak=False, dispatch_uid=uid("child"))
