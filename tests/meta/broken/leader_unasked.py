"""Claims whoever leads: nobody looks before a dispatch."""

from honest import OnHonest
from honest_leader import Leading

from periodic_contracts import LeadershipContract


class Unasked(Leading):
    def may_claim(self):
        return True


class TestLeadership(OnHonest, LeadershipContract):
    adapter = Unasked
