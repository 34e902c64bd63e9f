"""`calendar_interval`: every so many years, months, weeks or days, at a time of the wall clock."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, ClassVar, NamedTuple, get_args

from ..errors import ScheduleError
from .crontab import FoldOption, check_option
from .english import ordinal
from .instants import DAYS
from .offsets import OnGap
from .readings import first_pass, parse_date
from .recurrence_words import DAY_NAMES, MONTH_NAMES
from .value import Value
from .wall import Wall

_MONTHS = 12
_WEEK = 7
# Searches look 41 years ahead.
_LONGEST_MONTHS = 40 * _MONTHS
_LONGEST_DAYS = 40 * 365
_EPOCH = date(1970, 1, 1)
_EPOCH_MONDAY = date(1970, 1, 5)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


class calendar_interval(Value):  # noqa: N801  # a schedule reads like the word in a sentence
    """Every so many years and months, or weeks and days, at the same time of the wall clock.

    The days are `anchor + n * period`, with n any whole number, before the anchor too. Months are
    always counted from the anchor: from 31 January, every month, come 28 February, 31 March and
    30 April. A day that a month does not have is the last day of that month.

    A clock change moves no run by an hour. It is a fixed schedule: each reading counts once.

    Args:
        years, months: the period; up to 40 years.
        weeks, days: the period; up to 40 years. Not together with years and months.
        at: the time of the day: `"09:30"`, `"09:30:15"` or a naive `datetime.time`.
        anchor: a day of the schedule: a date or an ISO text. Unless given, it is 1970-01-01; for
            whole weeks Monday, 1970-01-05.
        tz: whose wall clock is read; an IANA name or a ZoneInfo; None leaves it to the app.
        on_gap: a reading that does not exist in spring runs at the end of the gap (`run`), not
            at all (`skip`), or as much later as the clock moved (`shift`).
        on_fold: which pass of a reading that happens twice counts: `first` (`auto` says the
            same), `last` or `both`.

    Raises:
        ScheduleError: the period is not positive, or an argument cannot be understood.

    >>> from datetime import UTC, datetime
    >>> payday = calendar_interval(months=1, at="09:00", anchor="2026-01-31", tz="Europe/London")
    >>> payday.next_after(datetime(2026, 2, 1, tzinfo=UTC)).isoformat()
    '2026-02-28T09:00:00+00:00'
    """

    kind: ClassVar[str] = "calendar_interval"
    _fields: ClassVar[tuple[str, ...]] = (
        "years",
        "months",
        "weeks",
        "days",
        "at",
        "anchor",
        "tz",
        "on_gap",
        "on_fold",
    )

    #: The period in months; 0 where it is counted in days.
    months: int
    #: The period in days; 0 where it is counted in months.
    days: int
    at: time
    anchor: date
    on_gap: OnGap
    on_fold: FoldOption
    _wall: Wall

    def __init__(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        at: str | time = "00:00",
        anchor: date | str | None = None,
        tz: str | tzinfo | None = None,
        on_gap: OnGap = "run",
        on_fold: FoldOption = "auto",
    ) -> None:
        in_months, in_days = _period(years, months, weeks, days)
        check_option("on_gap", on_gap, get_args(OnGap))
        check_option("on_fold", on_fold, get_args(FoldOption))
        moment = _time(at)
        weekly = in_days and in_days % _WEEK == 0
        first = parse_date(anchor, "anchor") or (_EPOCH_MONDAY if weekly else _EPOCH)
        grid = _MonthGrid.of(first, in_months) if in_months else _DayGrid.of(first, in_days)
        self._set_zone(tz)
        self._set(
            months=in_months,
            days=in_days,
            at=moment,
            anchor=first,
            on_gap=on_gap,
            on_fold=first_pass(on_fold),
            _grid=grid,
            _wall=Wall(
                grid,
                (moment.hour * 3600 + moment.minute * 60 + moment.second,),
                self._zone or UTC,
                fixed=True,
                on_gap=on_gap,
                on_fold=first_pass(on_fold),
            ),
        )

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None at the end of time."""
        return self._wall.next_after(at)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None at the start of time."""
        return self._wall.previous_before(at)

    def describe(self) -> str:
        """Return the schedule in words, such as "every month on the 1st at 09:00"."""
        words = f"{self._days_in_words()} at {self.at.isoformat('auto')}"
        words = words.removesuffix(":00") if self.at.second == 0 else words
        if self.months not in (0, 1, _MONTHS) or self.days not in (0, 1, _WEEK):
            words += f", counted from {self.anchor.isoformat()}"
        name = self._zone_name()
        return f"{words}, {name}" if name else words

    def _days_in_words(self) -> str:
        if self.months:
            day = ordinal(self.anchor.day)
            shorter = " (or the month's last day)" if self.anchor.day > 28 else ""  # noqa: PLR2004  # the shortest month
            years, months = divmod(self.months, _MONTHS)
            if months:
                return f"every {_counted(self.months, 'month')} on the {day}{shorter}"
            shorter = shorter if (self.anchor.month, self.anchor.day) == (2, 29) else ""
            month = MONTH_NAMES[self.anchor.month]
            return f"every {_counted(years, 'year')} on the {day}{shorter} of {month}"
        weeks, days = divmod(self.days, _WEEK)
        if days:
            return f"every {_counted(self.days, 'day')}"
        return f"every {_counted(weeks, 'week')} on {DAY_NAMES[self.anchor.weekday()]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data: the period in months or in days."""
        return {
            "kind": self.kind,
            **({"months": self.months} if self.months else {"days": self.days}),
            "at": self.at.isoformat(),
            "anchor": self.anchor.isoformat(),
            "tz": self._zone_name(),
            "on_gap": self.on_gap,
            "on_fold": self.on_fold,
        }

    def _meaning(self) -> tuple[Any, ...]:
        grid: _MonthGrid | _DayGrid = vars(self)["_grid"]
        options = (self._zone_name(), self.on_gap, self.on_fold)
        return (*grid, self.at.isoformat(), *options)

    def __repr__(self) -> str:
        return self._repr(
            months=self.months or None,
            days=self.days or None,
            at=self.at.isoformat(),
            anchor=self.anchor.isoformat(),
            tz=self._zone_name(),
            on_gap=self.on_gap if self.on_gap != "run" else None,
            on_fold=self.on_fold if self.on_fold != "first" else None,
        )


