"""The watcher: what it does at each look, and what it does when the store is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import (
    Entry,
    ManualClock,
    MemoryStore,
    Rules,
    Schedules,
    StoreUnreachable,
    SystemClock,
    Wake,
)
from periodic.sources import Lineup
from periodic.watcher import POLL, StoreWatcher

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Away(MemoryStore):
    """A store that can be away, and whose watch can sleep through everything."""

    away = False
    asleep = False
    asked = 0

    def revision(self) -> int:
        """Answer, or be away."""
        self.asked += 1
        if self.away:
            raise StoreUnreachable("the store is away")
        return super().revision()

    def watch(self) -> Any:
        """Return a watch that may sleep."""
        watch = super().watch()
        plain = watch.changed
        watch.changed = lambda: not self.asleep and plain()  # type: ignore[method-assign]
        return watch


class Beat:
    """Takes note of what runs."""

    def __init__(self) -> None:
        self.running: dict[str, Entry] = {}

    def put(self, entry: Entry) -> None:
        """Run it."""
        self.running[entry.name] = entry

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Take note of each."""
        for entry in entries:
            self.put(entry)

    def remove(self, name: str) -> None:
        """Run it no more."""
        del self.running[name]


class Scene:
    """A store, its entries, and a watcher between them and a beat."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.store = Away(clock=self.clock)
        self.schedules = Schedules(self.store)
        self.beat = Beat()
        self.lineup = Lineup(self.beat, Rules(), self.clock)
        self.watcher = StoreWatcher(self.store, self.lineup, self.clock)

    def put(self, name: str, **given: Any) -> None:
        """Put an entry into the store."""
        self.schedules.put(name, **{"task": "t", "schedule": 60, **given})


@pytest.fixture
def scene() -> Scene:
    """Monday noon."""
    return Scene()


def test_a_look_brings_what_has_changed(scene: Scene) -> None:
    """And says when to look again: as often as the watch of the store is worth asking."""
    scene.put("a")
    seconds = scene.watcher.look()
    assert ["a"] == list(scene.beat.running)
    assert 0 < seconds <= 0.05
    scene.put("b")
    scene.watcher.look()

    assert ["a", "b"] == list(scene.beat.running)
    assert 2 == scene.watcher.revision


def test_where_nothing_happens_the_revision_is_asked_for_every_few_seconds(scene: Scene) -> None:
    """Not at each look: the watch is cheap, the store may be far."""
    scene.watcher.look()
    asked = scene.store.asked
    for _ in range(10):
        scene.watcher.look()
    assert asked == scene.store.asked
    scene.clock.advance(POLL)
    scene.watcher.look()

    assert asked + 1 == scene.store.asked


def test_a_watch_that_sleeps_delays_a_change_and_loses_none(scene: Scene) -> None:
    """The poll finds it: five seconds at worst."""
    scene.watcher.look()
    scene.store.asleep = True
    scene.put("a")
    scene.watcher.look()
    assert {} == scene.beat.running
    scene.clock.advance(POLL)
    scene.watcher.look()

    assert ["a"] == list(scene.beat.running)


def test_a_store_that_is_away_leaves_the_last_good_set(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it goes, one when it is back; what changed meanwhile is taken up then."""
    scene.put("a")
    scene.watcher.look()
    scene.store.away = True
    with caplog.at_level(logging.INFO):
        waits = []
        for _ in range(6):
            scene.clock.advance(POLL)
            waits.append(scene.watcher.look())
        trouble = scene.watcher.trouble
        scene.put("b")
        scene.store.away = False
        scene.watcher.look()

    assert ["a", "b"] == list(scene.beat.running)
    assert "the store is away" == trouble
    assert "" == scene.watcher.trouble
    assert waits == sorted(waits)
    assert waits[-1] <= 2
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert told == [
        "the store is away; the beat goes on with the entries that it has",
        "the store can be read again, revision 2",
    ]


def test_a_store_that_is_away_at_the_start_is_waited_for(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing runs until it was read once, and the log says so."""
    scene.put("a")
    scene.store.away = True
    scene.watcher.look()
    assert "no entry runs until it has been read once" in caplog.text
    scene.store.away = False
    scene.watcher.look()

    assert ["a"] == list(scene.beat.running)


def test_whatever_a_driver_raises_the_watcher_lives(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody thought of is an outage like any other."""

    def broken(_since: int | None) -> Any:
        raise KeyError("driver")

    scene.put("a")
    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "changes", broken)
        scene.watcher.look()
    assert "driver" in scene.watcher.trouble
    scene.watcher.look()

    assert ["a"] == list(scene.beat.running)


def test_a_look_is_due_when_a_pause_ends(scene: Scene) -> None:
    """Even where the store has nothing to say."""
    scene.put("a")
    scene.schedules.pause("a", until=START + SECOND / 100)
    assert 0.01 == scene.watcher.look()
    scene.clock.advance(SECOND / 100)
    scene.watcher.look()

    assert scene.beat.running["a"].enabled


def test_it_follows_on_a_thread_of_its_own(scene: Scene) -> None:
    """Started and stopped, twice is as good as once; a change is there in no time."""
    clock = SystemClock()
    watcher = StoreWatcher(scene.store, scene.lineup, clock)
    watcher.start()
    watcher.start()
    scene.put("a")
    wait_for(lambda: "a" in scene.beat.running)
    watcher.stop()
    watcher.stop()
    scene.put("b")

    assert ["a"] == list(scene.beat.running)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait, for real but not long."""
    clock, never = SystemClock(), Wake()
    for _ in range(400):
        if condition():
            return
        clock.wait_until(clock.monotonic() + 0.005, never)
    pytest.fail("it did not happen")
