"""Who claims leases, waits for them and races for them in contracts."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import periodic

    from .clocks import DrivenClock
    from .contract import MakeBroker
    from .core import Core

#: Real seconds after which what does not come is missing.
MISSING = 10.0
#: Real seconds within which a call in another thread is under way.
_UNDER_WAY = 0.1
#: Real seconds between two looks.
_LOOK = 0.01

MakeLeases = Callable[[], "periodic.LeaseStore"]


class Claimants:
    """The part of the contract of leases that makes leases; `LeaseContract` has these fixtures."""

    @pytest.fixture
    def make_leases(self, clock: DrivenClock, make_broker: MakeBroker) -> MakeLeases:
        """Open the leases of one namespace, as another process does."""
        return lambda: make_broker(clock.core_clock).leases()

    @pytest.fixture
    def leases(self, make_leases: MakeLeases) -> periodic.LeaseStore:
        """The leases as one process sees them."""
        return make_leases()

    @pytest.fixture
    def key(self) -> str:
        """A key that no other test uses, for a lease outlives its test on a server."""
        return f"key-{uuid.uuid4().hex[:8]}"


def claimed(leases: periodic.LeaseStore, key: str, owner: str, ttl: timedelta) -> periodic.Lease:
    """Claim a key that must be free."""
    lease = leases.claim(key, owner, ttl)
    assert lease is not None, f"{owner} claims {key} and does not get it, though nobody holds it"
    return lease


def owner_of(leases: periodic.LeaseStore, key: str) -> str | None:
    """Return who holds a key, if anybody does."""
    lease = leases.holder(key)
    return None if lease is None else lease.owner


def end_of(lock: periodic.Lock) -> datetime:
    """Return when the lease of an acquired lock ends."""
    assert lock.lease is not None, f"the lock on {lock.key} is acquired and has no lease"
    return lock.lease.expires_at


def ends_after(lock: periodic.Lock, instant: datetime) -> bool:
    """Tell whether the lease of an acquired lock ends later than an instant."""
    return end_of(lock) > instant


def background(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call in a thread that does not hold up the run when it never ends; return when it waits."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call(*arguments))
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    wait([future], _UNDER_WAY)
    return future


def eventually(core: Core, condition: Callable[[], bool]) -> bool:
    """Give other threads real time to make something true; tell whether they did."""
    wake = core.Wake()
    for _ in range(round(MISSING / _LOOK)):
        if condition():
            return True
        wake.sleep(_LOOK)
    return condition()
