"""Knows no end: the key of a holder that died is held until somebody deletes it by hand."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class ForEver(HonestLeases):
    def live(self, key):
        return self.held.get(self.name(key))

    def wait_released(self, key, timeout, wake):
        """Give up at once, so that the fault shows in less than the timeout."""


class Broken(Honest):
    make_leases = ForEver


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
