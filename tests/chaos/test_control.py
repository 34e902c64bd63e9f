"""The harness sees what it is there to see: without this, its zeros would prove nothing."""

from __future__ import annotations

import json
import time

import pytest
from chaos import QUEUE, count, messages, now, read, wait_until, whole_second_after

pytestmark = pytest.mark.redis

#: An adapter that does in two steps, some milliseconds apart, what must be one.
PLANTED = """\
import time
from datetime import datetime

from periodic import Outcome, Status
from periodic_brokers.redis import RedisBroker


class TwoSteps(RedisBroker):
    push_first = False

    def dispatch(self, batch):
        return [self._one(self._connected(), each) for each in batch]

    def _one(self, client, each):
        key, name = self._key("cursors"), each.occurrence.entry
        stands = client.hget(key, name).decode().partition(" ")[0]
        if stands != each.previous.isoformat():
            return Outcome(each.occurrence, Status.TAKEN, datetime.fromisoformat(stands))

        def push():
            for command in self._render(each.message):
                client.lpush(command.key, command.argument)

        def mark():
            client.hset(key, name, f"{each.cursor.isoformat()} {each.fingerprint}")

        first, second = (push, mark) if self.push_first else (mark, push)
        first()
        time.sleep(0.005)
        second()
        return Outcome(each.occurrence, Status.DISPATCHED, each.cursor)


class MarkFirst(TwoSteps):
    pass


class PushFirst(TwoSteps):
    push_first = True
"""


@pytest.mark.timeout(60)
def test_a_lost_a_doubled_and_a_strange_message_are_counted(serve, gather):
    """One message taken away, one put in twice and one with another's id: one, one and one."""
    server = serve()
    beats = gather(server, 5)
    beats.start_many(1)
    first = whole_second_after(now())
    last = beats.settle(20)
    while last < first:
        last = beats.settle(20)
    beats.stop()
    assert count(messages(server), beats.names, first, last).numbers == (0, 0, 0)

    with server.client() as client:
        inside = [
            text
            for text in client.lrange(QUEUE, 0, -1)
            if first <= next(read([text])).fire_time <= last
        ]
        client.lrem(QUEUE, 1, inside[0])
        client.lpush(QUEUE, inside[1])
        odd = json.loads(inside[2])
        odd["headers"]["id"] = "no-such-id"
        client.lpush(QUEUE, json.dumps(odd))

    counted = count(messages(server), beats.names, first, last)
    print(f"\nplanted one of each: {counted}")
    assert counted.numbers == (1, 1, 1)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("adapter", "numbers"),
    [("MarkFirst", lambda lost, doubled: lost), ("PushFirst", lambda lost, doubled: doubled)],
)
def test_an_adapter_of_two_steps_is_caught(serve, gather, tmp_path, adapter, numbers):
    """Marked and then pushed, kills lose runs; pushed and then marked, kills double them."""
    (tmp_path / "planted.py").write_text(PLANTED)
    server = serve()
    beats = gather(server, 20, adapter=f"planted:{adapter}", all_active=True)
    (beat,) = beats.start_many(1)
    first = whole_second_after(now())
    for _ in range(4):
        wait_until(lambda: beat.ready, seconds=60, what="the beat is up")  # noqa: B023
        time.sleep(2 - time.time() % 1 + 0.05)
        beat.kill()
        beat = beats.start()
    last = beats.settle(60)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    print(f"\n4 kills, {adapter}: {counted}")
    lost, doubled, strange = counted.numbers
    assert numbers(lost, doubled) > 0
    assert numbers(doubled, lost) == 0
    assert strange == 0
