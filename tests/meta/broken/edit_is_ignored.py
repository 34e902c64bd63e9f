"""Keeps the old cursor when a schedule is edited: the edit makes up for runs that never were."""

from honest import Honest, OnHonest

from periodic import Cursor
from periodic_contracts import DedupContract


class EditIsIgnored(Honest):
    def adopt_one(self, adoption):
        key = self.key(adoption.name)
        return self.cursors.setdefault(key, Cursor(adoption.anchor, adoption.fingerprint)).at


class TestDedup(OnHonest, DedupContract):
    adapter = EditIsIgnored
