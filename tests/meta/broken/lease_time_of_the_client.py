"""Leases end by the clock of whoever asks: one whose clock is ahead takes everybody's key."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class TimeOfTheClient(HonestLeases):
    def now(self):
        return self.client_clock.now()


class Broken(Honest):
    make_leases = TimeOfTheClient


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
