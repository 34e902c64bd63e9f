"""The roster: what is known of entries at once, and what the beat takes up, are the same."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from periodic import Entry, ManualClock, interval
from periodic.copies import CursorCopy
from periodic.planner import Planner
from periodic.roster import Roster

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Broker:
    """Knows no cursor."""

    def adopt(self, adoptions: Any) -> dict[str, datetime]:
        """Let each entry count from its anchor."""
        return {each.name: each.anchor for each in adoptions}


class Scene:
    """A roster and the plan that it tells."""

    def __init__(self) -> None:
        clock = ManualClock(NOON)
        self.plan = Planner()
        broker: Any = Broker()
        self.roster = Roster(broker, self.plan, CursorCopy(None, "shop", clock), clock)

    def planned(self) -> dict[str, str]:
        """The task of each entry that is planned, after a tick's work."""
        self.roster.take_changes()
        self.roster.adopt()
        return {name: each.entry.task for name, each in self.plan._planned.items()}


@pytest.fixture
def scene() -> Scene:
    """Nothing is there yet."""
    return Scene()


def entry(name: str, task: str = "old") -> Entry:
    """An entry that runs each five seconds."""
    return Entry(name=name, task=task, schedule=interval(seconds=5))


def test_changes_of_several_threads_leave_one_truth(scene: Scene) -> None:
    """Whoever changes an entry while another thread puts many has the last word on it."""
    many = [entry(f"e{number}") for number in range(2000)]
    interval_before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            thread = threading.Thread(target=scene.roster.put_all, args=(many,))
            thread.start()
            while scene.roster.get("e1") is None and thread.is_alive():
                pass
            scene.roster.remove("e0")
            scene.roster.put(entry("e1", "new"))
            thread.join()
            known = {each.name: scene.roster.get(each.name) for each in many}

            expected = {name: each.task for name, each in known.items() if each is not None}
            assert expected == scene.planned()
            scene.roster.replace([])
            assert {} == scene.planned()
    finally:
        sys.setswitchinterval(interval_before)


def test_what_is_put_while_many_are_looked_through_comes_before_them(scene: Scene) -> None:
    """An iterable may take its time; its entries are put when all of them are there."""

    def entries() -> Iterator[Entry]:
        yield entry("a")
        scene.roster.put(entry("a", "meanwhile"))
        yield entry("b")

    scene.roster.put_all(entries())

    assert {"a": "old", "b": "old"} == scene.planned()


def test_an_iterable_that_raises_has_put_nothing(scene: Scene) -> None:
    """Neither what is known nor what is planned has half of it."""

    def entries() -> Iterator[Entry]:
        yield entry("a")
        raise RuntimeError("the other half")

    with pytest.raises(RuntimeError, match="the other half"):
        scene.roster.put_all(entries())

    assert 0 == len(scene.roster)
    assert {} == scene.planned()


def test_replacing_tells_what_is_otherwise_and_nothing_else(scene: Scene) -> None:
    """What is as it was is left alone."""
    scene.roster.put_all([entry("same"), entry("changed"), entry("gone")])
    scene.planned()
    scene.roster.replace([entry("same"), entry("changed", "new"), entry("added")])

    assert {"gone", "changed", "added"} == set(scene.roster.take_changes())
    assert {"same": "old", "changed": "new", "added": "old"} == scene.planned()
