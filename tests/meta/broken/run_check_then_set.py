"""Looks whether a run is free, and takes it in a second step."""

import time

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def claim(self, claim, ttl):
        if claim.run not in self._runs:
            time.sleep(0.001)
            self._runs.pop(claim.run, None)
        return super().claim(claim, ttl)


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
