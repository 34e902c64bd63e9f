"""Everything in a Celery app's `beat_schedule`, as entries; a bad one never stops the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from difflib import get_close_matches
from typing import Any, cast

from celery import Celery
from celery.beat import ScheduleEntry

from ...entry import Entry
from ...errors import ConfigError, EntryError, ScheduleError
from ...policies import ALLOWED, CatchUpPolicy
from ...schedules import Schedule, crontab
from .checks import check_arguments
from .convert import to_schedule
from .options import check_options
from .settings import Settings

logger: logging.Logger = logging.getLogger(__name__)

#: What lint is to ignore in an entry: code -> reason.
LINT = "lint"
#: What an entry of `beat_schedule` may say.
KEYS = (
    *("task", "schedule", "args", "kwargs", "options", "relative", "tz", "enabled"),
    *ALLOWED,
    *("run_on_start", LINT),
)
#: What Celery's own entries may say besides; it has no meaning here.
_IGNORED_KEYS = frozenset({"name", "app", "last_run_at", "total_run_count"})
#: Celery's own clean-up of old results, and when it runs.
CLEANUP = "celery.backend_cleanup"
_CLEANUP_EXPIRES = 12 * 3600


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an app's configuration holds.

    Args:
        entries: the good ones.
        problems: for each entry that is set aside, one sentence that says why.
        warnings: for each entry that runs though something looks wrong, one sentence.
        notes: for each entry that is paused, until when and why.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def report(self) -> None:
        """Log each problem and each warning, one line each."""
        for name, problem in self.problems.items():
            extra = {"event": "entry-set-aside", "entry": name}
            logger.error("entry %r is set aside: %s", name, problem, extra=extra)
        for name, warning in self.warnings.items():
            logger.warning("entry %r: %s", name, warning, extra={"event": "entry", "entry": name})


def load_entries(app: Celery) -> Loaded:
    """Read everything in an app's `beat_schedule`.

    The app is finalized and its task modules are imported first, so `add_periodic_task` in
    `on_after_configure` and `on_after_finalize` has been heard. `celery.backend_cleanup` is
    added where Celery adds it.

    Args:
        app: the Celery app.

    Raises:
        ConfigError: the app's settings are not valid.
    """
    return read_entries(app, with_defaults(app, definitions_of(app)))


def definitions_of(app: Celery) -> dict[str, Any]:
    """Return a copy of an app's `beat_schedule`, once its task modules have been imported.

    Args:
        app: the Celery app; it is finalized.

    Raises:
        ConfigError: `beat_schedule` is no mapping.
    """
    app.loader.init_worker()
    app.finalize()
    conf: Any = app.conf
    return dict(checked_schedule(conf.beat_schedule))


def checked_schedule(given: Any, where: str = "beat_schedule") -> Mapping[str, Any]:
    """Return a `beat_schedule`, which may be None, as a mapping.

    Args:
        given: what the configuration holds.
        where: how the message names the place.

    Raises:
        ConfigError: it is no mapping.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{where} is {given!r}; give a mapping of entry names to entries, such as "
            "{'report': {'task': 'shop.report', 'schedule': 60}}"
        )
    return cast("Mapping[str, Any]", given)


