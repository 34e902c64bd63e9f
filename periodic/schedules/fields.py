"""The five fields of a crontab in Celery's dialect, parsed strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, NoReturn, cast

from ..errors import ScheduleError

#: What a field accepts: a number, Celery's text, or a collection of numbers.
Given = int | str | Iterable[int]

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

_PART = re.compile(
    r"""
    (?: (?P<star>\*) | (?P<first>[0-9A-Za-z]+) (?: - (?P<last>[0-9A-Za-z]+) )? )
    (?: / (?P<step>[0-9]+) )?
    """,
    re.VERBOSE,
)
_SHORTEST_NAME = 3
_LONGEST_NUMBER = 4
# More characters or items than any field needs; they bound the work for a hostile one.
_LONGEST_TEXT = 1000
_HUGE = 10**9


@dataclass(frozen=True, eq=False)  # there is one of each, and its hash is asked often
class Field:
    """One field: its name, its smallest and largest number, and the names of its numbers."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many values the field has."""
        return self.high - self.low + 1

    @property
    def allowed(self) -> str:
        """What the field accepts, for messages."""
        numbers = f"{self.low}-{self.high}"
        if self.names:
            short = f"{self.names[0][:3]}-{self.names[-1][:3]}"
            return f"{numbers} or {short}, lists (1,3), ranges (1-5), steps (*/2, 1-5/2)"
        return f"{numbers}, lists (1,15), ranges (10-20), steps (*/5, 10-20/5)"


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY_OF_WEEK = Field("day_of_week", 0, 6, _WEEKDAYS)
DAY_OF_MONTH = Field("day_of_month", 1, 31)
MONTH_OF_YEAR = Field("month_of_year", 1, 12, _MONTHS)


class Parsed(NamedTuple):
    """A field as given and what it means.

    Args:
        given: a number, a text, or a sorted tuple of numbers.
        values: the numbers that match.
        starred: whether it is a text that begins with a star.
    """

    given: int | str | tuple[int, ...]
    values: frozenset[int]
    starred: bool


def parse(field: Field, given: Given) -> Parsed:
    """Read one field.

    Raises:
        ScheduleError: it cannot be understood; the message names the field, the value, what is
            allowed, and the place in the text.
    """
    if isinstance(given, str):
        if len(given) > _LONGEST_TEXT:
            problem = f"{len(given)} characters are too many, {_LONGEST_TEXT} are enough"
            _refuse(field, f"{given[:20]!r}...", problem)
        return _parse_text(field, given)
    if isinstance(given, int):
        if abs(given) > _HUGE:  # Python refuses to write down very large numbers
            _refuse(field, "a huge number", f"it is outside {field.low}-{field.high}")
        return Parsed(given, frozenset({_number(field, given, given)}), starred=False)
    items = list(islice(_collection(field, given), _LONGEST_TEXT + 1))
    if len(items) > _LONGEST_TEXT:
        _refuse(field, f"a {type(given).__name__}", f"more than {_LONGEST_TEXT} items are too many")
    if any(isinstance(item, int) and abs(item) > _HUGE for item in items):
        _refuse(field, "a list with a huge number", f"it is outside {field.low}-{field.high}")
    values = frozenset(_number(field, given, value) for value in items)
    if not values:
        _refuse(field, repr(given), "an empty list matches nothing")
    return Parsed(tuple(sorted(values)), values, starred=False)


@lru_cache(maxsize=2048)
def _parse_text(field: Field, text: str) -> Parsed:
    return Parsed(text, _Text(field, text).values(), text.startswith("*"))


def _collection(field: Field, given: object) -> Iterable[object]:
    shown, kind = repr(given), type(given).__name__
    if not isinstance(given, Iterable) or isinstance(given, bytes | bytearray | Mapping):
        _refuse(field, shown, f"{kind} is no number, text or list of numbers")
    return cast("Iterable[object]", given)


