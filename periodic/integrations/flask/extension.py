"""The Flask extension: `Periodic`, its state in each app, and the decorator for periodic tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakSet

from celery import Celery, Task, shared_task
from celery.local import Proxy
from flask import Flask, current_app, has_app_context

from ...errors import ConfigError, EntryError
from ...live import Schedules
from ...policies import CatchUp, CatchUpName
from ..celery.live import schedules_of
from ..celery.settings import KEYS, Settings
from .celery_app import celery_of
from .config import PERIODIC, checked_entries, periodic_settings

logger: logging.Logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

#: Where the state is kept in `app.extensions`.
EXTENSION = "periodic"


@dataclass(frozen=True, slots=True)
class Declared:
    """An entry that `@periodic.task` declared, before any app is known.

    Args:
        name: the entry's name.
        module: where the function was defined.
        function: the function's name.
        task_name: the task's name; None lets each Celery app make its own.
        entry: the rest of the entry in the form of `beat_schedule`.
    """

    name: str
    module: str
    function: str
    task_name: str | None
    entry: Mapping[str, Any]

    def for_app(self, celery: Celery) -> dict[str, Any]:
        """Return the entry in the form of `beat_schedule`, with the task's name in this app."""
        return {"task": self.task_in(celery), **self.entry}

    def task_in(self, celery: Celery) -> str:
        """Return the registered name of the task in this app."""
        return self.task_name or celery.gen_task_name(self.function, self.module)


@dataclass(slots=True, eq=False, weakref_slot=True)
class PeriodicState:
    """What `periodic` keeps for one Flask app, in `app.extensions["periodic"]`.

    Args:
        celery: the app's Celery app.
        settings: the mapping `PERIODIC` without its entries; becomes `celery.conf.periodic`.
        entries: the entries of `PERIODIC["entries"]`, in the form of `beat_schedule`.
        problems: name of an entry that could not be added -> one sentence that says why.
        handed_over: the entries that were added to the Celery app's `beat_schedule`.
    """

    celery: Celery
    settings: dict[str, Any]
    entries: dict[str, dict[str, Any]]
    problems: dict[str, str] = field(default_factory=dict[str, str])
    handed_over: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


def _refuse_without_schedule(method: F) -> F:
    """Answer `@periodic.task` without parentheses with what to write instead."""

    @wraps(method)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if len(args) > 1 or "schedule" not in kwargs:
            raise EntryError(
                "a periodic task needs a schedule, by its name: write "
                "@periodic.task(schedule=interval(minutes=5)), or another schedule"
            )
        return method(*args, **kwargs)

    return cast("F", checked)


