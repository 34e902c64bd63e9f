"""The definition of a stored entry: JSON one way, the fields of an `Entry` the other way.

What is refused here is refused before anything is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from typing import Any, cast

from .clock import to_utc
from .entry import Entry
from .errors import EntryError, ScheduleError
from .records import EntryRecord, Source
from .schedules.base import Schedule
from .schedules.interval import interval
from .schedules.zones import settle

#: The longest name of an entry, in characters; databases index it.
LONGEST_NAME = 200
#: The longest name of a task.
LONGEST_TASK = 255
#: The most that a definition may take as JSON, in bytes.
MOST_BYTES = 64 * 1024

#: Makes a schedule of what it knows; returns None for what it does not.
Convert = Callable[[object, str], Schedule | None]

#: Fields of an entry that no definition holds: the record has them.
_OF_THE_RECORD = frozenset({"name", "since"})
#: What a definition may hold.
KEYS: tuple[str, ...] = tuple(
    each.name for each in fields(Entry) if each.name not in _OF_THE_RECORD
)
_KEYS: frozenset[str] = frozenset(KEYS)

_SCHEDULES = (
    "a schedule such as crontab(minute=0) or interval(minutes=5), a number of seconds, a "
    "timedelta, or the data of a schedule's to_dict()"
)


def no_convert(_value: object, _name: str) -> Schedule | None:
    """Know no further schedule."""
    return None


def make_definition(
    name: str, given: Mapping[str, Any], *, convert: Convert = no_convert
) -> dict[str, Any]:
    """Return a definition as JSON-ready data of its own.

    Args:
        name: the entry's.
        given: the keys of `KEYS`, and `tz` for a schedule without a zone; a key that is missing
            stays missing.
        convert: knows further schedules.

    Raises:
        EntryError: a key is unknown, or a value is not allowed; the message names it.
        ScheduleError: the schedule is not valid.
    """
    check_name(name)
    definition: dict[str, Any] = {}
    for key, value in given.items():
        if key == "tz":
            continue
        if key not in KEYS:
            near = get_close_matches(str(key), (*KEYS, "tz"), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KEYS)}, tz"
            raise EntryError(f"entry {name!r}: unknown key {key!r}; {hint}")
        definition[key] = value
    tz = given.get("tz")
    if "schedule" in definition:
        definition["schedule"] = _schedule_data(name, definition["schedule"], tz, convert)
    elif tz is not None:
        raise EntryError(f"entry {name!r}: tz goes with a schedule; give the schedule again")
    task = definition.get("task")
    if task is not None and not isinstance(task, str):
        task = definition["task"] = getattr(task, "name", task)  # an object is as clear as its name
    if isinstance(task, str) and (len(task) > LONGEST_TASK or not task.isprintable()):
        raise EntryError(
            f"entry {name!r}: a task's name has at most {LONGEST_TASK} printable characters, "
            f"not {task[:40]!r}"
        )
    plain = {key: _plain(value, f"entry {name!r}: {key}") for key, value in definition.items()}
    size = len(json.dumps(plain).encode())
    if size > MOST_BYTES:
        raise EntryError(
            f"entry {name!r} takes {size} bytes as JSON, more than {MOST_BYTES}; keep what is "
            "large elsewhere and give the task a key to it"
        )
    probe: dict[str, Any] = {"task": "probe", "schedule": _PROBE, **entry_fields(name, plain, UTC)}
    Entry(name=name, **probe)
    return plain


_PROBE = interval(seconds=60)


def check_name(name: object) -> None:
    """Refuse what cannot be the name of a stored entry.

    Raises:
        EntryError: it is no text, empty, too long, or not printable.
    """
    if not isinstance(name, str) or not name.strip():
        raise EntryError(f"an entry's name is a non-empty string, not {name!r}")
    if len(name) > LONGEST_NAME:
        raise EntryError(
            f"an entry's name has at most {LONGEST_NAME} characters, not {len(name)}: "
            f"{name[:40]!r}..."
        )
    if not name.isprintable() or name != name.strip():
        raise EntryError(
            f"an entry's name has printable characters and no space at its ends, not {name!r}"
        )


def entry_fields(name: str, definition: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Return the fields of an `Entry` that a definition says, the schedule's zone settled.

    Args:
        name: the entry's, for messages.
        definition: from `make_definition`, or from somebody's plain SQL.
        zone: for a schedule that names none.

    Raises:
        EntryError: it is no definition.
        ScheduleError: the schedule is not valid.
    """
    found = dict(definition)
    if not found.keys() <= _KEYS:
        key = next(key for key in found if key not in _KEYS)
        raise EntryError(f"entry {name!r}: unknown key {key!r}; known: {', '.join(KEYS)}")
    if "schedule" in found:
        data = found["schedule"]
        if not isinstance(data, Mapping):
            raise EntryError(f"entry {name!r}: schedule is the data of to_dict(), not {data!r}")
        found["schedule"] = schedule_of(data, zone)
    if not isinstance(found.get("enabled", True), bool):
        raise EntryError(f"entry {name!r}: enabled is true or false, not {found['enabled']!r}")
    return found


