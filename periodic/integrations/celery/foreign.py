"""Schedule classes of other packages, built on Celery's: they are asked themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, ClassVar, Self

from celery import Celery

from ...clock import to_utc, to_zone
from ...errors import ScheduleError
from ...schedules import Schedule

#: How far back the latest occurrence is looked for, in growing steps.
_REACH = (
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=8),
    timedelta(days=32),
    timedelta(days=367),
    timedelta(days=367 * 5),
)
#: An object that answers "now" is asked again as if this much later, then counts as finished.
_NUDGES = (
    timedelta(0),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(hours=3),
)
_BISECTIONS = 64
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class ForeignSchedule(Schedule):
    """A schedule object of another package: `remaining_estimate`, or else `is_due`, says when.

    The object itself is never changed: a shallow copy is asked, whose `nowfun` returns the
    instant in question. Each search makes a bounded number of questions.

    Args:
        wrapped: any object built on `celery.schedules.BaseSchedule`.
        app: the copy's app.
        zone: the zone in which an object without one of its own is told the time; None where it
            is not settled.
    """

    kind: ClassVar[str] = "celery-foreign"

    def __init__(self, wrapped: Any, app: Celery, zone: tzinfo | None = None) -> None:
        self._wrapped = wrapped
        self._app = app
        self._zone = zone

    @property
    def tz(self) -> tzinfo | None:
        """The object's own zone where it has set one, else the settled one."""
        own: object = vars(self._wrapped).get("tz")
        return own if isinstance(own, tzinfo) else self._zone

    def in_zone(self, zone: tzinfo) -> Self:
        """Return this schedule with its zone settled."""
        return self if self._zone is not None else type(self)(self._wrapped, self._app, zone)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant after `at` (aware) that the object names, or None."""
        start = to_utc(at)
        for nudge in _NUDGES:
            now = start + nudge
            remaining = self._remaining(now)
            if remaining is None:
                return None
            if now + remaining > start:
                return self._local(now + remaining)
        return None

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant before `at` (aware), looked for up to five years back."""
        end = to_utc(at)
        for reach in _REACH:
            found = self._before(end - reach, end)
            if found is not None:
                return self._latest(found, end)
        return None

    def describe(self) -> str:
        """Return the object's own words."""
        return _text(self._wrapped)

    def to_dict(self) -> dict[str, Any]:
        """Return a description; `from_dict` cannot make another package's object from it."""
        cls: type = type(self._wrapped)
        return {
            "kind": self.kind,
            "class": f"{cls.__module__}:{cls.__qualname__}",
            "text": _text(self._wrapped),
            "tz": None if self.tz is None else str(self.tz),
        }

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        raise ScheduleError(
            f"a schedule of another package ({data.get('class')}) cannot be made from its "
            "description; put the object itself into beat_schedule"
        )

    def __eq__(self, other: object) -> bool:
        """Tell whether both describe the same object in the same zone."""
        if not isinstance(other, ForeignSchedule):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Hash the description, as equality compares it."""
        return hash(tuple(self.to_dict().values()))

    def __repr__(self) -> str:
        return f"ForeignSchedule({self._wrapped!r})"

    def _remaining(self, now: datetime) -> timedelta | None:
        local = self._local(now)
        asked = _shallow_copy(self._wrapped)
        asked.app = self._app
        asked.nowfun = lambda: local
        try:
            return _as_timedelta(asked.remaining_estimate(local))
        except NotImplementedError:
            _, seconds = asked.is_due(local)
            return _as_timedelta(seconds)

    def _before(self, start: datetime, end: datetime) -> datetime | None:
        found = self.next_after(start)
        return to_utc(found) if found is not None and to_utc(found) < end else None

    def _latest(self, found: datetime, end: datetime) -> datetime:
        """Halve the time between an occurrence and `end` until nothing lies between."""
        low, high = found, end
        for _ in range(_BISECTIONS):
            following = self._before(found, end)
            if following is None:
                break
            found = low = max(following, low)
            middle = low + (high - low) / 2
            later = self._before(middle, end)
            if later is None:
                high = middle
            else:
                found = low = later
        return self._local(found)

    def _local(self, instant: datetime) -> datetime:
        return instant if self.tz is None else to_zone(instant, self.tz)


def _shallow_copy(wrapped: Any) -> Any:
    # Not copy.copy: that goes by __reduce__, which some packages have wrong.
    copied = object.__new__(type(wrapped))
    vars(copied).update(vars(wrapped))
    return copied


def _as_timedelta(remaining: Any) -> timedelta | None:
    if remaining is None or isinstance(remaining, timedelta):
        return remaining
    return timedelta(seconds=remaining)


def _text(wrapped: object) -> str:
    """Return the object's repr without addresses, which differ in each process."""
    text = _ADDRESS.sub("", repr(wrapped))
    reduce = getattr(type(wrapped), "__reduce__", object.__reduce__)
    if reduce is object.__reduce__:
        return text
    return f"{text} {_ADDRESS.sub('', repr(wrapped.__reduce__()[1:]))}"
