"""The generic adapter keeps its promises over kombu's `filesystem://`, cursors in a file."""

import kombu
import pytest
from kombu.transport import filesystem

from periodic import FileCursors
from periodic_brokers.kombu import KombuBroker
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


class _Filesystem:
    """A clean broker in a directory of its own, reachable for every process of the machine."""

    adapter = KombuBroker
    label = "KombuBroker on filesystem"

    @pytest.fixture
    def connection(self, tmp_path):
        """Return a connection to empty directories."""
        # Kombu remembers bindings for the whole process, whatever the directories are.
        filesystem.Transport.global_state.clear()
        folders = {name: tmp_path / name for name in ("messages", "processed", "control")}
        for folder in folders.values():
            folder.mkdir()
        options = {
            "data_folder_in": str(folders["messages"]),
            "data_folder_out": str(folders["messages"]),
            "processed_folder": str(folders["processed"]),
            "control_folder": str(folders["control"]),
        }
        with kombu.Connection("filesystem://", transport_options=options) as connection:
            yield connection

    @pytest.fixture
    def cursors(self, tmp_path):
        """Make cursor stores on one file, as each beat of a machine does."""
        return lambda: FileCursors(tmp_path / "cursors.sqlite3")


@pytest.mark.thorough
class TestCrontab(_Filesystem, CrontabContract):
    """Crontab schedules, asked and run."""


@pytest.mark.thorough
class TestTimezones(_Filesystem, TimezoneContract):
    """The zones that must be right."""


class TestDedup(_Filesystem, DedupContract):
    """Each occurrence once, with the same id where a kill repeats it."""


class TestBeat(_Filesystem, BeatContract):
    """Starts, restarts and edits."""


class TestDispatch(_Filesystem, DispatchContract):
    """What a worker gets."""

    @pytest.fixture(autouse=True)
    def within_one_millisecond(self, monkeypatch):
        """Let every machine be so fast that all messages fall into one millisecond."""
        monkeypatch.setattr(filesystem, "monotonic", lambda: 1.0)


class TestRegistry(_Filesystem, RegistryContract):
    """Beats show themselves."""


class TestClocks(_Filesystem, ClockContract):
    """Clocks that are set, and clocks that are apart."""


class TestLeases(_Filesystem, LeaseContract):
    """Leases are not promised."""


class TestModel(_Filesystem, ModelContract):
    """Whatever beats do, in whatever order, and wherever they die."""

    stories = 12


class TestLeadership(_Filesystem, LeadershipContract):
    """Nobody leads: every broker claims."""
