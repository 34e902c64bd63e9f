"""Leads beyond its end: closing hands over to nobody."""

from honest import OnHonest
from honest_leader import Leading

from periodic_contracts import LeadershipContract


class ForEver(Leading):
    def resign(self):
        """Give nothing back."""


class TestLeadership(OnHonest, LeadershipContract):
    adapter = ForEver
