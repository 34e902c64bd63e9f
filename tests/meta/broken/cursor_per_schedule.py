"""Keeps a cursor for each schedule an entry ever had: an edit taken back makes up for the rest."""

from honest import Honest, OnHonest

from periodic_contracts import ModelContract


class CursorPerSchedule(Honest):
    def adopt_one(self, adoption):
        kept = self.cursors.get(self.key(adoption.name))
        if kept is not None:
            self.cursors[(*self.key(adoption.name), kept.fingerprint)] = kept
        former = self.cursors.get((*self.key(adoption.name), adoption.fingerprint))
        if former is not None and kept is not None:
            self.cursors[self.key(adoption.name)] = former
        return super().adopt_one(adoption)


class TestModel(OnHonest, ModelContract):
    adapter = CursorPerSchedule
    shorten = False
    stories = 200
