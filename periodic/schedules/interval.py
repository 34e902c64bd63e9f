"""`interval`: a fixed grid of elapsed time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate, repeat
from operator import add
from typing import Any, ClassVar

from ..clock import to_utc
from ..errors import ScheduleError
from .english import duration
from .instants import (
    DAY,
    DAYS,
    MICROSECOND,
    ORIGIN,
    check_instant,
    from_origin,
    parse_instant,
    since_origin,
)
from .offsets import stretches_of
from .value import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_END = DAYS * DAY * _SECOND  # where datetime ends, in microseconds


class interval(Value):  # noqa: N801  # a schedule reads like the word in a sentence
    """Every so often: the grid `anchor + n * every`, with n any whole number.

    The grid counts elapsed time, so clock changes have no effect, and it is the same in every
    process: nothing drifts and restarts change nothing.

    Args:
        every: a timedelta or a number of seconds; leave it out to use the keywords.
        weeks, days, hours, minutes, seconds, milliseconds, microseconds: as in `timedelta`.
        anchor: a point of the grid; aware; the Unix epoch unless given.
        tz: the zone in which the instants are written; an IANA name or a ZoneInfo.

    Raises:
        ScheduleError: the time is not positive, or an argument cannot be understood.

    >>> from datetime import UTC, datetime
    >>> interval(minutes=5).next_after(datetime(2026, 3, 8, 6, 59, 30, tzinfo=UTC)).isoformat()
    '2026-03-08T07:00:00+00:00'
    """

    kind: ClassVar[str] = "interval"
    _fields: ClassVar[tuple[str, ...]] = ("every", "anchor", "tz")
    _required: ClassVar[tuple[str, ...]] = ("every",)

    every: timedelta
    anchor: datetime
    _step: int
    _phase: int

    def __init__(
        self,
        every: timedelta | float | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        milliseconds: float = 0,
        microseconds: float = 0,
        anchor: datetime | None = None,
        tz: str | tzinfo | None = None,
    ) -> None:
        parts = {
            "weeks": weeks,
            "days": days,
            "hours": hours,
            "minutes": minutes,
            "seconds": seconds,
            "milliseconds": milliseconds,
            "microseconds": microseconds,
        }
        delta = _delta(every, {name: value for name, value in parts.items() if value != 0})
        if anchor is not None:
            check_instant(anchor, "anchor")
        start = _EPOCH if anchor is None else to_utc(anchor)
        step = delta // MICROSECOND
        phase = (start - ORIGIN) // MICROSECOND % step
        self._set(every=delta, anchor=start, _step=step, _phase=phase)
        self._set_zone(tz)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first point of the grid strictly after `at` (aware)."""
        elapsed = since_origin(at) // MICROSECOND
        return self._point((elapsed - self._phase) // self._step + 1)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last point of the grid strictly before `at` (aware)."""
        elapsed = since_origin(at) // MICROSECOND
        return self._point(-((self._phase - elapsed) // self._step) - 1)

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the points of the grid in `[start, end)`, a row for each constant offset."""
        step, stretches = self._step, stretches_of(self._zone or UTC, "skip", "both")
        elapsed = (since_origin(start) // MICROSECOND - self._phase - 1) // step + 1
        elapsed = max(elapsed * step + self._phase, self._phase)
        end_of_all = min(since_origin(end) // MICROSECOND, _END)
        while elapsed < end_of_all:
            stretch = stretches.at(elapsed // _SECOND)
            until = min(stretch.end * _SECOND, end_of_all)
            count = max(-((elapsed - until) // step), 1)
            first = from_origin(timedelta(microseconds=elapsed), stretches.zone)
            if first is None:
                return
            if stretch.fold:
                # Adding to a datetime forgets `fold`.
                yield first
                count = 1
            else:
                # Adding to an aware datetime moves its wall clock, which is real time in here.
                yield from accumulate(repeat(self.every, count - 1), add, initial=first)
            elapsed += count * step

    def _point(self, n: int) -> datetime | None:
        elapsed = self._phase + n * self._step
        if elapsed < 0:
            return None
        try:
            return from_origin(timedelta(microseconds=elapsed), self._zone or UTC)
        except OverflowError:
            return None

    def describe(self) -> str:
        """Return the schedule in words, such as "every 5 minutes"."""
        words = f"every {duration(self.every)}"
        if self._aligned():
            return words
        return f"{words}, counted from {self.anchor.isoformat()}"

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data: seconds, and an anchor in ISO 8601."""
        seconds = self.every.total_seconds()
        every: float | list[int] = int(seconds) if seconds.is_integer() else seconds
        if self.every.days > _EXACT_DAYS and self.every.microseconds:
            every = [self.every.days, self.every.seconds, self.every.microseconds]
        return {
            "kind": self.kind,
            "every": every,
            "anchor": None if self._aligned() else self.anchor.isoformat(),
            "tz": self._zone_name(),
        }

    @classmethod
    def _checked(cls, data: Any) -> dict[str, Any]:
        fields = super()._checked(data)
        if isinstance(fields.get("anchor"), str):
            fields["anchor"] = parse_instant(fields["anchor"], "anchor")
        every = fields.get("every")
        if isinstance(every, list) and list(map(type, every)) == [int, int, int]:
            fields["every"] = _delta(None, dict(zip(_EXACT, every, strict=True)))
        return fields

    def _aligned(self) -> bool:
        return self._phase == (_EPOCH - ORIGIN) // MICROSECOND % self._step

    def _meaning(self) -> tuple[Any, ...]:
        return (self._step, self._phase, self._zone_name())

    def __repr__(self) -> str:
        days, seconds = self.every.days, self.every.seconds
        parts = {
            "days": days,
            "hours": seconds // 3600,
            "minutes": seconds // 60 % 60,
            "seconds": seconds % 60,
            "microseconds": self.every.microseconds,
        }
        named = [f"{name}={value}" for name, value in parts.items() if value]
        if not self._aligned():
            named.append(f"anchor=datetime.fromisoformat({self.anchor.isoformat()!r})")
        return self._repr(*named, tz=self._zone_name())


_EXACT = ("days", "seconds", "microseconds")
# A float of so many days still has every microsecond.
_EXACT_DAYS = 90_000


def _delta(every: timedelta | float | None, parts: dict[str, float]) -> timedelta:
    if every is not None and parts:
        given = ", ".join(parts)
        raise ScheduleError(
            f"interval({every!r}, ...) also got {given}; give one time: "
            "a timedelta, a number of seconds, or keywords such as minutes=5"
        )
    if isinstance(every, timedelta):
        delta = every
    else:
        for name, value in ({"every": every} if every is not None else parts).items():
            _check_number(name, value)
        try:
            delta = timedelta(**parts) if every is None else timedelta(seconds=every)
        except (OverflowError, ValueError) as error:
            given = repr(every) if every is not None else repr(parts)
            raise ScheduleError(f"interval cannot be {given}: {error}") from None
    if delta <= timedelta(0):
        what = "interval()" if every is None and not parts else f"interval of {delta}"
        raise ScheduleError(
            f"{what} is not a time to wait; it must be more than zero, such as interval(minutes=5)"
        )
    return delta


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScheduleError(
            f"interval {name}={value!r} is not a number; give a number of seconds, a "
            "timedelta, or keywords such as minutes=5"
        )
