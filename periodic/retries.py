"""When to try again: waits that double, and the time between a broker's going and its return."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from .clock import Clock
from .errors import BrokerUnreachable

logger: logging.Logger = logging.getLogger(__name__)

_FIRST = timedelta(milliseconds=500)
_LONGEST_OUTAGE = timedelta(seconds=5)


@dataclass(slots=True)
class BackOff:
    """Waits that double, from half a second up to a longest.

    Args:
        longest: the bound of a wait.
        failures: how many there were.
    """

    longest: timedelta
    failures: int = 0

    def next(self) -> timedelta:
        """Count a failure and return how long to wait after it."""
        # 2**16 half seconds are over any bound; the exponent stays small whatever the count.
        doubled = _FIRST * (1 << min(self.failures, 16))
        self.failures += 1
        return min(doubled, self.longest)


class Outage:
    """Whether the broker is away, why, and when to ask it again; told in the log when it changes.

    Args:
        clock: whose monotonic time counts the waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._back_off: BackOff | None = None
        self._asking = False
        self._state = ""
        self._retry_at = 0.0
        #: What the broker, or the way to it, said; "" while it answers.
        self.reason: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it is too early to ask the broker."""
        return self._back_off is not None and self._clock.monotonic() < self._retry_at

    def retry_instant(self) -> datetime:
        """Return when the wait is over, in UTC."""
        left = max(self._retry_at - self._clock.monotonic(), 0.0)
        return self._clock.now() + timedelta(seconds=left)

    def failed(self, error: BrokerUnreachable, *, asking: bool) -> None:
        """Take note of an unreachable broker; several failures of one batch count once.

        Args:
            error: what the broker, or the way to it, said.
            asking: whether it was asked for something (its time, cursors), not given messages.
        """
        if self.waiting:
            return
        if self._back_off is None:
            self._back_off, self._asking = BackOff(_LONGEST_OUTAGE), asking
        if self._state != error.state:  # also when a server that was gone is back and loading
            logger.error(
                "broker unreachable (%s), runs are delayed until it answers: %s",
                error.state,
                error,
                extra={"event": "broker-unreachable", "state": error.state},
            )
        self._state, self.reason = error.state, str(error)
        self._retry_at = self._clock.monotonic() + self._back_off.next().total_seconds()

    def answered(self) -> None:
        """Take note that it answered a question: the end of an outage that began with one."""
        if self._asking:
            self.over()

    def over(self) -> None:
        """Take note that the broker has taken a message."""
        if self._back_off is not None:
            self._back_off, self._asking, self._state, self.reason = None, False, "", ""
            logger.info("broker reachable again", extra={"event": "broker-reachable"})
