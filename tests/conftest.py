"""Private servers for the tests: each starts once, on a free loopback port, and is stopped by pid.

`PERIODIC_TEST_REDIS_URL` and `PERIODIC_TEST_RABBITMQ_URL` name running servers instead: the Redis
database of that URL is emptied, the RabbitMQ virtual host is used as it is. A missing server skips
its tests by name; it is an error where `PERIODIC_REQUIRE` names it.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import testpostgres

from periodic_contracts import servers


def _is_for_another(variable: str) -> bool:
    """Tell whether the matrix gives something to another interpreter than this one."""
    chosen = os.environ.get(variable)
    return bool(chosen) and chosen != f"py{sys.version_info[0]}{sys.version_info[1]}"


def _takes_no_thorough_ones() -> bool:
    return _is_for_another("PERIODIC_THOROUGH")


def pytest_configure() -> None:
    """Measure the tests without servers on one interpreter only: it doubles their time."""
    if _is_for_another("PERIODIC_MEASURED") and os.environ.get("PERIODIC_BROKERS") == "memory":
        measuring = _measuring()
        if measuring is not None:
            measuring.stop()
        for variable in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
            os.environ.pop(variable, None)


def _measuring() -> Any:
    """Return what measures coverage now, if anything does."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage is not None else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the thorough tests to the interpreter that the environment names, if it names one."""
    thorough = [item for item in items if item.get_closest_marker("thorough")]
    if thorough and _takes_no_thorough_ones():
        left_out = set(thorough)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=thorough)


def pytest_report_header() -> str | None:
    """Say where the thorough tests run, where they do not run here."""
    if _takes_no_thorough_ones():
        return f"thorough tests: run on {os.environ['PERIODIC_THOROUGH']}, not here"
    return None


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Measure no coverage and collect no garbage: an interrupt at any bytecode may hit either.

    Coverage has a lock in hand then; and what a callback or a finalizer of the collector raises,
    such as Hypothesis's, is lost.
    """
    measuring = _measuring()
    if measuring is not None:
        measuring.stop()
    gc.disable()
    yield
    gc.enable()
    if measuring is not None:
        measuring.start()


def _demand(kind: str) -> None:
    """Skip by name where there is no such server here, or fail where it is required."""
    try:
        servers.find(kind)
    except servers.ServerMissingError as error:
        if kind in servers.required():
            pytest.fail(f"PERIODIC_REQUIRE names {kind}: {error}", pytrace=False)
        pytest.skip(str(error))


def _server(kind: str) -> Iterator[servers.Server]:
    """Run a private server of this kind, or skip by name, or fail where it is required."""
    _demand(kind)
    with servers.private(kind) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Server]:
    """A private Redis or Valkey process."""
    yield from _server("redis")


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[servers.Server]:
    """A private RabbitMQ node with its own epmd."""
    yield from _server("rabbitmq")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL, as SQLAlchemy takes it, of a private PostgreSQL that the whole run shares."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    if testpostgres.find() is None and "postgresql" not in servers.required():
        pytest.skip("no PostgreSQL on this machine")
    with testpostgres.private() as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """Broker URL of a Redis server that the whole run shares."""
    given = os.environ.get("PERIODIC_TEST_REDIS_URL")
    return given or request.getfixturevalue("redis_server").url


@pytest.fixture(scope="session")
def rabbitmq_url(request: pytest.FixtureRequest) -> str:
    """Broker URL of a RabbitMQ node that the whole run shares."""
    given = os.environ.get("PERIODIC_TEST_RABBITMQ_URL")
    return given or request.getfixturevalue("rabbitmq_server").url


@pytest.fixture(scope="session")
def fakeredis_url() -> Iterator[str]:
    """Broker URL of a Redis made of Python that listens on a loopback port."""
    # Heavy, and only this fixture needs them.
    from fakeredis import TcpFakeServer
    from redis import ResponseError

    TcpFakeServer.daemon_threads = True
    server = TcpFakeServer(("127.0.0.1", servers.free_port()), server_type="redis")

    class Handler(server.RequestHandlerClass):
        # Else each pipeline waits 40 ms for the client's delayed acknowledgement.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def answer() -> object:
                # An error that is raised here makes it hang up; Redis answers with the error.
                try:
                    return read()
                except ResponseError as error:
                    return error

            self.current_client.read_response = answer

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever, name="fakeredis", daemon=True)
    thread.start()
    url = f"redis://127.0.0.1:{server.server_address[1]}/0"
    _warm_up(url)
    yield url
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def own_redis() -> Iterator[Callable[..., servers.Server]]:
    """Starts Redis servers that are the test's alone, with options of `redis-server`."""
    _demand("redis")
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(servers.private("redis", *options))


@pytest.fixture
def clean_redis_url(redis_url: str) -> str:
    """Broker URL of an empty Redis database."""
    return _flushed(redis_url)


@pytest.fixture
def clean_fakeredis_url(fakeredis_url: str) -> str:
    """Broker URL of an empty database in the Redis made of Python."""
    return _flushed(fakeredis_url)


@pytest.fixture
def clean_rabbitmq_url(request: pytest.FixtureRequest, rabbitmq_url: str) -> Iterator[str]:
    """Broker URL of a fresh virtual host; of the given one where the environment names a server."""
    if os.environ.get("PERIODIC_TEST_RABBITMQ_URL"):
        yield rabbitmq_url
        return
    with request.getfixturevalue("rabbitmq_server").vhost() as url:
        yield url


def _warm_up(url: str) -> None:
    """Run a script: the first one loads Lua, which takes seconds on a busy machine."""
    import redis  # only tests with a Redis need it

    with redis.Redis.from_url(url, socket_timeout=None) as client:
        client.eval("return 1", 0)


def _flushed(url: str) -> str:
    """Empty the database that the URL names."""
    import redis  # only tests with a Redis need it

    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
