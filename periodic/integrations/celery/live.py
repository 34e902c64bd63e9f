"""A Celery app's entries in a store: the API for its code, and what follows them in its beat."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from celery import Celery, schedules

from ...beat import Beat
from ...clock import Clock
from ...entry import Entry
from ...errors import ConfigError, EntryError, PeriodicError, StoreUnreachable
from ...live import Schedules
from ...policies import ALLOWED
from ...schedules import Schedule
from ...sources import Lineup, Runs, shown
from ...steps import Rules
from ...watcher import StoreWatcher
from ..console import pause_words
from ..stores import open_store
from .checks import check_arguments
from .convert import to_schedule
from .entries import Loaded, load_entries, unknown_task
from .foreign import ForeignSchedule
from .options import check_options
from .settings import Settings

logger: logging.Logger = logging.getLogger(__name__)

#: How many kinds of entries are remembered to be good.
_MOST_CHECKED = 4096

_opened: WeakKeyDictionary[Celery, tuple[Any, Schedules]] = WeakKeyDictionary()
_lock = Lock()


def schedules_of(app: Celery) -> Schedules:
    """Return the entries of an app's store, to be changed while beats run.

    Args:
        app: its setting `periodic['store']` names the store.

    Raises:
        ConfigError: it names none, or one that cannot be used.
    """
    settings = Settings.of(app)
    if settings.store is None:
        raise ConfigError(
            "no store is set, so entries can be changed in the code alone; set periodic['store'], "
            "for example to 'sqlite:////srv/shop/schedules.db'"
        )
    with _lock:
        kept = _opened.get(app)
        if kept is None or kept[0] is not settings.store:
            store = open_store(settings.store, namespace=settings.namespace)
            rules = rules_of(app, settings, code=_Code(app), refuse_unknown=True)
            kept = _opened[app] = (settings.store, Schedules(store, rules=rules))
    return kept[1]


def entries_to_run(app: Celery, settings: Settings, beat: Beat, clock: Clock | None = None) -> Runs:
    """Return what takes the entries of the code, for a beat that follows the app's store.

    Args:
        app: the Celery app.
        settings: the app's.
        beat: runs the entries.
        clock: says which pauses end; the beat's unless given.

    Returns:
        The beat itself where the app has no store.

    Raises:
        ConfigError: the store cannot be used as it is; one that is away is waited for.
    """
    if settings.store is None:
        return beat
    clock = clock if clock is not None else beat.clock
    store = open_store(settings.store, namespace=settings.namespace)
    try:
        store.revision()
    except StoreUnreachable:
        logger.debug("the store is away; its watcher tells, and tries again")
    except PeriodicError:
        store.close()
        beat.close()
        raise
    lineup = Lineup(beat, rules_of(app, settings), clock)
    beat.accompany(StoreWatcher(store, lineup, clock))
    return lineup


def load_all(app: Celery) -> Loaded:
    """Read what a beat would run: the code's entries and the store's.

    Args:
        app: the Celery app.

    Raises:
        ConfigError: the app's settings are not valid.
        StoreUnreachable: the store cannot be read now.
    """
    loaded = load_entries(app)
    settings = Settings.of(app)
    if settings.store is None:
        return loaded
    live = schedules_of(app)
    clock, records = live.store.clock, list(live.all())
    entries, problems = shown(loaded.entries, records, rules_of(app, settings), clock)
    now = clock.now()
    notes = {
        record.name: pause_words(record.pause, settings.timezone)
        for record in records
        if record.pause is not None and record.paused(now)
    }
    return Loaded(entries, {**loaded.problems, **problems}, loaded.warnings, notes)


def rules_of(
    app: Celery,
    settings: Settings,
    *,
    code: Any = None,
    refuse_unknown: bool = False,
) -> Rules:
    """Return what an app adds to a store.

    Args:
        app: the Celery app.
        settings: the app's.
        code: returns the entries of the code; None where they are nobody's concern.
        refuse_unknown: a task that is not registered here is an error, and not somebody else's.
    """

    def convert(value: object, name: str) -> Schedule | None:
        if not isinstance(value, schedules.BaseSchedule):
            return None
        made = to_schedule(value, app, zone=settings.timezone, name=name)
        if isinstance(made, ForeignSchedule):
            raise EntryError(
                f"entry {name!r}: a {type(value).__name__} is code and cannot be kept in a store; "
                "use a schedule of periodic"
            )
        return made

    #: What was found good, for entries that are alike but for the values of their arguments: those
    #: that are read together share their options. Task and options are kept: their `id` is theirs.
    good: dict[tuple[str, int, int, tuple[str, ...], int], tuple[object, object]] = {}
    tasks = cache(lambda: app.tasks)  # not now: it finalizes the app

    def check(entry: Entry) -> None:
        task = tasks().get(entry.task)
        shape = entry.task, id(task), len(entry.args), tuple(entry.kwargs), id(entry.options)
        if shape in good:
            return
        check_options(entry)
        values_matter = check_arguments(app, entry, plain=True)
        if refuse_unknown:
            unknown = unknown_task(app, entry.task)
            if unknown is not None:
                raise EntryError(f"entry {entry.name!r}: {unknown}")
        if not values_matter:
            if len(good) >= _MOST_CHECKED:
                good.clear()
            good[shape] = task, entry.options

    defaults = {key: getattr(settings.catch_up, key) for key in ALLOWED}
    return Rules(zone=settings.timezone, defaults=defaults, convert=convert, check=check, code=code)


class _Code:
    """The entries of an app's code by name, read again when `beat_schedule` has changed."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._seen: Any = None
        self._entries: Mapping[str, Entry] = {}

    def __call__(self) -> Mapping[str, Entry]:
        """Return them."""
        conf: Any = self._app.conf
        given = conf.beat_schedule
        seen = [(name, id(each)) for name, each in dict(given or {}).items()]
        if self._seen is None or seen != self._seen:
            loaded = load_entries(self._app)
            self._entries = {entry.name: entry for entry in loaded.entries}
            self._seen = [(name, id(each)) for name, each in dict(conf.beat_schedule or {}).items()]
        return self._entries
