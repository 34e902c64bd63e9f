"""Ends claims by the clock of whoever asks."""

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    @classmethod
    def open(cls, connection, *, namespace, remember, clock):
        own = cls(clock=clock, remember=remember)
        shared = super().open(connection, namespace=namespace, remember=remember, clock=clock)
        own._runs, own._lock = shared._runs, shared._lock
        return own


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
