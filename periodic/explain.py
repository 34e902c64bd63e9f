"""A schedule explained: in words, its next runs, the clock changes of a year, near-by mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Any

from .clock import to_utc, to_zone
from .clock_changes import ClockChange, clock_changes, offset, reading, utc
from .effects import Effect, effect_on
from .errors import ScheduleError
from .mistakes import mistakes
from .schedules.base import Schedule
from .schedules.zones import zone_name

#: A year that is told must fit into datetime's range in every zone.
FIRST_YEAR, LAST_YEAR = 2, 9998
_UNTOUCHED = ("none", "kept")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is to be known about a schedule.

    Args:
        words: the schedule in words.
        zone: the IANA name of the zone whose clock it reads.
        year: the year whose clock changes are told.
        runs: the next runs, in the zone.
        effects: what each clock change of the year does to it.
        notes: what may not be meant as it was written, as sentences.
    """

    words: str
    zone: str
    year: int
    runs: tuple[datetime, ...]
    effects: tuple[Effect, ...]
    notes: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        yield self.words
        yield ""
        yield "Next runs"
        if not self.runs:
            yield "  none"
        for run in self.runs:
            yield f"  {run_line(run)}"
        yield ""
        yield f"Clock changes of {self.year} in {self.zone}"
        if not self.effects:
            yield "  none"
        for effect in self.effects:
            yield f"  {effect.change.sentence()}"
            yield f"    {effect.text}"
        if self.notes:
            yield ""
            yield "Take note"
            for note in self.notes:
                yield f"  - {note}"

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON-ready data."""
        return {
            "words": self.words,
            "tz": self.zone,
            "year": self.year,
            "runs": [run_data(run) for run in self.runs],
            "clock_changes": [effect.to_dict() for effect in self.effects],
            "notes": list(self.notes),
        }


def explain(
    schedule: Schedule, *, start: datetime, year: int | None = None, count: int = 5
) -> Explanation:
    """Explain a schedule.

    Args:
        schedule: where its zone is not settled, the clock of UTC is meant.
        start: where the next runs begin; aware; included.
        year: whose clock changes are told; that of `start` unless given.
        count: how many of the next runs.

    Raises:
        ScheduleError: the year is out of range.

    >>> from datetime import UTC, datetime
    >>> from periodic import crontab
    >>> nightly = crontab(minute=30, hour=2, tz="Europe/Berlin")
    >>> spring, autumn = explain(nightly, start=datetime(2026, 1, 1, tzinfo=UTC)).effects
    >>> spring.text
    '02:30 does not exist that day; it runs once, at 03:00 +02:00, the first instant after the gap.'
    """
    settled = schedule.in_zone(schedule.tz or UTC)
    zone = settled.tz or UTC
    if year is None:
        year = to_zone(start, zone).year
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ScheduleError(f"year={year}; allowed: {FIRST_YEAR} to {LAST_YEAR}")
    first, end = datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone)
    effects = tuple(effect_on(settled, change) for change in clock_changes(zone, first, end))
    notes = [
        *_never(settled, first, end, year),
        *_touched(settled, effects),
        *mistakes(settled, start - datetime.resolution),
    ]
    return Explanation(
        words=settled.describe(),
        zone=zone_name(zone),
        year=year,
        runs=tuple(islice(runs_from(settled, start), count)),
        effects=effects,
        notes=tuple(notes),
    )


def runs_from(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    """Yield a schedule's instants from `start` (aware; included) on, without end."""
    at = schedule.next_after(to_utc(start) - datetime.resolution)
    while at is not None:
        yield at
        at = schedule.next_after(at)


def run_line(run: datetime) -> str:
    """Return an instant as its own clock reads, with weekday, offset and zone, and in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> run_line(datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Europe/London")))
    'Wed 2026-07-01 09:00:00 +01:00 BST  2026-07-01T08:00:00Z'
    """
    name = run.tzname() or ""
    fraction = f".{run.microsecond:06}".rstrip("0") if run.microsecond else ""
    shift = offset(run.utcoffset() or timedelta(0))
    local = f"{run:%a} {run.date()} {run:%H:%M:%S}{fraction} {shift}"
    # Zones without a short name have their offset for one, which is there already.
    return f"{local} {name}  {utc(run)}" if name.isalpha() else f"{local}  {utc(run)}"


def run_data(run: datetime) -> dict[str, str]:
    """Return an instant as JSON-ready data."""
    return {"local": run.isoformat(), "utc": utc(run)}


def _never(schedule: Schedule, first: datetime, end: datetime, year: int) -> Iterator[str]:
    run = schedule.next_after(first - datetime.resolution)
    if run is not None and to_utc(run) < to_utc(end):
        return
    later = "and there is no later run" if run is None else f"the next run is {run_line(run)}"
    yield f"It never runs in {year}: {later}."


def _touched(schedule: Schedule, effects: tuple[Effect, ...]) -> Iterator[str]:
    """Say which readings to avoid, where a fixed schedule meets the clock changes."""
    if not getattr(schedule, "fixed", False):
        return
    if all(effect.what in _UNTOUCHED for effect in effects):
        return
    if any(effect.change.size >= timedelta(days=1) for effect in effects):
        return  # no time of the day is left
    spans: list[tuple[time, time]] = []
    for low, high in sorted({_hours(effect.change) for effect in effects}):
        if spans and spans[-1][1] >= low:
            spans[-1] = spans[-1][0], max(spans[-1][1], high)
        else:
            spans.append((low, high))
    told = " and ".join(f"from {reading(low)} to {reading(high)}" for low, high in spans)
    yield (
        f"The clock of {zone_name(effects[0].change.zone)} changes {told}: "
        "a time outside of that, or tz='UTC', is never touched."
    )


def _hours(change: ClockChange) -> tuple[time, time]:
    """Return the times of the day between which readings are left out or come twice."""
    old, new = change.old_reading, change.new_reading
    low, high = (old, new) if change.forward else (new, old)
    return low.time(), high.time()
