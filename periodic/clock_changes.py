"""The clock changes of a zone, and how readings, offsets and instants are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from .clock import to_utc, to_zone

_SECOND = timedelta(seconds=1)
# No zone ever kept an offset for less than this.
_STEP = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change of a zone's offset.

    Args:
        at: the first instant of the new offset, in UTC.
        before: the offset until then.
        after: the offset from then on.
        zone: whose clock it is.
    """

    at: datetime
    before: timedelta
    after: timedelta
    zone: tzinfo

    @property
    def forward(self) -> bool:
        """Whether readings are left out (a gap), else some come twice (a fold)."""
        return self.after > self.before

    @property
    def size(self) -> timedelta:
        """By how much the clock moves."""
        return abs(self.after - self.before)

    @property
    def old_reading(self) -> datetime:
        """What the clock would read at the change without it; naive."""
        return self.at.replace(tzinfo=None) + self.before

    @property
    def new_reading(self) -> datetime:
        """What the clock reads at the change; naive."""
        return self.at.replace(tzinfo=None) + self.after

    def sentence(self) -> str:
        """Return what happens to the clock, with the date, the readings and the offsets."""
        old, new = self.old_reading, self.new_reading
        way = "forward" if self.forward else "back"
        return (
            f"{old:%a} {old.date()}: the clock goes {way} from {reading(old)} "
            f"({offset(self.before)}) to {reading(new, beside=old)} ({offset(self.after)})."
        )


def clock_changes(zone: tzinfo, start: datetime, end: datetime) -> Iterator[ClockChange]:
    """Yield the changes of a zone's offset in `[start, end)`, in order.

    Args:
        zone: whose clock it is.
        start: aware; a whole second.
        end: aware; a whole second.
    """
    # Clocks change on whole seconds, and each second is held against the one before.
    low, end = to_utc(start) - _SECOND, to_utc(end) - _SECOND
    before = _offset(low, zone)
    while low < end:
        high = min(low + _STEP, end)
        after = _offset(high, zone)
        if after != before:
            same = low
            while high - same > _SECOND:
                middle = same + (high - same) // _SECOND // 2 * _SECOND
                if _offset(middle, zone) == before:
                    same = middle
                else:
                    high = middle
            after = _offset(high, zone)
            yield ClockChange(high, before, after, zone)
        low, before = high, after


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return to_zone(at, zone).utcoffset() or timedelta(0)


def reading(at: datetime | time, *, beside: datetime | None = None) -> str:
    """Return a reading of the clock, with its date where that is not the date of `beside`.

    >>> reading(datetime(2026, 3, 8, 2, 30))
    '02:30'
    """
    shown = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    if beside is None or not isinstance(at, datetime) or beside.date() == at.date():
        return shown
    return f"{at.date()} {shown}"


def offset(delta: timedelta) -> str:
    """Return an offset from UTC as ISO 8601 writes it.

    >>> offset(timedelta(hours=-5)), offset(timedelta(hours=5, minutes=45))
    ('-05:00', '+05:45')
    """
    sign, rest = ("-", -delta) if delta < timedelta(0) else ("+", delta)
    minutes, seconds = divmod(int(rest.total_seconds()), 60)
    shown = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    return f"{shown}:{seconds:02}" if seconds else shown


def utc(at: datetime) -> str:
    """Return an instant in UTC, as ISO 8601 with a Z.

    >>> from datetime import UTC
    >>> utc(datetime(2026, 3, 8, 7, tzinfo=UTC))
    '2026-03-08T07:00:00Z'
    """
    return f"{to_utc(at).replace(tzinfo=None).isoformat()}Z"
