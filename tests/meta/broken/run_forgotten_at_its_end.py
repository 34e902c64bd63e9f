"""Forgets a run when it is finished, so its next copy runs."""

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def finish(self, claim):
        finished = super().finish(claim)
        if finished:
            del self._runs[claim.run]
        return finished


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
