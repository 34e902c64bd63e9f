"""`clocked`: once, at one instant."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from ..clock import to_utc, to_zone
from ..errors import ScheduleError
from .instants import MICROSECOND, check_instant, parse_instant, since_origin
from .value import Value


class clocked(Value):  # noqa: N801  # a schedule reads like the word in a sentence
    """Once, at `at`, and never again.

    Args:
        at: the instant; aware.
        tz: the zone in which it is written; that of `at` where it has a name.

    Raises:
        ScheduleError: `at` is naive, so it names no instant.

    >>> from datetime import UTC, datetime
    >>> clocked(datetime(2026, 3, 8, 7, tzinfo=UTC)).describe()
    'once at 2026-03-08T07:00:00+00:00'
    """

    kind: ClassVar[str] = "clocked"
    _fields: ClassVar[tuple[str, ...]] = ("at", "tz")
    _required: ClassVar[tuple[str, ...]] = ("at",)

    at: datetime

    def __init__(self, at: datetime, *, tz: str | tzinfo | None = None) -> None:
        check_instant(at, "at")
        if tz is None and isinstance(at.tzinfo, ZoneInfo) and at.tzinfo.key:
            tz = at.tzinfo
        self._set_zone(tz)
        try:
            self._set(at=to_zone(at, self._zone or UTC))
        except OverflowError:
            raise ScheduleError(f"at={at!r} is outside of the years 1 to 9999") from None

    def next_after(self, at: datetime) -> datetime | None:
        """Return the instant if it is strictly after `at` (aware), else None."""
        return self.at if since_origin(at) < since_origin(self.at) else None

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the instant if it is strictly before `at` (aware), else None."""
        return self.at if since_origin(self.at) < since_origin(at) else None

    def describe(self) -> str:
        """Return the schedule in words, such as "once at 2026-03-08T07:00:00+00:00"."""
        name = self._zone_name()
        return f"once at {self.at.isoformat()}" + (f", {name}" if name else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data; the instant in ISO 8601, UTC."""
        return {"kind": self.kind, "at": to_utc(self.at).isoformat(), "tz": self._zone_name()}

    @classmethod
    def _checked(cls, data: Any) -> dict[str, Any]:
        fields = super()._checked(data)
        if isinstance(fields["at"], str):
            fields["at"] = parse_instant(fields["at"], "at")
        return fields

    def _meaning(self) -> tuple[Any, ...]:
        return (since_origin(self.at) // MICROSECOND, self._zone_name())

    def __repr__(self) -> str:
        iso = to_utc(self.at).isoformat()
        return self._repr(f"datetime.fromisoformat({iso!r})", tz=self._zone_name())
