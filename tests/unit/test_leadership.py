"""Which of several beats works: the beat lease on its thread, against a broker that misbehaves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from periodic import BeatStatus, BrokerUnreachable, Capability
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


@pytest.fixture
def contend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start contending on a broker; returns what does, and the event of its first change."""
    monkeypatch.setattr(module, "_TRY_AGAIN", 0.0)
    started: list[Leadership] = []

    def start(broker: Any) -> tuple[Leadership, threading.Event]:
        changed = threading.Event()
        leadership = Leadership(broker, beat="one")
        leadership.start(changed.set, _status)
        started.append(leadership)
        return leadership, changed

    yield start
    for leadership in started:
        leadership.stop()


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
