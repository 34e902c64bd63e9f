"""Releases without a look at the owner: a slow holder frees its successor's lease."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class FreedByAnybody(HonestLeases):
    def release(self, lease):
        with self.lock:
            return self.held.pop(self.name(lease.key), None) is not None


class Broken(Honest):
    make_leases = FreedByAnybody


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
