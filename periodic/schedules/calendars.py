"""Calendars: which dates `exclude` leaves out. Named, chained, and shared by many schedules."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Self

from ..errors import ScheduleError
from .english import listed
from .nesting import DEEPEST, check_nesting
from .readings import parse_date

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = 3
_WEEKEND = frozenset({5, 6})
# More dates than this are counted instead of listed.
_MOST_DATES = 3


class Calendar(ABC):
    """A set of dates that are excluded, on top of those of its `base`.

    A value: immutable, hashable, picklable, equal by meaning (the name is no part of it). A
    calendar of one's own has a `kind`, and its fields in `_fields`, `_closed` and `_meaning`.

    Args:
        name: what people call it, for descriptions.
        base: another calendar, whose dates are excluded too.

    Raises:
        ScheduleError: an argument is not valid, or the chain is longer than 16.
    """

    #: The word that stands for the class in `to_dict()`.
    kind: ClassVar[str]
    #: The keyword arguments of the class besides `name` and `base`, as in `to_dict()`.
    _fields: ClassVar[tuple[str, ...]] = ()
    _kinds: ClassVar[dict[str, type[Calendar]]] = {}

    name: str | None
    base: Calendar | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Remember the class by its kind, for `from_dict`."""
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            Calendar._kinds[cls.kind] = cls

    def __init__(self, *, name: str | None = None, base: Calendar | None = None) -> None:
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ScheduleError(f"name={name!r} is not a name; allowed: a text, or None")
        if base is not None and not isinstance(base, Calendar):
            raise ScheduleError(
                f"base={base!r} is not a calendar such as weekends() or dates('2026-12-25')"
            )
        self._set(name=name, base=base)
        if len(list(self._chain())) > DEEPEST:
            raise ScheduleError(
                f"a chain of more than {DEEPEST} calendars by base= is too long; "
                "put their dates into fewer calendars"
            )

    def excludes(self, day: date) -> bool:
        """Tell whether this calendar, or one that it is based on, excludes a date."""
        return self.closed(day.toordinal() - 1)

    def closed(self, day: int) -> bool:
        """Tell whether a day, by its number, is excluded; day 0 is 0001-01-01."""
        return any(each._closed(day) for each in self._chain())  # noqa: SLF001  # our own class

    def describe(self) -> str:
        """Return what is excluded in words, such as "weekends and 2026-12-25"."""
        return listed(dict.fromkeys(each.name or each._words() for each in self._chain()))  # noqa: SLF001  # our own class

    def to_dict(self) -> dict[str, Any]:
        """Return the calendar as JSON-ready data, with its `kind`."""
        base = None if self.base is None else self.base.to_dict()
        return {"kind": self.kind, **self._own(), "name": self.name, "base": base}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make the calendar that `to_dict` described; on `Calendar`, of any kind.

        Raises:
            ScheduleError: the kind is unknown or another class's, or a field is not valid.
        """
        check_nesting(data)
        kind = data.get("kind")
        found = Calendar._kinds.get(kind) if isinstance(kind, str) else None
        if found is None:
            known = ", ".join(sorted(Calendar._kinds))
            raise ScheduleError(f"unknown kind of calendar {kind!r}; known kinds: {known}")
        if not issubclass(found, cls):
            raise ScheduleError(f"{kind!r} is a calendar {found.__name__}, not {cls.__name__}")
        known_fields = (*found._fields, "name", "base")
        fields = {key: value for key, value in data.items() if key != "kind"}
        for key in fields:
            if key not in known_fields:
                near = get_close_matches(str(key), known_fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known_fields)}"
                raise ScheduleError(f"calendar {kind} has no field {key!r}; {hint}")
        if isinstance(fields.get("base"), Mapping):
            fields["base"] = Calendar.from_dict(fields["base"])
        return found._made(fields)  # noqa: SLF001  # our own classes

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change when the dates do."""
        text = json.dumps([[*each._meaning(), each._content()] for each in self._chain()])  # noqa: SLF001  # our own class
        return blake2b(text.encode(), digest_size=8).hexdigest()

    @abstractmethod
    def _closed(self, day: int) -> bool:
        """Tell whether this calendar itself excludes a day."""

    @abstractmethod
    def _meaning(self) -> tuple[Any, ...]:
        """Return what makes two calendars of this class equal: hashable and JSON-ready."""

    @abstractmethod
    def _own(self) -> dict[str, Any]:
        """Return this calendar's own fields as JSON-ready data."""

    @abstractmethod
    def _words(self) -> str:
        """Return what this calendar itself excludes, in words."""

    @abstractmethod
    def _arguments(self) -> list[str]:
        """Return the arguments of the call that makes this calendar, but for name and base."""

    def _content(self) -> str:
        """Return what stands for the dates where the fields alone do not say them."""
        return ""

    @classmethod
    def _made(cls, fields: dict[str, Any]) -> Self:
        """Make the calendar from fields as `_own` gives them."""
        return cls(**fields)

    def _set(self, **values: Any) -> None:
        vars(self).update(values)

    def _chain(self) -> list[Calendar]:
        chain: list[Calendar] = []
        each: Calendar | None = self
        while each is not None:
            chain.append(each)
            each = each.base
        return chain

    @cached_property
    def identity(self) -> tuple[Any, ...]:
        """What makes two calendars equal: hashable and JSON-ready."""
        return tuple((each.kind, *each._meaning()) for each in self._chain())  # noqa: SLF001  # our own class

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot set {name!r}: a calendar is immutable; make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name!r}: a calendar is immutable; make another one")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).from_dict, (self.to_dict(),))

    def __repr__(self) -> str:
        named = {"name": self.name, "base": self.base}
        keywords = [f"{key}={value!r}" for key, value in named.items() if value is not None]
        return f"{self.kind}({', '.join([*self._arguments(), *keywords])})"


