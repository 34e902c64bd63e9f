"""How often a put crosses the network: counted on the wire, between store and server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from periodic import Origin, Schedules, ScheduleStore, StaleVersion, UnknownEntry

Open = Callable[[], Schedules]


class Line:
    """A relay in front of a server that counts how often somebody asks and waits for the answer.

    Args:
        address: host and port of the server.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.turns = 0
        self._address = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up."""
        for each in [self._listener, *self._open]:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._address)
            self._open += (client, server)
            asking = [False]
            for source, sink, asks in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._relay, args=(source, sink, asking, asks), daemon=True
                ).start()

    def _relay(self, source: socket.socket, sink: socket.socket, asking: Any, asks: Any) -> None:
        try:
            while data := source.recv(65536):
                if asks and not asking[0]:
                    self.turns += 1
                asking[0] = asks
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.thorough),
        pytest.param("redis", marks=pytest.mark.redis),
    ]
)
def wire(request: pytest.FixtureRequest) -> Iterator[tuple[Line, Open]]:
    """A relay in front of a server, and what opens entries of an empty store behind it."""
    pytest.importorskip("sqlalchemy")
    name = {"postgres": "postgres_url", "redis": "clean_redis_url"}[request.param]
    url: str = request.getfixturevalue(name)
    place = urlsplit(url)
    line = Line((place.hostname or "", place.port or 0))
    opened: list[ScheduleStore] = []
    space = f"wire {request.node.name}"

    def open_() -> Schedules:
        there = url.replace(f":{place.port}", f":{line.port}")
        store = _class(request.param).open(there, namespace=space)
        if request.param == "postgres":
            store.migrate()
        opened.append(store)
        live = Schedules(store)
        live.put("first", task="shop.job", schedule=60)  # connects, and makes the server ready
        return live

    yield line, open_
    for store in opened:
        Schedules(store).delete_many([each.name for each in Schedules(store).all()])
        store.close()
    line.close()


def _class(kind: str) -> Any:
    if kind == "redis":
        from periodic.stores.redis import RedisStore

        return RedisStore
    from periodic.stores.sql import SQLStore

    return SQLStore


def turns(line: Line, call: Callable[[], object]) -> int:
    """How often a call crosses the line and comes back."""
    before = line.turns
    call()
    return line.turns - before


def test_a_put_is_one_round_trip(wire: tuple[Line, Open]) -> None:
    """Of an entry that is new, that is as it was, or that was seen last as it is."""
    line, open_ = wire
    live = open_()
    names = [f"user:{number}" for number in range(50)]
    many = {name: {"task": "shop.job", "schedule": 60} for name in names}

    assert 1 == turns(line, lambda: live.put("job", task="shop.job", schedule=60))
    assert 1 == turns(line, lambda: live.put("job", task="shop.job", schedule=60))
    assert 1 == turns(line, lambda: live.put("job", task="shop.job", schedule=3600))
    assert 1 == turns(line, lambda: live.set("job", args=[1]))
    assert 1 == turns(line, lambda: live.pause("job"))
    assert 1 == turns(line, lambda: live.put_many(many))
    assert ["pause", "set", "put", "put"] == [row.origin.action for row in live.audit("job")]


def test_what_was_looked_at_is_changed_in_one_round_trip(wire: tuple[Line, Open]) -> None:
    """As a page does that shows an entry and saves it."""
    line, open_ = wire
    one, other = open_(), open_()
    one.put("job", task="shop.job", schedule=60)
    seen = other.get("job")
    assert seen is not None

    version = seen.version
    assert 1 == turns(line, lambda: other.set("job", args=[2], if_version=version))


def test_what_somebody_else_has_changed_takes_one_more(wire: tuple[Line, Open]) -> None:
    """The answer to a wrong belief is what there is: nothing of it is lost."""
    line, open_ = wire
    one, other = open_(), open_()
    one.put("job", task="shop.job", schedule=60)
    one.pause("job", note="stocktaking")

    assert 2 == turns(line, lambda: other.put("job", task="shop.job", schedule=3600))
    found = other.get("job")
    assert found is not None and found.pause is not None  # noqa: PT018
    assert "stocktaking" == found.pause.note
    with pytest.raises(StaleVersion):
        one.set("job", args=[1], if_version=found.version - 1)
    with pytest.raises(UnknownEntry):
        one.pause("nobody")


def test_two_that_change_one_entry_at_once_lose_nothing(wire: tuple[Line, Open]) -> None:
    """Each is decided on what there is by then."""
    _, open_ = wire
    lives = [open_() for _ in range(4)]
    lives[0].put("job", task="shop.job", schedule=60, args=[])

    def add(live: Schedules) -> None:
        for _ in range(10):

            def change(_name: str, before: Any) -> Any:
                count = before.definition.get("args", [0])[0]
                return replace(before, definition={**before.definition, "args": [count + 1]})

            live.store.update(["job"], change, Origin())

    threads = [threading.Thread(target=add, args=(live,)) for live in lives]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = lives[0].get("job")

    assert found is not None
    assert [40] == found.definition["args"]
    assert 41 == len(lives[0].audit("job"))
