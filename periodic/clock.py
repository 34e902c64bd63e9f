"""Time as an interface: the wall clock says what is due, the monotonic clock does all waiting.

This is the only module that reads the time of the machine, and the only one that converts
between time zones.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from queue import Empty, SimpleQueue

#: Where elapsed time is counted from.
_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)
#: As datetime has it: a subclass may subtract in its own way.
_subtract = datetime.__sub__
_NOTHING = timedelta(0)


def to_utc(instant: datetime) -> datetime:
    """Return an aware datetime as the same instant in UTC.

    Args:
        instant: any aware datetime; `fold` is honoured.

    Raises:
        ValueError: the datetime is naive, so it names no instant.
    """
    if instant.tzinfo is UTC:
        return instant
    try:
        # Between two zones Python subtracts instants, `fold` honoured, in a quarter of the time
        # that taking the offset off would need.
        return _ORIGIN + _subtract(instant, _ORIGIN)
    except TypeError:
        if instant.utcoffset() is not None:
            raise
        message = (
            f"{instant!r} is naive and names no instant; pass an aware datetime, "
            "for example datetime(2026, 3, 8, 9, tzinfo=ZoneInfo('Europe/London'))"
        )
        raise ValueError(message) from None


def to_zone(instant: datetime, zone: tzinfo) -> datetime:
    """Return an aware datetime as the same instant in `zone`, with the right `fold`.

    Every conversion of the package goes through here: `datetime.astimezone`, `now(tz)` and
    `fromtimestamp(ts, tz)` lose `fold` while freezegun is active, `zone.fromutc` does not.

    Args:
        instant: any aware datetime.
        zone: the zone of the result, usually a `zoneinfo.ZoneInfo`.

    Raises:
        ValueError: the datetime is naive.
    """
    return zone.fromutc(to_utc(instant).replace(tzinfo=zone))


@lru_cache(maxsize=4096)  # many entries share few instants
def iso_utc(instant: datetime) -> str:
    """Return an instant as text: ISO 8601 in UTC, one text for each instant.

    Args:
        instant: any aware datetime.

    Raises:
        ValueError: the datetime is naive.
    """
    return to_utc(instant).isoformat()


class Wake:
    """What ends a wait early: a stop or a change, from any thread or signal handler.

    Built on `SimpleQueue`, whose `put` is re-entrant: a `threading.Event` set by a signal handler
    can deadlock with the very wait that the signal interrupted.
    """

    def __init__(self) -> None:
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._set = False

    def set(self) -> None:
        """End the present wait, or the next one if nobody waits now."""
        self._set = True
        self.nudge()

    def clear(self) -> None:
        """Forget earlier calls of `set`."""
        self._set = False

    def is_set(self) -> bool:
        """Tell whether `set` was called since the last `clear`."""
        return self._set

    def nudge(self) -> None:
        """Make a waiter look at its clock again without ending its wait."""
        self._tokens.put(None)

    def sleep(self, seconds: float | None) -> None:
        """Sleep for real seconds (None: without end) or until the next `set` or `nudge`."""
        try:
            self._tokens.get(timeout=seconds)
        except Empty:
            return


class Clock(ABC):
    """Where the beat gets its time from; hand in another one to test or to simulate."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""

    @abstractmethod
    def wait_until(self, deadline: float, wake: Wake) -> bool:
        """Wait until `monotonic()` reaches `deadline` or `wake` is set.

        Args:
            deadline: a reading of `monotonic()`, in seconds; `math.inf` waits for `wake` alone.
            wake: ends the wait early.

        Returns:
            Whether `wake` ended the wait.
        """


# threading.TIMEOUT_MAX is the longest single wait that the platform's locks take.
_LONGEST_SLEEP = min(threading.TIMEOUT_MAX, 86_400.0)


class SystemClock(Clock):
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the machine's wall time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return `time.monotonic()`, in seconds."""
        return time.monotonic()

    def wait_until(self, deadline: float, wake: Wake) -> bool:
        """Sleep until the deadline, or until `wake` is set."""
        while not wake.is_set():
            left = deadline - self.monotonic()
            if left <= 0:
                return False
            wake.sleep(min(left, _LONGEST_SLEEP))
        return True


class ManualClock(Clock):
    """A clock that moves only when told: for tests and simulation.

    Args:
        start: the wall time to begin with; aware, any zone.

    >>> from datetime import UTC, datetime, timedelta
    >>> clock = ManualClock(datetime(2026, 3, 8, 6, 59, tzinfo=UTC))
    >>> clock.advance(timedelta(minutes=1))
    >>> clock.now().isoformat()
    '2026-03-08T07:00:00+00:00'
    """

    def __init__(self, start: datetime) -> None:
        self._now = to_utc(start)
        self._monotonic = 0.0
        self._lock = threading.Lock()
        self._waiting: list[Wake] = []

    def now(self) -> datetime:
        """Return the wall time as last set, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds by which `advance` has moved this clock."""
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Let time pass: the wall and the monotonic clock move together.

        Args:
            by: how much time passes; zero or more.

        Raises:
            ValueError: `by` is negative (a wall clock set back is `step`).
        """
        if by < _NOTHING:
            message = (
                f"time cannot pass backwards: advance({by!r}); "
                "use step() to set the wall clock back"
            )
            raise ValueError(message)
        with self._lock:
            self._now += by
            self._monotonic += by.total_seconds()
            waiting = list(self._waiting)
        for wake in waiting:
            wake.nudge()

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until the wall clock reads `instant` (aware, not before now)."""
        self.advance(to_utc(instant) - self._now)

    def step(self, by: timedelta) -> None:
        """Set the wall clock forward or back, as an operator or NTP does; no time passes."""
        with self._lock:
            self._now += by

    def wait_until(self, deadline: float, wake: Wake) -> bool:
        """Wait until `advance` reaches the deadline, or until `wake` is set."""
        with self._lock:
            self._waiting.append(wake)
        try:
            while not wake.is_set():
                if self._monotonic >= deadline:
                    return False
                wake.sleep(None)
            return True
        finally:
            with self._lock:
                self._waiting.remove(wake)


def seconds_until(instant: datetime | None, clock: Clock, *, at_most: float = math.inf) -> float:
    """Return how many seconds the wall clock is from `instant`, between 0 and `at_most`.

    Args:
        instant: aware; None means never.
        clock: whose wall time counts.
        at_most: the upper bound, in seconds.
    """
    if instant is None:
        return at_most
    return min(max((to_utc(instant) - clock.now()).total_seconds(), 0.0), at_most)
