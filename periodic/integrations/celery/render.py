"""From an occurrence to a Celery message: Celery's own routing, serializers and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery

from ...clock import Clock, SystemClock, iso_utc
from ...entry import HEADER_FIRE_TIME, Entry, Occurrence
from ...errors import EntryError
from .canvas import KINDS, publish_canvas
from .families import Family, family_of, listened_to
from .fanouts import declare_fanouts
from .lazy import evaluate
from .redirect import sending_through

#: Celery's own mark of a task that a beat sent.
BEAT_HEADER = "celery_beat_task"

#: Fire times of messages that are only rendered to learn from; nothing was ever due then.
_NEVER = datetime(1901, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)
#: How many entries are remembered at the most; beyond it they are looked at anew.
_MOST_FAMILIES = 200_000


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """The message of one occurrence; publishing it runs the task's own `apply_async`.

    `BeatLazyFunc` arguments are made now. A task that is not registered here is sent by name.
    With `task_always_eager` nothing is sent: the task runs here, as everywhere in such an app.

    Args:
        app: the Celery app.
        entry: what runs.
        occurrence: which time; its id becomes the task's id.
        clock: from whose time `expires` and `countdown` in seconds count.
        family: what its siblings share; None where each must be published by itself.
    """

    app: Celery
    entry: Entry
    occurrence: Occurrence
    clock: Clock
    family: Family | None = None

    @property
    def settled(self) -> bool:
        """Return whether no header of it counts from the dispatch."""
        return self.family is None or not self.family.moments

    def own_headers(self) -> dict[str, str]:
        """Return the headers in which it differs from its siblings."""
        occurrence = self.occurrence
        headers = {"id": occurrence.id, HEADER_FIRE_TIME: iso_utc(occurrence.fire_time)}
        if self.family is not None and self.family.moments:
            now = self.clock.now()
            for header, after in self.family.moments:
                # As long as Celery's own text is, but for one microsecond in a million.
                headers[header] = (now + after).isoformat(timespec="microseconds")
        return headers

    def sibling(self, number: int) -> TaskMessage:
        """Return the message of an occurrence that never was, for the adapter to learn from."""
        fire_time = _NEVER + timedelta(days=number, seconds=number)
        if not self.occurrence.fire_time.microsecond:  # the text shall be as long
            fire_time = fire_time.replace(microsecond=0)
        occurrence = Occurrence(self.occurrence.namespace, self.occurrence.entry, fire_time)
        return TaskMessage(self.app, self.entry, occurrence, self.clock, self.family)

    def publish(self, producer: Any) -> None:
        """Publish through a kombu producer, once.

        Raises:
            EntryError: an argument could not be made.
        """
        entry = self.entry
        args, kwargs = self._arguments()
        options = self._options()
        declare_fanouts(self.app, producer)
        with sending_through(self.app, producer):
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
        return options


class Renderer:
    """Makes the messages of a Celery app.

    Args:
        app: the Celery app, finalized.
        clock: from whose time relative options count; the machine's unless given.
    """

    def __init__(self, app: Celery, clock: Clock | None = None) -> None:
        self.app: Celery = app
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._families: dict[str, tuple[Entry, Family | None]] = {}

    def __call__(self, entry: Entry, occurrence: Occurrence) -> TaskMessage:
        """Return the message of one occurrence of an entry; nothing is evaluated or sent."""
        return TaskMessage(self.app, entry, occurrence, self._clock, self._family(entry))

    def _family(self, entry: Entry) -> Family | None:
        kept = self._families.get(entry.name)
        if kept is None or kept[0] is not entry:  # new, or edited since
            if len(self._families) >= _MOST_FAMILIES:
                self._families.clear()
            kept = self._families[entry.name] = (entry, family_of(self.app, entry))
        family = kept[1]
        return None if family is None or listened_to() else family
