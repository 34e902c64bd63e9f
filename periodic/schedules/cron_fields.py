"""The fields of a cron expression: their numbers, and what a parsed one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from .cron_days import LastDay, LastWeekday, NearestWeekday, NthWeekday
from .fields import DAY_OF_WEEK, MONTH_OF_YEAR

#: Sunday's second number.
SUNDAY = 7
_SHORTEST_NAME = 3

MonthSpecial = LastDay | NearestWeekday
WeekSpecial = NthWeekday | LastWeekday


@dataclass(frozen=True, eq=False)
class Field:
    """One field: its name, its numbers and their names.

    Args:
        name: as messages call it.
        low: the smallest number.
        high: the largest number that a star means.
        names: the names of the numbers from `low` on.
        unit: what a number is.
    """

    name: str
    low: int
    high: int
    unit: str
    names: tuple[str, ...] = ()

    @property
    def top(self) -> int:
        """The largest number that is accepted: 7 is Sunday, too."""
        return SUNDAY if self is WEEKDAYS else self.high

    @property
    def size(self) -> int:
        """How many values the field has."""
        return self.high - self.low + 1

    @property
    def allowed(self) -> str:
        """What the field accepts, for messages."""
        numbers = f"{self.low}-{self.top}"
        if self is WEEKDAYS:
            return f"{numbers} or sun-sat, lists (1,3), ranges (mon-fri), steps (*/2), fri#2, 5L, H"
        if self is MONTHS:
            return f"{numbers} or jan-dec, lists (1,3), ranges (1-5), steps (*/2, 1-5/2), H"
        if self is MONTH_DAYS:
            return f"{numbers}, lists (1,15), ranges (10-20), steps (*/5), L, L-3, LW, 15W, H"
        return f"{numbers}, lists (1,15), ranges (10-20), steps (*/5, 5/15, 10-20/5), H"

    def named(self, text: str) -> int | None:
        """Return the number of a name, in any case, in full or its first three letters."""
        name = text.lower()
        for number, known in enumerate(self.names, self.low):
            if name in (known, known[:_SHORTEST_NAME]):
                return number
        return None

    def wrapped(self, first: int, last: int) -> list[int]:
        """Return a range in order, over the end of the field and on where it must."""
        if first <= last:
            return list(range(first, last + 1))
        if self is WEEKDAYS and first == SUNDAY:
            return list(range(last + 1))
        return [*range(first, self.high + 1), *range(self.low, last + 1)]


SECONDS = Field("second", 0, 59, "second")
MINUTES = Field("minute", 0, 59, "minute")
HOURS = Field("hour", 0, 23, "hour")
MONTH_DAYS = Field("day_of_month", 1, 31, "day of the month")
MONTHS = Field("month_of_year", 1, 12, "month", MONTH_OF_YEAR.names)
WEEKDAYS = Field("day_of_week", 0, 6, "day of the week", DAY_OF_WEEK.names)
DAY_FIELDS = (MONTH_DAYS, WEEKDAYS)


class Hash(NamedTuple):
    """`H`: one number of a row, or every nth from one of its first n, by the entry's name."""

    row: tuple[int, ...]
    step: int | None

    def settle(self, field: str, name: str) -> Sequence[int]:
        """Return the numbers for an entry's name: the same on every machine, for ever."""
        digest = blake2b(f"{field}\n{name}".encode("utf-8", "surrogatepass"), digest_size=8)
        number = int.from_bytes(digest.digest(), "big")
        if self.step is None:
            return (self.row[number % len(self.row)],)
        return self.row[number % self.step :: self.step]


class Parsed(NamedTuple):
    """A field as given and what it means.

    Args:
        field: which one.
        given: its text.
        values: the plain numbers that match.
        starred: whether the text begins with a star; `?` is one.
        hashes: each `H`, which the entry's name settles.
        month_specials: `L`, `L-3`, `15W`, `LW`.
        week_specials: `fri#2`, `5L`.
    """

    field: Field
    given: str
    values: frozenset[int]
    starred: bool
    hashes: tuple[Hash, ...]
    month_specials: tuple[MonthSpecial, ...]
    week_specials: tuple[WeekSpecial, ...]

    def settle(self, name: str) -> Parsed:
        """Return the field with each `H` settled for an entry's name."""
        if not self.hashes:
            return self
        settled = (hash_.settle(self.field.name, name) for hash_ in self.hashes)
        return self._replace(values=self.values.union(*settled), hashes=())
