"""Entries of a `beat_schedule`: that of an app, or a mapping in its form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from celery import Celery, schedules

from ...errors import ConfigError
from ...policies import ALLOWED
from ...schedules import interval
from ..celery.entries import CLEANUP, checked_schedule, definitions_of, read_entry
from ..celery.foreign import ForeignSchedule
from ..celery.proving import runs_of
from ..celery.settings import Settings
from ..objects import named_object
from .coming import Coming, Place, note_days


def from_beat_schedule(path: str, place: Place) -> list[Coming]:
    """Read a `beat_schedule`; each schedule of Celery is asked beside what becomes of it.

    Args:
        path: `MODULE:NAME`, a mapping in the form of `beat_schedule` or a Celery app.
        place: where they arrive; a mapping names no zone.

    Raises:
        ConfigError: there is no such thing, or it is neither.
    """
    found = named_object(path)
    if isinstance(found, Celery):
        definitions: Mapping[str, Any] = definitions_of(found)
        app, zone, note = found, Settings.of(found).timezone, ""
        if place.given and str(place.zone) != str(zone):
            raise ConfigError(f"{path!r} has the zone {zone}; leave out --tz, or set it there")
    elif isinstance(found, Mapping):
        definitions = checked_schedule(found, path)
        app = Celery("moving", set_as_current=False)
        app.conf.update(timezone=str(place.zone))
        zone, note = place.zone, place.zone_note(path)
    else:
        raise ConfigError(
            f"{path!r} is {found!r}; give a Celery app, or a mapping of entry names to entries"
        )
    return [_coming(str(name), given, app, zone, note) for name, given in definitions.items()]


def _coming(name: str, definition: Any, app: Celery, zone: tzinfo, note: str) -> Coming:
    coming = Coming(name)
    if name == CLEANUP:
        coming.problem = "periodic has this entry of its own, where results expire"
        return coming
    try:
        entry = read_entry(app, name, definition)
    except Exception as error:  # noqa: BLE001  # a definition may hold anybody's objects
        coming.problem = str(error).removeprefix(f"entry {name!r}: ")
        return coming
    given: Any = definition if isinstance(definition, Mapping) else vars(definition)
    coming.given = {
        "task": entry.task,
        "schedule": entry.schedule,
        "args": list(entry.args),
        "kwargs": dict(entry.kwargs),
        "options": dict(entry.options),
        "enabled": entry.enabled,
        **{key: getattr(entry, key) for key in ALLOWED if given.get(key) is not None},
        **({"run_on_start": True} if entry.run_on_start else {}),
    }
    theirs = given["schedule"]
    if isinstance(entry.schedule, interval):
        coming.notes.append(
            "its interval runs on a grid that restarts do not move, not from the last run on"
        )
    elif isinstance(theirs, schedules.crontab | schedules.solar):
        asked = ForeignSchedule(theirs, app, zone)
        coming.theirs = lambda start, end: runs_of(asked, start, end)
        if note and isinstance(theirs, schedules.crontab):
            coming.notes.append(note)
    elif given.get("relative") or getattr(theirs, "relative", False):
        coming.theirs = _relative(theirs, app, zone)
    note_days(entry.schedule, coming)
    return coming


def _relative(value: Any, app: Celery, zone: tzinfo) -> Any:
    """Return when Celery runs an interval that is relative: it rounds to minute, hour or day."""
    every = getattr(value, "run_every", value)
    asked = ForeignSchedule(schedules.schedule(every, relative=True, app=app), app, zone)

    def runs(start: datetime, end: datetime) -> list[datetime]:
        return runs_of(asked, start, end)

    return runs


def refuse_own(coming: list[Coming], code: Mapping[str, Any]) -> None:
    """Give what the code of the app already has a problem: it would override it, not move it."""
    for each in coming:
        if not each.problem and each.name in code:
            each.problem = (
                "the code of this app has it, and its beats run it from there; take it out of the "
                "code, then import it"
            )
