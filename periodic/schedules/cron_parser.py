"""The parser of one field of a cron expression: strict, and it explains what it refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from ..errors import ScheduleError
from .cron_days import LastDay, LastWeekday, NearestWeekday, NthWeekday
from .cron_fields import (
    DAY_FIELDS,
    MONTH_DAYS,
    SUNDAY,
    WEEKDAYS,
    Field,
    Hash,
    MonthSpecial,
    Parsed,
    WeekSpecial,
)
from .cron_hints import instead_of_step, is_special, junk, no_value, outside, short, shown

_PART = re.compile(
    r"""
    (?: (?P<star>\*)
      | (?P<hash>[Hh]) (?: \( (?P<low>[0-9A-Za-z]+) - (?P<high>[0-9A-Za-z]+) \) )?
      | (?P<first>[0-9A-Za-z]+) (?: - (?P<last>[0-9A-Za-z]+) )?
    )
    (?: / (?P<step>[0-9]+) )?
    """,
    re.VERBOSE,
)
_LAST_DAY = re.compile(r"[Ll](?:-(?P<minus>[0-9]+))?")
_NEAREST = re.compile(r"(?:[Ll]|(?P<day>[0-9]+))[Ww]")
_LAST_WEEKDAY = re.compile(r"(?P<weekday>[0-9A-Za-z]+)[Ll]")
_NTH = re.compile(r"(?P<weekday>[0-9A-Za-z]+)\#(?P<nth>[0-9]+)")
_LONGEST_NUMBER = 4
_MOST_WEEKS = 5


class FieldParser:
    """The parser of one field's text; remembers the place for messages.

    Args:
        field: which one.
        text: its text, without white space.
        start: where it starts in the expression, counted from 0.
        expression: the whole, for messages.
        hint: what to say to a step that is too large, if the field alone cannot tell.
    """

    def __init__(
        self, field: Field, text: str, start: int, expression: str, hint: str | None = None
    ) -> None:
        self._field = field
        self._text = text
        self._start = start
        self._expression = expression
        self._hint = hint
        self._values: set[int] = set()
        self._hashes: list[Hash] = []
        self._month_specials: list[MonthSpecial] = []
        self._week_specials: list[WeekSpecial] = []

    def parse(self) -> Parsed:
        """Return what the text means.

        Raises:
            ScheduleError: it cannot be understood; the message names the field, the value, what
                is allowed, the place in the text, and what may be meant.
        """
        if self._text == "?":
            self._question_mark()
        else:
            place = 0
            for part in self._text.split(","):
                if not self._special(part, place):
                    self._part(part, place)
                place += len(part) + 1
        return Parsed(
            self._field,
            self._text,
            frozenset(self._values),
            self._text.startswith(("*", "?")),
            tuple(dict.fromkeys(self._hashes)),
            tuple(dict.fromkeys(self._month_specials)),
            tuple(dict.fromkeys(self._week_specials)),
        )

    def _question_mark(self) -> None:
        if self._field not in DAY_FIELDS:
            self._refuse("'?' stands for any day, in the two day fields only; write '*'", 0, 1)
        self._values.update(range(self._field.low, self._field.high + 1))

    def _special(self, part: str, start: int) -> bool:
        """Take what only day fields have; tell whether this was it."""
        if self._field is MONTH_DAYS:
            if match := _LAST_DAY.fullmatch(part):
                self._month_specials.append(LastDay(self._minus(match, start)))
                return True
            if match := _NEAREST.fullmatch(part):
                day = match["day"]
                near = None if day is None else self._value(day, start)
                self._month_specials.append(NearestWeekday(near))
                return True
        elif self._field is WEEKDAYS:
            if match := _NTH.fullmatch(part):
                weekday = self._value(match["weekday"], start) % SUNDAY
                self._week_specials.append(NthWeekday(weekday, self._nth(match, start)))
                return True
            if match := _LAST_WEEKDAY.fullmatch(part):
                weekday = self._value(match["weekday"], start) % SUNDAY
                self._week_specials.append(LastWeekday(weekday))
                return True
        return False

    def _minus(self, match: re.Match[str], start: int) -> int:
        text = match["minus"]
        if text is None:
            return 0
        number = self._small(text)
        if not 1 <= number < self._field.high:
            problem = f"{short(text)} days before the last day is in no month; L-1 to L-30 are"
            self._refuse(problem, start + match.start("minus"), start + match.end())
        return number

    def _nth(self, match: re.Match[str], start: int) -> int:
        text = match["nth"]
        number = self._small(text)
        if not 1 <= number <= _MOST_WEEKS:
            problem = f"no month has a {match['weekday']} number {short(text)}; write #1 to #5"
            problem += f", or '{match['weekday']}L' for the last one"
            self._refuse(problem, start + match.start("nth"), start + match.end())
        return number

    def _part(self, part: str, start: int) -> None:
        if not part:
            problem = "a value is missing before or after a comma" if self._text else "no value"
            self._refuse(problem, start, start)
        match = _PART.match(part)
        if match is None or match.end() != len(part):
            end = match.end() if match is not None else 0
            self._refuse(junk(self._field, part, end), start + end, start + len(part))
        step = match["step"]
        size = None if step is None else self._step(step, start + match.start("step"))
        if match["hash"]:
            self._hash(match, size, start)
            return
        row = self._row(match, start)
        self._values.update(
            number % SUNDAY if self._field is WEEKDAYS else number for number in row[::size]
        )

    def _row(self, match: re.Match[str], start: int) -> Sequence[int]:
        """Return the numbers that a step counts along, in order."""
        field = self._field
        if match["star"]:
            return range(field.low, field.high + 1)
        if field in DAY_FIELDS and (match["last"] or match["step"]):
            for word in filter(is_special, filter(None, match.group("first", "last"))):
                problem = f"{shown(word)} takes no range and no step"
                self._refuse(problem, start, start + match.end())
        first = self._value(match["first"], start + match.start("first"))
        if match["last"] is not None:
            last = self._value(match["last"], start + match.start("last"))
            return field.wrapped(first, last)
        # `5/15` goes on to the largest number, which for weekdays is 7, Sunday again.
        return range(first, field.top + 1 if match["step"] is not None else first + 1)

    def _hash(self, match: re.Match[str], step: int | None, start: int) -> None:
        field = self._field
        # The 28th is the last day that every month has.
        row: Sequence[int] = range(field.low, 29 if field is MONTH_DAYS else field.high + 1)
        if match["low"] is not None:
            low = self._value(match["low"], start + match.start("low"))
            high = self._value(match["high"], start + match.start("high"))
            row = field.wrapped(low, high)
        if field is WEEKDAYS:
            row = list(dict.fromkeys(number % SUNDAY for number in row))
        if step is not None and not 1 < step <= len(row):
            problem = f"a step of {step} cannot be: of {len(row)} values, steps are 2 to {len(row)}"
            if step == 1:
                problem = "H/1 would be every value; write '*' for that, or 'H' for one of them"
            self._refuse(problem, start + match.start("step"), start + match.end())
        self._hashes.append(Hash(tuple(row), step))

    def _step(self, text: str, start: int) -> int:
        size, step = self._field.size, self._small(text)
        if not 1 <= step <= size:
            problem = f"a step of {short(text)} cannot be: of {size} values, steps are 1 to {size}"
            if step > size:
                problem += f"; {self._hint or instead_of_step(self._field, text)}"
            self._refuse(problem, start, start + len(text))
        return step

    def _value(self, text: str, start: int) -> int:
        field, end = self._field, start + len(text)
        if text.isdigit():
            number = self._small(text)
            if not field.low <= number <= field.top:
                problem = f"{short(text)} is outside {field.low}-{field.top}"
                self._refuse(problem + outside(field, number), start, end)
            return number
        named = field.named(text)
        if named is None:
            self._refuse(no_value(field, text), start, end)
        return named

    def _small(self, text: str) -> int:
        """Return a number; one that is too large for any field without its many digits."""
        return int(text) if len(text) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER

    def _refuse(self, problem: str, start: int, end: int) -> NoReturn:
        """Refuse, pointing at the characters `[start, end)`, counted from 1 in the message."""
        first, last = self._start + start + 1, self._start + end
        place = f"characters {first}-{last}" if last > first else f"character {first}"
        raise ScheduleError(
            f"{self._field.name}={shown(self._text)}: {problem} "
            f"(at {place} of {shown(self._expression)}); allowed: {self._field.allowed}"
        )