def entry_of(
    record: EntryRecord,
    now: datetime,
    *,
    zone: tzinfo,
    base: Entry | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Entry:
    """Return the entry that a record and the code make together.

    Args:
        record: from a store.
        now: when a pause is looked at; aware.
        zone: for a schedule that names none.
        base: the entry of that name in the code, if there is one.
        defaults: the app's policies, for an entry that is the store's alone.

    Raises:
        EntryError: the record is not valid, or the code that it needs is gone.
        ScheduleError: its schedule is not valid.
    """
    name = record.name
    if record.problem:
        raise EntryError(f"entry {name!r}: {record.problem}")
    said = entry_fields(name, record.definition, zone)
    if record.source is Source.CODE:
        if base is None:
            raise EntryError(
                f"entry {name!r} changes an entry of the code, which is gone; delete it, or bring "
                "the code back"
            )
        whole = {each.name: getattr(base, each.name) for each in fields(Entry)} | said
    else:
        if said.get("task") is None or said.get("schedule") is None:
            missing = "task" if said.get("task") is None else "schedule"
            raise EntryError(f"entry {name!r} has no {missing}; an entry needs task and schedule")
        whole = {**(defaults or {}), **said}
    whole["name"], whole["since"] = name, record.since
    pause = record.pause
    if pause is not None and pause.lasts(now):
        whole["enabled"] = False
    elif pause is not None and pause.until is not None:
        # It goes on by itself: what is due at that very instant runs, what was due before does not.
        whole["since"] = to_utc(pause.until) - datetime.resolution
    return Entry(**whole)


def checked_text(text: str, where: str) -> str:
    """Return text, unless a database could not keep it.

    Raises:
        EntryError: it holds half a character (a lone surrogate).
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EntryError(
            f"{where} holds {text!r}, which is no text: there is half a character at {error.start}"
        ) from None
    return text


def schedule_of(data: Mapping[str, Any], zone: tzinfo) -> Schedule:
    """Return the schedule of a definition, its zone settled: the same one for the same data.

    Args:
        data: in the form of `to_dict()`.
        zone: for a schedule that names none.

    Raises:
        ScheduleError: it is not valid.
    """
    try:
        # With their types: true and 1 are equal, and one of them is no number of seconds.
        return _flat(tuple(data.items()), tuple(map(type, data.values())), zone)
    except TypeError:  # nested, as a union is
        return _nested(json.dumps(data), zone)


# Many entries share few schedules, and those of a beat are read at once.
@lru_cache(maxsize=2**14)
def _flat(
    items: tuple[tuple[str, Any], ...],
    types: tuple[type, ...],  # noqa: ARG001  # tells apart what is equal and does not mean the same
    zone: tzinfo,
) -> Schedule:
    return Schedule.from_dict(dict(items)).in_zone(zone)


@lru_cache(maxsize=2**10)
def _nested(text: str, zone: tzinfo) -> Schedule:
    return Schedule.from_dict(json.loads(text)).in_zone(zone)


def _schedule_data(name: str, value: object, tz: object, convert: Convert) -> dict[str, Any]:
    schedule = convert(value, name)
    if schedule is None:
        schedule = _known_schedule(name, value)
    if tz is not None:
        own = settle(cast("Any", tz))
        if schedule.tz is not None and schedule.tz != own:
            raise EntryError(
                f"entry {name!r}: tz is {tz!r} but its schedule already has the zone "
                f"{schedule.tz}; keep one of them"
            )
        schedule = schedule.in_zone(cast("tzinfo", own))
    try:
        data = schedule.to_dict()
        json.dumps(data)
        Schedule.from_dict(data)
    except (TypeError, NotImplementedError, ScheduleError) as error:
        raise EntryError(
            f"entry {name!r}: {schedule!r} cannot be kept in a store ({error}); use {_SCHEDULES}"
        ) from error
    return data


def _known_schedule(name: str, value: object) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if isinstance(value, Mapping):
        return Schedule.from_dict(value)
    if isinstance(value, int | float | timedelta) and not isinstance(value, bool):
        return interval(value)
    hint = "; write cron('...') for a cron expression" if isinstance(value, str) else ""
    raise EntryError(f"entry {name!r}: schedule is {_SCHEDULES}, not {value!r}{hint}")


def _plain(value: Any, where: str) -> Any:  # noqa: C901  # one line for each kind of value
    """Return a copy made of what JSON has, refusing what would come back as something else."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return checked_text(value, where)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise EntryError(f"{where} holds {value!r}, which JSON has no word for")
    if isinstance(value, Mapping):
        given: Mapping[Any, Any] = value
        for key in given:
            if not isinstance(key, str):
                raise EntryError(f"{where} has the key {key!r}; JSON has only text as keys")
        return {checked_text(key, where): _plain(each, where) for key, each in given.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        several: Sequence[Any] = value
        return [_plain(each, where) for each in several]
    raise EntryError(
        f"{where} holds {value!r}, a {type(value).__name__}; a store keeps JSON: text, numbers, "
        "true, false, null, lists and mappings"
    )
