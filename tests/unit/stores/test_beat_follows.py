"""A beat that follows a store: what runs, and that no change runs anything at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import Beat, ManualClock, MemoryStore, Rules, Schedules, StoreUnreachable, crontab
from periodic.registry import BeatState
from periodic.sources import Lineup
from periodic.watcher import StoreWatcher

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class ByHand:
    """A watcher that looks when the test says so."""

    def __init__(self, watcher: StoreWatcher) -> None:
        self.watcher = watcher
        self.began = self.ended = 0

    @property
    def trouble(self) -> str:
        """What the watcher says."""
        return self.watcher.trouble

    def start(self) -> None:
        """Look at the store."""
        self.began += 1
        self.watcher.look()

    def stop(self) -> None:
        """Take note."""
        self.ended += 1


class Scene:
    """A store, and a beat on a list of messages that follows it."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.clock: ManualClock = stage.clock
        self.store = MemoryStore(clock=self.clock)
        self.schedules = Schedules(self.store)
        self.beat = self.start()

    def start(self) -> Beat:
        """Return a beat that follows the store and has ticked once."""
        beat: Beat = self.stage.beat()
        lineup = Lineup(beat, Rules(), self.clock)
        self.hand = ByHand(StoreWatcher(self.store, lineup, self.clock))
        beat.accompany(self.hand)
        beat.tick()
        return beat

    def put(self, every: Any = 10, **given: Any) -> None:
        """Put the entry."""
        self.schedules.put("job", task="t", schedule=every, **given)

    def pass_time(self, seconds: float) -> list[str]:
        """Let time pass; return all that was sent so far."""
        self.stage.pass_time(self.beat, seconds=seconds)
        return self.sent

    @property
    def sent(self) -> list[str]:
        """When what was sent was due, without the hours."""
        return [time[3:] for time in self.stage.broker.fire_times("job")]


@pytest.fixture
def scene(stage: Any) -> Scene:
    """Noon."""
    return Scene(stage)


def test_an_entry_of_the_store_runs(scene: Scene) -> None:
    """Made while the beat runs, gone while it runs."""
    scene.put()
    scene.beat.tick()
    assert ["00:10", "00:20"] == scene.pass_time(25)
    scene.schedules.delete("job")
    scene.beat.tick()

    assert ["00:10", "00:20"] == scene.pass_time(60)


CHANGES: dict[str, Callable[[Scene], object]] = {
    "edited": lambda scene: scene.put(60),
    "disabled and enabled": lambda scene: (
        scene.put(3600, enabled=False),
        scene.put(3600),
    ),
    "resumed": lambda scene: (scene.schedules.pause("job"), scene.schedules.resume("job")),
    "made anew": lambda scene: (scene.schedules.delete("job"), scene.put(3600)),
    "renamed back": lambda scene: (
        scene.schedules.rename("job", "other"),
        scene.schedules.rename("other", "job"),
    ),
}


@pytest.mark.parametrize("seen", [True, False], ids=["by a beat", "while no beat runs"])
@pytest.mark.parametrize("how", CHANGES)
def test_no_change_runs_anything_at_once(scene: Scene, how: str, *, seen: bool) -> None:
    """An hour of runs is missing when it comes; whatever came before counts for nothing."""
    scene.put(3600)
    scene.beat.tick()
    scene.beat.close()
    scene.clock.advance(timedelta(hours=5, seconds=7))
    if seen:
        scene.schedules.pause("job")
        scene.beat = scene.start()
        CHANGES[how](scene)
        scene.schedules.resume("job")
        scene.beat.tick()
    else:
        CHANGES[how](scene)
        scene.beat = scene.start()

    assert [] == scene.sent
    assert 1 <= len(scene.pass_time(3600)) <= 60


def test_resuming_makes_up_for_nothing_of_the_pause(scene: Scene) -> None:
    """Neither where a beat saw it, nor where the pause began and ended while none ran."""
    scene.put()
    scene.pass_time(15)
    scene.schedules.pause("job")
    assert ["00:10"] == scene.pass_time(60)
    scene.schedules.resume("job")
    assert ["00:10", "01:20"] == scene.pass_time(10)
    scene.beat.close()
    scene.schedules.pause("job")
    scene.clock.advance(timedelta(seconds=60))
    scene.schedules.resume("job")
    scene.beat = scene.start()

    assert ["00:10", "01:20"] == scene.sent


def test_other_arguments_keep_the_pace_and_make_up_for_what_was_missed(scene: Scene) -> None:
    """No beat ran for a while; an edit of the arguments is no reason to forget that."""
    scene.put(3600)
    scene.beat.tick()
    scene.beat.close()
    scene.clock.advance(timedelta(hours=5, seconds=7))
    scene.put(3600, args=[1])
    scene.beat = scene.start()

    assert ["00:00"] == scene.sent


def test_what_comes_due_before_the_beat_has_heard_of_the_change_runs(scene: Scene) -> None:
    """Made at 11:59:59.9, due at noon, taken up after noon: it is not lost."""
    scene.clock.advance(timedelta(seconds=59.9))
    scene.put(60)
    scene.clock.advance(timedelta(seconds=0.3))
    scene.beat.tick()

    assert ["01:00"] == scene.sent


def test_what_is_due_when_a_pause_ends_runs(scene: Scene) -> None:
    """Paused until one, due at one: the pause is over. What was due before is not made up for."""
    scene.put(crontab(minute=0), tz="UTC")
    scene.schedules.pause("job", until=NOON + timedelta(hours=2))
    for _ in range(12):
        scene.pass_time(900)

    assert ["14:00:00", "15:00:00"] == scene.stage.broker.fire_times("job")


def test_a_pause_that_ended_while_no_beat_ran_is_made_up_for_in_nothing(scene: Scene) -> None:
    """The beat starts an hour after the end of the pause: it counts from its start."""
    scene.put(600)
    scene.pass_time(700)
    scene.beat.close()
    scene.schedules.pause("job", until=scene.clock.now() + timedelta(hours=1))
    scene.clock.advance(timedelta(hours=2))
    scene.beat = scene.start()

    assert ["10:00"] == scene.sent


def test_two_beats_that_follow_one_store_send_each_run_once(scene: Scene) -> None:
    """An edit does not make the second repeat what the first has sent."""
    first, second = scene.beat, scene.start()
    scene.put()
    for _ in range(4):
        scene.clock.advance(timedelta(seconds=5))
        first.tick()
        second.tick()
    scene.put(15)
    for _ in range(4):
        scene.clock.advance(timedelta(seconds=5))
        second.tick()
        first.tick()

    assert ["00:10", "00:20", "00:30"] == scene.sent


def test_what_follows_begins_with_the_first_tick_and_ends_with_the_beat(scene: Scene) -> None:
    """Once for each beat."""
    scene.beat.close()
    scene.beat.tick()

    assert (1, 1) == (scene.hand.began, scene.hand.ended)


def test_a_beat_says_that_its_store_is_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works all the same, with the entries that it has."""

    def away() -> int:
        raise StoreUnreachable("the store is away")

    scene.put()
    scene.beat.tick()
    monkeypatch.setattr(scene.store, "revision", away)
    scene.pass_time(15)
    status = scene.beat.status()

    assert (BeatState.ACTIVE, "the store is away") == (status.state, status.reason)
    assert ["00:10"] == scene.sent
