"""The generic adapter keeps its promises on servers: the Redis made of Python, Redis, RabbitMQ.

The questions about schedules need no server and are asked elsewhere; here the beats enqueue
whole nights, each occurrence once.
"""

import kombu
import pytest

from periodic import FileCursors
from periodic_brokers.kombu import KombuBroker
from periodic_contracts import (
    BeatContract,
    CrontabContract,
    DedupContract,
    DispatchContract,
    TimezoneContract,
)


class _Server:
    """A broker on a server that all tests share; each drains its queue and has its own cursors."""

    adapter = KombuBroker
    #: The fixture with the server's URL.
    server = ""

    @pytest.fixture
    def connection(self, request):
        """Return a connection to the server."""
        with kombu.Connection(request.getfixturevalue(self.server)) as connection:
            yield connection

    @pytest.fixture
    def cursors(self, tmp_path):
        """Make cursor stores on one file, as each beat of a machine does."""
        return lambda: FileCursors(tmp_path / "cursors.sqlite3")


class _FakeRedis(_Server):
    label = "KombuBroker on fakeredis"
    server = "fakeredis_url"


class _Redis(_Server):
    label = "KombuBroker on Redis"
    server = "redis_url"


class _RabbitMQ(_Server):
    label = "KombuBroker on RabbitMQ"
    server = "rabbitmq_url"


@pytest.mark.fakeredis
class TestDedupOnFakeRedis(_FakeRedis, DedupContract):
    """Each occurrence once, with the same id where a kill repeats it."""


@pytest.mark.fakeredis
class TestBeatOnFakeRedis(_FakeRedis, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.fakeredis
class TestDispatchOnFakeRedis(_FakeRedis, DispatchContract):
    """What a worker gets."""


@pytest.mark.redis
class TestCrontabOnRedis(_Redis, CrontabContract):
    """Crontab schedules, run on a frozen clock against a real server."""


@pytest.mark.redis
class TestTimezonesOnRedis(_Redis, TimezoneContract):
    """The zones that must be right, on a frozen clock against a real server."""


@pytest.mark.redis
class TestDedupOnRedis(_Redis, DedupContract):
    """Each occurrence once, with the same id where a kill repeats it."""


@pytest.mark.redis
class TestBeatOnRedis(_Redis, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.redis
class TestDispatchOnRedis(_Redis, DispatchContract):
    """What a worker gets."""


@pytest.mark.rabbitmq
class TestDedupOnRabbitMQ(_RabbitMQ, DedupContract):
    """Each occurrence once, with the same id where a kill repeats it."""


@pytest.mark.rabbitmq
class TestBeatOnRabbitMQ(_RabbitMQ, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.rabbitmq
class TestDispatchOnRabbitMQ(_RabbitMQ, DispatchContract):
    """What a worker gets."""
