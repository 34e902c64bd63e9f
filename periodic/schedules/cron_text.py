"""A whole cron expression: its macros, its five or six fields, and whether a date can match."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple, NoReturn

from ..errors import ScheduleError
from .cron_days import Dates, month_kinds
from .cron_fields import HOURS, MINUTES, MONTH_DAYS, MONTHS, SECONDS, WEEKDAYS, Field, Parsed
from .cron_hints import shown
from .cron_parser import FieldParser

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: Longer texts are refused before anything is read: all numbers of six fields take 600 characters.
LONGEST = 1000
_FIVE = (MINUTES, HOURS, MONTH_DAYS, MONTHS, WEEKDAYS)
_SIX = (SECONDS, *_FIVE)
_FORM = "minute hour day_of_month month_of_year day_of_week"
_WORD = re.compile(r"\S+")
_TOO_LARGE_STEP = re.compile(r"\*/(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}),([0-9]{1,2})-([0-9]{1,2})")
_WEEK = 7
_NO_SECONDS = Parsed(SECONDS, "0", frozenset({0}), False, (), (), ())  # noqa: FBT003  # a tuple


class Expression(NamedTuple):
    """The fields of an expression, in order; without a field for seconds they are `0`."""

    second: Parsed
    minute: Parsed
    hour: Parsed
    day_of_month: Parsed
    month_of_year: Parsed
    day_of_week: Parsed

    @property
    def fixed(self) -> bool:
        """Whether neither minute nor hour begins with a star."""
        return not (self.minute.starred or self.hour.starred)

    @property
    def either_day(self) -> bool:
        """Whether day of month OR day of week suffices: neither begins with a star."""
        return not (self.day_of_month.starred or self.day_of_week.starred)

    @property
    def hashed(self) -> bool:
        """Whether there is an `H` that no name has settled yet."""
        return any(field.hashes for field in self)

    @property
    def dates(self) -> Dates:
        """What the date fields say."""
        return Dates(
            self.day_of_month.values,
            self.day_of_month.month_specials,
            self.day_of_week.values,
            self.day_of_week.week_specials,
            self.month_of_year.values,
            self.either_day,
        )

    def settle(self, name: str) -> Expression:
        """Return the expression with each `H` settled for an entry's name."""
        return Expression(*(field.settle(name) for field in self))


def normal(expression: object) -> str:
    """Return an expression with single spaces.

    Raises:
        ScheduleError: it is no text, empty, or too long.
    """
    if not isinstance(expression, str):
        kind = type(expression).__name__
        raise ScheduleError(f"cron takes a text such as '0 9 * * mon-fri'; this is of type {kind}")
    if len(expression) > LONGEST:
        raise ScheduleError(
            f"the cron expression {shown(expression)} has {len(expression)} characters; "
            f"at most {LONGEST} are allowed"
        )
    return " ".join(expression.split())


@lru_cache(maxsize=2048)
def _known(field: Field, text: str) -> Parsed | None:
    """Return what a field's text means; None if it is refused, which depends on its place."""
    try:
        return FieldParser(field, text, 0, text).parse()
    except ScheduleError:
        return None


@lru_cache(maxsize=1024)
def parse(expression: str) -> Expression:
    """Read an expression, as `normal` returns it.

    Raises:
        ScheduleError: it cannot be understood, or no date can ever match.
    """
    if expression.startswith("@"):
        return parse(_macro(expression))
    words = [(match[0], match.start()) for match in _WORD.finditer(expression)]
    if len(words) not in (len(_FIVE), len(_SIX)) or "=" in words[0][0]:
        _refuse_count(expression, [word for word, _ in words])
    fields = _FIVE if len(words) == len(_FIVE) else _SIX
    hint = _ordinal_hint(words[-3][0], words[-1][0])
    parsed = [
        _known(field, text)
        or FieldParser(
            field, text, start, expression, hint if field in (MONTH_DAYS, WEEKDAYS) else None
        ).parse()
        for field, (text, start) in zip(fields, words, strict=True)
    ]
    if fields is _FIVE:
        parsed.insert(0, _NO_SECONDS)
    found = Expression(*parsed)
    # An H that no name has settled may become any number of its row.
    possible = Expression(*(_widest(field) for field in found)) if found.hashed else found
    check_dates(possible, expression)
    return found


def check_dates(expression: Expression, text: str) -> None:
    """Refuse an expression that no date can match.

    Raises:
        ScheduleError: there is no such date in any year.
    """
    if month_kinds(expression.dates).months:
        return
    days, months, weekdays = expression[3:]
    said = f"day_of_month={shown(days.given)}, month_of_year={shown(months.given)}"
    if weekdays.given not in ("*", "?"):
        said += f", day_of_week={shown(weekdays.given)}"
    hint = "" if days.month_specials or weekdays.week_specials else "; 'L' is the last day"
    raise ScheduleError(f"no date can ever match {shown(text)}: {said}{hint}")


def _widest(field: Parsed) -> Parsed:
    rows = (hash_.row for hash_ in field.hashes)
    return field._replace(values=field.values.union(*rows), hashes=())


def _macro(expression: str) -> str:
    name, _, rest = expression.partition(" ")
    found = MACROS.get(name.lower())
    if found is not None and not rest:
        return found
    known = ", ".join(MACROS)
    if found is not None:
        raise ScheduleError(
            f"{shown(expression)}: {name!r} stands alone, but {shown(rest)} follows it "
            f"(at character {len(name) + 2})"
        )
    if name.lower() == "@reboot":
        hint = "it is not a time; run the task when your application starts"
    elif name.lower() == "@every":
        hint = "write interval(minutes=5) instead"
    else:
        near = get_close_matches(name.lower()[:20], MACROS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "macros stand for all fields"
    raise ScheduleError(f"{shown(name)} (at character 1) is refused; {hint}; allowed: {known}")


def _refuse_count(expression: str, words: list[str]) -> NoReturn:
    hint = ""
    if words and "=" in words[0]:
        hint = "; a zone is passed as tz='Europe/London'"
    elif len(words) == len(_SIX) + 1 and not words[-1].strip("0123456789*,-/?"):
        hint = "; there is no field for years"
    elif len(words) > len(_SIX):
        hint = "; leave out the user and the command of a line in a crontab file"
    raise ScheduleError(
        f"{shown(expression)} has {len(words)} field{'' if len(words) == 1 else 's'}; write five: "
        f"{_FORM}, such as '30 2 * * mon-fri', or six with seconds first{hint}"
    )


def _ordinal_hint(day_of_month: str, day_of_week: str) -> str | None:
    """Return what is meant by `*/100,1-7 * mon`, by which cron is made to do without `mon#1`."""
    match = _TOO_LARGE_STEP.fullmatch(day_of_month)
    if match is None or (WEEKDAYS.named(day_of_week) is None and day_of_week not in "01234567"):
        return None
    first, last = int(match[1]), int(match[2])
    if first % _WEEK != 1 or last != first + _WEEK - 1:
        return None
    return f"instead write '*' in day_of_month and '{day_of_week}#{last // _WEEK}' in day_of_week"
