"""The RabbitMQ adapter keeps its promises on a real node."""

import kombu
import pytest

from periodic_brokers.rabbitmq import RabbitMQBroker
from periodic_brokers.rabbitmq_queues import Names
from periodic_contracts import (
    BeatContract,
    ClockContract,
    DedupContract,
    DispatchContract,
    LeadershipContract,
    LeaseContract,
    ModelContract,
    RegistryContract,
)

#: Where contracts keep cursors.
_NAMESPACES = ("contracts", "elsewhere", "one", "two", *(f"model-{n}" for n in range(100)))


class _RabbitMQ:
    """A node that all tests share, without what an earlier test has kept there."""

    adapter = RabbitMQBroker

    @pytest.fixture
    def connection(self, rabbitmq_url):
        """Return a connection to the server, patient with a machine that is busy."""
        patience = {"read_timeout": 15, "write_timeout": 15}
        with kombu.Connection(rabbitmq_url, transport_options=patience) as connection:
            channel = connection.channel()
            for namespace in _NAMESPACES:
                names = Names(namespace)
                for queue in (names.init, names.state, names.log("a"), names.log("b")):
                    channel.queue_delete(queue)
            yield connection


@pytest.mark.rabbitmq
class TestDedupOnRabbitMQ(_RabbitMQ, DedupContract):
    """Each occurrence once."""


@pytest.mark.rabbitmq
class TestBeatOnRabbitMQ(_RabbitMQ, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.rabbitmq
class TestDispatchOnRabbitMQ(_RabbitMQ, DispatchContract):
    """What a worker gets."""


@pytest.mark.rabbitmq
class TestLeadershipOnRabbitMQ(_RabbitMQ, LeadershipContract):
    """One connection leads."""


@pytest.mark.rabbitmq
class TestClocksOnRabbitMQ(_RabbitMQ, ClockContract):
    """Clocks that are set; nothing of the server's."""

    clocks = ("manual",)


@pytest.mark.rabbitmq
class TestModelOnRabbitMQ(_RabbitMQ, ModelContract):
    """Whatever beats do, in whatever order, and wherever they die."""

    stories = 6


@pytest.mark.rabbitmq
class TestLeasesOnRabbitMQ(_RabbitMQ, LeaseContract):
    """Leases with an end are not declared, and cannot be asked for."""


@pytest.mark.rabbitmq
class TestRegistryOnRabbitMQ(_RabbitMQ, RegistryContract):
    """Beats cannot show themselves."""
