"""`ical_file`: the days of an iCalendar file, read once, when the calendar is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from os import PathLike
from typing import Any, ClassVar, Self

from ..errors import ScheduleError
from .calendars import Calendar, dates_in_words
from .ical_events import LONGEST, Repeated, read_file
from .instants import DAYS
from .readings import parse_date
from .recurrence import Recurrence
from .recurrence_text import read_rule

_KEPT = 512
_RULE_FIELDS = ("rule", "start", "length", "except")


class ical_file(Calendar):  # noqa: N801  # a calendar reads like the word in a sentence
    """The days of an iCalendar file, `.ics` (the extra `calendars`).

    An event excludes the dates that it covers from midnight to midnight; one of some hours
    excludes nothing, nor does a cancelled one. Repeated events count with their exceptions.
    The file is read once: its content travels with the calendar, in pickles and JSON too, and a
    new version of it makes a calendar with another fingerprint.

    Args:
        path: where the file is.
        name: what people call the days, for descriptions; the calendar's own name unless given.
        base: another calendar, whose dates are excluded too.

    Raises:
        ScheduleError: the file cannot be read or understood, it excludes no day, or the library
            `icalendar` is missing.
    """

    kind: ClassVar[str] = "ical_file"
    _fields: ClassVar[tuple[str, ...]] = ("days", "rules")

    _numbers: frozenset[int]
    _rules: tuple[Repeated, ...]
    _recurrences: tuple[Recurrence, ...]
    _years: dict[int, frozenset[int]]

    def __init__(
        self, path: str | PathLike[str], *, name: str | None = None, base: Calendar | None = None
    ) -> None:
        content = read_file(path)
        self._fill(content.days, content.rules)
        super().__init__(name=content.name if name is None else name, base=base)

    def _fill(self, days: frozenset[int], rules: tuple[Repeated, ...]) -> None:
        recurrences = tuple(
            Recurrence(read_rule(each.rule), _midnight(each.start), whole_days=True)
            for each in rules
        )
        self._set(_numbers=days, _rules=rules, _recurrences=recurrences, _years={})

    def _closed(self, day: int) -> bool:
        if day in self._numbers:
            return True
        if not self._rules or not 0 <= day < DAYS:
            return False
        year = date.fromordinal(day + 1).year
        days = self._years.get(year)
        if days is None:
            if len(self._years) >= _KEPT:
                self._years.clear()
            days = self._years[year] = self._repeated(year)
        return day in days

    def _repeated(self, year: int) -> frozenset[int]:
        """Return the days of a year that the rules exclude."""
        first, last = (date(year, *on).toordinal() - 1 for on in ((1, 1), (12, 31)))
        found: set[int] = set()
        for rule, recurrence in zip(self._rules, self._recurrences, strict=True):
            day = recurrence.first_from(first - rule.length + 1)
            while day is not None and day <= last:
                if day not in rule.besides:
                    found.update(range(day, day + rule.length))
                day = recurrence.first_from(day + 1)
        return frozenset(found)

    def _meaning(self) -> tuple[Any, ...]:
        return (tuple(sorted(self._numbers)), tuple(tuple(rule) for rule in self._rules))

    def _own(self) -> dict[str, Any]:
        rules = [
            dict(
                zip(
                    _RULE_FIELDS,
                    (each.rule, _text(each.start), each.length, [*map(_text, each.besides)]),
                    strict=True,
                )
            )
            for each in self._rules
        ]
        return {"days": [_text(day) for day in sorted(self._numbers)], "rules": rules}

    def _words(self) -> str:
        words = [dates_in_words([*map(_text, sorted(self._numbers))])] if self._numbers else []
        if self._rules:
            words.append(f"{len(self._rules)} yearly or other repeated days")
        return " and ".join(words)

    def _arguments(self) -> list[str]:
        return []

    @classmethod
    def _made(cls, fields: dict[str, Any]) -> Self:
        days, rules = fields.pop("days", ()), fields.pop("rules", ())
        if not isinstance(days, list | tuple) or not isinstance(rules, list | tuple):
            raise ScheduleError("calendar ical_file: days and rules are lists")
        if not days and not rules:
            raise ScheduleError("calendar ical_file: there are neither days nor rules")
        made = cls.__new__(cls)
        numbers = frozenset(_number(day) for day in days)
        made._fill(numbers, tuple(_rule(rule) for rule in rules))  # noqa: SLF001  # our own class
        Calendar.__init__(made, **fields)
        return made

    def __repr__(self) -> str:
        return f"Calendar.from_dict({self.to_dict()!r})"


def _rule(data: object) -> Repeated:
    if not isinstance(data, Mapping) or set(data) != set(_RULE_FIELDS):
        raise ScheduleError(
            f"calendar ical_file: {data!r} is no rule; it has the fields {', '.join(_RULE_FIELDS)}"
        )
    rule, start, length, besides = (data[field] for field in _RULE_FIELDS)
    if not isinstance(length, int) or not 1 <= length <= LONGEST:
        raise ScheduleError(f"calendar ical_file: length={length!r}; allowed: 1 to {LONGEST}")
    if not isinstance(besides, list | tuple):
        raise ScheduleError(f"calendar ical_file: except={besides!r} is not a list of dates")
    return Repeated(rule, _number(start), length, tuple(sorted(map(_number, besides))))


def _number(day: object) -> int:
    found = parse_date(day, "calendar ical_file: day")
    if found is None:
        raise ScheduleError("calendar ical_file: a day is None")
    return found.toordinal() - 1


def _text(day: int) -> str:
    return date.fromordinal(day + 1).isoformat()


def _midnight(day: int) -> datetime:
    on = date.fromordinal(day + 1)
    return datetime(on.year, on.month, on.day)  # noqa: DTZ001  # a reading
