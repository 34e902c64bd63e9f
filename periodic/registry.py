"""Where running beats show themselves: who ticks, since when, and in what state."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from .clock import Clock, to_utc


class BeatState(StrEnum):
    """What a beat is doing."""

    #: It dispatches.
    ACTIVE = "active"
    #: Another beat holds the lease; this one waits to take over.
    STANDBY = "standby"
    #: It does not claim, because its clock and the broker's are too far apart.
    SKEWED = "skewed"
    #: The broker does not take what it sends.
    UNREACHABLE = "unreachable"
    #: It has said good-bye.
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class BeatStatus:
    """What one beat says of itself.

    Args:
        beat: an id that no other beat has.
        host: the machine's name.
        pid: the process's number there.
        state: what it is doing.
        reason: one sentence where the state needs one, else "".
        started_at: when it began; aware, UTC.
        ticked_at: when it last ticked, by its own clock; aware, UTC.
        entries: how many entries it has.
        lag: how late the latest batch was dispatched, in seconds.
        seen_at: when it last said so, by the clock of the registry; None until it has.
    """

    beat: str
    host: str
    pid: int
    state: BeatState
    reason: str
    started_at: datetime
    ticked_at: datetime
    entries: int
    lag: float
    seen_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; instants as ISO 8601 in UTC."""
        data = asdict(self)
        for key in ("started_at", "ticked_at", "seen_at"):
            if data[key] is not None:
                data[key] = to_utc(data[key]).isoformat()
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BeatStatus:
        """Read it back from the form of `to_dict`; keys of later versions are passed over."""
        fields: dict[str, Any] = {key: data[key] for key in cls.__slots__ if key in data}
        for key in ("started_at", "ticked_at", "seen_at"):
            if fields.get(key) is not None:
                fields[key] = datetime.fromisoformat(fields[key])
        fields["state"] = BeatState(fields["state"])
        return cls(**fields)

    def with_state(self, state: BeatState, reason: str = "") -> BeatStatus:
        """Return it in another state."""
        return replace(self, state=state, reason=reason)

    def seen(self, at: datetime) -> BeatStatus:
        """Return it with the instant at which the registry took note."""
        return replace(self, seen_at=to_utc(at))


class BeatRegistry(ABC):
    """The beats of one namespace; bounded, because silent ones are forgotten."""

    #: How long a beat that says nothing any more is remembered.
    remembered: ClassVar[timedelta] = timedelta(hours=1)

    @abstractmethod
    def announce(self, status: BeatStatus) -> None:
        """Show a beat; what was silent for longer than `remembered` is forgotten.

        Raises:
            BrokerUnreachable: nobody took note.
        """

    @abstractmethod
    def beats(self) -> list[BeatStatus]:
        """Return all that are remembered, the newest word first.

        Raises:
            BrokerUnreachable: the registry did not answer.
        """

    @abstractmethod
    def now(self) -> datetime:
        """Return the time of the registry, against which `seen_at` counts; aware, UTC.

        Raises:
            BrokerUnreachable: the registry did not answer.
        """


class MemoryRegistry(BeatRegistry):
    """The beats of this process.

    Args:
        clock: says when a beat was seen.
        kept: beat -> its last word; shared by the registries of one namespace.
    """

    def __init__(self, clock: Clock, kept: dict[str, BeatStatus]) -> None:
        self._clock = clock
        self._kept = kept
        self._lock = threading.Lock()

    def announce(self, status: BeatStatus) -> None:
        """Show a beat."""
        now = self._clock.now()
        with self._lock:
            self._kept[status.beat] = status.seen(now)
            for beat, word in list(self._kept.items()):
                if word.seen_at is not None and now - word.seen_at > self.remembered:
                    self._kept.pop(beat, None)  # shared: another may have forgotten it

    def beats(self) -> list[BeatStatus]:
        """Return all that are remembered, the newest word first."""
        with self._lock:
            words = list(self._kept.values())
        return sorted(words, key=lambda each: each.seen_at or each.ticked_at, reverse=True)

    def now(self) -> datetime:
        """Return the time of the clock."""
        return self._clock.now()
