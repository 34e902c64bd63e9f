"""Claims by `due > last`: a beat that is ahead makes the others' occurrences disappear."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class LaterWins(Honest):
    def wins(self, dispatch, stands):
        return dispatch.occurrence.fire_time > stands


class TestDedup(OnHonest, DedupContract):
    adapter = LaterWins
