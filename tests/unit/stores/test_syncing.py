"""What a store says of the code's entries, beside the code of today."""

from __future__ import annotations

import pytest

from periodic import (
    ConfigError,
    Entry,
    MemoryStore,
    Rules,
    Schedules,
    StaleVersion,
    crontab,
    interval,
)
from periodic.syncing import State, Sync, differences, sync

NIGHTLY = Entry(name="nightly", task="shop.nightly", schedule=crontab(hour=3, minute=0, tz="UTC"))
HOURLY = Entry(name="hourly", task="shop.hourly", schedule=interval(hours=1), args=[1])


class Deploy:
    """Entries of one store, as code of different age sees them."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def of(self, *entries: Entry) -> Schedules:
        """What the code with these entries sees."""
        code = {entry.name: entry for entry in entries}
        return Schedules(self.store, rules=Rules(code=lambda: code), who="maria", via="cli")

    def names(self) -> set[str]:
        """What the store holds."""
        return {record.name for record in self.of().all()}


@pytest.fixture
def deploy() -> Deploy:
    """One entry of the code is changed, one paused, one doubled; one is the store's alone."""
    deploy = Deploy()
    deploy.of().put("doubled", task="shop.job", schedule=60)
    before = deploy.of(NIGHTLY, HOURLY)
    before.pause("nightly", note="stocktaking")
    before.set("hourly", args=[2])
    before.put("own", task="shop.job", schedule=60)
    return deploy


DOUBLED = Entry(name="doubled", task="shop.job", schedule=interval(hours=2))


def test_what_is_otherwise_than_in_the_code_is_told(deploy: Deploy) -> None:
    """And what of it: the code's word beside the store's."""
    found = {each.record.name: each for each in differences(deploy.of(HOURLY, DOUBLED))}

    assert {"nightly": State.GONE, "hourly": State.CHANGED, "doubled": State.DOUBLED} == {
        name: each.state for name, each in found.items()
    }
    assert {"args": ([1], [2])} == found["hourly"].keys
    assert "stocktaking" == found["nightly"].to_dict()["pause"]["note"]


@pytest.mark.parametrize(
    ("mode", "stays"),
    [
        (Sync.KEEP, {"nightly", "hourly", "doubled", "own"}),
        (Sync.PRUNE, {"hourly", "doubled", "own"}),
        (Sync.REPLACE, {"own"}),
    ],
)
def test_each_mode_removes_what_it_says(deploy: Deploy, mode: Sync, stays: set[str]) -> None:
    """The store's own entries are nobody's difference; whatever goes is audited."""
    now = deploy.of(HOURLY, DOUBLED)
    gone = sync(now, mode, differences(now))

    assert stays == deploy.names()
    assert {*gone} == {row.name for row in now.audit() if row.origin.action == "sync"}
    assert {"maria"} >= {row.origin.who for row in now.audit() if row.origin.action == "sync"}
    assert [] == sync(now, mode, [])


def test_old_and_new_code_do_not_undo_each_other(deploy: Deploy) -> None:
    """Looking writes nothing, and what the old code has is changed as before until it is gone."""
    old, new = deploy.of(NIGHTLY, HOURLY, DOUBLED), deploy.of(HOURLY, DOUBLED)
    revision = deploy.store.revision()
    for _ in range(3):
        for each in (old, new):
            sync(each, Sync.KEEP, differences(each))

    assert revision == deploy.store.revision()
    assert {"hourly", "nightly", "doubled"} == {each.record.name for each in differences(old)}


def test_what_was_changed_since_somebody_looked_stays(deploy: Deploy) -> None:
    """All of it, or nothing."""
    now = deploy.of(HOURLY, DOUBLED)
    seen = differences(now)
    now.set("hourly", args=[3])

    with pytest.raises(StaleVersion, match="look again"):
        sync(now, Sync.REPLACE, seen)
    assert {"nightly", "hourly", "doubled", "own"} == deploy.names()


def test_without_the_code_there_is_nothing_to_compare_with() -> None:
    """A script that has only the store would take every entry for gone."""
    with pytest.raises(ConfigError, match="no code"):
        differences(Schedules(MemoryStore()))