class Periodic:
    """Periodic tasks for Flask apps; one object may serve several apps.

    Args:
        app: registered at once; leave it out and call `init_app` in an app factory.

    >>> from flask import Flask
    >>> from periodic import interval
    >>> periodic = Periodic()
    >>> @periodic.task(schedule=interval(minutes=5), name="doc.clean_up")
    ... def clean_up() -> str:
    ...     return "clean"
    >>> app = Flask("doc")
    >>> periodic.init_app(app)
    >>> app.extensions["celery"].conf.beat_schedule["doc.clean_up"]["task"]
    'doc.clean_up'
    """

    def __init__(self, app: Flask | None = None) -> None:
        self._declared: dict[str, Declared] = {}
        self._states: WeakSet[PeriodicState] = WeakSet()
        if app is not None:
            self.init_app(app)

    @property
    def schedules(self) -> Schedules:
        """The entries of the current app's store, to be changed while beats run.

        Raises:
            RuntimeError: there is no current Flask app; push its context.
            ConfigError: the app has no `Periodic`, or names no store in `PERIODIC["store"]`.
        """
        app = cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001  # werkzeug's way to the app itself
        return schedules_of(state_of(app).celery)

    def init_app(self, app: Flask) -> None:
        """Register on an app: find or make its Celery app and give it the entries.

        Args:
            app: its config is read now: `CELERY`, `CELERY_...` and `PERIODIC`.

        Raises:
            RuntimeError: the app has a `Periodic` already.
            ConfigError: the config is not valid; the message names the key.
        """
        if EXTENSION in app.extensions:
            raise RuntimeError(
                f"the Flask app {app.name!r} has a Periodic already; call init_app once for each "
                "app and import that one object where tasks are declared"
            )
        settings = periodic_settings(app.config, [*KEYS, "entries"])
        entries = checked_entries(settings.pop("entries", {}), f"{PERIODIC}['entries']")
        _check(settings, app.name)
        celery = celery_of(app, settings)
        state = PeriodicState(celery, settings, entries)
        self._refuse_conflicts(state)
        app.extensions["celery"] = celery
        app.extensions[EXTENSION] = state
        self._states.add(state)
        self._hand_over_when_configured(state)

    @_refuse_without_schedule
    def task(
        self,
        *,
        schedule: Any,
        name: str | None = None,
        entry_name: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        tz: str | None = None,
        enabled: bool = True,
        catch_up: CatchUp | CatchUpName | None = None,
        catch_up_window: timedelta | float | None = None,
        max_catch_up: int | None = None,
        misfire_threshold: timedelta | float | None = None,
        run_on_start: bool = False,
        **task_options: Any,
    ) -> Callable[[Callable[P, R]], Task[P, R]]:
        """Make a function a Celery task and an entry that runs it.

        Works before and after `init_app`, and for every app that this object serves. The result
        is a Celery task: call it, `delay` it, `apply_async` it.

        Args:
            schedule: crontab(...), interval(...), or what `beat_schedule` takes: seconds, a
                timedelta, a schedule of Celery.
            name: the task's name; made by Celery from module and function unless given.
            entry_name: the entry's name; the task's name or the function's unless given.
            args: positional arguments of each run.
            kwargs: keyword arguments of each run.
            options: options of `apply_async`: `queue`, `priority`, `expires`, ...
            tz: IANA name of the schedule's zone; the app's zone unless given.
            enabled: a disabled entry has no runs.
            catch_up: which missed runs are sent all the same: `latest`, `skip`, `earliest`, `all`;
                this and the next three are the app's, in `PERIODIC`, unless given.
            catch_up_window: how old they may be for that, as a timedelta or in seconds.
            max_catch_up: how many of them `all` sends.
            misfire_threshold: how late a run may be and still count as late, not missed, as a
                timedelta or in seconds.
            run_on_start: also run in the second in which it is counted for the first time.
            task_options: options of Celery's task decorator: `bind`, `base`, `autoretry_for`, ...

        Raises:
            EntryError: another function has declared an entry of this name, or there is no
                `schedule`.
        """
        entry: dict[str, Any] = {
            "schedule": schedule,
            "args": args,
            "kwargs": dict(kwargs or {}),
            "options": dict(options or {}),
        }
        if tz is not None:
            entry["tz"] = tz
        if not enabled:
            entry["enabled"] = False
        if run_on_start:
            entry["run_on_start"] = run_on_start
        policy = {
            "catch_up": catch_up,
            "catch_up_window": catch_up_window,
            "max_catch_up": max_catch_up,
            "misfire_threshold": misfire_threshold,
        }
        entry |= {key: value for key, value in policy.items() if value is not None}

        def declare(function: Callable[P, R]) -> Task[P, R]:
            function_name, module = _origin(function)
            declared = Declared(
                name=entry_name or name or function_name,
                module=module,
                function=function_name,
                task_name=name,
                entry=entry,
            )
            self._declare(declared)
            naming = {} if name is None else {"name": name}
            make: Any = shared_task  # the stubs list options; any option may be passed on
            shared = make(**naming, **task_options)(function)
            return cast("Task[P, R]", _task_of_current_app(declared, shared))

        return declare

    def _declare(self, declared: Declared) -> None:
        other = self._declared.get(declared.name)
        # The same function again is a reloaded module, not a conflict.
        if other is not None and (other.module, other.function) != (
            declared.module,
            declared.function,
        ):
            raise EntryError(
                f"{declared.module}.{declared.function}: {other.module}.{other.function} has "
                f"declared an entry named {declared.name!r}; give one of them another entry_name"
            )
        self._declared[declared.name] = declared
        for state in list(self._states):
            if _is_configured(state.celery):
                self._hand_over(state)

    def _refuse_conflicts(self, state: PeriodicState) -> None:
        both = sorted(state.entries.keys() & self._declared.keys())
        if both:
            raise ConfigError(
                f"{PERIODIC}['entries'] and @periodic.task both name {both[0]!r}; "
                "rename one of them"
            )

    def _hand_over_when_configured(self, state: PeriodicState) -> None:
        # Celery loads its configuration at first use, and once more after config_from_object.
        def configured(sender: Celery, **_: Any) -> None:
            del sender
            self._hand_over(state)

        state.celery.on_after_configure.connect(configured, weak=False)
        if _is_configured(state.celery):
            self._hand_over(state)

    def _hand_over(self, state: PeriodicState) -> None:
        """Add settings and entries to the Celery app's configuration, where any beat sees them."""
        conf = state.celery.conf
        if state.settings:
            conf.periodic = {**(conf.get("periodic") or {}), **state.settings}
        given: Any = conf.beat_schedule or {}
        if not isinstance(given, Mapping):
            return  # whoever reads the entries says so: what is raised in here, Celery only logs
        # A copy, because several apps may have been given the same mapping.
        schedule: dict[str, Any] = dict(cast("Mapping[str, Any]", given))
        state.problems.clear()
        for name, (origin, entry) in self._entries_for(state).items():
            there = schedule.get(name)
            if there is None or there == entry or there is state.handed_over.get(name):
                schedule[name] = state.handed_over[name] = entry
                continue
            state.problems[f"{name} ({origin})"] = (
                f"beat_schedule and {origin} both name {name!r}; the entry of beat_schedule runs, "
                "the other does not: rename one of them"
            )
        conf.beat_schedule = schedule
        for problem in state.problems.values():
            logger.error("%s", problem)

    def _entries_for(self, state: PeriodicState) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return name -> where the entry comes from, and the entry as in `beat_schedule`."""
        where = f"{PERIODIC}['entries']"
        configured = {name: (where, entry) for name, entry in state.entries.items()}
        declared = {
            name: ("@periodic.task", one.for_app(state.celery))
            for name, one in self._declared.items()
        }
        return {**configured, **declared}


def state_of(app: Flask) -> PeriodicState:
    """Return what `periodic` keeps for an app.

    Raises:
        ConfigError: no `Periodic` was registered on the app.
    """
    state = app.extensions.get(EXTENSION)
    if state is None:
        raise ConfigError(
            f"the Flask app {app.name!r} has no Periodic; "
            "add Periodic(app), or periodic.init_app(app) in its factory"
        )
    return cast("PeriodicState", state)


def _check(settings: Mapping[str, Any], name: str) -> None:
    """Refuse a wrong type now, without making the app's own Celery load its configuration."""
    probe = Celery(name, set_as_current=False)
    probe.config_from_object({"periodic": settings})
    try:
        Settings.of(probe)
    except ConfigError as error:
        raise ConfigError(f"app.config[{PERIODIC!r}]: {error}") from error


def _is_configured(celery: Any) -> bool:
    """Tell whether the Celery app has loaded its configuration (the stubs lack `configured`)."""
    return bool(celery.configured)


def _origin(function: Callable[..., Any]) -> tuple[str, str]:
    """Return a function's name and module, as Celery names tasks by them."""
    return getattr(function, "__name__", type(function).__name__), function.__module__


def _task_of_current_app(declared: Declared, shared: Any) -> Any:
    """Return a proxy to the task in the current Flask app's Celery app, else in the default one."""

    def find() -> Any:
        if has_app_context():
            there: Any = current_app.extensions.get("celery")
            if isinstance(there, Celery):
                celery = cast("Any", there)
                return celery.tasks[declared.task_in(celery)]
        return shared._get_current_object()  # noqa: SLF001  # the public way into a Celery proxy

    return Proxy(find)
