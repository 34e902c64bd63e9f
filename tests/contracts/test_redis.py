"""The Redis adapter keeps every promise: on a Redis made of Python, on Redis, on Valkey."""

import kombu
import pytest

from periodic_brokers.redis import RedisBroker
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


class _Server:
    """An empty database on a server that all tests share."""

    adapter = RedisBroker
    #: The fixture with the URL of an empty database.
    server = ""

    @pytest.fixture
    def connection(self, request):
        """Return a connection to an empty database, patient with a machine that is busy."""
        patience = {"socket_timeout": 15, "socket_connect_timeout": 15}
        url = request.getfixturevalue(self.server)
        with kombu.Connection(url, transport_options=patience) as connection:
            yield connection


class _FakeRedis(_Server):
    label = "RedisBroker on fakeredis"
    server = "clean_fakeredis_url"


class _Redis(_Server):
    label = "RedisBroker on Redis"
    server = "clean_redis_url"


@pytest.mark.fakeredis
class TestDedupOnFakeRedis(_FakeRedis, DedupContract):
    """Each occurrence once."""


@pytest.mark.fakeredis
class TestBeatOnFakeRedis(_FakeRedis, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.fakeredis
class TestDispatchOnFakeRedis(_FakeRedis, DispatchContract):
    """What a worker gets."""


@pytest.mark.fakeredis
class TestLeadershipOnFakeRedis(_FakeRedis, LeadershipContract):
    """Nobody leads: every broker claims."""


@pytest.mark.fakeredis
class TestRegistryOnFakeRedis(_FakeRedis, RegistryContract):
    """Beats show themselves."""


@pytest.mark.fakeredis
class TestLeasesOnFakeRedis(_FakeRedis, LeaseContract):
    """Leases whose end the server's clock sets, which reads the frozen time."""

    clocks = ("freezegun", "time-machine", "wall")


@pytest.mark.fakeredis
class TestClocksOnFakeRedis(_FakeRedis, ClockContract):
    """Clocks that are set, and clocks that are apart."""


@pytest.mark.fakeredis
class TestModelOnFakeRedis(_FakeRedis, ModelContract):
    """Whatever beats do, in whatever order, and wherever they die."""

    stories = 6


@pytest.mark.redis
class TestCrontabOnRedis(_Redis, CrontabContract):
    """Crontab schedules, run on a frozen clock against a real server."""


@pytest.mark.redis
class TestTimezonesOnRedis(_Redis, TimezoneContract):
    """The zones that must be right, on a frozen clock against a real server."""


@pytest.mark.redis
class TestDedupOnRedis(_Redis, DedupContract):
    """Each occurrence once."""


@pytest.mark.redis
class TestBeatOnRedis(_Redis, BeatContract):
    """Starts, restarts and edits."""


@pytest.mark.redis
class TestDispatchOnRedis(_Redis, DispatchContract):
    """What a worker gets."""


@pytest.mark.redis
class TestRegistryOnRedis(_Redis, RegistryContract):
    """Beats show themselves."""


@pytest.mark.redis
class TestLeasesOnRedis(_Redis, LeaseContract):
    """Leases whose end the server's own clock sets."""

    clocks = ("wall",)


@pytest.mark.redis
class TestClocksOnRedis(_Redis, ClockContract):
    """Clocks that are set, and clocks that are apart."""


@pytest.mark.redis
class TestModelOnRedis(_Redis, ModelContract):
    """Whatever beats do, in whatever order, and wherever they die."""

    stories = 12
