"""Traps around a Celery app's beat: tasks, queues, limits, settings, and the files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Celery

from ...entry import Entry
from ...errors import EntryError
from ...lint import Finding, lint_entries, lint_schedules, without_ignored
from ...schedules.english import length
from ..naming import Named
from .canvas import KINDS
from .checks import check_arguments
from .entries import LINT, Loaded, definitions_of, read_entries, read_entry, with_defaults
from .live import load_all

#: Where commands are written down that start workers and beats.
_COMMAND_FILES = (
    "Procfile*",
    "*compose*.y*ml",
    "Dockerfile*",
    "*.service",
    "*supervisor*.conf",
    "*.sh",
    "Makefile",
)
_WORKER_WITH_BEAT = re.compile(r"\bcelery\b[^\n#]*\bworker\b[^\n#]*\s(?:-B|--beat)(?=[\s\"',\]]|$)")
_BEAT = re.compile(r"\bcelery\b[^\n#]*\bbeat\b[^\n#]*")
_SCHEDULER = re.compile(r"(?:-S|--scheduler)[=\s\"',]+([\w.:]+)")
_LEFT = (
    "celerybeat-schedule",
    "celerybeat-schedule.db",
    "celerybeat-schedule.dat",
    "celerybeat-schedule.dir",
    "celerybeat-schedule.bak",
    "celerybeat.pid",
)
_STOCK = "celery.beat:PersistentScheduler"
_OURS = "periodic"
#: Settings of schedulers that are not ours.
_FOREIGN = {"redbeat_": "RedBeat", "beat_dburi": "celery-sqlalchemy-scheduler"}


def lint_app(
    app: Celery,
    start: datetime,
    *,
    definitions: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> list[Finding]:
    """Return what is wrong with an app's entries, its settings and the files beside it.

    An entry says what is ignored there, `{"lint": {"PER202": "why"}}`; so may its task, by an
    attribute `lint`.

    Args:
        app: the Celery app; its task modules are imported.
        start: the present; aware.
        definitions: entries in the form of `beat_schedule`; the app's own, and those of its
            store, unless given.
        folder: where to look for files; None looks at none.

    Raises:
        ConfigError: the app's settings are not valid.
        StoreUnreachable: its store cannot be read now.
    """
    if definitions is None:
        definitions, loaded = with_defaults(app, definitions_of(app)), load_all(app)
    else:
        loaded = read_entries(app, definitions)
    found = _lint(app, start, loaded, definitions)
    if folder is not None:
        found.extend(_lint_files(app, folder))
    ignores = {**_ignores_of_tasks(app, loaded.entries), **_ignores_of(app, definitions)}
    return list(without_ignored(found, ignores))


def lint_named(app: Celery, named: Named, start: datetime) -> list[Finding]:
    """Return what is wrong with the entries of another schedule, as if the app ran them.

    Args:
        app: knows the tasks, unless the entries are those of a crontab.
        named: the schedule.
        start: the present; aware.
    """
    found = [Finding("PER001", name, problem) for name, problem in named.problems.items()]
    if not named.tasks:
        return [*found, *lint_schedules(named.entries, start)]
    found += _lint_loaded(app, named.entries, start)
    return list(without_ignored(found, _ignores_of_tasks(app, named.entries)))


def _lint(
    app: Celery, start: datetime, loaded: Loaded, definitions: Mapping[str, Any]
) -> list[Finding]:
    found = [
        _problem(app, name, definitions.get(name), problem)
        for name, problem in loaded.problems.items()
    ]
    return [*found, *_lint_loaded(app, loaded.entries, start), *_lint_settings(app)]


def _lint_loaded(app: Celery, entries: Sequence[Entry], start: datetime) -> list[Finding]:
    limits = _Limits(app)
    found = lint_entries(entries, start, limit=limits.of)
    for entry in entries:
        if entry.enabled:
            found.extend(_lint_task(app, entry, limits))
    return found


def _ignores_of_tasks(app: Celery, entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    return _ignores_of(app, {entry.name: {"task": entry.task} for entry in entries})


def _ignores_of(app: Celery, definitions: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what entries, or their tasks, say is to be ignored: entry -> code -> reason."""
    found: dict[str, dict[str, str]] = {}
    for name, definition in definitions.items():
        said: dict[str, str] = {}
        for given in _said(app, definition):
            if isinstance(given, Mapping):
                said.update(given)
            elif given is not None:
                said[str(given)] = ""  # told as an ignore without a reason
        if said:
            found[name] = said
    return found


def _said(app: Celery, definition: Any) -> Iterator[Any]:
    if isinstance(definition, Mapping):
        task = definition.get("task")
        yield getattr(app.tasks.get(task if isinstance(task, str) else ""), LINT, None)
        yield definition.get(LINT)


