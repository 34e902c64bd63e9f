"""The memory adapter keeps every promise, under each clock."""

import kombu
import pytest

from periodic_brokers import memory
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


class _Memory:
    """A clean broker in this process."""

    adapter = memory.MemoryBroker

    @pytest.fixture
    def connection(self):
        """Return a connection to empty queues."""
        memory.reset()
        with kombu.Connection("memory://") as connection:
            yield connection
        memory.reset()


class TestCrontab(_Memory, CrontabContract):
    """Crontab schedules, asked and run."""


class TestTimezones(_Memory, TimezoneContract):
    """The zones that must be right."""


class TestDedup(_Memory, DedupContract):
    """Each occurrence once."""


class TestBeat(_Memory, BeatContract):
    """Starts, restarts and edits."""


class TestDispatch(_Memory, DispatchContract):
    """What a worker gets."""


class TestRegistry(_Memory, RegistryContract):
    """Beats show themselves."""


class TestClocks(_Memory, ClockContract):
    """Clocks that are set, and clocks that are apart."""


class TestLeases(_Memory, LeaseContract):
    """One holder, until the end."""


class TestLeadership(_Memory, LeadershipContract):
    """Nobody leads: every broker claims."""


class TestModel(_Memory, ModelContract):
    """Whatever beats do, in whatever order, and wherever they die."""

    stories = 50
