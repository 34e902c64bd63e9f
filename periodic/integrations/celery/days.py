"""Celery's `relative` schedule of whole days: local midnight of every n-th day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar, Self

from ...clock import to_utc, to_zone
from ...errors import ScheduleError
from ...schedules import Schedule, crontab

_DAY = timedelta(days=1)
_NOON = time(12)


@dataclass(frozen=True, slots=True)
class EveryDays(Schedule):
    """Local midnight of every n-th day, counted from 1 January of the year 1.

    Args:
        days: 1 for every day, 7 for every Monday, ...
        zone: whose midnight it is; None where it is not settled.
    """

    kind: ClassVar[str] = "celery-days"

    days: int
    zone: tzinfo | None = None

    @property
    def tz(self) -> tzinfo | None:
        """The zone whose midnight it is."""
        return self.zone

    def in_zone(self, zone: tzinfo) -> Self:
        """Return this schedule with its zone settled."""
        return self if self.zone is not None else type(self)(self.days, zone)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first midnight of the schedule strictly after `at` (aware)."""
        day = self._grid_day(self._local(at).date())
        return self._first(day, 1, lambda found: found > to_utc(at))

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last midnight of the schedule strictly before `at` (aware)."""
        day = self._grid_day(self._local(at).date()) + self.days * _DAY
        return self._first(day, -1, lambda found: found < to_utc(at))

    def describe(self) -> str:
        """Return the schedule in words."""
        return "every day at 00:00" if self.days == 1 else f"every {self.days} days at 00:00"

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data."""
        return {"kind": self.kind, "days": self.days, "tz": self._midnight().to_dict()["tz"]}

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        days = data.get("days")
        if not isinstance(days, int) or days < 1:
            raise ScheduleError(f"days={days!r} is not a whole number above 0")
        return cls(days, crontab(tz=data.get("tz")).tz)

    def _local(self, at: datetime) -> datetime:
        return to_zone(at, self.zone or UTC)

    def _grid_day(self, day: date) -> date:
        return max(day - ((day.toordinal() - 1) % self.days) * _DAY, date.min + _DAY)

    def _midnight(self) -> crontab:
        return crontab(minute=0, hour=0, tz=self.zone)

    def _first(self, day: date, direction: int, fits: Any) -> datetime | None:
        # Three steps always suffice: the midnight of the first day may lie on the wrong side of
        # `at`, and one day in a zone's history may not exist at all.
        for _ in range(4):
            try:
                eve = datetime.combine(day - _DAY, _NOON, self.zone or UTC)
                found = self._midnight().next_after(eve)
                if found is not None and fits(to_utc(found)):
                    return found
                day += direction * self.days * _DAY
            except OverflowError:
                return None
        return None
