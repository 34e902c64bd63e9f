"""Forgets the namespace: two applications with a lock of one name keep each other out."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class OfAllNamespaces(HonestLeases):
    def name(self, key):
        return key


class Broken(Honest):
    make_leases = OfAllNamespaces


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
