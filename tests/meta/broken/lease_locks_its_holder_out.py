"""Answers a holder that claims again with None: after an answer that was lost it is locked out."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class LockedOut(HonestLeases):
    def claim(self, key, owner, ttl):
        with self.lock:
            return None if self.live(key) is not None else super().claim(key, owner, ttl)


class Broken(Honest):
    make_leases = LockedOut


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
