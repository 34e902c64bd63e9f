"""The API beside the contract: what applications add, and what counts anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from periodic import (
    Entry,
    EntryError,
    ManualClock,
    MemoryStore,
    Rules,
    Schedules,
    Source,
    UnknownEntry,
    crontab,
    interval,
)

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CODE = Entry(name="nightly", task="shop.nightly", schedule=crontab(hour=3, minute=0, tz="UTC"))


@pytest.fixture
def clock() -> ManualClock:
    """Monday noon."""
    return ManualClock(START)


@pytest.fixture
def make(clock: ManualClock) -> Callable[..., Schedules]:
    """Make the entries of an app whose code has one."""

    def make(**rules: object) -> Schedules:
        given = Rules(code=lambda: {CODE.name: CODE})
        return Schedules(MemoryStore(clock=clock), rules=replace(given, **rules))

    return make


def test_counting_begins_anew_when_the_schedule_changes_and_only_then(
    make: Callable[..., Schedules], clock: ManualClock
) -> None:
    """Other arguments, another queue: the entry keeps its pace."""
    schedules = make()
    schedules.put("job", task="t", schedule=60)
    clock.advance(MINUTE)

    assert START == schedules.set("job", args=[1]).since
    assert START + MINUTE == schedules.set("job", schedule=30).since
    clock.advance(MINUTE)
    assert START + MINUTE == schedules.set("job", enabled=False).since
    assert START + 2 * MINUTE == schedules.set("job", enabled=True).since


def test_set_changes_what_is_given_and_takes_back_what_is_none(
    make: Callable[..., Schedules],
) -> None:
    """The rest of the definition stays."""
    schedules = make()
    schedules.put("job", task="t", schedule=60, args=[1], options={"queue": "mail"})
    changed = schedules.set("job", args=None, kwargs={"a": 1})

    assert changed.definition == {
        "task": "t",
        "schedule": interval(60).to_dict(),
        "options": {"queue": "mail"},
        "kwargs": {"a": 1},
    }


def test_put_makes_the_definition_anew(make: Callable[..., Schedules]) -> None:
    """What the second does not say is not kept from the first; a pause is."""
    schedules = make()
    schedules.put("job", task="t", schedule=60, args=[1])
    schedules.pause("job", note="n")
    again = schedules.put("job", task="t", schedule=60)

    assert "args" not in again.definition
    assert again.pause is not None


def test_an_entry_of_the_store_needs_task_and_schedule(make: Callable[..., Schedules]) -> None:
    """Nothing is kept of one that could not run."""
    schedules = make()
    with pytest.raises(EntryError, match="has no schedule"):
        schedules.put("job", task="t")

    assert schedules.get("job") is None


def test_the_check_of_the_app_refuses_before_anything_is_written(
    make: Callable[..., Schedules],
) -> None:
    """It sees the entry as it would run."""
    seen: list[Entry] = []

    def check(entry: Entry) -> None:
        seen.append(entry)
        raise EntryError("no such task")

    schedules = make(check=check, defaults={"catch_up": "skip"})
    with pytest.raises(EntryError, match="no such task"):
        schedules.put("job", task="t", schedule=60)

    assert "skip" == seen[0].catch_up
    assert [] == schedules.list()


def test_an_entry_of_the_code_can_be_paused_and_changed(
    make: Callable[..., Schedules], clock: ManualClock
) -> None:
    """The record says what is otherwise; deleting it brings the code's back."""
    schedules = make()
    paused = schedules.pause("nightly", note="stocktaking")
    assert (Source.CODE, {}) == (paused.source, paused.definition)
    clock.advance(MINUTE)
    changed = schedules.set("nightly", schedule=3600)
    assert {"schedule": interval(3600).to_dict()} == changed.definition
    assert START + MINUTE == changed.since
    schedules.delete("nightly")

    with pytest.raises(EntryError, match="is the code's"):
        schedules.delete("nightly")
    schedules.pause("nightly")
    with pytest.raises(EntryError, match="named by the code"):
        schedules.rename("nightly", "other")


def test_arguments_alone_leave_the_counting_of_the_code(make: Callable[..., Schedules]) -> None:
    """A record for other arguments says nothing about when."""
    assert make().put("nightly", args=[1]).since is None


def test_whoever_does_it_is_told_in_printable_characters(make: Callable[..., Schedules]) -> None:
    """A header of a request may hold anything, of any length."""
    schedules = make()
    schedules.by("ma\0ria\n" + "x" * 500).pause("nightly")
    who = schedules.audit()[0].origin.who

    assert ("mariaxxx", 200) == (who[:8], len(who))


def test_without_the_code_a_name_of_it_is_unknown() -> None:
    """A script that has only the store cannot know what the code holds."""
    with pytest.raises(UnknownEntry):
        Schedules(MemoryStore()).pause("nightly")


@pytest.mark.parametrize(
    "until", [START, START - MINUTE, datetime(2027, 1, 1)], ids=["now", "past", "naive"]
)
def test_the_end_of_a_pause_is_to_come(make: Callable[..., Schedules], until: datetime) -> None:
    """And has a time zone."""
    with pytest.raises(EntryError, match="until is a moment to come"):
        make().pause("nightly", until=until)


def test_resuming_what_went_on_by_itself_counts_from_then(
    make: Callable[..., Schedules], clock: ManualClock
) -> None:
    """The end of the pause was the beginning; taking the note away changes nothing of that."""
    schedules = make()
    schedules.put("job", task="t", schedule=60)
    schedules.pause("job", until=START + MINUTE)
    clock.advance(10 * MINUTE)

    assert START + MINUTE - datetime.resolution == schedules.resume("job").since


def test_a_pause_that_is_changed_keeps_its_beginning(
    make: Callable[..., Schedules], clock: ManualClock
) -> None:
    """Another note, another end; since when is since when."""
    schedules = make()
    schedules.pause("nightly", note="a")
    clock.advance(MINUTE)
    pause = schedules.pause("nightly", note="b").pause

    assert pause is not None
    assert (START, "b") == (pause.at, pause.note)
    with pytest.raises(EntryError, match="a note is text of at most 1000"):
        schedules.pause("nightly", note="x" * 1001)
