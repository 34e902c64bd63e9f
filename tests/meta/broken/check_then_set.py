"""Looks at the cursor, publishes, then moves it, and nothing holds another beat back meanwhile."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class CheckThenSet(Honest):
    def dispatch(self, batch):
        return [self.check_then_set(each) for each in batch]

    def check_then_set(self, dispatch):
        stands = self.stands(dispatch)
        rendered = self.render(dispatch.message)
        self.stands = lambda _: stands
        try:
            return self.one(dispatch, rendered)
        finally:
            del self.stands


class TestDedup(OnHonest, DedupContract):
    adapter = CheckThenSet
