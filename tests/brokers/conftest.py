"""Messages and dispatches to hand to an adapter directly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu import Exchange, Queue

from periodic import Adoption, Broker, Dispatch, ManualClock, Occurrence
from periodic_brokers import memory
from periodic_contracts import servers

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Text:
    """A message of one JSON string, to the default exchange or a given one."""

    def __init__(self, body: Any, queue: str = "periodic-test", **options: Any) -> None:
        self.body = body
        self.options = {"declare": [Queue(queue)], "routing_key": queue, **options}

    def publish(self, producer: Any) -> None:
        """Publish the body once."""
        producer.publish(self.body, serializer="json", **self.options)


class Fails:
    """A message whose publication raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def publish(self, producer: Any) -> None:
        """Raise the error."""
        raise self.error


def dispatch(message: Any, entry: str = "job", minute: int = 1, previous: int = 0) -> Dispatch:
    """Return the dispatch of the occurrence at noon + `minute` after that at noon + `previous`."""
    occurrence = Occurrence("test", entry, NOON + timedelta(minutes=minute))
    return Dispatch(occurrence, NOON + timedelta(minutes=previous), "f", message)


def adopt(broker: Broker, *names: str) -> None:
    """Make the broker know the entries, standing at noon."""
    broker.adopt([Adoption(name, "f", NOON) for name in names])


@pytest.fixture
def clock() -> ManualClock:
    """Return a manual clock at noon."""
    return ManualClock(NOON)


@pytest.fixture
def clean_memory() -> Iterator[Callable[[], None]]:
    """Empty kombu's process-wide queues and our cursors, before and after."""
    memory.reset()
    yield memory.reset
    memory.reset()


@pytest.fixture
def kit() -> Any:
    """Return this module's helpers as one object."""
    import types  # only here

    return types.SimpleNamespace(
        Text=Text, Fails=Fails, dispatch=dispatch, adopt=adopt, Exchange=Exchange, NOON=NOON
    )


@pytest.fixture
def own_server(own_redis: Callable[..., servers.Server]) -> Any:
    """Return a Redis of the test's own, and what an operator can do to it."""
    from redis_bench import Server  # only tests with a Redis need it

    return Server(own_redis())


@pytest.fixture
def start_bench() -> Iterator[Callable[..., Any]]:
    """Start beats on a manual clock that have sent three seconds of runs; all are closed."""
    from redis_bench import Bench  # only tests with a Redis need it

    with ExitStack() as stack:

        def start(url: str, *, run: int = 3, **options: Any) -> Bench:
            bench = Bench(url, **options)
            stack.callback(bench.close)
            bench.beat.tick()
            bench.run(run)
            return bench

        yield start


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Tell what was logged of the broker: the state when it went, "reachable" when it is back."""
    caplog.set_level(logging.INFO, "periodic")
    told: dict[str, Callable[[Any], str]] = {
        "broker-unreachable": lambda record: str(record.state),
        "broker-reachable": lambda _: "reachable",
        "dispatch-failed": lambda record: f"failed: {record.entry}",
        "dispatch-recovered": lambda record: f"recovered: {record.entry}",
    }

    def tell() -> list[str]:
        known = [each for each in caplog.records if getattr(each, "event", "") in told]
        return [told[each.__dict__["event"]](each) for each in known]

    return tell
