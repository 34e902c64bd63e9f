"""Forgets every cursor of the namespace, whichever entries are gone."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class ForgetsAll(Honest):
    def forget(self, names):
        with self.lock:
            for name in [name for space, name in self.cursors if space == self.namespace]:
                self.cursors.pop(self.key(name))


class TestDedup(OnHonest, DedupContract):
    adapter = ForgetsAll
