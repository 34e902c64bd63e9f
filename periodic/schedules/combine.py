"""What all schedules made of schedules share: `union`, `exclude` and `window`."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from typing import Any, Self

from ..errors import ScheduleError
from .base import Schedule
from .instants import from_origin, since_origin
from .nesting import DEEPEST, MOST_MOVES, check_nesting
from .value import Value
from .zones import zone_name

_SETTABLE = ("app", "nowfun")


class Combination(Value):
    """A schedule made of other schedules, which read the clock of their own zones."""

    _depth: int
    _moves: int

    @abstractmethod
    def _members(self) -> tuple[Schedule, ...]:
        """Return the schedules that it is made of."""

    @abstractmethod
    def _rebuilt(self, members: tuple[Schedule, ...], zone: tzinfo | None) -> Self:
        """Return the same combination of other members."""

    @abstractmethod
    def _own_meaning(self) -> tuple[Any, ...]:
        """Return what makes two combinations of the same members equal."""

    def _own_content(self) -> str:
        """Return what else changes the instants, for the fingerprint."""
        return ""

    def in_zone(self, zone: tzinfo) -> Self:
        """Return this schedule with its zone and those of all its members settled.

        Raises:
            ScheduleError: the zone has no IANA name.
        """
        if self._zone is not None:
            return self
        members = tuple(member.in_zone(zone) for member in self._members())
        return self._like_this(self._rebuilt(members, zone))

    def named(self, name: str) -> Self:
        """Return this schedule with what its entry's name decides in its members."""
        members = tuple(member.named(name) for member in self._members())
        if all(one is other for one, other in zip(members, self._members(), strict=True)):
            return self
        return self._like_this(self._rebuilt(members, self._zone))

    def _like_this(self, other: Self) -> Self:
        """Return another schedule with what Celery assigned to this one."""
        vars(other).update({k: v for k, v in vars(self).items() if k in _SETTABLE})
        return other

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that are equal for schedules of equal meaning.

        They change when the dates of a calendar do.
        """
        members = sorted(member.fingerprint() for member in self._members())
        text = json.dumps([self.kind, self._own_meaning(), self._own_content(), members])
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def _meaning(self) -> tuple[Any, ...]:
        return (
            self._own_meaning(),
            tuple(sorted(map(self._identity_of, self._members()), key=json.dumps)),
        )

    def _check_members(self, members: tuple[Schedule, ...]) -> None:
        """Refuse what is no schedule."""
        for member in members:
            if not isinstance(member, Schedule):
                raise ScheduleError(
                    f"{self.kind}: {member!r} is not a schedule such as crontab(minute=0) "
                    "or interval(minutes=5)"
                )

    def _set_depth(self, members: tuple[Schedule, ...], *, moving: bool = False) -> None:
        """Refuse what is nested too deeply; `moving` where runs are moved to other days."""
        inner = [member for member in members if isinstance(member, Combination)]
        depth = max((member._depth for member in inner), default=0) + 1  # noqa: SLF001  # our own class
        moves = max((member._moves for member in inner), default=0) + moving  # noqa: SLF001  # our own class
        if depth > DEEPEST:
            raise ScheduleError(
                f"{self.kind}: schedules are nested more than {DEEPEST} deep; make it flatter"
            )
        if moves > MOST_MOVES:
            raise ScheduleError(
                f"{self.kind}: runs would be moved more than {MOST_MOVES} times; "
                "chain the calendars by base= and move once"
            )
        self._set(_depth=depth, _moves=moves)

    @staticmethod
    def _zone_of(schedule: Schedule) -> tzinfo | None:
        """Return the zone that a schedule itself has, whatever its application's is."""
        return schedule._zone if isinstance(schedule, Value) else schedule.tz  # noqa: SLF001  # our own class

    @staticmethod
    def _identity_of(schedule: Schedule) -> tuple[Any, ...]:
        """Return what makes a member equal to another: hashable and JSON-ready."""
        if isinstance(schedule, Value):
            return schedule._identity  # noqa: SLF001  # our own class
        return (schedule.kind, schedule.fingerprint())

    @classmethod
    def _common_zone(cls, members: tuple[Schedule, ...]) -> tzinfo | None:
        """Return the zone on which all agree; None where one has none, or they differ."""
        zones = [cls._zone_of(each) for each in members]
        names = {None if zone is None else zone_name(zone) for zone in zones}
        return zones[0] if len(names) == 1 else None

    def _as_own(self, found: datetime) -> datetime | None:
        """Return a member's instant in this schedule's zone; None outside datetime's range."""
        zone = self._zone or UTC
        return found if found.tzinfo is zone else from_origin(since_origin(found), zone)

    @classmethod
    def _checked(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        check_nesting(data)
        fields = super()._checked(data)
        if isinstance(fields.get("schedule"), Mapping):
            fields["schedule"] = Schedule.from_dict(fields["schedule"])
        return fields
