"""What goes wrong on the time line of a simulation: values, and a random choice of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from ..clock import to_utc
from ..errors import ConfigError


class Moment(StrEnum):
    """At which moment of its work a beat is killed."""

    #: Between two ticks.
    IDLE = "idle"
    #: In its next dispatch, when the broker has not taken the batch yet.
    BEFORE_DISPATCH = "before_dispatch"
    #: In its next dispatch, when the broker has taken the batch and the beat does not know it.
    AFTER_DISPATCH = "after_dispatch"


@dataclass(frozen=True, slots=True)
class Kill:
    """A beat that dies without a word.

    Args:
        beat: its number; the first beat is 1.
        at: when; aware.
        back: when it is started again; aware, or None for never.
        moment: between two ticks, or in the first dispatch from `at` on.
    """

    beat: int
    at: datetime
    back: datetime | None = None
    moment: Moment = Moment.IDLE

    def __post_init__(self) -> None:
        """Refuse a beat that comes back before it goes."""
        object.__setattr__(self, "at", to_utc(self.at))
        if self.back is not None:
            object.__setattr__(self, "back", _later("a killed beat is back", self.back, self.at))


@dataclass(frozen=True, slots=True)
class Outage:
    """A span in which no beat can reach the broker.

    Args:
        start: when it begins; aware.
        end: when the broker answers again; aware.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse an outage that ends before it begins."""
        object.__setattr__(self, "start", to_utc(self.start))
        object.__setattr__(self, "end", _later("an outage ends", self.end, self.start))


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A wall clock that is set, as an operator or a time service does.

    Args:
        by: how far; below zero is back.
        at: when; aware.
        beat: whose clock; None sets all clocks, the broker's too.
    """

    by: timedelta
    at: datetime
    beat: int | None = None

    def __post_init__(self) -> None:
        """Keep the instant in UTC."""
        object.__setattr__(self, "at", to_utc(self.at))


Fault = Kill | Outage | ClockStep


def random_faults(
    seed: int,
    start: datetime,
    end: datetime,
    *,
    beats: int,
    kills: int = 0,
    outages: int = 0,
) -> list[Fault]:
    """Choose faults at random: the same ones for the same arguments.

    A killed beat is back after 1 s to 2 min, an outage lasts 1 s to 5 min; two of three kills
    strike in the midst of a dispatch.

    Args:
        seed: of the random numbers.
        start: the first may be then; aware.
        end: the last is before; aware.
        beats: how many there are.
        kills: how many kills.
        outages: how many outages.
    """
    random = Random(seed)  # noqa: S311  # no secret
    first, seconds = to_utc(start), (to_utc(end) - to_utc(start)).total_seconds()
    found: list[Fault] = []
    for _ in range(kills):
        at = first + timedelta(seconds=round(random.uniform(0, seconds), 3))
        back = at + timedelta(seconds=round(random.uniform(1, 120), 3))
        found.append(Kill(random.randint(1, beats), at, back, random.choice(list(Moment))))
    for _ in range(outages):
        at = first + timedelta(seconds=round(random.uniform(0, seconds), 3))
        found.append(Outage(at, at + timedelta(seconds=round(random.uniform(1, 300), 3))))
    return found


def check(faults: Sequence[Fault], beats: int) -> None:
    """Refuse faults of beats that do not exist.

    Args:
        faults: of one simulation.
        beats: how many beats it has.

    Raises:
        ConfigError: a number is not that of a beat.
    """
    if beats < 1:
        raise ConfigError(f"a simulation has at least 1 beat, not {beats}")
    for fault in faults:
        beat = None if isinstance(fault, Outage) else fault.beat
        if beat is not None and not 1 <= beat <= beats:
            raise ConfigError(
                f"there is no beat {beat}: the beats of this simulation are 1 to {beats}"
            )


def _later(what: str, at: datetime, after: datetime) -> datetime:
    at = to_utc(at)
    if at <= after:
        raise ConfigError(f"{what} after it began, {after.isoformat()}, not at {at.isoformat()}")
    return at
