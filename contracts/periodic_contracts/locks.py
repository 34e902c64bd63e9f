"""The part of the contract of leases about locks: held as long as the work goes, or told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from .claimants import (
    MISSING,
    MakeLeases,
    background,
    claimed,
    end_of,
    ends_after,
    eventually,
    owner_of,
)
from .contract import needs

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core


class LockPromises:
    """A `Lock` on the store's leases; `LeaseContract` has these.

    The lock goes by a clock of its own, which renews when it is told: its thread would see the
    machine's clock move while freezegun holds it for everybody else.
    """

    @pytest.fixture
    def pace(self, core: Core, clock: DrivenClock) -> periodic.ManualClock:
        """The clock that locks renew by."""
        return core.ManualClock(clock.now())

    @needs("LEASES")
    def test_a_lock_is_held_for_as_long_as_the_work_goes(
        self,
        core: Core,
        clock: DrivenClock,
        pace: periodic.ManualClock,
        make_leases: MakeLeases,
        key: str,
    ) -> None:
        """Its lease is renewed beyond its end, with one token, and given back afterwards."""
        rival, ttl, step = make_leases(), clock.units(6), clock.units(3)
        with core.Lock(make_leases(), key, ttl, clock=pace) as lock:
            token = lock.token
            for _ in range(3):
                renewed = partial(ends_after, lock, end_of(lock))
                clock.advance(step)
                pace.advance(step)
                assert eventually(core, renewed)
                assert rival.claim(key, "rival", ttl) is None
            lock.check()
            assert lock.token == token

        claimed(rival, key, "rival", ttl)

    @needs("LEASES")
    def test_a_lock_that_was_taken_over_tells_the_work(
        self,
        core: Core,
        clock: DrivenClock,
        pace: periodic.ManualClock,
        make_leases: MakeLeases,
        key: str,
    ) -> None:
        """A holder that was away too long finds out, and leaves the new holder alone."""
        rival, ttl = make_leases(), clock.units(2)
        lock = core.Lock(make_leases(), key, ttl, clock=pace)
        lock.acquire()
        clock.advance(clock.units(3))
        taken = claimed(rival, key, "rival", clock.units(1_000))
        pace.advance(ttl / 2)

        assert eventually(core, lambda: lock.lost)
        assert taken.token > lock.token
        with pytest.raises(core.LeaseLost, match=key):
            lock.check()
        assert lock.release() is False
        assert owner_of(rival, key) == "rival"

    @needs("LEASES")
    def test_a_lock_waits_for_its_turn(
        self,
        core: Core,
        clock: DrivenClock,
        pace: periodic.ManualClock,
        make_leases: MakeLeases,
        key: str,
    ) -> None:
        """Who asks once is refused; who waits goes on when the holder gives the lock back."""
        first, second = (
            core.Lock(make_leases(), key, clock.units(150), clock=pace) for _ in range(2)
        )
        with first:
            assert second.acquire(blocking=False) is False
            waiting = background(second.acquire)

        assert waiting.result(MISSING) is True
        assert second.release() is True