class _MonthGrid(NamedTuple):
    """A day of every so many months, clamped to the length of the month.

    Args:
        period: in months.
        phase: the number of the first month, counted from January of the year 0.
        day: the day of the month, 1 to 31.
    """

    period: int
    phase: int
    day: int

    @classmethod
    def of(cls, anchor: date, period: int) -> _MonthGrid:
        return cls(period, (anchor.year * _MONTHS + anchor.month - 1) % period, anchor.day)

    def first_from(self, day: int) -> int | None:
        start = date.fromordinal(min(max(day, 0), DAYS - 1) + 1)
        month = start.year * _MONTHS + start.month - 1
        month += (self.phase - month) % self.period
        found = self._number(month)
        if found is not None and found < day:
            found = self._number(month + self.period)
        return found

    def last_upto(self, day: int) -> int | None:
        end = date.fromordinal(min(max(day, 0), DAYS - 1) + 1)
        month = end.year * _MONTHS + end.month - 1
        month -= (month - self.phase) % self.period
        found = self._number(month)
        if found is not None and found > day:
            found = self._number(month - self.period)
        return found

    def _number(self, month: int) -> int | None:
        year, index = divmod(month, _MONTHS)
        if not date.min.year <= year <= date.max.year:
            return None
        length = monthrange(year, index + 1)[1]
        return date(year, index + 1, min(self.day, length)).toordinal() - 1


class _DayGrid(NamedTuple):
    """Every so many days.

    Args:
        period: in days.
        phase: the number of the first day.
    """

    period: int
    phase: int

    @classmethod
    def of(cls, anchor: date, period: int) -> _DayGrid:
        return cls(period, (anchor.toordinal() - 1) % period)

    def first_from(self, day: int) -> int | None:
        day = max(day, 0)
        found = day + (self.phase - day) % self.period
        return found if found < DAYS else None

    def last_upto(self, day: int) -> int | None:
        day = min(day, DAYS - 1)
        found = day - (day - self.phase) % self.period
        return found if found >= 0 else None


def _period(years: object, months: object, weeks: object, days: object) -> tuple[int, int]:
    """Return the period in months and in days, one of which is 0."""
    given = {"years": years, "months": months, "weeks": weeks, "days": days}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ScheduleError(
                f"calendar_interval {name}={value!r}; allowed: a whole number, 0 or more; "
                "for hours, minutes and seconds use interval(...)"
            )
    y, m, w, d = (int(str(value)) for value in given.values())
    in_months, in_days = y * _MONTHS + m, w * _WEEK + d
    if in_months and in_days:
        raise ScheduleError(
            "calendar_interval counts in years and months, or in weeks and days, not in both; "
            f"got {', '.join(f'{name}={value}' for name, value in given.items() if value)}"
        )
    if not in_months and not in_days:
        raise ScheduleError(
            "calendar_interval() is not a time to wait; give years, months, weeks or days, "
            'such as calendar_interval(months=1, at="09:00")'
        )
    if in_months > _LONGEST_MONTHS or in_days > _LONGEST_DAYS:
        raise ScheduleError(
            f"calendar_interval of {_counted(in_months, 'month') if in_months else in_days}"
            f"{'' if in_months else ' days'} is too long; allowed: up to 40 years"
        )
    return in_months, in_days


def _time(at: object) -> time:
    """Return a naive time of the day in whole seconds."""
    if isinstance(at, str):
        match = _TIME.fullmatch(at)
        if match is not None:
            hour, minute, second = map(int, match.groups("0"))
            return time(hour, minute, second)
    elif isinstance(at, time) and at.tzinfo is None and at.microsecond == 0:
        return at.replace(fold=0)
    raise ScheduleError(
        f"at={at!r} is not a time of the day; allowed: 'HH:MM' or 'HH:MM:SS' from 00:00 to "
        "23:59:59, or a naive datetime.time in whole seconds (the zone is tz=)"
    )


def _counted(n: int, unit: str) -> str:
    return unit if n == 1 else f"{n} {unit}s"
