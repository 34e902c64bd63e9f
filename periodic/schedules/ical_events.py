"""The events of an iCalendar file: which whole days they cover, once or again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..clock import to_zone
from ..errors import ScheduleError
from .recurrence_text import read_rule

#: An event that excludes more days than this, ten years, is a mistake.
LONGEST = 3660
_BOM = b"\xef\xbb\xbf"
_MIDNIGHT = (0, 0, 0, 0)


class Repeated(NamedTuple):
    """Days that come again and again.

    Args:
        rule: a recurrence rule of RFC 5545 for the first day of each occurrence.
        start: the number of the day on which the rule starts; day 0 is 0001-01-01.
        length: how many days each occurrence lasts.
        besides: first days that are left out.
    """

    rule: str
    start: int
    length: int
    besides: tuple[int, ...]


class Content(NamedTuple):
    """What a file excludes.

    Args:
        name: the calendar's own name.
        days: single days, by number.
        rules: repeated ones.
    """

    name: str
    days: frozenset[int]
    rules: tuple[Repeated, ...]


def read_file(path: str | PathLike[str]) -> Content:
    """Read an iCalendar file by the library `icalendar`, the extra `calendars`.

    Raises:
        ScheduleError: it cannot be read or understood, or it has no event of a whole day.
    """
    try:
        import icalendar  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ScheduleError(
            'ical_file needs the library icalendar; pip install "periodic-celery[calendars]"'
        ) from error
    shown = f"ical_file({fspath(path)!r})"
    try:
        data = Path(path).read_bytes().removeprefix(_BOM)
    except OSError as error:
        raise ScheduleError(f"{shown}: cannot be read: {error}") from error
    try:
        calendar = icalendar.Calendar.from_ical(data)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ScheduleError(f"{shown}: is not an iCalendar file: {error}") from error
    name = calendar.get("X-WR-CALNAME") or calendar.get("NAME") or Path(path).stem
    return _Events(shown, calendar.walk("VEVENT")).content(str(name))


class _Events:
    """The reader of the events of one file; knows its name for messages."""

    def __init__(self, shown: str, events: Iterable[Any]) -> None:
        self._shown = shown
        self._events = [_Event(shown, event) for event in events]

    def content(self, name: str) -> Content:
        """Return what the events exclude."""
        moved: dict[str, set[int]] = {}
        for event in self._events:
            if event.replaces is not None:
                moved.setdefault(event.uid, set()).add(event.replaces)
        days: set[int] = set()
        rules: list[Repeated] = []
        for event in self._events:
            if event.cancelled or not event.length:
                continue
            besides = set(event.besides)
            if event.replaces is None:
                besides |= {day + event.shift for day in moved.get(event.uid, ())}
            left_out = tuple(sorted(besides))
            rules += [Repeated(rule, event.first, event.length, left_out) for rule in event.rules]
            for day in ({event.first} if not event.rules else set()) | set(event.further):
                if day not in besides:
                    days.update(range(day, day + event.length))
        if not days and not rules:
            raise ScheduleError(
                f"{self._shown}: no event of a whole day; events of some hours exclude nothing"
            )
        return Content(name, frozenset(days), tuple(sorted(set(rules))))


class _Event:
    """One event, as whole days."""

    def __init__(self, shown: str, event: Any) -> None:
        self.uid = str(event.get("UID", ""))
        self._label = f"{shown}: event {str(event.get('SUMMARY') or self.uid or '?')!r}"
        for field, problem in event.errors:
            self._refuse(f"{field}: {problem}")
        start = self._moment(event, "DTSTART")
        if start is None:
            self._refuse("DTSTART is missing")
        self._start = start
        self.cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
        self._set_days(start, self._end(event, start))
        replaced = event.get("RECURRENCE-ID")
        if replaced is not None and "RANGE" in replaced.params:
            self._refuse("RECURRENCE-ID with RANGE cannot be read; write a new event")
        self.replaces = None if replaced is None else self._number(replaced.dt)
        self.besides = [self._number(day) + self.shift for day in _listed(event.get("EXDATE"))]
        self.further = [self._number(day) + self.shift for day in _listed(event.get("RDATE"))]
        self.rules = list(self._rules(event)) if self.length else []

    def _set_days(self, start: date, end: date) -> None:
        """Keep the first whole day, how far it is from the start, and the number of days."""
        if isinstance(start, datetime) and isinstance(end, datetime):
            part = (start.hour, start.minute, start.second, start.microsecond) != _MIDNIGHT
            self.shift = int(part)
        else:
            self.shift = 0
        self.first = start.toordinal() - 1 + self.shift
        self.length = max(end.toordinal() - 1 - self.first, 0)
        if self.length > LONGEST:
            self._refuse(f"excludes {self.length} days; allowed: up to {LONGEST}")

    def _end(self, event: Any, start: date) -> date:
        end = self._moment(event, "DTEND")
        duration = event.get("DURATION")
        if end is None:
            default = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
            try:
                end = start + (default if duration is None else duration.dt)
            except OverflowError:
                self._refuse("ends after the year 9999")
        if isinstance(end, datetime) is not isinstance(start, datetime):
            self._refuse("DTSTART and DTEND are not of one kind: both dates, or both with a time")
        if isinstance(end, datetime) and isinstance(start, datetime):
            return self._in_zone(end)
        return max(end, start + timedelta(days=1)) if start < date.max else end

    def _rules(self, event: Any) -> Iterator[str]:
        """Yield the rules as texts whose UNTIL, if any, is a date."""
        given = event.get("RRULE")
        for each in given if isinstance(given, list) else [given] if given is not None else []:
            text = each.to_ical().decode()
            rule = read_rule(text)
            if rule.until is not None:
                until: date = rule.until
                if rule.until_is_utc:
                    until = self._in_zone(rule.until.replace(tzinfo=UTC))
                parts = [part for part in rule.text.split(";") if not part.startswith("UNTIL=")]
                text = ";".join([*parts, f"UNTIL={until:%Y%m%d}"])
            else:
                text = rule.text
            if self.shift:
                self._refuse("repeats and does not start at midnight; let it start at midnight")
            yield text

    def _moment(self, event: Any, field: str) -> date | None:
        found = event.get(field)
        if found is None:
            return None
        value = found.dt
        if not isinstance(value, date):
            self._refuse(f"{field} is not a date")
        return value

    def _in_zone(self, at: datetime) -> datetime:
        """Return a moment as the clock of the event's start reads it."""
        zone = self._start.tzinfo if isinstance(self._start, datetime) else None
        return at if zone is None or at.tzinfo is None else to_zone(at, zone)

    def _number(self, day: object) -> int:
        day = day[0] if isinstance(day, tuple) else day  # a period: its start
        if isinstance(day, datetime):
            day = self._in_zone(day)
        if not isinstance(day, date):
            self._refuse(f"{day!r} is not a date")
        return day.toordinal() - 1

    def _refuse(self, problem: str) -> NoReturn:
        raise ScheduleError(f"{self._label}: {problem}")


def _listed(given: Any) -> Iterator[Any]:
    """Yield the values of a property that may be there once, several times, or not at all."""
    for each in given if isinstance(given, list) else [given] if given is not None else []:
        for value in each.dts:
            yield value.dt
