"""The text of a recurrence rule of RFC 5545, read strictly: its parts, their values and limits."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple, NoReturn

from ..errors import ScheduleError

#: The frequencies, from the longest period to the shortest.
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
#: The days of the week as rules write them, Monday first.
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

# For each list of numbers: the smallest, the largest, and whether it may count from the end.
_LISTS = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_LISTS)
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_DAY = re.compile(r"(?P<number>[+-]?[0-9]{1,2})?(?P<day>[A-Z]{2})")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_LONGEST = 10_000
_SHOWN = 40
_MOST_WEEKS = 53
_MOST_IN_MONTH = 5


class RuleText(NamedTuple):
    """The parts of a rule as they were written; what was not written is empty.

    Args:
        freq: one of `FREQUENCIES`.
        interval: how many periods lie between two.
        times_in_all: COUNT, how many readings there are at most.
        until: the last reading, naive; or the last instant where `until_is_utc`.
        until_has_time: whether UNTIL is more than a date.
        until_is_utc: whether UNTIL ends in `Z`.
        wkst: the first day of the week; 0 is Monday.
        byday: pairs of a number (0 for every one) and a day of the week.
        bymonth, byweekno, byyearday, bymonthday, byhour, byminute, bysecond, bysetpos: sorted.
        text: the rule in capital letters, without `RRULE:`.
    """

    freq: str
    interval: int
    times_in_all: int | None
    until: datetime | None
    until_has_time: bool
    until_is_utc: bool
    wkst: int
    byday: tuple[tuple[int, int], ...]
    bymonth: tuple[int, ...]
    byweekno: tuple[int, ...]
    byyearday: tuple[int, ...]
    bymonthday: tuple[int, ...]
    byhour: tuple[int, ...]
    byminute: tuple[int, ...]
    bysecond: tuple[int, ...]
    bysetpos: tuple[int, ...]
    text: str


def read_rule(given: object) -> RuleText:
    """Read a rule such as `FREQ=WEEKLY;BYDAY=MO,WE`; any case, with or without `RRULE:`.

    Raises:
        ScheduleError: it cannot be understood, or RFC 5545 does not allow it; the message names
            the part, the value, what is allowed, and the place in the text.
    """
    if not isinstance(given, str):
        raise ScheduleError(
            f"a recurrence rule is a text such as 'FREQ=WEEKLY;BYDAY=MO', not {given!r}"
        )
    if len(given) > _LONGEST:
        raise ScheduleError(
            f"a recurrence rule of {len(given)} characters is too long; allowed: {_LONGEST}"
        )
    for place, character in enumerate(given, 1):
        if not character.isascii():
            raise ScheduleError(
                f"rule {given!r}: {character!r} is not an ASCII character (at character {place})"
            )
    return _Reader(given).read()


class _Reader:
    """The parser of one rule; remembers the place for messages."""

    def __init__(self, given: str) -> None:
        self._given = given
        self._text = given.strip().upper().removeprefix("RRULE:")
        self._offset = len(given) - len(given.lstrip())
        self._offset += len(given.strip()) - len(self._text)
        self._values: dict[str, tuple[str, int]] = {}

    def read(self) -> RuleText:
        """Return the rule."""
        self._split()
        if "FREQ" not in self._values:
            self._refuse(f"FREQ is missing; allowed: FREQ={', '.join(FREQUENCIES)}")
        freq = self._choice("FREQ", FREQUENCIES)
        lists = {name.lower(): self._numbers(name, *limits) for name, limits in _LISTS.items()}
        until, has_time, is_utc = self._until()
        rule = RuleText(
            freq=freq,
            interval=self._positive("INTERVAL") or 1,
            times_in_all=self._positive("COUNT"),
            until=until,
            until_has_time=has_time,
            until_is_utc=is_utc,
            wkst=WEEKDAYS.index(self._choice("WKST", WEEKDAYS, "MO")),
            byday=self._days(),
            text=self._text,
            **lists,
        )
        self._check(rule)
        return rule

    def _split(self) -> None:
        place = 0
        for part in self._text.split(";"):
            name, equals, value = part.partition("=")
            if name not in _PARTS:
                hint = "; the start is dtstart=" if "DTSTART" in self._text else ""
                what = f"{name[:_SHOWN]!r} is no part of a rule" if part else "a part is missing"
                self._refuse(f"{what}; allowed: {', '.join(_PARTS)}{hint}", place, len(name))
            if name in self._values:
                self._refuse(f"{name} is there twice; write its values as a list", place, len(part))
            if not equals or not value:
                self._refuse(f"{name} has no value; write {name}=...", place, len(part))
            self._values[name] = (value, place + len(name) + 1)
            place += len(part) + 1

    def _choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        value, place = self._values.get(name, (default, 0))
        if value not in allowed:
            self._refuse(f"{name}={value}; allowed: {', '.join(allowed)}", place, len(value))
        return value

    def _positive(self, name: str) -> int | None:
        if name not in self._values:
            return None
        value, place = self._values[name]
        number = int(value) if _NUMBER.fullmatch(value) and value[0] not in "+-" else 0
        if number < 1:
            self._refuse(
                f"{name}={value}; allowed: a whole number, 1 to 999999999", place, len(value)
            )
        return number

    def _numbers(self, name: str, low: int, high: int, from_end: bool) -> tuple[int, ...]:  # noqa: FBT001  # a row of the table
        value, place = self._values.get(name, ("", 0))
        numbers: set[int] = set()
        for text in value.split(",") if value else ():
            signed = text[:1] in ("+", "-")
            number = int(text) if _NUMBER.fullmatch(text) and (from_end or not signed) else None
            if number is None or not low <= abs(number) <= high:
                allowed = f"{low} to {high}" + (f" and -{high} to -{low}" if from_end else "")
                self._refuse(f"{name}: {text!r} cannot be; allowed: {allowed}", place, len(text))
            numbers.add(number)
            place += len(text) + 1
        return tuple(sorted(numbers))

    def _days(self) -> tuple[tuple[int, int], ...]:
        value, place = self._values.get("BYDAY", ("", 0))
        days: set[tuple[int, int]] = set()
        for text in value.split(",") if value else ():
            match = _DAY.fullmatch(text)
            number = int(match["number"] or 0) if match else 0
            if match is None or match["day"] not in WEEKDAYS or match["number"] in _ZEROS:
                self._refuse(
                    f"BYDAY: {text!r} is no day; allowed: {', '.join(WEEKDAYS)}, in MONTHLY and "
                    "YEARLY rules with a number before, such as 1MO or -1FR",
                    place,
                    len(text),
                )
            most = _MOST_WEEKS
            if self._values["FREQ"][0] == "MONTHLY" or "BYMONTH" in self._values:
                most = _MOST_IN_MONTH
            if abs(number) > most:
                self._refuse(
                    f"BYDAY: {text!r} never comes; allowed: 1 to {most} and -{most} to -1",
                    place,
                    len(text),
                )
            days.add((number, WEEKDAYS.index(match["day"])))
            place += len(text) + 1
        return tuple(sorted(days))

    def _until(self) -> tuple[datetime | None, bool, bool]:
        if "UNTIL" not in self._values:
            return None, False, False
        value, place = self._values["UNTIL"]
        if _UNTIL.fullmatch(value):
            try:
                return datetime.fromisoformat(value.rstrip("Z")), "T" in value, value[-1] == "Z"
            except ValueError:
                pass
        return self._refuse(
            f"UNTIL={value}; allowed: 20261231T235959 in local time, 20261231T235959Z in UTC",
            place,
            len(value),
        )

    def _check(self, rule: RuleText) -> None:
        """Refuse what RFC 5545 forbids."""
        freq = rule.freq
        if rule.times_in_all is not None and rule.until is not None:
            self._refuse("COUNT and UNTIL exclude each other; write one of them")
        if rule.byweekno and freq != "YEARLY":
            self._refuse(f"BYWEEKNO goes with FREQ=YEARLY alone, not with {freq}")
        if rule.byyearday and freq in ("MONTHLY", "WEEKLY", "DAILY"):
            self._refuse(f"BYYEARDAY does not go with FREQ={freq}")
        if rule.bymonthday and freq == "WEEKLY":
            self._refuse("BYMONTHDAY does not go with FREQ=WEEKLY; use FREQ=DAILY or MONTHLY")
        if any(number for number, _ in rule.byday):
            if freq not in ("MONTHLY", "YEARLY"):
                self._refuse(f"BYDAY takes a number with FREQ=MONTHLY or YEARLY, not with {freq}")
            if rule.byweekno:
                self._refuse("BYDAY takes no number together with BYWEEKNO")
        others = ({"BYDAY", *_LISTS} - {"BYSETPOS"}) & self._values.keys()
        if rule.bysetpos and not others:
            self._refuse("BYSETPOS chooses among what another BY... part gives; add one")

    def _refuse(self, problem: str, start: int | None = None, size: int = 0) -> NoReturn:
        """Refuse, pointing at characters of what was given, counted from 1 in the message."""
        if start is not None:
            first = start + self._offset + 1
            place = f"characters {first}-{first + size - 1}" if size > 1 else f"character {first}"
            problem += f" (at {place})"
        raise ScheduleError(f"rule {self._given!r}: {problem}")


_ZEROS = ("0", "00", "+0", "-0", "+00", "-00")
