"""Runs tasks of a simulation here and now, with the machine's clock standing at their instants."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, cast

from celery import Celery

from ...entry import Entry, Occurrence
from ...errors import ConfigError
from .running import Runner

_Freeze = Callable[[datetime], AbstractContextManager[Any]]
#: What must see the real clock under freezegun, or its time-outs never end.
_LEFT_ALONE = ("kombu", "celery.backends", "celery.result", "redis", "amqp", "vine", "billiard")


class FrozenRunner:
    """Runs the task of an occurrence in this thread, at an instant, and what it sends, too.

    Args:
        app: the Celery app; from now on nothing that its tasks send leaves this process.

    Raises:
        ConfigError: neither time-machine nor freezegun is installed.
    """

    def __init__(self, app: Celery) -> None:
        self._freeze = _freezer()
        self._run = Runner(app)
        # A task that sends another one would send it to the real broker.
        conf: Any = app.conf
        conf.task_always_eager = True

    def __call__(self, entry: Entry, occurrence: Occurrence, at: datetime) -> Any:
        """Run the task of one occurrence and return its result.

        Args:
            entry: whose task and arguments.
            occurrence: which time.
            at: what the clock reads meanwhile; aware.

        Raises:
            ConfigError: no task has this name.
            Exception: what the task raised.
        """
        with self._freeze(at):
            return self._run(entry, occurrence)


def _freezer() -> _Freeze:
    try:
        import time_machine  # noqa: PLC0415  # optional
    except ImportError:
        pass
    else:
        return lambda at: time_machine.travel(at, tick=False)
    try:
        import freezegun  # noqa: PLC0415  # optional
    except ImportError as error:
        raise ConfigError(
            "tasks run at their instants by time-machine or freezegun, and neither is installed; "
            "install time-machine"
        ) from error
    # Its clocks are naive and in UTC.
    return lambda at: cast(
        "AbstractContextManager[Any]",
        freezegun.freeze_time(at, ignore=list(_LEFT_ALONE)),
    )
