"""Stops at the first message that fails: one bad entry holds up all that come after it."""

from honest import Honest, OnHonest

from periodic import Outcome, Status
from periodic_contracts import DedupContract


class GivesUpTheBatch(Honest):
    def dispatch(self, batch):
        outcomes = []
        error = None
        for each in batch:
            if error is None:
                outcomes += super().dispatch([each])
                error = outcomes[-1].error
            else:
                at = each.previous
                outcomes.append(Outcome(each.occurrence, Status.FAILED, at, error))
        return outcomes


class TestDedup(OnHonest, DedupContract):
    adapter = GivesUpTheBatch
