"""What is particular to the generic adapter: outages, stale connections, order of the two steps."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, NotFound
from kombu import Connection
from kombu.exceptions import OperationalError

from periodic import BrokerUnreachable, CursorStore, FileCursors, ManualClock, MemoryCursors, Status
from periodic_brokers.kombu import KombuBroker


def over_files(folder: Path, clock: ManualClock, cursors: CursorStore) -> KombuBroker:
    """Return an adapter over `filesystem://` in a folder."""
    for name in ("queue", "control"):
        (folder / name).mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    }
    connection = Connection("filesystem://", transport_options=options)
    return KombuBroker.open(connection, namespace="test", clock=clock, cursors=lambda: cursors)


@pytest.fixture
def cursors() -> MemoryCursors:
    """Return an empty store that tests can look into."""
    return MemoryCursors()


@pytest.fixture
def broker(tmp_path: Path, clock: ManualClock, cursors: MemoryCursors) -> KombuBroker:
    """Return an adapter over files."""
    return over_files(tmp_path, clock, cursors)


def count(folder: Path) -> int:
    """Return how many messages lie in the folder's queue."""
    return sum(1 for _ in (folder / "queue").iterdir())


def test_message_and_cursor(broker: KombuBroker, kit: Any, tmp_path: Path) -> None:
    """A dispatch enqueues one message and moves the cursor, so the next claim of it loses."""
    kit.adopt(broker, "job")

    statuses = [broker.dispatch([kit.dispatch(kit.Text("x"))])[0].status for _ in range(2)]

    assert [Status.DISPATCHED, Status.TAKEN] == statuses
    assert 1 == count(tmp_path)


def test_one_bad_message_fails_alone(broker: KombuBroker, kit: Any, tmp_path: Path) -> None:
    """A message that cannot be made is that entry's failure; its cursor stays."""
    kit.adopt(broker, "bad", "good")

    bad, good = broker.dispatch(
        [
            kit.dispatch(kit.Fails(TypeError("not JSON")), entry="bad"),
            kit.dispatch(kit.Text("x"), entry="good"),
        ]
    )

    assert (Status.FAILED, kit.NOON) == (bad.status, bad.cursor)
    assert Status.DISPATCHED is good.status
    assert 1 == count(tmp_path)


def test_an_outage_ends_the_batch(
    broker: KombuBroker, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody answers any more the rest of the batch is not tried, and none is lost."""
    kit.adopt(broker, "a", "b", "c")

    class GoesAway:
        """A message during whose publication the server goes away."""

        def publish(self, producer: Any) -> None:
            def refuse(_: Any) -> None:
                raise ConnectionRefusedError("nobody listens")

            monkeypatch.setattr(Connection, "connect", refuse)
            raise ConnectionResetError("gone")

    batch = [
        kit.dispatch(kit.Text("x"), entry="a"),
        kit.dispatch(GoesAway(), entry="b"),
        kit.dispatch(kit.Text("x"), entry="c"),
    ]

    outcomes = broker.dispatch(batch)

    assert [Status.DISPATCHED, Status.FAILED, Status.FAILED] == [o.status for o in outcomes]
    assert all(isinstance(o.error, BrokerUnreachable) for o in outcomes[1:])
    assert 1 == count(tmp_path)


def test_a_message_that_fails_like_a_connection(
    broker: KombuBroker, kit: Any, tmp_path: Path
) -> None:
    """A task whose own code raises connection errors fails alone while the broker answers."""
    kit.adopt(broker, "bad", "good")

    bad, good = broker.dispatch(
        [
            kit.dispatch(kit.Fails(OperationalError("its own")), entry="bad"),
            kit.dispatch(kit.Text("x"), entry="good"),
        ]
    )

    assert Status.FAILED is bad.status
    assert not isinstance(bad.error, BrokerUnreachable)
    assert "its own" in str(bad.error)
    assert Status.DISPATCHED is good.status


def test_a_stale_connection_is_replaced(broker: KombuBroker, kit: Any, tmp_path: Path) -> None:
    """One failure on a connection that was open before is answered by a new connection."""
    kit.adopt(broker, "a", "b")
    broker.dispatch([kit.dispatch(kit.Text("x"), entry="a")])
    message = kit.Text("y")
    errors = [ConnectionResetError("stale")]

    class Once:
        def publish(self, producer: Any) -> None:
            if errors:
                raise errors.pop()
            message.publish(producer)

    (outcome,) = broker.dispatch([kit.dispatch(Once(), entry="b")])

    assert Status.DISPATCHED is outcome.status
    assert 2 == count(tmp_path)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_nobody_listens(scheme: str, clock: ManualClock, kit: Any) -> None:
    """A refused connection is an outcome that names the server, without its password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"{scheme}://user:secret@127.0.0.1:{taken.getsockname()[1]}//"
        broker = KombuBroker.open(
            Connection(url), namespace="test", clock=clock, cursors=MemoryCursors
        )
        kit.adopt(broker, "job")

        (outcome,) = broker.dispatch([kit.dispatch(kit.Text("x"))])

    assert Status.FAILED is outcome.status
    assert isinstance(outcome.error, BrokerUnreachable)
    assert "127.0.0.1" in str(outcome.error)
    assert "secret" not in str(outcome.error)


def test_cursors_that_cannot_be_used(clock: ManualClock, kit: Any, tmp_path: Path) -> None:
    """A cursor file that is held by another process is an outage, and nothing is enqueued."""
    store = FileCursors(tmp_path / "cursors", timeout=0.05)
    broker = over_files(tmp_path, clock, store)
    kit.adopt(broker, "job")
    with FileCursors(tmp_path / "cursors").step("test"):
        (outcome,) = broker.dispatch([kit.dispatch(kit.Text("x"))])

    assert Status.FAILED is outcome.status
    assert isinstance(outcome.error, BrokerUnreachable)
    assert 0 == count(tmp_path)


@pytest.mark.parametrize("error", [AccessRefused("wrong password"), NotFound("no such vhost")])
def test_a_refused_login_is_an_outage(
    error: Exception, clock: ManualClock, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that refuses the beat is asked again later; the beat goes on."""
    broker = KombuBroker.open(
        Connection("amqp://127.0.0.1"), namespace="test", clock=clock, cursors=MemoryCursors
    )
    kit.adopt(broker, "job")

    def refuse(_: Any) -> None:
        raise error

    monkeypatch.setattr(Connection, "connect", refuse)
    (outcome,) = broker.dispatch([kit.dispatch(kit.Text("x"))])

    assert Status.FAILED is outcome.status
    assert isinstance(outcome.error, BrokerUnreachable)
    assert type(error).__name__ in str(outcome.error)
