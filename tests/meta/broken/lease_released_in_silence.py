"""Tells nobody of a release: whoever waits sleeps until the lease would have ended."""

from honest import Honest, OnHonest
from honest_leases import LOOK, HonestLeases

from periodic_contracts import LeaseContract


class ReleasedInSilence(HonestLeases):
    def wait_released(self, key, timeout, wake):
        lease = self.holder(key)
        ends = self.now() if lease is None else lease.expires_at
        while self.now() < ends and not wake.is_set():
            wake.sleep(LOOK)


class Broken(Honest):
    make_leases = ReleasedInSilence


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
