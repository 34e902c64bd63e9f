"""Which of the simulated beats leads: the real contest for the beat lease, one turn at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ..broker import Broker
from ..clock import Clock, Wake
from ..errors import BrokerUnreachable
from ..leadership import RENEW_EVERY, TTL, Leadership
from ..leases import Lease, LeaseStore
from ..registry import BeatStatus

_TRY_AGAIN = 1.0


class SimulatedLeadership(Leadership):
    """`Leadership` without its thread: what it would wait for is said to the simulation.

    Args:
        broker: keeps the lease.
        beat: the beat's id.
        clock: the beat's.
        changed: called when the beat has to look again.
    """

    def __init__(
        self, broker: Broker, *, beat: str, clock: Clock, changed: Callable[[], None]
    ) -> None:
        super().__init__(_PatientBroker(broker, self), beat=beat, clock=clock)  # type: ignore[arg-type]
        self._look_again = changed
        self.started: bool = False
        #: How long nothing will happen: so long a lease is renewed at once.
        self.calm: timedelta = timedelta(0)
        self._wait = 0.0

    def start(self, changed: Callable[[], None], status: Callable[[], BeatStatus]) -> None:
        """Begin to contend at the simulation's next turn."""

        def both() -> None:
            changed()
            self._look_again()

        if not self.started:
            self.started = True
            self._changed, self._status = both, status
            self._look_again()

    def stand_aside(self, *, aside: bool) -> None:
        """Give the lease back, or contend again, at the simulation's next turn."""
        super().stand_aside(aside=aside)
        if self._wake.is_set():
            self._wake.clear()
            self._look_again()

    def leave(self) -> None:
        """Nobody waits here."""

    def stop(self, timeout: float = 0.9) -> None:
        """Nobody waits here."""

    def turn(self, calm: timedelta) -> timedelta:
        """Contend once.

        Args:
            calm: how long nothing will happen; renewals of that time are done at once.

        Returns:
            How long until the next turn.
        """
        rounds = max(calm // RENEW_EVERY, 0)
        self.calm = RENEW_EVERY * rounds
        try:
            self._contend()
        except BrokerUnreachable as error:
            self._outage = error
            self._changed()
            self._wait = _TRY_AGAIN
        if self.leading:
            self._trusted_until += self.calm.total_seconds()
            if rounds:
                return self.calm
        return timedelta(seconds=self._wait)

    def wait_for(self, seconds: float) -> None:
        """Take note of how long the thread would wait."""
        self._wait = seconds

    def _pause(self, seconds: float) -> None:
        self.wait_for(seconds)


class _PatientBroker:
    """The broker as `Leadership` sees it: its leases bridge what the simulation leaps over."""

    def __init__(self, broker: Broker, leadership: SimulatedLeadership) -> None:
        self._broker = broker
        self._leadership = leadership
        self.capabilities = broker.capabilities

    def leases(self) -> LeaseStore:
        return _PatientLeases(self._broker, self._leadership)


class _PatientLeases(LeaseStore):
    def __init__(self, broker: Broker, leadership: SimulatedLeadership) -> None:
        self._leases = broker.leases()
        self._now = broker.now
        self._leadership = leadership

    def claim(self, key: str, owner: str, ttl: timedelta) -> Lease | None:
        return self._leases.claim(key, owner, ttl + self._leadership.calm)

    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        return self._leases.renew(lease, ttl + self._leadership.calm)

    def release(self, lease: Lease) -> bool:
        return self._leases.release(lease)

    def holder(self, key: str) -> Lease | None:
        return self._leases.holder(key)

    def wait_released(self, key: str, timeout: timedelta, wake: Wake) -> None:  # noqa: ARG002
        """Say when to look again: when the lease ends, or was bridged to, or after `timeout`."""
        holder = self._leases.holder(key)
        left = timedelta(0) if holder is None else holder.expires_at - self._now()
        wait = left - TTL if left > TTL + timeout else min(timeout, left)
        self._leadership.wait_for(wait.total_seconds())
