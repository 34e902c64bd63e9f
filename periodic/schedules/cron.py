"""`cron`: one text in the dialect of Debian's cron, right at every clock change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Self, get_args

from ..errors import ScheduleError
from .cron_days import month_kinds
from .cron_english import cron_words
from .cron_hints import shown
from .cron_text import Expression, check_dates, normal, parse
from .crontab import FoldOption, check_option
from .offsets import OnFold, OnGap
from .value import Value
from .wall import Wall
from .zones import settled_place


class cron(Value):  # noqa: N801  # as crontab
    """Readings of the wall clock, as Debian's cron reads them.

    Five fields, `minute hour day_of_month month_of_year day_of_week`, or six with seconds first.
    Day of month OR day of week must match when neither begins with `*`, both otherwise. The
    schedule is *fixed* when neither its minute nor its hour begins with `*`: then every reading
    counts once. Else it is *wildcard* and every real moment whose reading matches counts.

    Args:
        expression: such as `'30 2 * * mon-fri'`, `'0 9 L * *'`, `'0 9 * * fri#2'` or `'@daily'`.
        tz: whose wall clock is read; an IANA name or a ZoneInfo; None leaves it to the app.
        on_gap: readings that do not exist in spring run once at the end of the gap (`run`), not
            at all (`skip`), or each as much later as the clock moved (`shift`).
        on_fold: which pass of a reading that happens twice counts: `first`, `last`, `both`;
            `auto` is `first` for a fixed schedule and `both` for a wildcard one.
        name: what `H` is settled by; an entry gives its own name (see `named`).

    Raises:
        ScheduleError: the text cannot be understood, or no date can ever match.

    >>> from datetime import UTC, datetime
    >>> last_day = cron("30 17 LW * *", tz="Europe/London")
    >>> last_day.next_after(datetime(2026, 5, 1, tzinfo=UTC)).isoformat()
    '2026-05-29T17:30:00+01:00'
    """

    kind: ClassVar[str] = "cron"
    _fields: ClassVar[tuple[str, ...]] = ("expression", "tz", "on_gap", "on_fold", "name")
    _required: ClassVar[tuple[str, ...]] = ("expression",)
    _has_deadline: ClassVar[bool] = True

    #: The text, with single spaces.
    expression: str
    on_gap: OnGap
    on_fold: FoldOption
    #: What `H` is settled by; None where it is not settled, or where there is no `H`.
    name: str | None
    #: Whether neither minute nor hour begins with `*`.
    fixed: bool
    #: The parsed fields, each `H` settled if there is a name.
    parsed: Expression
    _wall: Wall | _NoName

    def __init__(
        self,
        expression: str,
        *,
        tz: str | tzinfo | None = None,
        on_gap: OnGap = "run",
        on_fold: FoldOption = "auto",
        name: str | None = None,
    ) -> None:
        try:
            plan = _plan(expression, tz, on_gap, on_fold, name)
        except TypeError:  # something without a hash: hear what is allowed
            plan = _read(expression, tz, on_gap, on_fold, name)
        vars(self).update(plan)

    def named(self, name: str) -> Self:
        """Return this schedule with each `H` settled by an entry's name.

        The numbers depend on the name alone: every machine has the same, restarts change
        nothing, and entries of different names spread over the minutes of the hour.

        Args:
            name: the entry's name.

        Returns:
            This schedule itself where it has no `H` or a name already.

        Raises:
            ScheduleError: the name is no text or empty, or no date can match the settled days.
        """
        if not self.parsed.hashed:
            return self
        settled = self._from_dict({**self.to_dict(), "name": name})
        settled.app, settled.nowfun = self.app, self.nowfun
        return settled

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
        words = cron_words(self.parsed, self.expression)
        zone = self._zone_name()
        return f"{words}, {zone}" if zone else words

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data."""
        return {
            "kind": self.kind,
            "expression": self.expression,
            "tz": self._zone_name(),
            "on_gap": self.on_gap,
            "on_fold": self.on_fold,
            "name": self.name,
        }

    def _meaning(self) -> tuple[Any, ...]:
        options = (self._zone_name(), self.on_gap, self.on_fold)
        if self.parsed.hashed:
            return (self.expression.lower(), *options)
        second, minute, hour = (tuple(sorted(field.values)) for field in self.parsed[:3])
        stars = (self.parsed.minute.starred, self.parsed.hour.starred)
        days = month_kinds(self.parsed.dates).meaning()
        return (second, minute, hour, *stars, days, *options)

    def __repr__(self) -> str:
        return self._repr(
            repr(self.expression),
            tz=self._zone_name(),
            on_gap=self.on_gap if self.on_gap != "run" else None,
            on_fold=self.on_fold if self.on_fold != "auto" else None,
            name=self.name,
        )


