"""A run whose worker died is never run again."""

from datetime import timedelta

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def claim(self, claim, ttl):
        return super().claim(claim, ttl and timedelta(days=9))


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
