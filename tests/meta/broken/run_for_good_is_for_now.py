"""Takes a run that began for one that may be begun again."""

from datetime import timedelta

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def claim(self, claim, ttl):
        return super().claim(claim, ttl or timedelta(seconds=20))


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
