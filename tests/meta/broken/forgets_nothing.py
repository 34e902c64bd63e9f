"""Keeps the cursor of an entry that is gone: it makes up for its absence when it comes back."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class ForgetsNothing(Honest):
    def forget(self, names):
        pass


class TestDedup(OnHonest, DedupContract):
    adapter = ForgetsNothing
