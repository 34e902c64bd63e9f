"""The generic adapter keeps its promises on a server that has no adapter of its own: RabbitMQ.

The questions about schedules need no server and are asked elsewhere.
"""

import kombu
import pytest

from periodic import FileCursors
from periodic_brokers.kombu import KombuBroker
from periodic_contracts import BeatContract, DedupContract, DispatchContract


class _RabbitMQ:
    """A broker on a node that all tests share; each drains its queue and has its own cursors."""

    adapter = KombuBroker
    label = "KombuBroker on RabbitMQ"

    @pytest.fixture
    def connection(self, rabbitmq_url):
        """Return a connection to the server."""
        with kombu.Connection(rabbitmq_url) as connection:
            yield connection

    @pytest.fixture
    def cursors(self, tmp_path):
        """Make cursor stores on one file, as each beat of a machine does."""
        return lambda: FileCursors(tmp_path / "cursors.sqlite3")


@pytest.mark.rabbitmq
class TestDedupOnRabbitMQ(_RabbitMQ, DedupContract):
    """Each occurrence once, with the same id where a kill repeats it."""


@pytest.mark.rabbitmq
class TestBeatOnRabbitMQ(_RabbitMQ, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.rabbitmq
class TestDispatchOnRabbitMQ(_RabbitMQ, DispatchContract):
    """What a worker gets."""
