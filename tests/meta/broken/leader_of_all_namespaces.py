"""Has one seat for all namespaces: of two applications only one is ever served."""

from honest import OnHonest
from honest_leader import Leading

from periodic_contracts import LeadershipContract


class OfAll(Leading):
    def seat(self):
        return "everybody"


class TestLeadership(OnHonest, LeadershipContract):
    adapter = OfAll
