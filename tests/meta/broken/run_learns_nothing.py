"""Knows nothing of a run that began while it did not answer."""

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def finish(self, claim):
        return claim.run in self._runs and super().finish(claim)


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
