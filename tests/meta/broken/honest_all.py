"""The correct adapter, for the whole of each contract: no fault, no failure."""

from honest import OnHonest
from honest_leader import Leading

from periodic_contracts import (
    BeatContract,
    ClockContract,
    CrontabContract,
    DedupContract,
    DispatchContract,
    LeadershipContract,
    LeaseContract,
    ModelContract,
    RegistryContract,
    TimezoneContract,
)


class TestCrontab(OnHonest, CrontabContract):
    pass


class TestTimezones(OnHonest, TimezoneContract):
    pass


class TestDedup(OnHonest, DedupContract):
    pass


class TestDispatch(OnHonest, DispatchContract):
    pass


class TestBeat(OnHonest, BeatContract):
    pass


class TestLeases(OnHonest, LeaseContract):
    pass


class TestLeadership(OnHonest, LeadershipContract):
    adapter = Leading


class TestRegistry(OnHonest, RegistryContract):
    pass


class TestClocks(OnHonest, ClockContract):
    pass


class TestModel(OnHonest, ModelContract):
    pass
