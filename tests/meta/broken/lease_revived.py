"""Renews a lease that has ended as long as nobody has claimed the key: or nobody seen here."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic import LeaseLost
from periodic_contracts import LeaseContract


class Revived(HonestLeases):
    def renew(self, lease, ttl):
        with self.lock:
            kept = self.held.get(self.name(lease.key))
            if kept is None or kept.token != lease.token:
                raise LeaseLost(f"{lease.key} is lost")
            return self.keep(lease, ttl)


class Broken(Honest):
    make_leases = Revived


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