class dates(Calendar):  # noqa: N801  # a calendar reads like the word in a sentence
    """Single dates.

    Args:
        days: dates, or texts such as `"2026-12-25"`.
        name: what people call them, for descriptions.
        base: another calendar, whose dates are excluded too.

    Raises:
        ScheduleError: there is none, or one is not a date.

    >>> dates("2026-12-25", "2026-12-26", name="Christmas").describe()
    'Christmas'
    """

    kind: ClassVar[str] = "dates"
    _fields: ClassVar[tuple[str, ...]] = ("days",)

    _numbers: frozenset[int]

    def __init__(
        self, *days: date | str, name: str | None = None, base: Calendar | None = None
    ) -> None:
        found = [parse_date(day, f"dates: day {place}") for place, day in enumerate(days, 1)]
        numbers = frozenset(day.toordinal() - 1 for day in found if day is not None)
        if not numbers or None in found:
            raise ScheduleError(
                f"dates{days!r}: allowed: one or more dates, such as dates('2026-12-25')"
            )
        self._set(_numbers=numbers)
        super().__init__(name=name, base=base)

    def _closed(self, day: int) -> bool:
        return day in self._numbers

    def _meaning(self) -> tuple[Any, ...]:
        return tuple(sorted(self._numbers))

    def _texts(self) -> list[str]:
        return [date.fromordinal(day + 1).isoformat() for day in sorted(self._numbers)]

    def _own(self) -> dict[str, Any]:
        return {"days": self._texts()}

    def _words(self) -> str:
        return dates_in_words(self._texts())

    def _arguments(self) -> list[str]:
        return [repr(text) for text in self._texts()]

    @classmethod
    def _made(cls, fields: dict[str, Any]) -> Self:
        days = fields.pop("days", ())
        if not isinstance(days, list | tuple):
            raise ScheduleError(f"calendar dates: days={days!r} is not a list of dates")
        return cls(*days, **fields)


class weekends(Calendar):  # noqa: N801  # a calendar reads like the word in a sentence
    """Days of the week: Saturday and Sunday unless others are named.

    Args:
        days: names of days in English, whole or their first three letters, any case.
        name: what people call them, for descriptions.
        base: another calendar, whose dates are excluded too.

    Raises:
        ScheduleError: a name is unknown, or no day of the week would be left.

    >>> weekends("fri", "sat").describe()
    'Fridays and Saturdays'
    """

    kind: ClassVar[str] = "weekends"
    _fields: ClassVar[tuple[str, ...]] = ("days",)

    _weekdays: frozenset[int]

    def __init__(self, *days: str, name: str | None = None, base: Calendar | None = None) -> None:
        weekdays = frozenset(_weekday(day) for day in days) or _WEEKEND
        if len(weekdays) == len(_WEEK):
            raise ScheduleError("weekends() of all seven days would leave no day; name six at most")
        self._set(_weekdays=weekdays)
        super().__init__(name=name, base=base)

    def _closed(self, day: int) -> bool:
        return day % len(_WEEK) in self._weekdays  # day 0 is a Monday

    def _meaning(self) -> tuple[Any, ...]:
        return tuple(sorted(self._weekdays))

    def _own(self) -> dict[str, Any]:
        return {"days": [_WEEK[day][:_SHORT] for day in sorted(self._weekdays)]}

    def _words(self) -> str:
        if self._weekdays == _WEEKEND:
            return "weekends"
        return listed(f"{_WEEK[day].capitalize()}s" for day in sorted(self._weekdays))

    def _arguments(self) -> list[str]:
        default = self._weekdays == _WEEKEND
        return [] if default else [repr(_WEEK[day][:_SHORT]) for day in sorted(self._weekdays)]

    @classmethod
    def _made(cls, fields: dict[str, Any]) -> Self:
        days = fields.pop("days", ())
        if not isinstance(days, list | tuple):
            raise ScheduleError(f"calendar weekends: days={days!r} is not a list of names")
        return cls(*days, **fields)


def _weekday(given: object) -> int:
    name = given.lower() if isinstance(given, str) else ""
    for number, known in enumerate(_WEEK):
        if name in (known, known[:_SHORT]):
            return number
    raise ScheduleError(f"weekends: {given!r} is no day of the week; allowed: {', '.join(_WEEK)}")


def dates_in_words(texts: list[str]) -> str:
    """Return some ISO dates, in order and at least one, in words."""
    if len(texts) <= _MOST_DATES:
        return listed(texts)
    return f"{len(texts)} dates from {texts[0]} to {texts[-1]}"
