"""Gives each owner one token for ever: its second lease cannot be told from its first."""

from honest import Honest, OnHonest
from honest_leases import HonestLeases

from periodic_contracts import LeaseContract


class TokenStays(HonestLeases):
    def claim(self, key, owner, ttl):
        with self.lock:
            self.server["owner"] = owner
            return super().claim(key, owner, ttl)

    def next_token(self, key):
        tokens = self.server.setdefault("tokens", {})
        return tokens.setdefault((key, self.server["owner"]), len(tokens) + 1)


class Broken(Honest):
    make_leases = TokenStays


class TestLeases(OnHonest, LeaseContract):
    adapter = Broken
