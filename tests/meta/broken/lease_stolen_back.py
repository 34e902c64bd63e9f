"""Renews without a look at who holds the key: a slow holder takes it back from its successor."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic import LeaseLost
from periodic_contracts import LeaseContract


class StolenBack(HonestLeases):
    def renew(self, lease, ttl):
        with self.lock:
            if self.live(lease.key) is None:
                raise LeaseLost(f"{lease.key} is lost")
            return self.keep(lease, ttl)


class Broken(Honest):
    make_leases = StolenBack


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
