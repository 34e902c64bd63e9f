"""Tells each beat the time that the beat has: it claims whatever the skew is."""

from honest import Honest, OnHonest

from periodic import Capability
from periodic_contracts import ClockContract


class TimeOfTheBeat(Honest):
    # Beside what Honest has: what makes its clock one that all processes share.
    capabilities = Honest.capabilities | {Capability.CROSS_PROCESS}


class TestClocks(OnHonest, ClockContract):
    adapter = TimeOfTheBeat
