"""What runs of the code and a store together, and what the beat is told of each change."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import (
    Changes,
    Entry,
    EntryRecord,
    ManualClock,
    MemoryStore,
    Rules,
    Schedules,
    interval,
)
from periodic.sources import Lineup, shown

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Told:
    """A beat that writes down what it is told."""

    def __init__(self) -> None:
        self.running: dict[str, Entry] = {}
        self.heard: list[str] = []

    def put(self, entry: Entry) -> None:
        """Take note."""
        self.running[entry.name] = entry
        self.heard.append(f"put {entry.name}")

    def put_all(self, entries: Iterable[Entry]) -> None:
        """Take note of each."""
        for entry in entries:
            self.put(entry)

    def remove(self, name: str) -> None:
        """Take note."""
        del self.running[name]
        self.heard.append(f"remove {name}")

    def news(self) -> list[str]:
        """Return what was heard since."""
        heard, self.heard = self.heard, []
        return heard


class Scene:
    """A beat, a lineup and a store with one clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.beat = Told()
        self.code: dict[str, Entry] = {}
        self.schedules = Schedules(
            MemoryStore(clock=self.clock), rules=Rules(code=lambda: self.code)
        )
        self.lineup = Lineup(self.beat, Rules(), self.clock)
        self.revision: int | None = None

    def declare(self, name: str, every: float = 60, **fields: Any) -> None:
        """Add or change an entry of the code."""
        self.code[name] = Entry(name=name, task="code", schedule=interval(every), **fields)
        self.lineup.put(self.code[name])

    def put(self, *names: str, **given: Any) -> None:
        """Put entries into the store."""
        for name in names:
            self.schedules.put(name, **{"task": "store", "schedule": 60, **given})

    def look(self) -> list[str]:
        """Let the lineup take what has changed; return what the beat heard of it."""
        changes = self.schedules.store.changes(self.revision)
        self.revision = changes.revision
        self.lineup.take(changes)
        return self.beat.news()


@pytest.fixture
def scene() -> Scene:
    """Monday noon, nothing there yet."""
    return Scene()


def test_nothing_runs_before_the_store_was_read_once(scene: Scene) -> None:
    """Somebody may have paused it."""
    scene.declare("nightly")
    scene.schedules.pause("nightly")

    assert [] == scene.beat.news()
    assert ["put nightly"] == scene.look()
    assert not scene.beat.running["nightly"].enabled


def test_each_change_tells_what_changed_and_nothing_else(scene: Scene) -> None:
    """A thousand other entries hear nothing of it."""
    scene.put("a", "b", "c")
    assert ["put a", "put b", "put c"] == scene.look()
    scene.put("b", args=[1])
    scene.schedules.delete("c")

    assert ["put b", "remove c"] == scene.look()
    assert [] == scene.look()


def test_all_there_is_again_tells_only_differences(scene: Scene) -> None:
    """After an outage, or where too much has changed to be told apart."""
    scene.put("a", "b", "c")
    scene.look()
    scene.put("b", args=[1])
    scene.schedules.delete("c")
    scene.revision = None

    assert ["put b", "remove c"] == scene.look()


def test_an_error_while_reading_removes_nothing(scene: Scene) -> None:
    """What was not read may still be there."""
    scene.put("a", "b")
    scene.look()

    def broken() -> Iterable[EntryRecord]:
        yield EntryRecord(name="a", definition={"task": "t", "schedule": {"kind": "nonsense"}})
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        scene.lineup.take(Changes(9, broken(), whole=True))
    assert ["a", "b"] == list(scene.beat.running)


def test_a_first_reading_that_breaks_off_is_begun_again(scene: Scene) -> None:
    """Nothing runs of its first half, not even later, where the second finds it spoiled."""
    scene.put("a", "b")
    good = scene.schedules.list()

    def broken() -> Iterable[EntryRecord]:
        yield from good
        raise ConnectionError("gone")

    lots = Changes(2, (each for each in broken()), whole=True)
    with pytest.raises(ConnectionError):
        scene.lineup.take(lots)
    scene.lineup.take(Changes(2, good, whole=False))
    assert ["put a", "put b"] == scene.beat.news()

    scene.lineup.take(Changes(3, [EntryRecord(name="a"), good[1]], whole=True))
    assert ["remove a"] == scene.beat.news()


def test_what_was_good_before_the_reading_broke_off_may_be_spoiled_after_it(scene: Scene) -> None:
    """The newest word counts, and what was never told is not taken back."""
    scene.put("a", "b")
    good = scene.schedules.list()
    scene.lineup._take(good[0], scene.clock.now())
    scene.lineup.take(Changes(3, [EntryRecord(name="a"), good[1]], whole=True))

    assert ["put b"] == scene.beat.news()


