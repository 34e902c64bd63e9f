"""Traps in the schedules themselves: what never fires, what clock changes touch, herds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from ..clock import to_utc
from ..clock_changes import clock_changes
from ..effects import Effect, effect_on
from ..entry import Entry
from ..explain import run_line
from ..mistakes import Kind, mistakes_by_kind
from ..schedules.base import Schedule
from .findings import Finding

#: So many entries at one instant are a herd.
HERD: int = 5
#: How many herds are told.
_MOST_HERDS = 3
_WEEK = timedelta(days=7)
_YEAR = timedelta(days=366)
#: More runs of one entry are not looked at: what runs so often is spread over all instants.
_MOST_RUNS = 7 * 24 * 12
_NAMED = 5
_CODES: dict[Kind, str] = {
    "both_days": "PER103",
    "uneven_step": "PER102",
    "every_minute": "PER106",
    "short_months": "PER107",
    "no_star": "PER108",
}


def lint_schedule(entry: Entry, start: datetime) -> Iterator[Finding]:
    """Yield what is wrong with one entry's schedule.

    Args:
        entry: it is enabled.
        start: the present; aware.
    """
    schedule = entry.schedule
    if schedule.next_after(start - datetime.resolution) is None:
        before = schedule.previous_before(start)
        last = "" if before is None else f" Its last run was {run_line(before)}."
        yield Finding("PER101", entry.name, f"It never fires.{last} Remove it, or disable it.")
        return
    for kind, sentence in mistakes_by_kind(schedule, start):
        yield Finding(_CODES[kind], entry.name, sentence)
    yield from _clock_changes(entry, start)


def _clock_changes(entry: Entry, start: datetime) -> Iterator[Finding]:
    zone = entry.schedule.tz or UTC
    whole = to_utc(start).replace(microsecond=0)
    for change in clock_changes(zone, whole, whole + _YEAR):
        effect = effect_on(entry.schedule, change)
        text = f"{change.sentence()} {effect.text}"
        if effect.what in ("merged", "moved", "skipped"):
            text += " Choose a time outside of the gap, or tz='UTC'."
            yield Finding("PER104", entry.name, text)
        elif effect.what in ("once", "repeated") and not _keeps_pace(entry.schedule, effect):
            yield Finding("PER105", entry.name, text)


def _keeps_pace(schedule: Schedule, effect: Effect) -> bool:
    """Return whether both passes run as often as the time before: nobody minds."""
    at, size = effect.change.at, effect.change.size
    before, first, second = (
        sum(1 for _ in islice(schedule.between(start, start + size), 5000))
        for start in (at - 2 * size, at - size, at)
    )
    return before == first == second


def lint_herds(entries: Sequence[Entry], start: datetime) -> Iterator[Finding]:
    """Yield the instants of the coming week at which many entries run at once.

    Args:
        entries: all that are enabled.
        start: the present; aware.
    """
    herds: dict[datetime, list[str]] = defaultdict(list)
    for entry in entries:
        runs = list(islice(entry.schedule.between(start, start + _WEEK), _MOST_RUNS + 1))
        if len(runs) <= _MOST_RUNS:
            for run in runs:
                herds[to_utc(run)].append(entry.name)
    told: list[set[str]] = []
    for at, names in sorted(herds.items(), key=lambda item: (-len(item[1]), item[0])):
        herd = set(names)
        if len(herd) < HERD or len(told) == _MOST_HERDS:
            return
        if any(len(herd & other) * 2 > len(herd) for other in told):
            continue
        told.append(herd)
        named = ", ".join(sorted(herd)[:_NAMED])
        more = f" and {len(herd) - _NAMED} more" if len(herd) > _NAMED else ""
        yield Finding(
            "PER201",
            min(herd),
            f"{len(herd)} entries run at {at:%a %H:%M:%S} UTC: {named}{more}. Give them minutes of "
            "their own, or let H choose: cron('H 2 * * *').",
        )


def period(entry: Entry, start: datetime) -> timedelta | None:
    """Return the shortest time between two of an entry's next runs; None where there is one run.

    Args:
        entry: whose runs.
        start: the present; aware.
    """
    runs = [to_utc(run) for run in islice(entry.schedule.between(start, start + 5 * _YEAR), 200)]
    gaps = [later - earlier for earlier, later in pairwise(runs)]
    return min(gaps, default=None)
