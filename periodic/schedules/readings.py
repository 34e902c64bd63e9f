"""What rules over whole readings of the wall clock share: their options, and one day's readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, tzinfo
from typing import Protocol

from ..errors import ScheduleError
from .crontab import FoldOption
from .instants import since_origin
from .offsets import OnFold, OnGap
from .wall import Days, Wall

# Clock changes move a reading's instant by up to a day, and zones lie up to 16 hours from UTC.
_NEAR = 3
# Two days' readings come in the days' order if the days are further apart than this.
_MIXED = 2
# No rule over dates stays away longer than the calendar takes to repeat.
_HORIZON = 400 * 366
_KEPT = 64


class Readings(Days, Protocol):
    """Days, and the readings of each."""

    def times(self, day: int) -> tuple[int, ...]:
        """Return the times of a day in seconds after midnight, in order."""
        ...


class ReadingsWall:
    """The instants of fixed readings whose times differ from day to day.

    Each day has a `Wall` of its own, so that gaps and folds are `Wall`'s business alone. Clock
    changes can mix the readings of neighbouring days, so a few days around are looked at.

    Args:
        readings: which readings there are.
        zone: whose wall clock is read.
        on_gap: what happens to readings that a gap swallows.
        on_fold: which pass of a repeated reading counts.
    """

    def __init__(self, readings: Readings, zone: tzinfo, on_gap: OnGap, on_fold: OnFold) -> None:
        self._readings = readings
        self._zone = zone
        self._on_gap: OnGap = on_gap
        self._on_fold: OnFold = on_fold
        self._walls: dict[int, Wall] = {}

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None if none in 400 years."""
        start = since_origin(at).days - _NEAR
        return self._nearest(at, start, 1, self._readings.first_from, Wall.next_after)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None if none in 400 years."""
        start = since_origin(at).days + _NEAR
        return self._nearest(at, start, -1, self._readings.last_upto, Wall.previous_before)

    def _nearest(
        self,
        at: datetime,
        start: int,
        step: int,
        seek: Callable[[int], int | None],
        ask: Callable[[Wall, datetime], datetime | None],
    ) -> datetime | None:
        """Return the instant nearest to `at` among the days from `start` on."""
        best: datetime | None = None
        limit = _HORIZON
        day = seek(start)
        while day is not None and (day - start) * step <= limit:
            found = ask(self._wall(day), at)
            if found is not None:
                if best is None:
                    limit = (day - start) * step + _MIXED
                best = _nearer(best, found, step)
            day = seek(day + step)
        return best

    def _wall(self, day: int) -> Wall:
        wall = self._walls.get(day)
        if wall is None:
            if len(self._walls) >= _KEPT:
                self._walls.clear()
            wall = self._walls[day] = Wall(
                _OneDay(day),
                self._readings.times(day),
                self._zone,
                fixed=True,
                on_gap=self._on_gap,
                on_fold=self._on_fold,
            )
        return wall


class _OneDay:
    """A single day."""

    def __init__(self, day: int) -> None:
        self._day = day

    def first_from(self, day: int) -> int | None:
        return self._day if day <= self._day else None

    def last_upto(self, day: int) -> int | None:
        return self._day if day >= self._day else None


def _nearer(one: datetime | None, other: datetime, step: int) -> datetime:
    """Return the earlier of two instants, or the later one if `step` is negative."""
    if one is None:
        return other
    return min(one, other, key=since_origin) if step > 0 else max(one, other, key=since_origin)


def first_pass(on_fold: FoldOption) -> OnFold:
    """Return what `on_fold` means to a fixed schedule."""
    return "first" if on_fold == "auto" else on_fold


def parse_date(value: object, field: str) -> date | None:
    """Read a date or its ISO text; None stays None.

    Raises:
        ScheduleError: it is neither; the message names the field.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ScheduleError(
        f"{field}={value!r} is not a date; allowed: a datetime.date, or a text such as '2026-01-31'"
    )
