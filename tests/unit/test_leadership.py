"""Which of several beats works: the beat lease on its thread, against a broker that misbehaves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import BeatStatus, BrokerUnreachable, Capability, ManualClock
from periodic import leadership as module
from periodic.leadership import Leadership
from periodic.leases import MemoryLeases
from periodic.registry import BeatState


class _Broker:
    """Keeps leases in memory; raises what it is told to, one call after the other."""

    capabilities = frozenset({Capability.LEASES})

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.kept = MemoryLeases()

    def leases(self) -> MemoryLeases:
        """Return the leases, or fail."""
        if self.errors:
            raise self.errors.pop(0)
        return self.kept


def _status() -> BeatStatus:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return BeatStatus("one", "host", 1, BeatState.ACTIVE, "", at, at, 0, 0.0)


def wait_for(done: Callable[[], bool]) -> None:
    """Poll for what another thread does; fail when it does not come."""
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def contend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start contending on a broker; returns what does, and the event of its first change."""
    monkeypatch.setattr(module, "_TRY_AGAIN", timedelta(0))
    started: list[Leadership] = []

    def start(broker: Any, clock: Any = None) -> tuple[Leadership, threading.Event]:
        changed = threading.Event()
        leadership = Leadership(broker, beat="one", clock=clock)
        leadership.start(changed.set, _status)
        started.append(leadership)
        return leadership, changed

    yield start
    for leadership in started:
        leadership.stop()


def test_a_beat_begins_to_leave_when_it_is_told_to_stop(contend: Any) -> None:
    """The lease is free while the batch in hand is still on its way, and nobody waits for it."""
    broker = _Broker()
    leadership, changed = contend(broker)
    assert changed.wait(10)
    thread = leadership._thread

    leadership.leave()

    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
    assert broker.kept.holder(module.KEY) is None
    assert not leadership.leading


def test_a_stop_waits_for_the_thread_since_it_was_told_to_leave(contend: Any) -> None:
    """A server that does not answer holds up a stop for less than a second in all."""
    answer = threading.Event()
    asked = threading.Event()

    class _Silent(_Broker):
        def leases(self) -> MemoryLeases:
            asked.set()
            answer.wait(10)
            return super().leases()

    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    leadership = Leadership(_Silent(), clock=clock)
    leadership.start(lambda: None, _status)
    assert asked.wait(10)
    thread = leadership._thread
    assert thread is not None
    waited: list[float | None] = []

    leadership.leave()
    clock.advance(timedelta(seconds=0.5))
    leadership.leave()  # a second signal changes nothing
    thread.join = waited.append  # type: ignore[method-assign,assignment]
    leadership.stop(timeout=0.9)

    answer.set()
    assert [pytest.approx(0.4)] == waited


def test_a_standby_remembers_until_when_another_beat_led(contend: Any) -> None:
    """That is its word for where to count from, should the broker come back without cursors."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    clock = ManualClock(noon)
    broker = _Broker()
    broker.kept = MemoryLeases(clock)
    broker.kept.claim(module.KEY, "another", module.TTL)
    leadership, _ = contend(broker, clock)
    wait_for(lambda: leadership.holder == "another")

    seen = leadership.others_led_until

    assert noon - module.TTL == seen  # a margin for what died with the leader before it
    clock.advance(2 * module.TTL)
    wait_for(lambda: leadership.leading)
    assert seen == leadership.others_led_until


def test_a_leader_that_has_died_does_not_count_as_leading(contend: Any) -> None:
    """Its lease outlives it; what counts is when it was renewed."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    clock = ManualClock(noon)
    broker = _Broker()
    broker.kept = MemoryLeases(clock)
    broker.kept.claim(module.KEY, "another", module.TTL)
    clock.advance(timedelta(seconds=10))

    leadership, _ = contend(broker, clock)
    wait_for(lambda: leadership.others_led_until is not None)

    assert noon - module.TTL == leadership.others_led_until


@pytest.mark.parametrize(
    ("outage", "holder"), [(BrokerUnreachable("away"), "one"), (None, None)], ids=["away", "there"]
)
def test_a_stop_during_an_outage_asks_nothing_more(
    outage: BrokerUnreachable | None, holder: str | None
) -> None:
    """Giving the lease back would be one more wait for a server that does not answer."""
    broker = _Broker()
    leadership = Leadership(broker, beat="one")  # type: ignore[arg-type]
    leadership._lease = broker.kept.claim(module.KEY, "one", module.TTL)
    leadership._outage = outage

    leadership._leave()

    lease = broker.kept.holder(module.KEY)
    assert holder == (lease and lease.owner)
    assert not leadership.leading


def test_a_beat_that_never_stood_by_knows_of_no_other(contend: Any) -> None:
    """Its entries count from their own start."""
    leadership, changed = contend(_Broker())
    assert changed.wait(10)

    assert leadership.others_led_until is None


