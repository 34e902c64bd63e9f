"""`connect(url)` picks the adapter, and says what to install where there is none."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import kombu
import pytest

from periodic import (
    Broker,
    ConfigError,
    FileCursors,
    ManualClock,
    MemoryCursors,
    RunClaims,
    find_adapter,
)
from periodic.adapters import find_run_claims
from periodic_brokers import connect
from periodic_brokers.kombu import KombuBroker
from periodic_brokers.memory import MemoryBroker


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make these entry points of the group of adapters all that is installed."""

    def install(**points: str) -> None:
        found = [EntryPoint(name, path, "periodic.brokers") for name, path in points.items()]
        monkeypatch.setattr("periodic.adapters.entry_points", lambda group: found)

    return install


@pytest.mark.parametrize(
    ("url", "adapter"),
    [
        ("memory://", "periodic_brokers.memory:MemoryBroker"),
        ("redis://127.0.0.1:1/0", "periodic_brokers.redis:RedisBroker"),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", "periodic_brokers.redis:RedisBroker"),
        ("redis+socket:///run/redis.sock", "periodic_brokers.redis:RedisBroker"),
        ("sentinel://127.0.0.1:1/0", "periodic_brokers.redis:RedisBroker"),
        ("filesystem://", "periodic_brokers.kombu:KombuBroker"),
    ],
)
def test_the_scheme_chooses_the_adapter(url: str, adapter: str, tmp_path: Path) -> None:
    """Nothing is connected: the servers of these URLs are not there."""
    broker = connect(url, namespace="shop", cursors=tmp_path / "cursors")
    broker.close()

    assert adapter == f"{type(broker).__module__}:{type(broker).__qualname__}"


def test_the_adapter_works(clean_memory: Any, clock: ManualClock, kit: Any) -> None:
    """Namespace and clock are those that were given; what is dispatched is enqueued."""
    broker = connect("memory://", namespace="test", clock=clock)
    kit.adopt(broker, "job")
    (outcome,) = broker.dispatch([kit.dispatch(kit.Text("hello"))])
    assert "dispatched" == outcome.status
    assert clock.now() == broker.now()
    broker.close()
    with kombu.Connection("memory://") as connection:
        message = connection.SimpleQueue("periodic-test").get_nowait()

    assert "hello" == message.payload


def test_cursors_are_kept_where_it_is_said(tmp_path: Path) -> None:
    """A path is a file; a callable makes what it likes."""
    path = tmp_path / "cursors"
    connect("filesystem://", namespace="shop", cursors=str(path)).close()
    assert path.exists()
    made: list[MemoryCursors] = []

    def make() -> MemoryCursors:
        made.append(MemoryCursors())
        return made[-1]

    connect("filesystem://", namespace="shop", cursors=make).close()

    assert 1 == len(made)


def test_a_broker_without_cursors_asks_where_to_keep_them() -> None:
    """Nobody's runs are counted in a file that nobody named."""
    with pytest.raises(ConfigError, match=r"KombuBroker keeps no cursors.*cursors='/var/lib"):
        connect("filesystem://", namespace="shop")


def test_kombus_options_are_handed_on(tmp_path: Path) -> None:
    """Whatever a `kombu.Connection` takes besides its URL."""
    options = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)}
    broker = connect(
        "filesystem://", namespace="shop", cursors=MemoryCursors, transport_options=options
    )
    kept = broker._connection.transport_options  # type: ignore[attr-defined]
    broker.close()

    assert options == {key: kept[key] for key in options}


def test_a_connection_serves_as_well() -> None:
    """One that an app has made; options besides it would be lost, so they are refused."""
    with kombu.Connection("memory://") as connection:
        broker = connect(connection, namespace="shop")
        assert isinstance(broker, MemoryBroker)
        broker.close()

        with pytest.raises(ConfigError, match="a Connection is given, and ssl besides"):
            connect(connection, namespace="shop", ssl=True)


@pytest.mark.parametrize("url", ["", "localhost", "redis", "redis:/localhost"])
def test_a_text_without_a_scheme_is_refused(url: str) -> None:
    """Kombu would read it as the host of an AMQP broker."""
    with pytest.raises(ConfigError, match="names no transport; give a URL with a scheme"):
        connect(url, namespace="shop")


