"""What a crontab means, by definition: walk every real minute of a span and look at the clock.

Nothing here is shared with the package: no calendar arithmetic, no bisection, no list of clock
changes. A reading that two minutes of the walk show is a fold; a jump between two neighbouring
minutes is a gap. Slow, and right by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol

MINUTE = timedelta(minutes=1)


class Rules(Protocol):
    """What the walk asks of a rule."""

    seconds: frozenset[int]
    fixed: bool
    on_gap: str
    on_fold: str

    def matches(self, reading: datetime) -> bool:
        """Tell whether a reading of the wall clock (naive, a full minute) matches."""
        ...


@dataclass(frozen=True)
class Rule:
    """The numbers that match in each field, and the options."""

    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    fixed: bool
    on_gap: str = "run"
    on_fold: str = "auto"
    seconds: frozenset[int] = frozenset({0})

    def matches(self, reading: datetime) -> bool:
        """Tell whether a reading of the wall clock (naive) matches; Sunday is 0."""
        return (
            reading.minute in self.minutes
            and reading.hour in self.hours
            and reading.day in self.days
            and reading.month in self.months
            and reading.isoweekday() % 7 in self.weekdays
        )


class Span:
    """Every real minute from `start` to `end` (UTC) with its reading in a zone."""

    def __init__(self, zone: tzinfo, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self.walk: list[tuple[datetime, datetime]] = []
        at, labelled = start, start.replace(tzinfo=zone)  # `fromutc` wants UTC with this label
        while at < end:
            self.walk.append((at, zone.fromutc(labelled).replace(tzinfo=None, fold=0)))
            at += MINUTE
            labelled += MINUTE
        self.passes: dict[datetime, list[datetime]] = {}
        for instant, reading in self.walk:
            self.passes.setdefault(reading, []).append(instant)
        neighbours = pairwise(self.walk)
        self.jumps = [(one, two) for one, two in neighbours if two[1] - one[1] > MINUTE]

    def runs(self, rule: Rules) -> list[datetime]:
        """Return the instants (UTC) at which the rule runs, in order.

        Clocks change at full minutes, so the seconds of a minute all have its fate.
        """
        fold = rule.on_fold
        if fold == "auto":
            fold = "first" if rule.fixed else "both"
        seconds = [timedelta(seconds=second) for second in sorted(rule.seconds)]
        regular: set[datetime] = set()
        for reading, instants in self.passes.items():
            if rule.matches(reading):
                chosen = {"first": instants[:1], "last": instants[-1:], "both": instants}[fold]
                regular.update(at + second for at in chosen for second in seconds)
        extra: set[datetime] = set()
        for (before, last_reading), (first_after, next_reading) in self.jumps:
            swallowed: set[datetime] = set()
            reading = last_reading + MINUTE
            while reading < next_reading:
                if rule.matches(reading):
                    own = before + (reading - last_reading)
                    swallowed.update(own + second for second in seconds)
                reading += MINUTE
            if rule.on_gap == "shift":
                extra.update(swallowed)
            elif rule.on_gap == "run" and (swallowed if rule.fixed else swallowed - regular):
                extra.add(first_after + seconds[0])
        return sorted(regular | extra)


def changes(zone: tzinfo, first_year: int, last_year: int) -> list[datetime]:
    """Return instants (UTC) within 6 hours after each change of a zone's offset."""
    found: list[datetime] = []
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    before = None
    while at < end:
        offset = zone.fromutc(at.replace(tzinfo=zone)).utcoffset()
        if before is not None and offset != before:
            found.append(at)
        before = offset
        at += timedelta(hours=6)
    return found
