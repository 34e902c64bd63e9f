"""Keeps the runs of all applications together."""

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    @classmethod
    def open(cls, connection, *, namespace, remember, clock):
        return super().open(connection, namespace="all", remember=remember, clock=clock)


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