def test_a_bad_row_is_told_once_and_set_aside_and_the_others_run(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """It ran before, so it stops; when it is good again it runs again."""
    scene.put("good", "bad")
    scene.look()
    spoiled = EntryRecord(name="bad", definition={"task": "t"})
    with caplog.at_level(logging.INFO):
        for revision in (7, 8):
            scene.lineup.take(Changes(revision, [spoiled]))

    assert ["remove bad"] == scene.beat.news()
    assert {"bad": "has no schedule; an entry needs task and schedule"} == {
        name: told.removeprefix("entry 'bad' ") for name, told in scene.lineup.problems.items()
    }
    assert 1 == len(caplog.records)
    scene.put("bad", args=[1])
    assert ["put bad"] == scene.look()
    assert {} == scene.lineup.problems


def test_a_change_of_the_code_survives_deploys(scene: Scene) -> None:
    """New code, the person's schedule; the code's other words are today's."""
    scene.declare("nightly", args=[1])
    scene.schedules.set("nightly", schedule=7)
    scene.look()
    scene.declare("nightly", every=90, args=[2])
    entry = scene.beat.running["nightly"]

    assert [2] == entry.args
    assert "every 7 seconds" == entry.schedule.describe()


def test_an_entry_that_is_gone_from_the_code_stops_and_comes_back_changed(scene: Scene) -> None:
    """So a rolling deploy does not flip anything: each beat runs what its own code has."""
    scene.declare("nightly")
    scene.schedules.set("nightly", args=[7])
    scene.look()
    code = scene.code.pop("nightly")
    scene.lineup.remove("nightly")
    assert {} == scene.beat.running
    assert "code, which is gone" in scene.lineup.problems["nightly"]
    scene.lineup.put(code)

    assert [7] == scene.beat.running["nightly"].args
    assert {} == scene.lineup.problems


def test_deleting_the_change_brings_the_code_back(scene: Scene) -> None:
    """The code's own entry runs again."""
    scene.declare("nightly")
    scene.schedules.set("nightly", args=[7])
    scene.look()
    scene.schedules.delete("nightly")

    assert ["put nightly"] == scene.look()
    assert () == scene.beat.running["nightly"].args


def test_a_name_of_the_store_that_the_code_takes_stays_the_stores(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever made it first, a person, is not overruled by a deploy; the log says so."""
    scene.put("job")
    scene.look()
    scene.declare("job")

    assert "store" == scene.beat.running["job"].task
    assert "both in the code and in the store" in caplog.text


def test_a_pause_ends_by_itself(scene: Scene) -> None:
    """At its end, without anybody writing anything."""
    scene.put("a", "b")
    scene.schedules.pause("a", until=START + HOUR)
    scene.schedules.pause("b", until=START + 2 * HOUR)
    scene.look()
    assert START + HOUR == scene.lineup.next_end()
    scene.clock.advance(HOUR)
    scene.lineup.end_pauses()

    assert ["put a"] == scene.beat.news()
    assert scene.beat.running["a"].enabled
    assert not scene.beat.running["b"].enabled
    assert START + 2 * HOUR == scene.lineup.next_end()


def test_a_pause_that_was_changed_ends_by_its_new_end(scene: Scene) -> None:
    """The old end means nothing any more."""
    scene.put("a")
    scene.schedules.pause("a", until=START + HOUR)
    scene.look()
    scene.schedules.pause("a", until=START + 2 * HOUR)
    scene.look()
    scene.clock.advance(HOUR)
    scene.lineup.end_pauses()

    assert [] == scene.beat.news()
    assert not scene.beat.running["a"].enabled


def test_what_never_ran_here_is_not_removed_from_the_broker(scene: Scene) -> None:
    """Its cursor may be another beat's, whose code knows the entry."""
    scene.lineup.take(Changes(1, [EntryRecord(name="bad")], ["gone"]))

    assert [] == scene.beat.news()


def test_what_a_beat_would_run_can_be_shown(scene: Scene) -> None:
    """The same rules, for lists."""
    scene.declare("nightly")
    scene.put("job")
    scene.schedules.pause("nightly")
    entries, problems = shown(scene.code.values(), scene.schedules.all(), Rules(), scene.clock)

    assert {"job": True, "nightly": False} == {each.name: each.enabled for each in entries}
    assert {} == problems
