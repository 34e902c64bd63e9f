"""What is particular to the memory adapter; what every adapter owes is in the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from periodic import ManualClock, MemoryCursors, Status
from periodic_brokers.memory import MemoryBroker

pytestmark = pytest.mark.usefixtures("clean_memory")


@pytest.fixture
def broker(clock: ManualClock) -> Iterator[MemoryBroker]:
    """Return an adapter over `memory://`."""
    made = MemoryBroker.open(
        Connection("memory://"), namespace="test", clock=clock, cursors=MemoryCursors
    )
    yield made
    made.close()


def received(*queues: Any) -> list[Any]:
    """Return the bodies of all messages in the queues, through an ordinary kombu connection."""
    bodies = []
    with Connection("memory://") as connection:
        for queue in queues:
            simple = connection.SimpleQueue(queue)
            while True:
                try:
                    message = simple.get_nowait()
                except Empty:
                    break
                message.ack()
                bodies.append(message.payload)
            simple.close()
    return bodies


def test_an_ordinary_consumer_gets_the_message(broker: MemoryBroker, kit: Any) -> None:
    """What is dispatched is consumed by kombu as if kombu had sent it."""
    kit.adopt(broker, "job")
    (outcome,) = broker.dispatch([kit.dispatch(kit.Text("hello"))])

    assert Status.DISPATCHED is outcome.status
    assert ["hello"] == received("periodic-test")


def test_a_taken_occurrence_enqueues_nothing(broker: MemoryBroker, kit: Any) -> None:
    """Rendering is done before the claim; what is rendered and then lost leaves no trace."""
    kit.adopt(broker, "job")
    broker.dispatch([kit.dispatch(kit.Text("first"))])

    (outcome,) = broker.dispatch([kit.dispatch(kit.Text("second"))])

    assert Status.TAKEN is outcome.status
    assert ["first"] == received("periodic-test")


def test_fan_out_reaches_every_bound_queue(broker: MemoryBroker, kit: Any) -> None:
    """A message to a fan-out exchange is captured for each queue that is bound to it."""
    kit.adopt(broker, "job")
    exchange = Exchange("news", type="fanout")
    queues = [Queue("news-a", exchange), Queue("news-b", exchange)]
    message = kit.Text("to all", declare=queues, exchange=exchange, routing_key="")

    broker.dispatch([kit.dispatch(message)])

    assert ["to all", "to all"] == received(*queues)


def test_topics_are_routed(broker: MemoryBroker, kit: Any) -> None:
    """Topic routing stays kombu's: the queue whose pattern matches gets the message."""
    kit.adopt(broker, "job")
    exchange = Exchange("logs", type="topic")
    queues = [
        Queue("logs-errors", exchange, routing_key="*.error"),
        Queue("logs-shop", exchange, routing_key="shop.#"),
        Queue("logs-bank", exchange, routing_key="bank.#"),
    ]
    message = kit.Text("oops", declare=queues, exchange=exchange, routing_key="shop.error")

    broker.dispatch([kit.dispatch(message)])

    assert [["oops"], ["oops"], []] == [received(queue) for queue in queues]


def test_the_clock_is_the_one_that_was_given(broker: MemoryBroker, clock: ManualClock) -> None:
    """The server's time is the injected clock's."""
    assert clock.now() == broker.now()


def test_closing_twice_is_harmless(broker: MemoryBroker, kit: Any) -> None:
    """Closing keeps messages and cursors, and a second close does nothing."""
    kit.adopt(broker, "job")
    broker.dispatch([kit.dispatch(kit.Text("kept"))])
    broker.close()
    broker.close()

    assert ["kept"] == received("periodic-test")
