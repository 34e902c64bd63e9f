"""Entries that are made from one that is like them are those that would have been made anew."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import periodic.alike
from periodic import Entry, EntryError, EntryRecord, Pause, Schedule, Source, cron, crontab
from periodic.alike import Alike, Said
from periodic.definitions import entry_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
DEFAULTS: dict[str, Any] = {"catch_up": "skip", "max_catch_up": 3}
USUAL: dict[str, Any] = {
    "task": "shop.report",
    "schedule": crontab(hour=9).to_dict(),
    "kwargs": {"style": "bold"},
    "options": {"queue": "mail"},
}
#: What the records of these tests share, by what it says.
KINDS: dict[str, dict[str, Any]] = {}


def kind(definition: dict[str, Any]) -> Said:
    """What a definition says, with what it shares with others as the same object."""
    own = [definition.get(key) for key in ("args", "kwargs")]
    shared = {key: value for key, value in definition.items() if key not in {"args", "kwargs"}}
    return Said(KINDS.setdefault(json.dumps(shared), shared), *own)


def record(name: str, **fields: Any) -> EntryRecord:
    """A record whose definition shares what others share."""
    definition = kind({**USUAL, **fields.pop("definition", {})})
    return EntryRecord(name=name, definition=definition, since=NOON, **fields)


def records() -> Iterator[EntryRecord]:
    """Records that differ from the first one in one thing each."""
    other = crontab(hour=10).to_dict()
    yield record("first", definition={"args": [1]})
    yield record("args", definition={"args": [2, {"a": []}]})
    yield record("no args")
    yield record("no args either")
    yield record("task", definition={"args": [1], "task": "shop.other"})
    yield record("schedule", definition={"args": [1], "schedule": other})
    yield record("kwargs", definition={"args": [1], "kwargs": {}})
    yield record("options", definition={"args": [1], "options": {"queue": "post"}})
    yield record("policy", definition={"args": [1], "catch_up": "all"})
    yield record("policy for args", definition={"catch_up": "all"})
    yield record("disabled", definition={"args": [1], "enabled": False})
    yield record("paused", definition={"args": [1]}, pause=Pause(NOON))
    yield record("ended", definition={"args": [1]}, pause=Pause(NOON, "", NOON))
    few = {key: USUAL[key] for key in ("task", "schedule")}
    yield EntryRecord(name="few", definition=kind(few))
    yield EntryRecord(name="few, too", definition=kind({**few, "args": [3]}))
    yield EntryRecord(name="few and a policy", definition=kind({**few, "max_catch_up": 7}))
    yield EntryRecord(name="in one piece", definition={**few, "args": [4]})
    yield record("like the first", definition={"args": [1]})


def said(entry: Entry) -> Any:
    """All that an entry holds, types and all: `catch_up` is a word of its own kind."""
    return [(key, getattr(entry, key)) for key in entry.__slots__], type(entry.catch_up)


@pytest.mark.parametrize(
    "own", [{}, {"args": []}, {"kwargs": {}}, {"args": [1, [2]], "kwargs": {"a": None}}]
)
def test_what_is_said_in_parts_is_a_mapping_like_any_other(own: dict[str, Any]) -> None:
    """Equal to the definition in one piece, key by key, printed and pickled."""
    whole = {"task": "shop.report", "schedule": crontab(hour=9).to_dict(), **own}
    parts = kind(whole)

    assert whole == parts == pickle.loads(pickle.dumps(parts))  # our own bytes
    assert dict(parts) == {**parts} == whole
    assert list(whole) == list(parts)
    assert (len(whole), repr(whole)) == (len(parts), repr(parts))
    assert parts.get("args") == own.get("args")
    assert {**whole, "task": "shop.other"} != parts


def test_an_entry_is_the_same_in_whatever_order_its_likes_come() -> None:
    """What came before decides how fast an entry is made, never what it is."""
    there = list(records())
    expected = {
        each.name: said(entry_of(each, NOON, zone=LONDON, defaults=DEFAULTS)) for each in there
    }

    for order in (there, there[::-1], there + there):
        alike = Alike(LONDON, DEFAULTS)
        for each in order:
            assert expected[each.name] == said(alike.entry_of(each, NOON))


def test_equal_text_in_two_zones_makes_two_schedules() -> None:
    """Each beat reads schedules without a zone by its own app's clock."""
    one, other = Alike(LONDON, {}), Alike(UTC, {})
    for name in ("a", "b"):
        row = record(name)

        assert crontab(hour=9, tz="Europe/London") == one.entry_of(row, NOON).schedule
        assert crontab(hour=9, tz="UTC") == other.entry_of(row, NOON).schedule