def test_an_unknown_scheme_names_what_is_installed_and_what_to_install() -> None:
    """The nearest transport, the adapters that are there, and how others get there."""
    with pytest.raises(ConfigError) as caught:
        connect("reddis://localhost/0", namespace="shop")

    told = str(caught.value)
    assert told.startswith("the broker reddis:// cannot be used: No such transport: reddis")
    assert "adapters are installed for " in told
    assert "kombu, memory, " in told
    assert "pip install 'periodic-celery[redis]'" in told
    assert "pip install 'periodic-celery[rabbitmq]'" in told


def test_a_password_is_not_told() -> None:
    """The message names the scheme, not the URL."""
    with pytest.raises(ConfigError) as caught:
        connect("reddis://me:secret@localhost/0", namespace="shop")

    assert "secret" not in str(caught.value)


def test_a_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kombu knows the transport, and cannot import what it needs."""

    def missing(transport: str) -> None:
        raise ImportError("The boto3 library is missing")

    monkeypatch.setattr("kombu.connection.get_transport_cls", missing)
    with pytest.raises(
        ConfigError, match=r"sqs:// cannot be .*boto3 library is missing; .*install 'kombu\[sqs\]'"
    ):
        connect("sqs://", namespace="shop")


def test_an_adapter_that_cannot_be_imported_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kombu's transport may load where the adapter's own driver is not there."""
    monkeypatch.delitem(sys.modules, "periodic_brokers.redis", raising=False)
    monkeypatch.setitem(sys.modules, "periodic_brokers.capture", None)

    with pytest.raises(
        ConfigError,
        match=r"RedisBroker, which serves 'redis', cannot be loaded: .*"
        r"pip install 'periodic-celery\[redis\]'",
    ):
        connect("redis://localhost/0", namespace="shop")


def test_third_parties_register_by_entry_point(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Theirs serves its scheme; all others have the generic one."""
    (tmp_path / "theirs.py").write_text(
        "from periodic_brokers.kombu import KombuBroker\nclass Theirs(KombuBroker): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    install(filesystem="theirs:Theirs", kombu="periodic_brokers.kombu:KombuBroker")
    broker = connect("filesystem://", namespace="shop", cursors=MemoryCursors)
    broker.close()

    assert "Theirs" == type(broker).__name__
    assert find_adapter("memory") is KombuBroker


def test_what_is_no_adapter_is_refused(install: Any) -> None:
    """An entry point that names something else is a mistake of its package, named."""
    install(redis="json:dumps")

    with pytest.raises(ConfigError, match=r"entry point .*redis names .*dumps.*not a Broker class"):
        find_adapter("redis")


def test_without_any_adapter_the_package_is_named(install: Any) -> None:
    """The vendored core alone has none."""
    install()

    with pytest.raises(ConfigError, match=r"serves 'redis' \(installed: none\); pip install"):
        find_adapter("redis")


@pytest.mark.parametrize("transport", ["memory", "redis", "rediss", "sentinel"])
def test_claims_of_runs_are_found_by_the_same_names(transport: str) -> None:
    """Each is a class that keeps them."""
    assert issubclass(find_run_claims(transport), RunClaims)


def test_where_runs_cannot_be_claimed_a_place_is_offered() -> None:
    """No generic one stands in: a guard that does not guard is worse than none."""
    with pytest.raises(ConfigError, match=r"cannot be claimed on 'amqp' \(installed: .*redis"):
        find_run_claims("amqp")


def test_every_entry_point_of_the_distribution_is_an_adapter() -> None:
    """What the package registers loads and is what the group promises."""
    own = importlib.metadata.distribution("periodic-celery").entry_points
    for point in own.select(group="periodic.brokers"):
        assert issubclass(find_adapter(point.name), Broker)


def test_a_file_of_cursors_is_the_one_that_a_beat_uses(tmp_path: Path) -> None:
    """What `connect` keeps in a file, `FileCursors` of the same path reads."""
    path = tmp_path / "cursors"
    broker = connect("filesystem://", namespace="shop", cursors=path)
    store = broker._cursors  # type: ignore[attr-defined]
    broker.close()

    assert isinstance(store, FileCursors)
    assert path == store.path
