"""Sees that somebody set the wall clock: it moved other than the monotonic clock did."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from .clock import Clock

logger: logging.Logger = logging.getLogger(__name__)

#: A wall clock that moves this much more or less than the monotonic clock was set by somebody.
CLOCK_STEP: timedelta = timedelta(seconds=2)


class ClockWatch:
    """Looks at both clocks at each tick.

    Args:
        clock: the beat's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, float] | None = None
        #: How often the wall clock was seen to have been set.
        self.steps: int = 0

    def look(self) -> bool:
        """Tell whether the wall clock was set since the last look; log and count it."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        last, self._last = self._last, (now, monotonic)
        if last is None:
            return False
        step = (now - last[0]) - timedelta(seconds=monotonic - last[1])
        if abs(step) <= CLOCK_STEP:
            return False
        self.steps += 1
        logger.warning(
            "the wall clock was set by %+.1f s, to %s; what was dispatched does not run again",
            step.total_seconds(),
            now.isoformat(),
            extra={"event": "clock-step", "seconds": step.total_seconds()},
        )
        return True
