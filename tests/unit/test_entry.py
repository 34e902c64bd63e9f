"""Entries and the identity of an occurrence."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from periodic import Entry, EntryError, Kind, Occurrence, interval

FIRE = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_the_id_is_a_pure_function_of_the_identity() -> None:
    """Namespace, entry, kind and fire time decide the id; it is pinned for ever."""
    occurrence = Occurrence("shop", "report", FIRE)

    assert '["shop","report","scheduled","2026-11-01T06:30:00+00:00"]' == occurrence.identity
    assert "b38bd888-95c0-5d92-9bd1-f7a4ea74e1a5" == occurrence.id


@pytest.mark.parametrize(
    "other",
    [
        Occurrence("shop2", "report", FIRE),
        Occurrence("shop", "report2", FIRE),
        Occurrence("shop", "report", FIRE.replace(minute=31)),
        Occurrence("shop", "report", FIRE, Kind.BACKFILL),
    ],
)
def test_each_part_of_the_identity_counts(other: Occurrence) -> None:
    """Changing any one part changes the id."""
    assert Occurrence("shop", "report", FIRE).id != other.id


def test_the_zone_of_the_fire_time_does_not_count() -> None:
    """The same instant in another zone is the same occurrence, in the repeated hour too."""
    local = datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York"))

    assert Occurrence("shop", "report", FIRE) == Occurrence("shop", "report", local)


def test_odd_names_cannot_be_mistaken() -> None:
    """Names that contain the separators of the identity stay apart."""
    assert Occurrence('a","b', "c", FIRE).identity != Occurrence("a", 'b","c', FIRE).identity


def test_headers_carry_the_occurrence() -> None:
    """What the headers say is read back as the same occurrence."""
    occurrence = Occurrence("shop", "report", FIRE)

    assert {
        "periodic-entry": "report",
        "periodic-fire-time": "2026-11-01T06:30:00+00:00",
        "periodic-kind": "scheduled",
    } == occurrence.headers
    assert occurrence == Occurrence.from_headers("shop", occurrence.headers)


def test_other_messages_have_no_occurrence() -> None:
    """Headers of a message that no beat of ours sent give None."""
    assert Occurrence.from_headers("shop", {"id": "1", "task": "t"}) is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "an entry's name is a non-empty string, not ''"),
        ({"name": "caf\udce9"}, "an entry's name is text, .* which holds half a character"),
        ({"task": None}, "entry 'job': task is the registered name of a task, not None"),
        ({"schedule": "5 * * * *"}, "entry 'job': schedule is a periodic schedule"),
        ({"args": "abc"}, "entry 'job': args is a list or tuple, not 'abc'"),
        ({"kwargs": [1]}, "entry 'job': kwargs is a mapping with string keys"),
        ({"options": {1: 2}}, "entry 'job': options is a mapping with string keys"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, Any], says: str) -> None:
    """Each wrong field is refused with a sentence that names it and the value."""
    good: dict[str, Any] = {"name": "job", "task": "t", "schedule": interval(seconds=1)}
    with pytest.raises(EntryError, match=says):
        Entry(**{**good, **fields})


def test_entries_are_values() -> None:
    """Entries are equal by value, hashable and picklable."""
    one = Entry(name="job", task="t", schedule=interval(seconds=1), kwargs={"a": [1]})
    same = Entry(name="job", task="t", schedule=interval(seconds=1), kwargs={"a": [1]})

    assert one == same == pickle.loads(pickle.dumps(one))  # our own bytes
    assert hash(one) == hash(same)


def test_an_entry_that_is_like_another_differs_in_what_is_its_own() -> None:
    """It equals the one that its constructor makes, whatever the shared fields say."""
    shared: dict[str, Any] = {
        "task": "shop.report",
        "schedule": interval(seconds=7),
        "options": {"queue": "mail"},
        "enabled": False,
        "catch_up": "all",
        "catch_up_window": timedelta(hours=3),
        "max_catch_up": 17,
        "misfire_threshold": timedelta(seconds=9),
        "run_on_start": True,
    }
    model = Entry(name="one", args=(1,), kwargs={"a": 1}, since=FIRE, **shared)
    for args in ([2], (3, 4)):
        made = model.like("other", args, {"b": args}, None)

        assert Entry(name="other", args=args, kwargs={"b": args}, since=None, **shared) == made
        assert hash(made) == hash(pickle.loads(pickle.dumps(made)))  # our own bytes
    with pytest.raises(EntryError, match="args is a list or tuple, not 'abc'"):
        model.like("other", "abc", {}, None)
    with pytest.raises(EntryError, match="kwargs is a mapping with string keys"):
        model.like("other", (), cast("Any", {1: 2}), None)
    with pytest.raises(EntryError, match="name is a non-empty string, not ' '"):
        model.like(" ", (), {}, None)
