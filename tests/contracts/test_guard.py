"""Claims of runs keep every promise: in memory, on a Redis made of Python, on Redis."""

import kombu
import pytest

from periodic import MemoryRunClaims
from periodic_brokers import memory
from periodic_brokers.redis_run_claims import RedisRunClaims
from periodic_contracts import GuardContract


class TestGuardInMemory(GuardContract):
    """Claims of the threads of this process."""

    adapter = MemoryRunClaims

    @pytest.fixture
    def connection(self):
        """Forget what other tests have claimed."""
        memory.reset()
        yield
        memory.reset()


class _Server:
    """An empty database on a server that all tests share."""

    adapter = RedisRunClaims
    #: The fixture with the URL of an empty database.
    server = ""

    @pytest.fixture
    def connection(self, request):
        """Return a connection to an empty database, patient with a machine that is busy."""
        patience = {"socket_timeout": 15, "socket_connect_timeout": 15}
        url = request.getfixturevalue(self.server)
        with kombu.Connection(url, transport_options=patience) as connection:
            yield connection


@pytest.mark.fakeredis
class TestGuardOnFakeRedis(_Server, GuardContract):
    """Claims whose end the server's clock sets, which reads the frozen time."""

    label = "RedisRunClaims on fakeredis"
    server = "clean_fakeredis_url"
    clocks = ("freezegun", "time-machine", "wall")


@pytest.mark.redis
class TestGuardOnRedis(_Server, GuardContract):
    """Claims whose end the server's own clock sets."""

    label = "RedisRunClaims on Redis"
    server = "clean_redis_url"
    clocks = ("wall",)
