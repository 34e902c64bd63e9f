"""Forgets the namespace: two applications with an entry of one name take each other's claims."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class OneNamespace(Honest):
    def key(self, name):
        return name


class TestDedup(OnHonest, DedupContract):
    adapter = OneNamespace