def _number(field: Field, given: object, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(field, repr(given), f"{value!r} is not a whole number")
    if not field.low <= value <= field.high:
        _refuse(field, repr(given), _outside(field, value))
    return value


def _outside(field: Field, value: int | str) -> str:
    hint = "; Sunday is 0" if field is DAY_OF_WEEK and str(value) == "7" else ""
    return f"{value} is outside {field.low}-{field.high}{hint}"


def _refuse(field: Field, given: str, problem: str) -> NoReturn:
    raise ScheduleError(f"{field.name}={given}: {problem}; allowed: {field.allowed}")


class _Text:
    """The parser of one field's text; remembers the place for messages."""

    def __init__(self, field: Field, text: str) -> None:
        self._field = field
        self._text = text

    def values(self) -> frozenset[int]:
        """Return the numbers that match.

        White space is allowed around commas only, as in `'1, 15'`.
        """
        values: set[int] = set()
        parts = self._text.split(",")
        place = 0
        for index, part in enumerate(parts):
            text, start = part, place
            if index < len(parts) - 1:
                text = text.rstrip()
            if index > 0:
                start += len(text) - len(text.lstrip())
                text = text.lstrip()
            values.update(self._part(text, start))
            place += len(part) + 1
        return frozenset(values)

    def _part(self, part: str, start: int) -> list[int]:
        if not part:
            self._refuse("nothing", start, start)
        match = _PART.match(part)
        if match is None or match.end() != len(part):
            end = match.end() if match is not None else 0
            self._junk(part, start, end)
        first, last, step = match["first"], match["last"], match["step"]
        if match["star"]:
            values = list(range(self._field.low, self._field.high + 1))
        elif last is None:
            if step is not None:
                self._refuse(
                    f"a step needs a range, such as '{first}-{self._field.high}/{step}'",
                    start,
                    start + len(part),
                )
            values = [self._value(first, start + match.start("first"))]
        else:
            values = self._range(
                self._value(first, start + match.start("first")),
                self._value(last, start + match.start("last")),
            )
        return values if step is None else values[:: self._step(step, start + match.start("step"))]

    def _range(self, first: int, last: int) -> list[int]:
        if first <= last:
            return list(range(first, last + 1))
        return [*range(first, self._field.high + 1), *range(self._field.low, last + 1)]

    def _step(self, text: str, start: int) -> int:
        size = self._field.size
        step = int(text) if len(text) <= _LONGEST_NUMBER else size + 1
        if not 1 <= step <= size:
            self._refuse(
                f"a step of {text} cannot be: of {size} values, steps are 1 to {size}",
                start,
                start + len(text),
            )
        return step

    def _value(self, text: str, start: int) -> int:
        field = self._field
        end = start + len(text)
        if text.isdigit():
            if len(text) > _LONGEST_NUMBER or not field.low <= int(text) <= field.high:
                self._refuse(_outside(field, text), start, end)
            return int(text)
        name = text.lower()
        for number, known in enumerate(field.names, field.low):
            if name in (known, known[:_SHORTEST_NAME]):
                return number
        problem = f"no name of a {_unit(field)}" if field.names else "not a number"
        return self._refuse(f"{text!r} is {problem}", start, end)

    def _junk(self, part: str, start: int, end: int) -> NoReturn:
        rest = part[end:]
        problem = f"{rest!r} cannot be understood"
        if rest.startswith("#"):
            problem += " (this dialect has no '#')"
        elif rest == "/":
            problem = "a step is missing after '/'"
        elif end == 0 and rest.startswith("-"):
            problem = "negative numbers do not exist here"
        self._refuse(problem, start + end, start + len(part))

    def _refuse(self, problem: str, start: int, end: int) -> NoReturn:
        """Refuse, pointing at the characters `[start, end)`, counted from 1 in the message."""
        if problem == "nothing":
            problem = "a value is missing" if self._text else "an empty text matches nothing"
        place = f"character {start + 1}"
        if end - start > 1:
            place = f"characters {start + 1}-{end}"
        _refuse(self._field, repr(self._text), f"{problem} (at {place})")


def _unit(field: Field) -> str:
    return "month" if field is MONTH_OF_YEAR else "day of the week"