class _NoName:
    """Stands for the instants of an expression with an `H` and no name to settle it by."""

    def __init__(self, expression: str) -> None:
        self._expression = expression

    def next_after(self, at: datetime) -> datetime | None:
        """Refuse."""
        raise self._error(at)

    def previous_before(self, at: datetime) -> datetime | None:
        """Refuse."""
        raise self._error(at)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Refuse."""
        raise self._error(start, end)

    def _error(self, *_asked: datetime) -> ScheduleError:
        return ScheduleError(
            f"{shown(self._expression)} has an H and no name to settle it by; use it as the "
            "schedule of an entry, or pass the entry's name: cron(..., name='report')"
        )


def _read(
    expression: str,
    tz: str | tzinfo | None,
    on_gap: OnGap,
    on_fold: FoldOption,
    name: str | None,
) -> dict[str, Any]:
    """Return the attributes of a cron; nothing in them changes, so schedules may share them."""
    check_option("on_gap", on_gap, get_args(OnGap))
    check_option("on_fold", on_fold, get_args(FoldOption))
    if name is not None:
        _check_name(name)
    text = normal(expression)
    parsed = parse(text)
    if not parsed.hashed:
        name = None
    elif name is not None:
        parsed = parsed.settle(name)
        check_dates(parsed, text)
    place = None if tz is None else settled_place(tz)
    zone = UTC if place is None else place.zone
    return {
        "expression": text,
        "on_gap": on_gap,
        "on_fold": on_fold,
        "name": name,
        "fixed": parsed.fixed,
        "parsed": parsed,
        "_place": place,
        "_wall": _NoName(text) if parsed.hashed else _wall_of(parsed, zone, on_gap, on_fold),
    }


# A schedule is often made again from the same text: by each beat, each test, each page.
_plan: Callable[..., dict[str, Any]] = lru_cache(maxsize=1024, typed=True)(_read)


def _wall_of(parsed: Expression, zone: tzinfo, on_gap: OnGap, on_fold: FoldOption) -> Wall:
    fold: OnFold = on_fold if on_fold != "auto" else "first" if parsed.fixed else "both"
    seconds = tuple(sorted(parsed.second.values))
    return Wall(
        month_kinds(parsed.dates),
        _times(parsed.second.values, parsed.minute.values, parsed.hour.values),
        zone,
        fixed=parsed.fixed,
        on_gap=on_gap,
        on_fold=fold,
        # Second 0 alone is what five fields say, whose gaps end on any second.
        gap_seconds=None if seconds == (0,) else seconds,
    )


# A schedule of every second has 86,400 of them, so few are kept.
@lru_cache(maxsize=64)
def _times(
    seconds: frozenset[int], minutes: frozenset[int], hours: frozenset[int]
) -> tuple[int, ...]:
    """Return the matching times of a day, in seconds after midnight, in order."""
    ordered = sorted(seconds)
    starts = [h * 3600 + m * 60 for h in sorted(hours) for m in sorted(minutes)]
    return tuple([start + second for start in starts for second in ordered])


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ScheduleError(f"name={name!r}; allowed: an entry's name, a text that is not empty")
