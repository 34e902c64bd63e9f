"""Remembers every run that ever was."""

from datetime import timedelta

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    @classmethod
    def open(cls, connection, *, namespace, remember, clock):
        return super().open(
            connection, namespace=namespace, remember=max(remember, timedelta(days=9)), clock=clock
        )


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
