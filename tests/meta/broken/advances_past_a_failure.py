"""Follows the chain of a batch instead of the cursor: it advances past a message that failed."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class AdvancesPastAFailure(Honest):
    def dispatch(self, batch):
        self.forerunners = {}
        return super().dispatch(batch)

    def wins(self, dispatch, stands):
        entry = dispatch.occurrence.entry
        follows = self.forerunners.get(entry) == dispatch.previous
        won = follows or super().wins(dispatch, stands)
        if won:
            self.forerunners[entry] = dispatch.cursor
        return won


class TestDedup(OnHonest, DedupContract):
    adapter = AdvancesPastAFailure
