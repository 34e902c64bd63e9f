"""Starts counting anew with each beat: what came due while none ran is lost."""

from honest import Honest, OnHonest

from periodic import Cursor
from periodic_contracts import BeatContract


class StartForgets(Honest):
    def adopt_one(self, adoption):
        key = self.key(adoption.name)
        self.cursors[key] = Cursor(adoption.anchor, adoption.fingerprint)
        return adoption.anchor


class TestBeat(OnHonest, BeatContract):
    adapter = StartForgets
