"""Schedules by name, for a Celery app: its own, with another store, of a file, of a mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from celery import Celery

from ...clock import SystemClock
from ...definitions import make_definition
from ...errors import PeriodicError
from ...live import Schedules
from ...records import EntryRecord, Pause, Source
from ...sources import shown
from ..arrivals.coming import Coming
from ..naming import Named, Names
from ..stores import open_store
from .entries import Loaded, load_entries, read_entries
from .executing import FrozenRunner
from .live import rules_of
from .settings import Settings


def names_of(find: Callable[[], Celery], load: Callable[[], Loaded]) -> Names:
    """Return what the commands ask for a schedule that somebody names.

    Args:
        find: returns the app.
        load: reads what a beat of the app would run.
    """

    def own() -> Named:
        loaded = load()
        return Named(loaded.entries, loaded.problems, Settings.of(find()).timezone)

    def mapping(given: Mapping[str, Any]) -> Named:
        app = find()
        loaded = read_entries(app, given)
        return Named(loaded.entries, loaded.problems, Settings.of(app).timezone)

    return Names(
        own=own,
        mapping=mapping,
        stored=lambda url: _stored(find(), url),
        coming=lambda coming: _coming(find(), coming),
        execute=lambda: FrozenRunner(find()),
    )


def _stored(app: Celery, url: str) -> Named:
    """Return what a beat of the app would run if this were its store."""
    settings = Settings.of(app)
    store = open_store(url, namespace=settings.namespace)
    try:
        records = list(Schedules(store).all())
    finally:
        store.close()
    code = load_entries(app)
    entries, problems = shown(code.entries, records, rules_of(app, settings), store.clock)
    return Named(entries, {**code.problems, **problems}, settings.timezone)


def _coming(app: Celery, coming: Sequence[Coming]) -> Named:
    """Return the entries of a file; one that only changes an entry of the code needs that."""
    settings = Settings.of(app)
    rules, clock = rules_of(app, settings), SystemClock()
    code = {entry.name: entry for entry in load_entries(app).entries}
    records: list[EntryRecord] = []
    problems = {each.name: each.problem for each in coming if each.problem}
    for each in coming:
        if each.problem:
            continue
        try:
            definition = make_definition(each.name, each.given, convert=rules.convert)
            whole = {"task", "schedule"} <= definition.keys()
            records.append(
                EntryRecord(
                    name=each.name,
                    definition=definition,
                    source=Source.STORE if whole else Source.CODE,
                    pause=_pause(each.pause, clock.now()),
                )
            )
        except (PeriodicError, ValueError, TypeError, KeyError) as error:
            problems[each.name] = str(error).removeprefix(f"entry {each.name!r}: ")
    partial = {each.name for each in records if each.source is Source.CODE}
    changed = [code[name] for name in partial & code.keys()]
    entries, refused = shown(changed, records, rules, clock)
    return Named(entries, {**problems, **refused}, settings.timezone)


def _pause(given: Mapping[str, Any] | None, now: datetime) -> Pause | None:
    if given is None:
        return None
    until = given.get("until")
    end = None if until is None else datetime.fromisoformat(until)
    return Pause(now, str(given.get("note", "")), end)
