"""Lets one lead without declaring LEADERSHIP: whoever looks before it asks lets all claim."""

from honest import OnHonest
from honest_leader import Leading

from periodic import Capability
from periodic_contracts import LeadershipContract


class Undeclared(Leading):
    capabilities = Leading.capabilities - {Capability.LEADERSHIP}


class TestLeadership(OnHonest, LeadershipContract):
    adapter = Undeclared
