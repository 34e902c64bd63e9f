"""`crontab`: Celery's five fields, right at every clock change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

from ..errors import ScheduleError
from . import fields
from .days import calendar_days
from .english import crontab_words
from .fields import Given, Parsed, parse
from .offsets import OnFold, OnGap
from .value import Value
from .wall import Wall
from .zones import settled_place

FoldOption = Literal["auto", "first", "last", "both"]

# How long a month can be; its position is its number.
_LONGEST = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIVE = 5
_PLAIN = frozenset({int, str})


class crontab(Value):  # noqa: N801  # Celery's name
    """Readings of the wall clock, in Celery's dialect: names, order, defaults and values.

    Day of month AND day of week must match. The schedule is *fixed* when neither `minute` nor
    `hour` begins with `*`: then every reading counts once. Else it is *wildcard* and every real
    minute whose reading matches counts, so that `*/15` keeps its pace when the clock goes back.

    Args:
        minute: 0-59; a number, a text such as `'*/15'` or `'0,30'`, or a collection of numbers.
        hour: 0-23.
        day_of_week: 0-6 with 0 for Sunday, or names: `'mon-fri'`.
        day_of_month: 1-31.
        month_of_year: 1-12, or names.
        tz: whose wall clock is read; an IANA name or a ZoneInfo; None leaves it to the app.
        on_gap: readings that do not exist in spring run once at the end of the gap (`run`), not
            at all (`skip`), or each as much later as the clock moved (`shift`).
        on_fold: which pass of a reading that happens twice counts: `first`, `last`, `both`;
            `auto` is `first` for a fixed schedule and `both` for a wildcard one.
        nowfun, app: what Celery hands over or sets later; no part of the schedule's meaning.

    Raises:
        ScheduleError: a field cannot be understood, or no date can ever match.

    >>> from datetime import UTC, datetime
    >>> nightly = crontab(minute=30, hour=2, tz="America/New_York")
    >>> nightly.next_after(datetime(2026, 3, 8, 6, tzinfo=UTC)).isoformat()
    '2026-03-08T03:00:00-04:00'
    """

    kind: ClassVar[str] = "crontab"
    _fields: ClassVar[tuple[str, ...]] = (
        "minute",
        "hour",
        "day_of_week",
        "day_of_month",
        "month_of_year",
        "tz",
        "on_gap",
        "on_fold",
    )
    _has_deadline: ClassVar[bool] = True

    #: The numbers that match, as in Celery.
    minute: frozenset[int]
    hour: frozenset[int]
    day_of_week: frozenset[int]
    day_of_month: frozenset[int]
    month_of_year: frozenset[int]
    on_gap: OnGap
    on_fold: FoldOption
    #: Whether neither minute nor hour begins with `*`.
    fixed: bool
    # What was given, as in Celery; collections as sorted tuples.
    _orig_minute: int | str | tuple[int, ...]
    _orig_hour: int | str | tuple[int, ...]
    _orig_day_of_week: int | str | tuple[int, ...]
    _orig_day_of_month: int | str | tuple[int, ...]
    _orig_month_of_year: int | str | tuple[int, ...]
    _parsed: tuple[Parsed, Parsed, Parsed, Parsed, Parsed]
    _wall: Wall

    def __init__(
        self,
        minute: Given = "*",
        hour: Given = "*",
        day_of_week: Given = "*",
        day_of_month: Given = "*",
        month_of_year: Given = "*",
        *,
        tz: str | tzinfo | None = None,
        on_gap: OnGap = "run",
        on_fold: FoldOption = "auto",
        nowfun: Callable[[], datetime] | None = None,
        app: Any = None,
    ) -> None:
        fields = (minute, hour, day_of_week, day_of_month, month_of_year)
        # Numbers and texts alone are remembered: True equals 1, and a list has no hash.
        read = _plan if _PLAIN.issuperset(map(type, fields)) else _read
        try:
            plan = read(*fields, tz, on_gap, on_fold)
        except TypeError:  # an option without a hash: hear what is allowed
            plan = _read(*fields, tz, on_gap, on_fold)
        vars(self).update(plan)
        if app is not None or nowfun is not None:
            self._set_celery(app, nowfun)

    @classmethod
    def from_string(
        cls,
        crontab: str,
        *,
        tz: str | tzinfo | None = None,
        on_gap: OnGap = "run",
        on_fold: FoldOption = "auto",
    ) -> crontab:
        """Make a crontab from `minute hour day_of_month month_of_year day_of_week`, as Celery.

        The dialect stays Celery's: day of month AND day of week.

        Raises:
            ScheduleError: there are not five fields, or one cannot be understood.
        """
        if cls.__init__ is _INIT:  # else a subclass has its own idea of arguments
            made = cls.__new__(cls)
            vars(made).update(_text_plan(crontab, tz, on_gap, on_fold))
            return made
        return cls(*_split(crontab), tz=tz, on_gap=on_gap, on_fold=on_fold)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None if none in 41 years."""
        return self._wall.next_after(at)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None if none in 41 years."""
        return self._wall.previous_before(at)

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        return self._wall.between(start, end)

    def describe(self) -> str:
        """Return the schedule in words, such as "every weekday at 09:00, Europe/London"."""
        words = crontab_words(*self._parsed)
        name = self._zone_name()
        return f"{words}, {name}" if name else words

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data, with its fields as they were given."""
        given = {
            name: list(parsed.given) if isinstance(parsed.given, tuple) else parsed.given
            for name, parsed in zip(self._fields, self._parsed, strict=False)
        }
        return {
            "kind": self.kind,
            **given,
            "tz": self._zone_name(),
            "on_gap": self.on_gap,
            "on_fold": self.on_fold,
        }

    def _meaning(self) -> tuple[Any, ...]:
        values = tuple(tuple(sorted(parsed.values)) for parsed in self._parsed)
        minute, hour, *_ = self._parsed
        options = (self._zone_name(), self.on_gap, self.on_fold)
        return (*values, minute.starred, hour.starred, *options)

    def __repr__(self) -> str:
        given = {
            name: parsed.given if parsed.given != "*" else None
            for name, parsed in zip(self._fields, self._parsed, strict=False)
        }
        return self._repr(
            **given,
            tz=self._zone_name(),
            on_gap=self.on_gap if self.on_gap != "run" else None,
            on_fold=self.on_fold if self.on_fold != "auto" else None,
        )


