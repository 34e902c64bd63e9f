"""Answers a claim that is made again, because its answer was lost, by who holds the run."""

from honest_claims import OnHonestClaims

from periodic import MemoryRunClaims, RunStanding
from periodic_contracts import GuardContract


class Broken(MemoryRunClaims):
    def claim(self, claim, ttl):
        answer = super().claim(claim, ttl)
        mine = self._runs[claim.run].claim
        again = answer.standing is RunStanding.WON and getattr(self, "last", None) == mine
        self.last = mine
        return (
            super().claim(type(mine)(mine.run, mine.attempt, "another"), ttl) if again else answer
        )


class TestGuard(OnHonestClaims, GuardContract):
    adapter = Broken
