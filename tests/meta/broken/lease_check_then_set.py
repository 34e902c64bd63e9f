"""Looks whether the key is free, and takes it in a second call to the server."""

import time

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic import Lease
from periodic_contracts import LeaseContract

ROUND_TRIP = 0.001


class CheckThenSet(HonestLeases):
    def claim(self, key, owner, ttl):
        held = self.holder(key)
        if held is not None or ttl.total_seconds() <= 0:
            return super().claim(key, owner, ttl)
        time.sleep(ROUND_TRIP)
        with self.lock:
            return self.keep(Lease(key, owner, self.next_token(key), self.now()), ttl)


class Broken(Honest):
    make_leases = CheckThenSet


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