class _Limits:
    """Knows how long tasks may run."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        conf: Any = app.conf
        self._default = conf.task_time_limit or conf.task_soft_time_limit

    def of(self, entry: Entry) -> timedelta | None:
        """Return the hard limit of an entry's task, else the soft one."""
        task: Any = self._app.tasks.get(entry.task)
        options = entry.options
        given = (
            options.get("time_limit")
            or options.get("soft_time_limit")
            or getattr(task, "time_limit", None)
            or getattr(task, "soft_time_limit", None)
            or self._default
        )
        return timedelta(seconds=given) if given else None


def _problem(app: Celery, name: str, definition: Any, problem: str) -> Finding:
    try:
        check_arguments(app, read_entry(app, name, definition))
    except EntryError as error:
        # Everything before the arguments could be read.
        if str(error).removeprefix(f"entry {name!r}: ") == problem and _is_readable(
            app, name, definition
        ):
            return Finding("PER303", name, problem)
    except Exception:  # noqa: BLE001  # a definition may hold anybody's objects
        return Finding("PER001", name, problem)
    return Finding("PER001", name, problem)


def _is_readable(app: Celery, name: str, definition: Any) -> bool:
    try:
        read_entry(app, name, definition)
    except Exception:  # noqa: BLE001  # a definition may hold anybody's objects
        return False
    return True


def _lint_task(app: Celery, entry: Entry, limits: _Limits) -> Iterator[Finding]:
    task: Any = app.tasks.get(entry.task)
    if task is None and entry.task not in KINDS:
        yield Finding(
            "PER301",
            entry.name,
            f"No task named {entry.task!r} is known here. Correct the name, or import the module "
            "that defines it (Celery's setting `imports`).",
        )
    conf: Any = app.conf
    queue = entry.options.get("queue") or getattr(task, "queue", None)
    if conf.task_queues and isinstance(queue, str) and queue not in app.amqp.queues:
        known = ", ".join(sorted(app.amqp.queues))
        yield Finding(
            "PER302",
            entry.name,
            f"It goes to the queue {queue!r}, which task_queues does not define ({known}): no "
            "worker takes from it unless it is told to.",
        )
    once: Any = getattr(task, "once", None)
    limit = limits.of(entry)
    if isinstance(once, Mapping) and isinstance(once.get("timeout"), int | float):
        lock = timedelta(seconds=once["timeout"])
        if limit is not None and lock < limit:
            yield Finding(
                "PER206",
                entry.name,
                f"The lock of its task ends after {length(lock)}, but the task may run for "
                f"{length(limit)}: a second run may start beside it. Let the lock last longer.",
            )


def _lint_settings(app: Celery) -> Iterator[Finding]:
    conf: Any = app.conf
    if conf.task_always_eager:
        yield Finding(
            "PER405",
            "task_always_eager",
            "Nothing is sent: tasks run inside of the beat, one by one. Keep it for tests.",
        )
    if conf.beat_cron_starting_deadline is not None:
        yield Finding(
            "PER404",
            "beat_cron_starting_deadline",
            "It has no effect. How old a missed run may be that is still sent, say in "
            "periodic['catch_up_window'] or in each entry.",
        )
    for key in conf:
        for prefix, whose in _FOREIGN.items():
            if str(key).lower().startswith(prefix):
                yield Finding(
                    "PER402",
                    str(key),
                    f"A setting of {whose}: if its beat still runs anywhere, each task is sent "
                    "twice. Stop that beat and remove the setting.",
                )


def _lint_files(app: Celery, folder: Path) -> Iterator[Finding]:
    schedulers: dict[str, str] = {}
    conf: Any = app.conf
    default = str(conf.beat_scheduler or _STOCK)
    for file in sorted({file for glob in _COMMAND_FILES for file in folder.glob(glob)}):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if _WORKER_WITH_BEAT.search(text):
            yield Finding(
                "PER401",
                file.name,
                "A worker is started with a beat inside (-B): with two such workers each beat "
                "works, and a restart of the worker stops the beat. Start `celery beat` by itself.",
            )
        for command in _BEAT.findall(text):
            named = _SCHEDULER.search(command)
            schedulers.setdefault(named[1] if named else default, file.name)
    if len(schedulers) > 1:
        told = ", ".join(f"{name} ({file})" for name, file in sorted(schedulers.items()))
        yield Finding(
            "PER402",
            min(schedulers.values()),
            f"Beats with different schedulers are started: {told}. They do not know of each other, "
            "so each task is sent twice. Keep one.",
        )
    # Where Celery's own scheduler runs, its files are no left-overs.
    if default != _STOCK or _OURS in schedulers:
        for name in _LEFT:
            if (folder / name).exists():
                yield Finding(
                    "PER403",
                    name,
                    "Celery's own scheduler left this file, and nothing reads it any more. "
                    "Remove it.",
                )
