"""The schedule: a pure rule that yields instants; it knows its time zone, never the present."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from typing import Any, ClassVar, Self

from ..clock import to_utc
from ..errors import ScheduleError


class Schedule(ABC):
    """A rule that yields instants: immutable, hashable, picklable, equal by meaning.

    `tz=None` means that the zone is not settled: the application's zone under Celery or Flask
    (see `in_zone`), UTC where nobody settles it.
    """

    #: The word that stands for the class in `to_dict()`.
    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type[Schedule]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Remember the class by its kind, for `from_dict`."""
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            Schedule._kinds[cls.kind] = cls

    @property
    @abstractmethod
    def tz(self) -> tzinfo | None:
        """The zone whose wall clock the rule reads; None where it is not settled."""

    @abstractmethod
    def in_zone(self, zone: tzinfo) -> Self:
        """Return this schedule with its zone settled: itself if it has one already."""

    def named(self, name: str) -> Self:  # noqa: ARG002  # most rules know no name
        """Return this schedule with what its entry's name decides: `H` in `cron`.

        Args:
            name: the entry's name.
        """
        return self

    @abstractmethod
    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at`, or None when there is none.

        Args:
            at: aware, any zone.

        Returns:
            An aware datetime in the schedule's zone.

        Raises:
            ValueError: `at` is naive.
        """

    @abstractmethod
    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at`, or None when there is none.

        Args:
            at: aware, any zone.

        Returns:
            An aware datetime in the schedule's zone.

        Raises:
            ValueError: `at` is naive.
        """

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the instants in `[start, end)`, lazily, in order.

        Args:
            start: aware; included.
            end: aware; not included.

        Raises:
            ValueError: one of them is naive.
        """
        first, last = to_utc(start), to_utc(end)
        return self._between(first, last)

    def _between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        earliest = datetime.min.replace(tzinfo=UTC)
        at = self.next_after(max(start, earliest + datetime.resolution) - datetime.resolution)
        while at is not None and to_utc(at) < end:
            yield at
            at = self.next_after(at)

    @abstractmethod
    def describe(self) -> str:
        """Return the schedule in words, in English, such as "every 5 minutes"."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data, with its `kind`."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make the schedule that `to_dict` described.

        Called on `Schedule` it finds the class by `kind`; called on a class it also refuses
        another class's data.

        Raises:
            ScheduleError: the kind is unknown or another class's, or a field is not valid.
        """
        if not isinstance(data, Mapping):
            raise ScheduleError(
                f"a schedule is a mapping as to_dict() makes it, not a {type(data).__name__}"
            )
        kind = data.get("kind")
        found = Schedule._kinds.get(kind) if isinstance(kind, str) else None
        if found is None:
            known = ", ".join(sorted(Schedule._kinds))
            raise ScheduleError(f"unknown kind of schedule {kind!r}; known kinds: {known}")
        if not issubclass(found, cls):
            raise ScheduleError(f"{kind!r} is a {found.__name__}, not a {cls.__name__}")
        try:
            return found._from_dict(data)  # noqa: SLF001  # our own classes
        except ScheduleError:
            raise
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ScheduleError(f"these fields make no {kind}: {error}") from error

    @classmethod
    @abstractmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make the schedule from data of its own kind."""

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that are equal for schedules of equal meaning."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()