_INIT = crontab.__init__


def _split(text: str) -> tuple[str, str, str, str, str]:
    """Return the fields of a text in the order of Celery's arguments."""
    texts = text.split()
    if len(texts) != _FIVE:
        raise ScheduleError(
            f"{text!r} has {len(texts)} fields; write five: "
            "minute hour day_of_month month_of_year day_of_week, such as '30 2 * * mon-fri'"
        )
    minute, hour, day_of_month, month_of_year, day_of_week = texts
    return minute, hour, day_of_week, day_of_month, month_of_year


def _read(
    minute: Given,
    hour: Given,
    day_of_week: Given,
    day_of_month: Given,
    month_of_year: Given,
    tz: str | tzinfo | None,
    on_gap: OnGap,
    on_fold: FoldOption,
) -> dict[str, Any]:
    """Return the attributes of a crontab; nothing in them changes, so crontabs may share them."""
    check_option("on_gap", on_gap, get_args(OnGap))
    check_option("on_fold", on_fold, get_args(FoldOption))
    minutes = parse(fields.MINUTE, minute)
    hours = parse(fields.HOUR, hour)
    weekdays = parse(fields.DAY_OF_WEEK, day_of_week)
    days = parse(fields.DAY_OF_MONTH, day_of_month)
    months = parse(fields.MONTH_OF_YEAR, month_of_year)
    _check_dates(days, months)
    fixed = not (minutes.starred or hours.starred)
    fold: OnFold = on_fold if on_fold != "auto" else "first" if fixed else "both"
    place = None if tz is None else settled_place(tz)
    return {
        "minute": minutes.values,
        "hour": hours.values,
        "day_of_week": weekdays.values,
        "day_of_month": days.values,
        "month_of_year": months.values,
        "_orig_minute": minutes.given,
        "_orig_hour": hours.given,
        "_orig_day_of_week": weekdays.given,
        "_orig_day_of_month": days.given,
        "_orig_month_of_year": months.given,
        "on_gap": on_gap,
        "on_fold": on_fold,
        "fixed": fixed,
        "_parsed": (minutes, hours, weekdays, days, months),
        "_place": place,
        "_wall": Wall(
            calendar_days(days.values, months.values, weekdays.values),
            _times(minutes.values, hours.values),
            UTC if place is None else place.zone,
            fixed=fixed,
            on_gap=on_gap,
            on_fold=fold,
        ),
    }


# A schedule is often made again from the same text: by each beat, each test, each page.
_plan: Callable[..., dict[str, Any]] = lru_cache(maxsize=1024, typed=True)(_read)


def _text_plan(
    text: str, tz: str | tzinfo | None, on_gap: OnGap, on_fold: FoldOption
) -> dict[str, Any]:
    try:
        return _plan_of_text(text, tz, on_gap, on_fold)
    except TypeError:  # an option without a hash: hear what is allowed
        return _read(*_split(text), tz, on_gap, on_fold)


@lru_cache(maxsize=1024)
def _plan_of_text(
    text: str, tz: str | tzinfo | None, on_gap: OnGap, on_fold: FoldOption
) -> dict[str, Any]:
    return _plan(*_split(text), tz, on_gap, on_fold)


@lru_cache(maxsize=1024)
def _times(minutes: frozenset[int], hours: frozenset[int]) -> tuple[int, ...]:
    """Return the matching times of a day, in seconds after midnight, in order."""
    return tuple(h * 3600 + m * 60 for h in sorted(hours) for m in sorted(minutes))


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse an option that is not allowed.

    Raises:
        ScheduleError: the message names the option and what is allowed.
    """
    if value not in allowed:
        raise ScheduleError(f"{name}={value!r}; allowed: {', '.join(allowed)}")


def _check_dates(days: Parsed, months: Parsed) -> None:
    if min(days.values) > max(_LONGEST[month] for month in months.values):
        raise ScheduleError(
            f"day_of_month={days.given!r} never comes in month_of_year={months.given!r}; "
            "no date can ever match"
        )
