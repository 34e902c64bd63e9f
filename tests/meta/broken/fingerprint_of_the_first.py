"""Keeps the schedule that was adopted, not the one dispatched: the next start counts anew."""

from dataclasses import replace

from honest import Honest, OnHonest

from periodic_contracts import ModelContract


class FingerprintOfTheFirst(Honest):
    def move(self, dispatch):
        kept = self.cursors.get(self.key(dispatch.occurrence.entry))
        fingerprint = kept.fingerprint if kept is not None else dispatch.fingerprint
        super().move(replace(dispatch, fingerprint=fingerprint))


class TestModel(OnHonest, ModelContract):
    adapter = FingerprintOfTheFirst
    shorten = False
    stories = 200
