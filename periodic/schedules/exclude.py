"""`exclude`: a schedule without the dates of a calendar, whose runs are dropped or moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Literal, Self, get_args

from ..errors import ScheduleError
from .base import Schedule
from .calendars import Calendar
from .combine import Combination
from .crontab import check_option
from .instants import DAYS, MICROSECOND, from_origin, since_origin
from .timeline import DAY_MICROS, Timeline

OnExcluded = Literal["skip", "next_business_day"]

# A search gives up where nothing but excluded days came for 41 years.
_PATIENCE = 41 * 366
# A run is moved by no more than a year.
_FARTHEST = 366


class exclude(Combination):  # noqa: N801  # a schedule reads like the word in a sentence
    """A schedule without the dates that a calendar excludes.

    A date is the one that the clock shows in the schedule's zone when the run is due.

    Args:
        schedule: what runs on the other days.
        calendar: the dates: `dates(...)`, `weekends()`, `country_holidays(...)`, `ical_file(...)`.
        on_excluded: a run on an excluded date does not happen (`skip`), or moves to the same wall
            time on the next date that is not excluded (`next_business_day`), where runs at the
            same time are one. A gap counts as for a fixed schedule; in a fold, it is the first
            pass. A run that would move by more than 366 days does not happen.

    Raises:
        ScheduleError: an argument is not of its kind.

    >>> from datetime import UTC, datetime
    >>> from periodic import crontab
    >>> daily = crontab(0, 9, tz="Europe/London")
    >>> from periodic.schedules import weekends
    >>> exclude(daily, weekends()).next_after(datetime(2026, 3, 6, 12, tzinfo=UTC)).isoformat()
    '2026-03-09T09:00:00+00:00'
    """

    kind: ClassVar[str] = "exclude"
    _fields: ClassVar[tuple[str, ...]] = ("schedule", "calendar", "on_excluded")
    _required: ClassVar[tuple[str, ...]] = ("schedule", "calendar")

    schedule: Schedule
    calendar: Calendar
    on_excluded: OnExcluded
    _timeline: Timeline

    def __init__(
        self, schedule: Schedule, calendar: Calendar, on_excluded: OnExcluded = "skip"
    ) -> None:
        self._check_members((schedule,))
        if not isinstance(calendar, Calendar):
            raise ScheduleError(
                f"exclude: calendar={calendar!r} is not a calendar such as weekends(), "
                "dates('2026-12-25') or country_holidays('DE')"
            )
        check_option("on_excluded", on_excluded, get_args(OnExcluded))
        self._set_depth((schedule,), moving=on_excluded != "skip")
        zone = self._zone_of(schedule)
        self._set_zone(zone)
        self._set(
            schedule=schedule,
            calendar=calendar,
            on_excluded=on_excluded,
            _timeline=Timeline(zone or UTC),
        )

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None if none in 41 years."""
        moment = since_origin(at) // MICROSECOND
        found = self._open_after(moment) if self.on_excluded == "skip" else self._after(moment)
        return self._datetime(found)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None if none in 41 years."""
        moment = since_origin(at) // MICROSECOND
        found = self._open_before(moment) if self.on_excluded == "skip" else self._before(moment)
        return self._datetime(found)

    # Instants below are microseconds since the start of the calendar, in UTC.

    def _inner_after(self, moment: int) -> int | None:
        at = from_origin(timedelta(microseconds=moment), UTC) if moment >= 0 else _START
        found = None if at is None else self.schedule.next_after(at)
        return None if found is None else since_origin(found) // MICROSECOND

    def _inner_before(self, moment: int) -> int | None:
        at = from_origin(timedelta(microseconds=moment), UTC) if moment >= 0 else None
        found = None if at is None else self.schedule.previous_before(at)
        return None if found is None else since_origin(found) // MICROSECOND

    def _open_after(self, moment: int, until: int | None = None) -> int | None:
        """Return the first own instant after one that is on no excluded date, before `until`."""
        found, limit = self._inner_after(moment), None
        while found is not None and (until is None or found < until):
            span = self._timeline.span(found)
            day = span.day_of(found)
            if not self.calendar.closed(day):
                return found
            limit = day + _PATIENCE if limit is None else limit
            if day > limit:
                return None
            # As long as the offset stays, days follow one another: jump to the next open one.
            start = span.end
            for later in range(day + 1, min(span.day_of(span.end - 1), limit) + 1):
                if not self.calendar.closed(later):
                    start = span.start_of(later)
                    break
            found = self._inner_after(start - 1)
        return None

    def _open_before(self, moment: int) -> int | None:
        """Return the last own instant before one that is on no excluded date."""
        found, limit = self._inner_before(moment), None
        while found is not None:
            span = self._timeline.span(found)
            day = span.day_of(found)
            if not self.calendar.closed(day):
                return found
            limit = day - _PATIENCE if limit is None else limit
            if day < limit:
                return None
            found = self._inner_before(self._start_of_block(found))
        return None

    def _start_of_block(self, moment: int) -> int:
        """Return the start of the excluded days around an instant, as far as the offset stays."""
        span = self._timeline.span(moment)
        day = span.day_of(moment)
        for earlier in range(day - 1, max(span.day_of(span.start), day - _PATIENCE) - 1, -1):
            if not self.calendar.closed(earlier):
                return span.start_of(earlier + 1)
        return span.start

    def _after(self, moment: int) -> int | None:
        """Return the first instant after one, where runs on excluded dates move."""
        shown = self._timeline.shown_until(moment)
        day: int | None = shown // DAY_MICROS
        if day is not None and not self._is_working(day):
            day = self._next_working(day)
        found = None if day is None else self._moved_after(day, shown)
        if found is not None:
            return _first(found, self._open_after(moment, until=found))
        inner, limit = self._inner_after(moment), None
        while inner is not None:
            day = self._timeline.span(inner).day_of(inner)
            if not self.calendar.closed(day):
                return inner
            limit = day + _PATIENCE if limit is None else limit
            if day > limit:
                return None
            working = self._next_working(day)
            if working is not None:
                found = self._moved_after(working, shown)
                return _first(found, self._open_after(inner, until=found))
            # Farther than a run is moved: go on where it is near enough.
            far = day + _FARTHEST
            while far <= limit and self.calendar.closed(far):
                far += 1
            if far > limit:
                return None
            near = self._timeline.instant_of((far - _FARTHEST) * DAY_MICROS) - 1
            inner = self._inner_after(max(near, inner))
        return None

    def _before(self, moment: int) -> int | None:
        """Return the last instant before one, where runs on excluded dates move."""
        shown = self._timeline.shown_until(moment - 1)
        inner, limit = self._inner_before(moment), None
        while inner is not None:
            day = self._timeline.span(inner).day_of(inner)
            if not self.calendar.closed(day):
                moved = self._moved_before(day, shown)
                return inner if moved is None else max(moved, inner)
            limit = day - _PATIENCE if limit is None else limit
            if day < limit:
                return None
            working = self._next_working(day)
            moved = None if working is None else self._moved_before(working, shown)
            if moved is not None:
                return moved
            inner = self._inner_before(self._start_of_block(inner))
        return None

    def _is_working(self, day: int) -> bool:
        """Tell whether a day is not excluded and was there at all (Apia, 2011-12-30)."""
        if self.calendar.closed(day):
            return False
        midnight = self._timeline.instant_of(day * DAY_MICROS)
        return self._timeline.span(midnight).day_of(midnight) == day

    def _next_working(self, day: int) -> int | None:
        """Return the next day to which a run of an excluded day moves."""
        for later in range(day + 1, min(day + _FARTHEST + 1, DAYS)):
            if self._is_working(later):
                return later
        return None

    def _block(self, working: int) -> range:
        """Return the days whose runs move to a working day."""
        first = working
        while first > max(working - _FARTHEST, 0) and not self._is_working(first - 1):
            first -= 1
        return range(first, working)

    def _moved_after(self, working: int, shown: int) -> int | None:
        """Return the first moved instant on a working day whose reading is after one."""
        block = self._block(working)
        earliest: int | None = None
        day = block.start
        # The time of the day that a reading must be after, and stay within.
        low = max(shown - working * DAY_MICROS, -1)
        while day < working:
            following = day + 1
            for span in self._timeline.spans_of(day):
                begin = max(span.start, span.at(day * DAY_MICROS + low + 1))
                found = self._inner_after(begin - 1)
                if found is None:
                    continue
                if found < span.end and span.day_of(found) == day:
                    time = span.reading(found) - day * DAY_MICROS
                    earliest = time if earliest is None else min(earliest, time)
                else:
                    following = max(following, self._timeline.span(found).day_of(found) - 1)
            day = following
        if earliest is None:
            return None
        return self._timeline.instant_of(working * DAY_MICROS + earliest)

    def _moved_before(self, working: int, shown: int) -> int | None:
        """Return the last moved instant on a working day whose reading is not after one."""
        latest: int | None = None
        high = min(shown - working * DAY_MICROS, DAY_MICROS - 1)
        for day in self._block(working) if high >= 0 else ():
            for span in self._timeline.spans_of(day):
                end = min(span.end, span.at(day * DAY_MICROS + high + 1))
                found = self._inner_before(end)
                if found is None or found < span.start or span.day_of(found) != day:
                    continue
                time = span.reading(found) - day * DAY_MICROS
                latest = time if latest is None else max(latest, time)
        if latest is None:
            return None
        return self._timeline.instant_of(working * DAY_MICROS + latest)

    def _datetime(self, moment: int | None) -> datetime | None:
        if moment is None:
            return None
        return from_origin(timedelta(microseconds=moment), self._zone or UTC)

    def describe(self) -> str:
        """Return the schedule in words, such as "every day at 09:00, except on weekends"."""
        words, days = self.schedule.describe(), self.calendar.describe()
        if self.on_excluded == "skip":
            return f"{words}, except on {days}"
        return f"{words}, moved from {days} to the same time on the next business day"

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data, with its calendar."""
        return {
            "kind": self.kind,
            "schedule": self.schedule.to_dict(),
            "calendar": self.calendar.to_dict(),
            "on_excluded": self.on_excluded,
        }

    @classmethod
    def _checked(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        fields = super()._checked(data)
        if isinstance(fields.get("calendar"), Mapping):
            fields["calendar"] = Calendar.from_dict(fields["calendar"])
        return fields

    def _members(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def _rebuilt(self, members: tuple[Schedule, ...], zone: tzinfo | None) -> Self:
        del zone  # the member has it
        return type(self)(members[0], self.calendar, self.on_excluded)

    def _own_meaning(self) -> tuple[Any, ...]:
        return (self.calendar.identity, self.on_excluded)

    def _own_content(self) -> str:
        return self.calendar.fingerprint()

    def __repr__(self) -> str:
        arguments = [repr(self.schedule), repr(self.calendar)]
        on_excluded = None if self.on_excluded == "skip" else self.on_excluded
        return self._repr(*arguments, on_excluded=on_excluded)


_START = datetime.min.replace(tzinfo=UTC)


def _first(one: int | None, other: int | None) -> int | None:
    return one if other is None or (one is not None and one < other) else other
