"""Hands out leases without declaring LEASES: whoever looks before it asks does without."""

from honest import Honest, OnHonest

from periodic import Capability
from periodic_contracts import LeaseContract


class Undeclared(Honest):
    capabilities = Honest.capabilities - {Capability.LEASES}


class TestLeases(OnHonest, LeaseContract):
    adapter = Undeclared
