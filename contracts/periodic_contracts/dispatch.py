"""The contract of dispatch: what a worker gets is what the beat rendered, in order."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .claims import Claims, statuses
from .clocks import ManualClockDriver
from .contract import Contract, MakeBroker, needs
from .messages import QUEUE, drain, ids_of

if TYPE_CHECKING:
    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

#: How many messages in a row prove an order.
_MANY = 40

#: What another process does: it knows kombu and the broker's URL, and nothing of ours.
_READER = """
import json, sys, kombu
uri, options, name = json.loads(sys.argv[1])
with kombu.Connection(uri, transport_options=options) as connection:
    queue = kombu.Queue(name, kombu.Exchange(name, type="direct"), routing_key=name)
    queue = queue(connection.channel())
    queue.declare()
    ids = []
    while (message := queue.get(no_ack=True)) is not None:
        ids.append(message.headers["id"])
print(json.dumps(ids))
"""


class DispatchContract(Contract):
    """Each message arrives as it was rendered; the adapter keeps routing, headers and order."""

    def test_a_worker_gets_the_id_and_the_headers(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Task id, entry, fire time and kind arrive, so that the task can read its occurrence."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1, body={"ünïcode": [1, None, "☀"]})])

        (received,) = enqueued()
        occurrence = claims.occurrence(1)
        assert received.id == occurrence.id
        assert received.correlation_id == occurrence.id
        assert occurrence.headers.items() <= received.headers.items()
        assert core.Occurrence.from_headers(claims.namespace, received.headers) == occurrence
        assert received.body == {"ünïcode": [1, None, "☀"]}

    def test_outcomes_answer_the_batch_one_by_one_in_order(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """One outcome for each dispatch, in the order of the batch, whatever became of it."""
        broker = make_broker(clock.core_clock)
        many = [Claims.now(core, clock, entry=f"job-{number}") for number in range(4)]
        for claims in many:
            claims.adopt(broker)
        broker.dispatch([many[2].dispatch(1)])
        batch = [dispatch for claims in many for dispatch in claims.chain(1, 2)]
        outcomes = broker.dispatch(batch)

        assert [outcome.occurrence for outcome in outcomes] == [
            dispatch.occurrence for dispatch in batch
        ]
        assert statuses(outcomes) == [*["DISPATCHED"] * 4, "TAKEN", *["DISPATCHED"] * 3]

    def test_an_empty_batch_is_answered_by_nothing(
        self, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """No dispatches, no outcomes, no messages."""
        assert make_broker(clock.core_clock).dispatch([]) == []
        assert enqueued() == []

    def test_the_occurrences_of_an_entry_arrive_in_order(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A worker gets an entry's occurrences by fire time, within a batch and across batches."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch(claims.chain(1, _MANY))
        broker.dispatch(claims.chain(_MANY + 1, 2 * _MANY))

        fire_times = [message.fire_time for message in enqueued()]
        expected = [claims.at(number).isoformat() for number in range(1, 2 * _MANY + 1)]
        assert fire_times == expected

    def test_messages_go_where_they_are_routed(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        connection: Any,
        enqueued: Enqueued,
    ) -> None:
        """Exchange and routing key are the message's: two queues, each with its own."""
        elsewhere = f"{QUEUE}-elsewhere"
        drain(connection, elsewhere)
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1, queue=elsewhere), claims.dispatch(2)])

        assert ids_of(enqueued()) == claims.ids(2)
        assert ids_of(drain(connection, elsewhere)) == claims.ids(1)

    @needs("CROSS_PROCESS")
    def test_another_process_gets_what_was_enqueued(
        self, core: Core, make_broker: MakeBroker, connection: Any, enqueued: Enqueued
    ) -> None:
        """A process that has only the broker's URL consumes the messages."""
        assert enqueued() == []
        expected, read = _read_elsewhere(core, make_broker, connection)

        assert read == expected

    @needs("CROSS_PROCESS", absent=True)
    def test_another_process_gets_nothing(
        self, core: Core, make_broker: MakeBroker, connection: Any, enqueued: Enqueued
    ) -> None:
        """What is not declared does not half work: here the messages are, there they are not."""
        assert enqueued() == []
        expected, read = _read_elsewhere(core, make_broker, connection)

        assert read == []
        assert ids_of(enqueued()) == expected


def _read_elsewhere(
    core: Core, make_broker: MakeBroker, connection: Any
) -> tuple[list[str], list[str]]:
    with ManualClockDriver(core) as clock:
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch(claims.chain(1, 3))
        where = json.dumps(
            [connection.as_uri(include_password=True), connection.transport_options, QUEUE],
            default=str,
        )
        process = subprocess.run(  # noqa: S603  # our own text, this interpreter
            [sys.executable, "-c", _READER, where], capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        return claims.ids(1, 2, 3), sorted(json.loads(process.stdout))