def test_what_a_name_decides_is_decided_for_each_name() -> None:
    """`H` is another minute for another name, and never that of the entry that came first."""
    alike = Alike(UTC, {})
    hourly = {"schedule": cron("H * * * *", tz="UTC").to_dict()}
    rows = [record(f"job {number}", definition=hourly) for number in range(50)]
    made = [alike.entry_of(row, NOON).schedule for row in rows]

    assert [entry_of(row, NOON, zone=UTC).schedule for row in rows] == made
    assert len({json.dumps(each.to_dict()) for each in made}) > 1


def test_a_bad_one_is_refused_beside_good_ones_and_changes_none_of_them() -> None:
    """With the sentence that it gets alone; the next good one is made."""
    alike = Alike(UTC, {})
    alike.entry_of(record("good", definition={"args": [1]}), NOON)
    for bad in (
        record("args", definition={"args": "text"}),
        record("kwargs", definition={"args": [1], "kwargs": {1: 2}}),
        record("options", definition={"args": [1], "options": [1]}),
        record("task", definition={"args": [1], "task": None}),
        record("task without a hash", definition={"args": [1], "task": []}),
        record("unknown", definition={"args": [1], "colour": 1}),
        record("problem", definition={"args": [1]}, problem="its column args is no JSON"),
        record("\ud800", definition={"args": [1]}),
        record(" ", definition={"args": [1]}),
        record("schedule", definition={"args": [1], "schedule": {"kind": "crontab", "hour": 99}}),
    ):
        with pytest.raises(ValueError, match=r".") as alone:
            entry_of(bad, NOON, zone=UTC)
        for _ in range(2):
            with pytest.raises(type(alone.value)) as beside:
                alike.entry_of(bad, NOON)

            assert str(alone.value) == str(beside.value)
    assert [2] == list(alike.entry_of(record("next", definition={"args": [2]}), NOON).args)


def test_a_record_of_the_code_is_made_of_todays_code() -> None:
    """It is never one that was made before, of whatever it shares."""
    alike = Alike(UTC, {})
    alike.entry_of(record("first"), NOON)
    change = record("job", source=Source.CODE)
    base = Entry(name="job", task="shop.job", schedule=crontab(tz="UTC"), max_catch_up=4)

    assert 4 == alike.entry_of(change, NOON, base).max_catch_up
    with pytest.raises(EntryError, match="an entry of the code, which is gone"):
        alike.entry_of(change, NOON)


def test_no_more_than_so_many_kinds_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that have nothing in common take no memory beside their own; all are right."""
    monkeypatch.setattr(periodic.alike, "_MOST", 3)
    alike = Alike(UTC, {})
    for number in range(10):
        row = record(f"job {number}", definition={"task": f"shop.{number}", "args": [number]})

        assert f"shop.{number}" == alike.entry_of(row, NOON).task
        assert len(vars(alike)["_models"]) <= 3  # the memory is the promise


def test_what_is_shared_is_kept_as_long_as_it_tells_entries_apart() -> None:
    """An object that is gone gives its number to another, which must not be taken for it."""
    alike = Alike(UTC, {})
    for hour in range(24):
        schedule = crontab(hour=hour, tz="UTC").to_dict()
        definition = Said({"task": "shop.report", "schedule": schedule}, [hour], None)
        made = alike.entry_of(EntryRecord(name="job", definition=definition), NOON)

        assert (crontab(hour=hour, tz="UTC"), [hour], {}) == (made.schedule, made.args, made.kwargs)


def named_class() -> type[Schedule]:
    """Make a class whose schedules take their entry's name."""

    class Named(Schedule):
        kind = "named-in-a-test"

        @property
        def tz(self) -> tzinfo:
            return UTC

        def __init__(self, name: str = "") -> None:
            self.name = name

        def in_zone(self, zone: Any) -> Any:
            return self

        def named(self, name: str) -> Any:
            return Named(name)

        def next_after(self, at: datetime) -> datetime | None:
            return at + timedelta(hours=1)

        def previous_before(self, at: datetime) -> datetime | None:
            return at - timedelta(hours=1)

        def describe(self) -> str:
            return self.name

        def to_dict(self) -> dict[str, Any]:
            return {"kind": self.kind}

        @classmethod
        def _from_dict(cls, data: Any) -> Any:
            return cls()

    return Named


def test_the_names_part_is_seen_in_schedules_of_others_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own class may ask for the name as `cron` does."""
    monkeypatch.setattr(Schedule, "_kinds", dict(vars(Schedule)["_kinds"]))

    alike = Alike(UTC, {})
    named_class()
    shared = {"schedule": {"kind": "named-in-a-test"}}
    for name in ("a", "b", "c"):
        made = alike.entry_of(record(name, definition=shared), NOON)

        assert name == made.schedule.describe()
