"""Tells everybody that they lead: two brokers claim at a time."""

from honest import OnHonest
from honest_leader import Leading

from periodic_contracts import LeadershipContract


class Two(Leading):
    def lead(self):
        return True


class TestLeadership(OnHonest, LeadershipContract):
    adapter = Two
