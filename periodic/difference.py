"""Two schedules compared by what they do: runs that are added, removed and moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from itertools import groupby, zip_longest
from typing import Any, NamedTuple

from .clock import to_utc, to_zone
from .entry import Entry
from .explain import run_data, run_line

_MOST_TOLD = 10


class Change(NamedTuple):
    """One run that is not in both schedules, or a pair of a day, which is one that moved.

    Args:
        entry: whose it is.
        was: when it ran, in its schedule's zone; None for one that is added.
        now: when it runs; None for one that is removed.
    """

    entry: str
    was: datetime | None
    now: datetime | None

    @property
    def what(self) -> str:
        """Return `added`, `removed` or `moved`."""
        if self.was is None:
            return "added"
        return "removed" if self.now is None else "moved"

    def line(self) -> str:
        """Return it as one line of text, as `diff` begins it."""
        if self.was is None:
            return f"+ {_shown(self.now)}  {self.entry}"
        if self.now is None:
            return f"- {_shown(self.was)}  {self.entry}"
        return f"~ {_shown(self.was)}  {self.entry}, now {_shown(self.now)}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "what": self.what,
            "entry": self.entry,
            "was": None if self.was is None else run_data(self.was),
            "now": None if self.now is None else run_data(self.now),
        }


def difference(
    before: Iterable[Entry], after: Iterable[Entry], start: datetime, end: datetime
) -> Iterator[Change]:
    """Yield what changes between two schedules, entry by entry, in order of time.

    An entry is known by its name. Of one day's runs that were and runs that are, those that are
    in one schedule alone are paired in order: these are moved.

    Args:
        before: a disabled entry has no runs.
        after: the same.
        start: included; aware.
        end: not included; aware.

    >>> from datetime import UTC, datetime
    >>> from periodic import Entry, crontab
    >>> was = Entry(name="report", task="shop.report", schedule=crontab(minute=0, hour=9))
    >>> now = Entry(name="report", task="shop.report", schedule=crontab(minute=0, hour="10,18"))
    >>> days = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    >>> [change.what for change in difference([was], [now], *days)]
    ['moved', 'added']
    """
    old = {entry.name: entry for entry in before if entry.enabled}
    new = {entry.name: entry for entry in after if entry.enabled}
    for name in [*old, *(name for name in new if name not in old)]:
        was, now = old.get(name), new.get(name)
        if was is not None and now is not None and was.schedule == now.schedule:
            continue
        yield from _changes(name, _only(_runs(was, start, end), _runs(now, start, end)))


def _runs(entry: Entry | None, start: datetime, end: datetime) -> Iterator[datetime]:
    return iter(()) if entry is None else entry.schedule.between(start, end)


def _only(old: Iterator[datetime], new: Iterator[datetime]) -> Iterator[tuple[datetime, bool]]:
    """Yield the runs that one of two has alone, and whether it is the new one, in order."""
    was, now = next(old, None), next(new, None)
    while was is not None or now is not None:
        if now is None or (was is not None and to_utc(was) < to_utc(now)):
            if was is not None:
                yield was, False
            was = next(old, None)
        elif was is None or to_utc(now) < to_utc(was):
            yield now, True
            now = next(new, None)
        else:
            was, now = next(old, None), next(new, None)


def _changes(name: str, only: Iterator[tuple[datetime, bool]]) -> Iterator[Change]:
    def day(item: tuple[datetime, bool]) -> date:
        return item[0].date()

    for _, group in groupby(only, day):
        together = list(group)
        was = [run for run, is_new in together if not is_new]
        now = [run for run, is_new in together if is_new]
        for before, after in zip_longest(was, now):
            yield Change(name, before, after)


@dataclass(slots=True)
class Counts:
    """How many runs of an entry change.

    Args:
        added: runs.
        removed: runs.
        moved: runs.
    """

    added: int = 0
    removed: int = 0
    moved: int = 0

    def words(self) -> str:
        """Return the numbers that are not zero."""
        told = (
            f"{number} {what}"
            for number, what in (
                (self.moved, "moved"),
                (self.added, "added"),
                (self.removed, "removed"),
            )
            if number
        )
        return ", ".join(told)


@dataclass(slots=True)
class Telling:
    """Prints changes.

    Args:
        say: prints one line.
        zone: whose clock is shown; each schedule's own when None.
        as_json: one JSON object a line.
        everything: no entry's changes are cut.
    """

    say: Callable[[str], None]
    zone: tzinfo | None = None
    as_json: bool = False
    everything: bool = False
    counts: dict[str, Counts] = field(default_factory=dict)

    def tell(self, changes: Iterable[Change]) -> int:
        """Print all changes and how many each entry has.

        Args:
            changes: from `difference`.

        Returns:
            The exit status: 0 where nothing changes, else 1.
        """
        for name, group in groupby(changes, lambda change: change.entry):
            counts = self.counts[name] = Counts()
            for number, change in enumerate(group):
                setattr(counts, change.what, getattr(counts, change.what) + 1)
                if self.as_json:
                    self.say(json.dumps(self._shown(change).to_dict(), ensure_ascii=False))
                elif self.everything or number < _MOST_TOLD:
                    self.say(self._shown(change).line())
        if not self.as_json:
            for name, counts in self.counts.items():
                self.say(f"{name}: {counts.words()}")
            if not self.counts:
                self.say("no run changes")
        return 1 if self.counts else 0

    def _shown(self, change: Change) -> Change:
        if self.zone is None:
            return change
        was, now = (
            None if run is None else to_zone(run, self.zone) for run in (change.was, change.now)
        )
        return change._replace(was=was, now=now)


def _shown(run: datetime | None) -> str:
    return "" if run is None else run_line(run)
