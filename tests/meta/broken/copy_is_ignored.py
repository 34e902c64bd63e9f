"""Starts counting anew where a copy knows better: a loss of data loses runs."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class CopyIsIgnored(Honest):
    def start(self, adoption, cursor):
        return adoption.anchor


class TestDedup(OnHonest, DedupContract):
    adapter = CopyIsIgnored
