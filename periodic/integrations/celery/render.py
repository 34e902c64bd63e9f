"""From an occurrence to a Celery message: Celery's own routing, serializers and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import Celery

from ...entry import Entry, Occurrence
from ...errors import EntryError
from .canvas import KINDS, publish_canvas
from .lazy import evaluate

#: Celery's own mark of a task that a beat sent.
BEAT_HEADER = "celery_beat_task"


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """The message of one occurrence; publishing it runs the task's own `apply_async`.

    `BeatLazyFunc` arguments are made now. A task that is not registered here is sent by name.
    With `task_always_eager` nothing is sent: the task runs here, as everywhere in such an app.

    Args:
        app: the Celery app.
        entry: what runs.
        occurrence: which time; its id becomes the task's id.
    """

    app: Celery
    entry: Entry
    occurrence: Occurrence

    def publish(self, producer: Any) -> None:
        """Publish through a kombu producer, once.

        Raises:
            EntryError: an argument could not be made.
        """
        entry = self.entry
        args, kwargs = self._arguments()
        options = self._options()
        if entry.task in KINDS:
            publish_canvas(self.app, entry.task, kwargs, options, self.occurrence.id, producer)
            return
        options["task_id"] = self.occurrence.id
        task: Any = self.app.tasks.get(entry.task)
        if task is None:
            self.app.send_task(entry.task, args, kwargs, producer=producer, **options)
        else:
            task.apply_async(args, kwargs, producer=producer, **options)

    def _arguments(self) -> tuple[list[Any], dict[str, Any]]:
        try:
            return evaluate(list(self.entry.args)), evaluate(dict(self.entry.kwargs))
        except Exception as error:
            # Whatever it is, it is this entry's: an OSError must not pass for a broker's outage.
            raise EntryError(
                f"a BeatLazyFunc among its arguments raised {type(error).__name__}: {error}"
            ) from error

    def _options(self) -> dict[str, Any]:
        options = dict(self.entry.options)
        options.pop("task_id", None)  # the occurrence's wins; a warning said so
        given: Mapping[str, Any] = options.get("headers") or {}
        options["headers"] = {**given, BEAT_HEADER: True, **self.occurrence.headers}
        if isinstance(options.get("expires"), timedelta):
            options["expires"] = options["expires"].total_seconds()
        # The beat tries again itself, with back-off and without blocking the other entries.
        options["retry"] = False
        return options


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes the messages of a Celery app.

    Args:
        app: the Celery app, finalized.
    """

    app: Celery

    def __call__(self, entry: Entry, occurrence: Occurrence) -> TaskMessage:
        """Return the message of one occurrence of an entry; nothing is evaluated or sent."""
        return TaskMessage(self.app, entry, occurrence)
