"""Does not declare SERVER_TIME and tells a time all the same, which no beat compares."""

from honest import Honest, OnHonest

from periodic import Capability
from periodic_contracts import ClockContract


class TimeUndeclared(Honest):
    capabilities = Honest.capabilities - {Capability.SERVER_TIME}


class TestClocks(OnHonest, ClockContract):
    adapter = TimeUndeclared