def with_defaults(app: Celery, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return entries with `celery.backend_cleanup` where results expire and nobody else cleans.

    Args:
        app: whose result backend counts.
        definitions: the app's own; an entry of that name stays as it is.
    """
    found = dict(definitions)
    conf: Any = app.conf
    if conf.result_expires and not app.backend.supports_autoexpire and CLEANUP not in found:
        found[CLEANUP] = {
            "task": CLEANUP,
            "schedule": crontab(minute=0, hour=4),
            "options": {"expires": _CLEANUP_EXPIRES},
        }
    return found


def read_entries(app: Celery, definitions: Mapping[str, Any]) -> Loaded:
    """Make entries from definitions in the form of `beat_schedule`.

    Args:
        app: the Celery app, finalized.
        definitions: a mapping, or a `ScheduleEntry` of Celery, by name.
    """
    settings = Settings.of(app)
    loaded = Loaded()
    for name, definition in definitions.items():
        try:
            entry = read_entry(app, name, definition, settings=settings)
            looks_wrong = check_options(entry)
            check_arguments(app, entry)
        except (EntryError, ScheduleError) as error:
            loaded.problems[str(name)] = str(error).removeprefix(f"entry {name!r}: ")
        except Exception as error:  # noqa: BLE001  # a definition may hold anybody's objects
            loaded.problems[str(name)] = f"{type(error).__name__}: {error}"
        else:
            loaded.entries.append(entry)
            unknown = unknown_task(app, entry.task)
            if unknown is not None:
                unknown += " " if unknown.endswith("?") else "; "
                unknown += "it is sent by name all the same, for a worker that knows it"
            warnings = [each for each in (unknown, looks_wrong) if each]
            if warnings:
                loaded.warnings[entry.name] = "; ".join(warnings)
    return loaded


def read_entry(
    app: Celery, name: str, definition: Any, *, settings: Settings | None = None
) -> Entry:
    """Make one entry.

    Args:
        app: the Celery app.
        name: the entry's name.
        definition: a mapping with the keys of `KEYS`, or a `ScheduleEntry` of Celery.
        settings: the app's, if they are at hand.

    Raises:
        EntryError: a key is unknown or missing, or a value is of the wrong type.
        ScheduleError: the schedule is not valid.
    """
    settings = settings or Settings.of(app)
    if isinstance(definition, ScheduleEntry):
        definition = {key: getattr(definition, key) for key in KEYS if hasattr(definition, key)}
    if not isinstance(definition, Mapping):
        raise EntryError(
            f"an entry is a mapping with the keys 'task' and 'schedule', not {definition!r}"
        )
    _check_keys(definition)
    enabled = definition.get("enabled", True)
    if not isinstance(enabled, bool):
        raise EntryError(f"'enabled' is True or False, not {enabled!r}")
    return Entry(
        name=name,
        task=_task_name(definition["task"]),
        schedule=_schedule(app, name, definition, settings.timezone),
        args=definition.get("args") or (),
        kwargs=definition.get("kwargs") or {},
        options=definition.get("options") or {},
        enabled=enabled,
        run_on_start=definition.get("run_on_start", False),
        **_policy(definition, settings.catch_up),
    )


def _policy(definition: Mapping[str, Any], defaults: CatchUpPolicy) -> dict[str, Any]:
    """Return what an entry says about missed occurrences; for a time, None is an answer."""
    policy = {key: definition.get(key, getattr(defaults, key)) for key in ALLOWED}
    for key in ("catch_up", "max_catch_up"):
        if policy[key] is None:
            policy[key] = getattr(defaults, key)
    return policy


def _task_name(task: Any) -> Any:
    # A task object is as clear as its name.
    return task if isinstance(task, str) else getattr(task, "name", task)


def _check_keys(definition: Mapping[str, Any]) -> None:
    for key in definition:
        if key not in KEYS and key not in _IGNORED_KEYS:
            near = get_close_matches(str(key).lower(), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(KEYS)}"
            raise EntryError(f"unknown key {key!r}; {hint}")
    for key in ("task", "schedule"):
        if definition.get(key) is None:
            raise EntryError(f"it has no {key!r}; an entry needs at least 'task' and 'schedule'")


def _schedule(app: Celery, name: str, definition: Mapping[str, Any], zone: tzinfo) -> Schedule:
    value, tz = definition["schedule"], definition.get("tz")
    relative = bool(definition.get("relative", False))
    if tz is None:
        return to_schedule(value, app, relative=relative, zone=zone, name=name)
    own = crontab(tz=tz).tz  # the schedules' own reading of a zone, with their messages
    schedule = to_schedule(value, app, relative=relative, zone=own, name=name)
    if schedule.tz != own:
        raise EntryError(
            f"'tz' is {tz!r} but its schedule already has the zone {schedule.tz}; keep one of them"
        )
    return schedule


def unknown_task(app: Celery, task: str) -> str | None:
    """Return a sentence about a task that is not registered here, with near ones; else None.

    Args:
        app: the Celery app.
        task: the registered name of a task.
    """
    if task in app.tasks:
        return None
    own = [name for name in app.tasks if not name.startswith("celery.")]
    near = get_close_matches(task, own, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"no task named {task!r} is known here{hint}"
