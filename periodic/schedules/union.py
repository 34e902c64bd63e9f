"""`union`: whenever one of several schedules runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from heapq import merge
from typing import Any, ClassVar, Self

from ..errors import ScheduleError
from .base import Schedule
from .combine import Combination
from .instants import since_origin
from .zones import settle


class union(Combination):  # noqa: N801  # a schedule reads like the word in a sentence
    """Whenever one of several schedules runs; what they have in common runs once.

    Each schedule reads the clock of its own zone; one that has none gets the union's.

    Args:
        schedules: one or more, of any kind.
        tz: the zone in which instants are written; that of the schedules where they agree on one.

    Raises:
        ScheduleError: there is none, or one is not a schedule.

    >>> from datetime import UTC, datetime
    >>> from periodic import crontab
    >>> posts = union(crontab(0, 9, "mon-fri"), crontab(0, 12, "sat,sun"), tz="Europe/London")
    >>> posts.next_after(datetime(2026, 3, 7, tzinfo=UTC)).isoformat()
    '2026-03-07T12:00:00+00:00'
    """

    kind: ClassVar[str] = "union"
    _fields: ClassVar[tuple[str, ...]] = ("schedules", "tz")
    _required: ClassVar[tuple[str, ...]] = ("schedules",)

    schedules: tuple[Schedule, ...]

    def __init__(self, *schedules: Schedule, tz: str | tzinfo | None = None) -> None:
        if not schedules:
            raise ScheduleError("union() needs one schedule or more, such as union(a, b)")
        self._check_members(schedules)
        zone = settle(tz)
        members = schedules if zone is None else tuple(each.in_zone(zone) for each in schedules)
        zone = self._common_zone(members) if zone is None else zone
        flat = tuple(dict.fromkeys(inner for each in members for inner in _flat(each)))
        self._set_depth(flat)
        self._set(schedules=flat)
        self._set_zone(zone)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware) of any of the schedules."""
        found = [each.next_after(at) for each in self.schedules]
        first = min((one for one in found if one is not None), key=since_origin, default=None)
        return None if first is None else self._as_own(first)

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware) of any of the schedules."""
        found = [each.previous_before(at) for each in self.schedules]
        last = max((one for one in found if one is not None), key=since_origin, default=None)
        return None if last is None else self._as_own(last)

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        before: datetime | None = None
        spans = [each.between(start, end) for each in self.schedules]
        for found in merge(*spans, key=since_origin):
            if before is None or since_origin(found) > since_origin(before):
                own = self._as_own(found)
                if own is not None:
                    yield own
            before = found

    def describe(self) -> str:
        """Return the schedules in words, one after the other."""
        words = [each.describe() for each in self.schedules]
        name = self._zone_name()
        zoned = f", {name}"
        if name and all(each.endswith(zoned) or name not in each for each in words):
            words = [each.removesuffix(zoned) for each in words]
        else:
            zoned = ""
        return "; and ".join(words) + zoned

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data, with those that it is made of."""
        members = [each.to_dict() for each in self.schedules]
        return {"kind": self.kind, "schedules": members, "tz": self._zone_name()}

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        fields = cls._checked(data)
        given = fields.pop("schedules")
        if not isinstance(given, list | tuple):
            raise ScheduleError(f"union: schedules={given!r} is not a list of schedules")
        members = [
            Schedule.from_dict(each) if isinstance(each, Mapping) else each for each in given
        ]
        return cls(*members, **fields)

    def _members(self) -> tuple[Schedule, ...]:
        return self.schedules

    def _rebuilt(self, members: tuple[Schedule, ...], zone: tzinfo | None) -> Self:
        return type(self)(*members, tz=zone)

    def _own_meaning(self) -> tuple[Any, ...]:
        return (self._zone_name(),)

    def __repr__(self) -> str:
        agreed = self._common_zone(self.schedules) is self._zone
        return self._repr(*map(repr, self.schedules), tz=None if agreed else self._zone_name())


def _flat(schedule: Schedule) -> tuple[Schedule, ...]:
    return schedule.schedules if isinstance(schedule, union) else (schedule,)