@pytest.mark.parametrize("error", [BrokerUnreachable("away"), ValueError("I/O on closed file")])
def test_no_error_ends_the_contest(contend: Any, error: Exception) -> None:
    """Whatever a call to the broker raises, the beat tries again and leads when it can."""
    leadership, changed = contend(_Broker(error, error))

    assert changed.wait(10)
    assert leadership.leading


def test_an_error_that_nobody_foresaw_is_logged_once(
    contend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of its kind is shown with its traceback, those that follow are not."""
    with caplog.at_level(logging.ERROR, logger=module.logger.name):
        _, changed = contend(_Broker(*[ValueError("odd")] * 3))
        assert changed.wait(10)

    (record,) = caplog.records
    assert "odd" in record.getMessage()
    assert "tries again" in record.getMessage()
    assert record.exc_info is not None


def test_a_connection_that_is_closed_under_the_thread_is_no_error_of_a_beat_that_stops(
    contend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The stop does not wait for a server that is away, and what it then tears says nothing."""
    broker = _Broker()
    leadership, changed = contend(broker)
    assert changed.wait(10)
    thread = leadership._thread
    broker.errors.append(ValueError("I/O on closed file"))

    with caplog.at_level(logging.INFO, logger=module.logger.name):
        leadership.stop()

    assert thread is not None
    assert not thread.is_alive()
    assert caplog.records == []


def test_a_beat_that_cannot_ask_for_the_lease_says_so_once_and_goes_on_later(
    stage: Any, entry: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage from the start is told as any other: nobody leads, nothing is lost, it passes."""
    monkeypatch.setattr(module, "_TRY_AGAIN", timedelta(milliseconds=1))
    caplog.set_level(logging.INFO)
    stage.broker.capabilities = frozenset({Capability.LEASES})
    kept = MemoryLeases()
    down = threading.Event()
    down.set()

    def leases() -> MemoryLeases:
        if down.is_set():
            raise BrokerUnreachable("nobody answers")
        return kept

    stage.broker.leases = leases
    leadership = Leadership(stage.broker, beat="one")
    beat = stage.beat(entry(every=10), leadership=leadership)
    wait_for(lambda: leadership.outage is not None)
    for _ in range(5):
        stage.clock.advance(timedelta(seconds=6))
        beat.tick()

    assert (BeatState.UNREACHABLE, "nobody answers") == (beat.status().state, beat.status().reason)
    down.clear()
    wait_for(lambda: leadership.leading)
    stage.clock.advance(timedelta(seconds=10))
    beat.tick()
    leadership.stop()

    events = [getattr(record, "event", "") for record in caplog.records]
    assert 1 == events.count("broker-unreachable")
    assert 1 == events.count("broker-reachable")
    assert ["12:00:10", "12:00:20", "12:00:30", "12:00:40"] == stage.broker.fire_times("job")


def test_turns_can_be_taken_by_hand() -> None:
    """A turn contends once and waits for nothing: it says what to wait for, and no thread runs."""
    there = set(threading.enumerate())
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    broker: Any = _Broker()
    broker.kept = MemoryLeases(clock)
    changed: list[str] = []
    one, two = (Leadership(broker, beat=beat, clock=clock) for beat in ("one", "two"))
    for each in (one, two):
        each.attend(lambda each=each: changed.append(each.beat), _status)

    first, second = one.turn(), two.turn()

    assert (True, False) == (one.leading, two.leading)
    assert ["one"] == changed
    assert (module.RENEW_EVERY, None) == (first.wait, first.holder)
    assert second.holder is not None
    assert ("one", broker.kept) == (second.holder.owner, second.store)
    started = set(threading.enumerate()) - there  # another test's may be on its way to its end
    assert "periodic-lease" not in {each.name for each in started}


def test_a_turn_may_renew_ahead() -> None:
    """Who knows that nothing will happen for an hour takes the lease for that hour, in one turn."""
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    broker: Any = _Broker()
    broker.kept = MemoryLeases(clock)
    one = Leadership(broker, beat="one", clock=clock)

    one.turn(ahead=timedelta(hours=1))
    clock.advance(timedelta(hours=1, seconds=13))

    assert one.leading
    clock.advance(timedelta(seconds=1))
    assert not one.leading
    held = broker.kept.holder("beat")
    assert held is not None
    assert "one" == held.owner


def test_a_turn_without_an_answer_is_tried_again_in_a_second() -> None:
    """An unreachable broker ends no contest: the turn keeps why, and says when to try again."""
    broker: Any = _Broker(BrokerUnreachable("nobody answers"))
    one = Leadership(broker, beat="one", clock=ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))

    turn = one.turn()

    assert timedelta(seconds=1) == turn.wait
    assert "nobody answers" == str(one.outage)
    assert not one.leading
