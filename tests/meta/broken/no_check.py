"""Never looks at the cursor: every beat enqueues every occurrence."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class NoCheck(Honest):
    def wins(self, dispatch, stands):
        return True


class TestDedup(OnHonest, DedupContract):
    adapter = NoCheck
