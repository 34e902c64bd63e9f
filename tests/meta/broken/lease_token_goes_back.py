"""Counts the token of a key beside its lease: a release forgets the count with the lease."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class TokenGoesBack(HonestLeases):
    def next_token(self, key):
        ended = self.held.get(self.name(key))
        return 1 if ended is None else ended.token + 1


class Broken(Honest):
    make_leases = TokenGoesBack


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
