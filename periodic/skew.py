"""Whether this machine's clock and the broker's agree, asked before a beat claims."""

from __future__ import annotations

import logging
from datetime import timedelta

from .broker import Broker, Capability
from .clock import Clock

logger: logging.Logger = logging.getLogger(__name__)

#: The most that the two clocks may be apart.
MAX_SKEW: timedelta = timedelta(seconds=2)
#: Seconds between two looks while the clocks agree, and while they do not.
_LOOK = 10.0
_LOOK_AGAIN = 1.0


class SkewWatch:
    """Compares the beat's clock with the broker's, every few seconds.

    Args:
        broker: whose time counts; one that does not declare `SERVER_TIME` is never asked.
        clock: the beat's.
        max_skew: how far they may be apart; None never asks.
    """

    def __init__(self, broker: Broker, clock: Clock, max_skew: timedelta | None) -> None:
        self._broker = broker
        self._clock = clock
        self._max_skew = max_skew
        if Capability.SERVER_TIME not in broker.capabilities:
            self._max_skew = None
        self._look_at = clock.monotonic()
        #: Why nothing is claimed: one sentence, or "" while the clocks agree.
        self.reason: str = ""

    def look_now(self) -> None:
        """Let the next look be a real one: the wall clock was set."""
        self._look_at = self._clock.monotonic()

    def agrees(self) -> bool:
        """Tell whether the clocks agree, as of the last look; look again when it is time.

        Raises:
            BrokerUnreachable: the broker did not tell its time.
        """
        if self._max_skew is None:
            return True
        before = self._clock.monotonic()
        if before >= self._look_at:
            theirs = self._broker.now()
            after = self._clock.monotonic()
            # Their answer is from somewhere in between.
            ahead = self._clock.now() - theirs
            apart = abs(ahead) - timedelta(seconds=after - before)
            self._take_note(ahead, apart > self._max_skew)
            self._look_at = after + (_LOOK_AGAIN if self.reason else _LOOK)
        return not self.reason

    def _take_note(self, ahead: timedelta, too_far: bool) -> None:  # noqa: FBT001  # private
        was = self.reason
        seconds = ahead.total_seconds()
        self.reason = ""
        if too_far and self._max_skew is not None:
            self.reason = (
                f"this machine's clock is {abs(seconds):.1f} s "
                f"{'ahead of' if seconds > 0 else 'behind'} the broker's; nothing is claimed until "
                f"they agree within {self._max_skew.total_seconds():g} s: check the time service "
                "of both"
            )
        if self.reason and not was:
            logger.error("%s", self.reason, extra={"event": "clock-skew", "seconds": seconds})
        elif was and not self.reason:
            logger.info(
                "this machine's clock and the broker's agree again",
                extra={"event": "clock-skew-over"},
            )
