"""A time line for each entry: of a whole day, or of the night in which the clock changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from ..clock import to_utc, to_zone
from ..clock_changes import ClockChange, clock_changes, offset
from ..errors import ConfigError
from .listing import Listed

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
#: How long one column of a day is, and one of a night.
DAY_STEP: timedelta = timedelta(minutes=30)
NIGHT_STEP: timedelta = timedelta(minutes=10)
#: More entries than this are not drawn; how many are left out is told.
MOST_ROWS: int = 200
_LOOK_AHEAD = timedelta(days=400)
# A night is told from so long before the change until so long after it.
_BEFORE, _AFTER = timedelta(hours=2), timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Frame:
    """A span of real time, cut into columns, as a zone's clock shows it.

    Args:
        start: the first instant; UTC.
        end: the first instant after it; UTC.
        step: how long a column is.
        zone: whose clock is read.
        changes: what happens to that clock meanwhile.
    """

    start: datetime
    end: datetime
    step: timedelta
    zone: tzinfo
    changes: tuple[ClockChange, ...] = ()

    @property
    def columns(self) -> int:
        """How many columns there are; the last may be a part."""
        return -(-(self.end - self.start) // self.step)

    def column(self, at: datetime) -> int:
        """Return the number of an instant's column."""
        return (to_utc(at) - self.start) // self.step

    def at(self, column: int) -> datetime:
        """Return when a column begins, in the zone."""
        return to_zone(self.start + column * self.step, self.zone)

    def hours(self) -> Iterator[tuple[int, datetime]]:
        """Yield the columns in which the clock begins an hour, and what it reads there."""
        for column in range(self.columns):
            reading = self.at(column)
            into = timedelta(minutes=reading.minute, seconds=reading.second)
            if into < self.step:
                yield column, reading

    def repeated(self, column: int) -> bool:
        """Tell whether the readings of a column come for the second time."""
        at = self.start + column * self.step
        return any(
            not each.forward and each.at <= at < each.at + each.size for each in self.changes
        )

    def title(self) -> str:
        """Return one line: the day, the zone, how long it is, and what the clock does."""
        first = self.at(0)
        hours = (self.end - self.start) / _HOUR
        told = f"{first:%a} {first.date()}, {_zone_name(self.zone)}, {hours:g} hours"
        if self.end - self.start < _DAY - 2 * _HOUR:
            told += f" from {first:%H:%M} ({offset(first.utcoffset() or timedelta(0))})"
        return " ".join([f"{told}.", *(each.sentence() for each in self.changes)])


def day_frame(at: datetime, zone: tzinfo) -> Frame:
    """Return the day that a zone's clock shows at an instant, from midnight to midnight.

    Args:
        at: aware.
        zone: whose clock is read.
    """
    local = to_zone(at, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    start, end = to_utc(midnight), to_utc(midnight + _DAY)
    changes = tuple(clock_changes(zone, start, end))
    return Frame(start, end, DAY_STEP, zone, changes)


def night_frame(at: datetime, zone: tzinfo) -> Frame:
    """Return the hours around a zone's next clock change.

    Args:
        at: the change is after it; aware.
        zone: whose clock is read.

    Raises:
        ConfigError: the clock does not change within 400 days.
    """
    first = to_utc(at).replace(microsecond=0)
    change = next(iter(clock_changes(zone, first, first + _LOOK_AHEAD)), None)
    if change is None:
        raise ConfigError(
            f"the clock of {_zone_name(zone)} does not change within 400 days from "
            f"{first.isoformat()}; name a zone whose clock does, or draw a day"
        )
    return Frame(change.at - _BEFORE, change.at + _AFTER, NIGHT_STEP, zone, (change,))


@dataclass(frozen=True, slots=True)
class Timeline:
    """When each entry runs within a frame.

    Args:
        frame: the columns.
        rows: entry -> column -> runs, in the order of names.
        runs: entry -> its first runs, in the zone.
        idle: how many entries have no run.
        left_out: how many entries are not shown for want of room.
    """

    frame: Frame
    rows: Mapping[str, Counter[int]] = field(default_factory=dict)
    runs: Mapping[str, list[datetime]] = field(default_factory=dict)
    idle: int = 0
    left_out: int = 0

    @property
    def total(self) -> int:
        """All runs that are shown."""
        return sum(sum(row.values()) for row in self.rows.values())

    def told(self) -> str:
        """Return what the picture shows, in words."""
        words = f"{self.total} runs of {len(self.rows)} entries. {self.frame.title()}"
        if self.idle:
            words += f" Entries without a run then: {self.idle}."
        if self.left_out:
            words += f" Entries that are not shown: {self.left_out}."
        return words

    def lines(self) -> Iterator[str]:
        """Yield the picture as lines of text: in each column how many runs, `.` for none."""
        frame = self.frame
        wide = max([len(name) for name in self.rows], default=0) + 2
        yield self.told()
        yield " " * wide + _scale(frame).rstrip()
        for name, row in self.rows.items():
            yield name.ljust(wide) + "".join(_digit(row[each]) for each in range(frame.columns))
        if any(map(frame.repeated, range(frame.columns))):
            marks = "".join("^" if frame.repeated(each) else " " for each in range(frame.columns))
            yield f"{' ' * wide}{marks.rstrip()} these readings come for the second time"
        yield f"{' ' * wide}one column is {int(frame.step.total_seconds()) // 60} minutes"


def timeline_of(runs: Iterable[Listed], names: Iterable[str], frame: Frame) -> Timeline:
    """Count the runs of each entry in each column.

    Args:
        runs: of the frame's span, as `runs` lists them.
        names: of all entries.
        frame: the columns.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> from periodic import Entry, crontab
    >>> from periodic.simulation import runs
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> hourly = Entry(name="sync", task="x", schedule=crontab(minute=0, hour="*/6", tz="UTC"))
    >>> frame = day_frame(datetime(2026, 10, 25, 12, tzinfo=UTC), berlin)
    >>> frame.columns
    50
    >>> day = timeline_of(runs([hourly], frame.start, frame.end), ["sync"], frame)
    >>> [run.isoformat() for run in day.runs["sync"]][:2]
    ['2026-10-25T02:00:00+02:00', '2026-10-25T07:00:00+01:00']
    """
    rows: dict[str, Counter[int]] = {}
    told: dict[str, list[datetime]] = {}
    for fire_time, entry in runs:
        row = rows.setdefault(entry.name, Counter())
        row[frame.column(fire_time)] += 1
        first = told.setdefault(entry.name, [])
        if len(first) < frame.columns:
            first.append(to_zone(fire_time, frame.zone))
    kept = list(islice(sorted(rows), MOST_ROWS))
    idle = sum(name not in rows for name in names)
    return Timeline(
        frame,
        {name: rows[name] for name in kept},
        {name: told[name] for name in kept},
        idle,
        len(rows) - len(kept),
    )


def _scale(frame: Frame) -> str:
    """Return the hours above the columns, as many as there is room for."""
    text = ""
    coarse = frame.step >= DAY_STEP
    for column, reading in frame.hours():
        label = f"{reading:%H}" if coarse else f"{reading:%H:%M}"
        if len(text) <= column:
            text = f"{text.ljust(column)}{label} "
    return text


def _digit(number: int) -> str:
    if number == 0:
        return "."
    return str(number) if number < 10 else "+"  # noqa: PLR2004  # one digit


def _zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", None) or str(zone)
