"""Runs the task of an occurrence here and now, as a worker would: for tests."""

from __future__ import annotations

from typing import Any

from celery import Celery

from ...entry import Entry, Occurrence
from ...errors import ConfigError
from .entries import CLEANUP, load_entries
from .lazy import evaluate
from .render import BEAT_HEADER
from .settings import Settings


def entries_of(app: Celery) -> list[Entry]:
    """Return an app's own entries, and refuse an app of which one has a problem.

    Celery's nightly `celery.backend_cleanup`, which any beat adds where results expire, is not what
    a test of the app is about; one that the app has written itself is.

    Raises:
        ConfigError: an entry has a problem; each is named.
    """
    written = CLEANUP in app.conf.beat_schedule
    loaded = load_entries(app)
    if loaded.problems:
        told = "; ".join(f"{name}: {problem}" for name, problem in loaded.problems.items())
        raise ConfigError(f"entries with problems: {told}")
    return [entry for entry in loaded.entries if written or entry.name != CLEANUP]


class Runner:
    """Runs tasks in this thread, under the id and the headers that the worker would see.

    Args:
        app: the Celery app, finalized.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._namespace = Settings.of(app).namespace

    def __call__(self, entry: Entry, occurrence: Occurrence) -> Any:
        """Run the task of one occurrence and return its result.

        Args:
            entry: whose task, arguments and headers.
            occurrence: which time.

        Raises:
            ConfigError: no task has this name.
            Exception: what the task raised.
        """
        task: Any = self._app.tasks.get(entry.task)
        if task is None:
            raise ConfigError(
                f"entry {entry.name!r}: no task named {entry.task!r} is known here; "
                "import the module that defines it"
            )
        own = Occurrence(self._namespace, entry.name, occurrence.fire_time, occurrence.kind)
        headers = {**(entry.options.get("headers") or {}), BEAT_HEADER: True, **own.headers}
        return task.apply(
            evaluate(list(entry.args)),
            evaluate(dict(entry.kwargs)),
            task_id=own.id,
            headers=headers,
            throw=True,
        ).get(disable_sync_subtasks=False)  # it is there: nothing waits, in a worker either
