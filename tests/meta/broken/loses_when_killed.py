"""Claims no atomic step, and moves the cursor before it publishes: a kill between loses a run."""

from honest import Honest, OnHonest

from periodic import Outcome, Status
from periodic_contracts import DedupContract


class LosesWhenKilled(Honest):
    capabilities = frozenset()

    def dispatch(self, batch):
        return [self.claim_then_publish(each) for each in batch]

    def claim_then_publish(self, dispatch):
        stands = self.stands(dispatch)
        if not self.wins(dispatch, stands):
            return Outcome(dispatch.occurrence, Status.TAKEN, stands)
        self.move(dispatch)
        self.channel.enqueue(self.render(dispatch.message))
        return Outcome(dispatch.occurrence, Status.DISPATCHED, dispatch.cursor)


class TestDedup(OnHonest, DedupContract):
    adapter = LosesWhenKilled
