"""Does not declare CROSS_PROCESS, and yet another process takes its messages away."""

import kombu
import pytest
from honest import OnHonest

from periodic_brokers.kombu import KombuBroker
from periodic_contracts import DispatchContract


class Undeclared(KombuBroker):
    capabilities = frozenset()


class TestDispatch(OnHonest, DispatchContract):
    adapter = Undeclared

    @pytest.fixture
    def connection(self, tmp_path):
        """Return a connection to a folder that every process can read."""
        names = ("data_folder_in", "data_folder_out", "control_folder")
        options = dict.fromkeys(names, str(tmp_path))
        with kombu.Connection("filesystem://", transport_options=options) as connection:
            yield connection
