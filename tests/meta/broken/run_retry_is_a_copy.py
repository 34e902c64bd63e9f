"""Takes a retry for a second copy of the first attempt."""

from dataclasses import replace

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def claim(self, claim, ttl):
        return super().claim(replace(claim, attempt=0), ttl)


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
