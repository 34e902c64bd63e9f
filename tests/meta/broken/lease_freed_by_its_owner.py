"""Releases by the owner's name alone: a late release frees what the owner has claimed since."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class FreedByItsOwner(HonestLeases):
    def is_held(self, lease):
        live = self.live(lease.key)
        return live is not None and live.owner == lease.owner


class Broken(Honest):
    make_leases = FreedByItsOwner


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
