"""The entries of a running beat as Celery's tools look at them: name -> `ScheduleEntry`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import Celery, schedules
from celery.beat import ScheduleEntry

from ...schedules import Schedule

_FIELDS = ("task", "args", "kwargs", "options")


@dataclass(frozen=True, slots=True)
class Run:
    """What a beat has sent for one entry: the newest fire time (UTC) and how many."""

    at: datetime
    count: int


class Definitions(MutableMapping[str, Any]):
    """A mapping that keeps definitions and shows `ScheduleEntry` objects made from them.

    Args:
        app: the Celery app.
        changed: told each change, with None for an entry that is gone.
    """

    def __init__(self, app: Celery, changed: Callable[[str, Any], None]) -> None:
        self._app = app
        self._changed = changed
        self._kept: dict[str, Any] = {}
        self._runs: dict[str, Run] = {}

    def __getitem__(self, name: str) -> ScheduleEntry:
        definition = self._kept[name]
        if isinstance(definition, ScheduleEntry):
            entry = definition
        else:
            given: dict[str, Any] = dict(definition) if isinstance(definition, Mapping) else {}
            fields = {key: given[key] for key in _FIELDS if key in given}
            # Celery's constructor writes an app into the schedule object; set it afterwards.
            entry = ScheduleEntry(name=name, app=self._app, **fields)
            entry.schedule = _shown(given.get("schedule"), self._app)
        run = self._runs.get(name)
        if run is not None:
            entry.last_run_at, entry.total_run_count = run.at, run.count
        return entry

    def __setitem__(self, name: str, definition: Any) -> None:
        self._kept[name] = definition
        self._changed(name, definition)

    def __delitem__(self, name: str) -> None:
        del self._kept[name]
        self._runs.pop(name, None)
        self._changed(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, definitions: Mapping[str, Any]) -> None:
        """Take over definitions that the beat knows already."""
        self._kept.update(definitions)

    def kept(self) -> Mapping[str, Any]:
        """Return a copy of the definitions, as they were given."""
        return dict(self._kept)

    def ran(self, name: str, at: datetime) -> None:
        """Remember that an occurrence was dispatched."""
        before = self._runs.get(name)
        self._runs[name] = Run(at, 1 if before is None else before.count + 1)


def _shown(schedule: Any, app: Celery) -> Any:
    if schedule is None or isinstance(schedule, Schedule | schedules.BaseSchedule | str | bool):
        return schedule
    return schedules.schedule(schedule, app=app)
