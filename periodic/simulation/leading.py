"""Which of the simulated beats leads: the real contest for the beat lease, one turn at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ..broker import Broker
from ..clock import Clock
from ..leadership import RENEW_EVERY, TTL, Leadership
from ..registry import BeatStatus


class SimulatedLeadership(Leadership):
    """`Leadership` without its thread: the simulation takes its turns.

    Args:
        broker: keeps the lease.
        beat: the beat's id.
        clock: the beat's.
        changed: called when the beat has to look again.
    """

    def __init__(
        self, broker: Broker, *, beat: str, clock: Clock, changed: Callable[[], None]
    ) -> None:
        super().__init__(broker, beat=beat, clock=clock)
        self._server = broker
        self._look_again = changed
        self._started = False

    def start(self, changed: Callable[[], None], status: Callable[[], BeatStatus]) -> None:
        """Begin to contend at the simulation's next turn."""

        def both() -> None:
            changed()
            self._look_again()

        if not self._started:
            self._started = True
            self.attend(both, status)
            self._look_again()

    def stand_aside(self, *, aside: bool) -> None:
        """Give the lease back, or contend again, at the simulation's next turn."""
        if aside != self.aside:
            super().stand_aside(aside=aside)
            self._look_again()

    def contend(self, calm: timedelta) -> timedelta:
        """Take a turn.

        Args:
            calm: how long nothing will happen; renewals of that time are done at once.

        Returns:
            How long until the next turn.
        """
        ahead = RENEW_EVERY * max(calm // RENEW_EVERY, 0)
        turn = self.turn(ahead)
        if self.outage is None and self.leading:
            return ahead or turn.wait
        if turn.holder is None:
            return turn.wait
        # When that lease ends; or, where it was renewed ahead, when that is over.
        left = turn.holder.expires_at - self._server.now()
        return left - TTL if left > TTL + turn.wait else min(turn.wait, left)
