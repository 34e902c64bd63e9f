"""The broker of a simulation makes the claims of the memory adapter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import kombu
import pytest

from periodic import Clock, Entry, crontab, interval
from periodic.simulation import random_faults, simulate
from periodic_brokers.memory import MemoryBroker, reset

START = datetime(2026, 3, 28, 20, tzinfo=UTC)
END = START + timedelta(hours=8)
ENTRIES = [
    Entry(name="minutely", task="a", schedule=crontab(tz="Europe/Berlin"), catch_up="all"),
    Entry(name="nightly", task="b", schedule=crontab(minute=30, hour=2, tz="Europe/Berlin")),
    Entry(name="grid", task="c", schedule=interval(seconds=95), catch_up="earliest"),
]


@pytest.fixture(autouse=True)
def clean_memory() -> Iterator[None]:
    """Begin and end without cursors."""
    reset()
    yield
    reset()


@pytest.mark.parametrize("all_active", [False, True])
def test_the_memory_adapter_tells_the_same_story(*, all_active: bool) -> None:
    """Kills, outages and three beats: happening by happening the same over either broker."""
    faults = random_faults(3, START, END, beats=3, kills=15, outages=5)

    def memory(clock: Clock, namespace: str) -> MemoryBroker:
        reset()
        return MemoryBroker(kombu.Connection("memory://"), namespace=namespace, clock=clock)

    def story(**broker: object) -> list[str]:
        simulation = simulate(
            ENTRIES, START, END, beats=3, faults=faults, all_active=all_active, **broker
        )
        told = [happening.line() for happening in simulation]
        assert simulation.summary.sound
        return told

    own = story()
    assert own == story(broker=memory)
    assert len(own) > 700
