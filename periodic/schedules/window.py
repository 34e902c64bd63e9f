"""`window`: a schedule within a span of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Self

from ..clock import to_utc
from ..errors import ScheduleError
from .base import Schedule
from .combine import Combination
from .instants import check_instant, parse_instant, since_origin

#: The earliest instant that has one before it.
_SECOND_TICK = datetime.min.replace(tzinfo=UTC) + datetime.resolution


class window(Combination):  # noqa: N801  # a schedule reads like the word in a sentence
    """A schedule within a span of time: `[start, end)`.

    Args:
        schedule: what runs within the span.
        start: the first instant that may run; aware; None for no start.
        end: the first instant that may not run any more; aware; None for no end.

    Raises:
        ScheduleError: start or end is naive, both are None, or the end is not after the start.
    """

    kind: ClassVar[str] = "window"
    _fields: ClassVar[tuple[str, ...]] = ("schedule", "start", "end")
    _required: ClassVar[tuple[str, ...]] = ("schedule",)

    schedule: Schedule
    #: In UTC.
    start: datetime | None
    end: datetime | None

    def __init__(
        self, schedule: Schedule, *, start: datetime | None = None, end: datetime | None = None
    ) -> None:
        self._check_members((schedule,))
        self._set_depth((schedule,))
        for field, at in (("start", start), ("end", end)):
            if at is not None:
                check_instant(at, field)
        if start is None and end is None:
            raise ScheduleError("window() needs start=, end= or both")
        first, last = (None if at is None else to_utc(at) for at in (start, end))
        if first is not None and last is not None and last <= first:
            raise ScheduleError(f"window: end={end!r} is not after start={start!r}")
        self._set(schedule=schedule, start=first, end=last)
        self._set_zone(self._zone_of(schedule))

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant of the span strictly after `at` (aware)."""
        if self.start is not None and since_origin(at) < since_origin(self.start):
            at = max(self.start, _SECOND_TICK) - datetime.resolution
        found = self.schedule.next_after(at)
        if found is None or self.end is None or since_origin(found) < since_origin(self.end):
            return found
        return None

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant of the span strictly before `at` (aware)."""
        if self.end is not None and since_origin(at) > since_origin(self.end):
            at = self.end
        found = self.schedule.previous_before(at)
        if found is None or self.start is None or since_origin(found) >= since_origin(self.start):
            return found
        return None

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        first = start if self.start is None else max(start, self.start)
        last = end if self.end is None else min(end, self.end)
        return self.schedule.between(first, last) if first < last else iter(())

    def describe(self) -> str:
        """Return the schedule in words, such as "every hour, UTC, until 2026-...".

        The span is written in the schedule's zone.
        """
        words = self.schedule.describe()
        for word, at in (("from", self.start), ("before", self.end)):
            if at is not None:
                words += f", {word} {(self._as_own(at) or at).isoformat(' ', 'auto')}"
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data; start and end in ISO 8601, UTC."""
        start, end = (None if at is None else at.isoformat() for at in (self.start, self.end))
        return {"kind": self.kind, "schedule": self.schedule.to_dict(), "start": start, "end": end}

    @classmethod
    def _checked(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        fields = super()._checked(data)
        for field in ("start", "end"):
            if isinstance(fields.get(field), str):
                fields[field] = parse_instant(fields[field], field)
        return fields

    def _members(self) -> tuple[Schedule, ...]:
        return (self.schedule,)

    def _rebuilt(self, members: tuple[Schedule, ...], zone: tzinfo | None) -> Self:
        del zone  # the member has it
        return type(self)(members[0], start=self.start, end=self.end)

    def _own_meaning(self) -> tuple[Any, ...]:
        return tuple(None if at is None else at.isoformat() for at in (self.start, self.end))

    def __repr__(self) -> str:
        named = [
            f"{field}=datetime.fromisoformat({at.isoformat()!r})"
            for field, at in (("start", self.start), ("end", self.end))
            if at is not None
        ]
        return self._repr(repr(self.schedule), *named)
