"""`run_on_start`: the second in which an entry is counted for the first time, as an occurrence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from periodic import (
    CursorStore,
    Entry,
    EntryError,
    ManualClock,
    MemoryCursors,
    MemoryStore,
    Missed,
    Planner,
    Reason,
    Schedules,
    clocked,
    interval,
)
from periodic.copies import CursorCopy
from periodic.cursors import Cursor
from periodic.roster import Roster
from periodic.start_runs import owed, owing, start_run
from periodic.testing import TestBeat

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: A grid that is at no full minute.
HOURLY = interval(hours=1, anchor=NOON + timedelta(minutes=20))

MakeEntry = Callable[..., Entry]


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return an instant of the day, in UTC."""
    return NOON.replace(hour=hour, minute=minute, second=second)


def job(**fields: Any) -> Entry:
    """Return an entry that runs at its start and at twenty past each hour."""
    fields = {"schedule": HOURLY, "run_on_start": True, **fields}
    return Entry(name="job", task="tasks.job", **fields)


def planner(entry: Entry, anchor: datetime = NOON) -> Planner:
    """Return a planner with an entry that owes its run at the start."""
    made = Planner()
    cursor = owing(anchor)
    assert cursor is not None
    made.put(entry, cursor)
    return made


# -- the cursor ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "second"),
    [
        (at(12), at(12)),
        (at(12, 0, 7) + timedelta(microseconds=1), at(12, 0, 7)),
        (at(12, 0, 7) + timedelta(microseconds=999_999), at(12, 0, 8)),
        (at(12) - datetime.resolution, at(12)),
    ],
)
def test_the_start_is_the_second_in_which_counting_starts(
    anchor: datetime, second: datetime
) -> None:
    """What counts begins a microsecond after the anchor; the run has no fraction of a second."""
    cursor = owing(anchor)

    assert second == start_run(anchor)
    assert cursor is not None
    assert second == owed(cursor)


def test_no_cursor_of_our_time_owes_a_start() -> None:
    """Whatever an instant's fraction: what owes a run is of another age, on the same weekday."""
    cursor = owing(NOON)

    assert cursor is not None
    assert (426, 3, 2, 0) == (cursor.year, cursor.month, cursor.day, cursor.weekday())
    assert owed(NOON - datetime.resolution) is None
    assert owed(datetime(1601, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("year", [2, 1600, 2600, 9999])
def test_other_ages_have_no_start(year: int) -> None:
    """A simulated beat of the year 9999 counts as any other, without that run."""
    assert owing(datetime(year, 3, 2, tzinfo=UTC)) is None


# -- the planner -----------------------------------------------------------------------------------


def test_the_start_comes_before_the_schedules_own() -> None:
    """It is due at once, named by the cursor it stands at; then the schedule goes on."""
    plan = planner(job())

    assert NOON == plan.next_wake()
    (due,) = plan.due(NOON)
    assert ((NOON,), owing(NOON), 0) == (due.fire_times, due.cursor, due.caught_up)
    plan.settle("job", NOON)
    assert at(12, 20) == plan.next_wake()


def test_a_start_at_an_instant_of_the_schedule_is_one_run() -> None:
    """Both are the same occurrence: one name, one instant."""
    plan = planner(job(), at(12, 20))

    (due,) = plan.due(at(12, 20))
    assert (at(12, 20),) == due.fire_times
    plan.settle("job", at(12, 20))
    assert at(13, 20) == plan.next_wake()


def test_an_entry_that_does_not_ask_any_more_has_no_start() -> None:
    """Who finds the run owed and does not want it counts from that second, included."""
    assert at(12, 20) == planner(job(run_on_start=False)).next_wake()
    assert at(12, 20) == planner(job(run_on_start=False), at(12, 20)).next_wake()


def test_an_entry_that_comes_to_ask_for_it_has_none() -> None:
    """A cursor that owes nothing stays one."""
    plan = Planner()
    plan.put(job(), NOON)

    assert at(12, 20) == plan.next_wake()


def test_the_start_of_an_entry_whose_schedule_is_over() -> None:
    """A schedule without a further instant has its run at the start all the same."""
    plan = planner(job(schedule=clocked(at(9))))

    assert [(NOON,)] == [due.fire_times for due in plan.due(NOON)]
    plan.settle("job", NOON)
    assert plan.next_wake() is None


def test_entries_alike_of_which_one_starts() -> None:
    """Of two entries with one rule, due at one instant, each has its own runs."""
    plan = planner(job(), at(12, 20))
    plan.put(Entry(name="old", task="t", schedule=HOURLY, catch_up="skip"), at(11, 30))
    plan.put(Entry(name="alike", task="t", schedule=HOURLY), at(11, 30))

    found = {due.entry.name: due.fire_times for due in plan.due(at(14))}

    assert {
        "job": (at(12, 20), at(13, 20)),
        "old": (),
        "alike": (at(13, 20),),
    } == found


@pytest.mark.parametrize(
    ("policy", "sent", "given_up"),
    [
        ("latest", [at(12), at(15, 20)], [Missed(at(12, 20), at(14, 20), Reason.POLICY)]),
        ("skip", [at(12)], [Missed(at(12, 20), at(15, 20), Reason.POLICY)]),
        ("earliest", [at(12), at(12, 20)], [Missed(at(13, 20), at(15, 20), Reason.POLICY)]),
        ("all", [at(12), at(12, 20), at(13, 20), at(14, 20), at(15, 20)], []),
    ],
)
def test_no_policy_gives_up_a_start_that_was_missed(
    policy: str, sent: list[datetime], given_up: list[Missed]
) -> None:
    """`catch_up` is about the schedule's own: no later run stands for the one at the start."""
    (due,) = planner(job(catch_up=policy)).due(at(16))

    assert sent == list(due.fire_times)
    assert len(sent) == due.caught_up
    assert given_up == list(due.given_up)


def test_a_start_that_is_older_than_the_window_is_given_up() -> None:
    """`catch_up_window` is about that run as well; what is late only is sent whatever it says."""
    hour = timedelta(hours=1)
    plan = planner(job(catch_up_window=hour))
    (due,) = plan.due(at(13, 30))

    assert ((at(13, 20),), 1) == (due.fire_times, due.caught_up)
    assert (Missed(NOON, NOON, Reason.WINDOW), Missed(at(12, 20), at(12, 20), Reason.WINDOW)) == (
        due.given_up
    )
    (late,) = planner(job(catch_up_window=1)).due(at(12, 0, 30))
    assert ((NOON,), 0) == (late.fire_times, late.caught_up)


def test_a_start_that_is_given_up_alone_does_not_come_again() -> None:
    """Nothing is dispatched, so the cursor stays; the planner remembers, as for any occurrence."""
    plan = planner(job(catch_up_window=60))
    (due,) = plan.due(at(12, 10))
    assert () == due.fire_times
    plan.settle("job", due.cursor)

    assert at(12, 20) == plan.next_wake()


def test_a_start_that_failed_comes_again() -> None:
    """A message that could not be sent is tried again under the same fire time."""
    plan = planner(job())
    (due,) = plan.due(NOON)
    plan.postpone("job", at(12, 0, 5), due.cursor)

    assert [] == plan.due(at(12, 0, 4))
    assert [(NOON,)] == [due.fire_times for due in plan.due(at(12, 0, 5))]


def test_a_catch_up_in_pieces_begins_with_the_start() -> None:
    """Where few missed ones are allowed at a time, the oldest goes first."""
    plan = planner(job(catch_up="all"))

    (first,) = plan.due(at(16), catch_up=1)
    assert (NOON,) == first.fire_times
    plan.settle("job", NOON)
    (rest,) = plan.due(at(16))
    assert (at(12, 20), at(13, 20), at(14, 20), at(15, 20)) == rest.fire_times


def test_the_rules_of_a_zone_change_while_a_start_is_owed() -> None:
    """Planning anew keeps what is owed."""
    plan = planner(job())
    plan.replan()

    assert NOON == plan.next_wake()


# -- beats -----------------------------------------------------------------------------------------


def test_disabled_first_enabled_later(stage: Any) -> None:
    """A disabled entry has been seen: enabling it is enabling, not the first start."""
    beat = stage.beat(job(enabled=False))
    beat.put(job())
    beat.tick()

    assert [] == stage.broker.enqueued


def test_put_again_within_the_minute_is_an_edit(stage: Any) -> None:
    """A name that is removed and comes back at once stands where it stood; later it starts anew."""
    beat = stage.beat(job())
    for seconds in (30, 70):
        beat.remove("job")
        beat.tick()
        stage.clock.advance(timedelta(seconds=seconds))
        beat.tick()
        beat.put(job())
        beat.tick()

    assert ["12:00:00", "12:01:40"] == stage.broker.fire_times("job")


def test_a_start_while_the_broker_is_away(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is owed from the second in which the beat began, and sent when the broker is back."""
    stage.broker.down = True
    with caplog.at_level(logging.CRITICAL):
        beat = stage.beat(job(catch_up="skip"))
        stage.clock.advance(timedelta(minutes=10))
        stage.broker.down = False
        beat.tick()

    assert ["12:00:00"] == stage.broker.fire_times("job")


def copied(stage: Any, kept: Cursor) -> CursorStore:
    """Return a copy of the cursors that knows where the entry stood."""
    store = MemoryCursors()
    with store.step("test") as table:
        table.set("job", kept)
    return store


def test_a_broker_that_lost_its_data_starts_nothing_again(stage: Any) -> None:
    """Who knows a copy of the cursor knows that the entry was counted before, edited or not."""
    copy = copied(stage, Cursor(at(11), job().fingerprint))
    stage.beat(job(), copy=copy)
    stage.broker.cursors.clear()
    stage.beat(job(schedule=interval(days=9)), copy=copy)

    assert [at(11, 20)] == [each.fire_time for each in stage.broker.enqueued]


def test_a_copy_may_say_that_the_start_is_owed(stage: Any) -> None:
    """A message that failed is owed after the broker has lost its data, too."""
    copy = MemoryCursors()
    stage.broker.failing = {"job"}
    first = stage.beat(job(), copy=copy)
    first.close()
    stage.broker.cursors.clear()
    stage.broker.failing = set()
    stage.clock.advance(timedelta(minutes=5))
    beat = stage.beat(job(), copy=copy)
    beat.tick()

    assert ["12:00:00"] == stage.broker.fire_times("job")


def test_a_beat_that_has_counted_an_entry_needs_no_copy_to_know_it(stage: Any) -> None:
    """An entry that changes after the broker has lost its data has been seen by this beat."""
    beat = stage.beat(job())
    stage.broker.cursors.clear()
    stage.clock.advance(timedelta(minutes=1))
    beat.put(job(kwargs={"to": "all"}))
    beat.tick()

    assert ["12:00:00"] == stage.broker.fire_times("job")


def test_an_adoption_that_failed_has_counted_nothing(stage: Any) -> None:
    """It is made again when the broker is back, and the start is owed still."""
    stage.broker.down = True
    beat = stage.beat(job())
    for _ in range(3):
        stage.clock.advance(timedelta(seconds=10))
        beat.tick()
    stage.broker.down = False
    stage.clock.advance(timedelta(minutes=1))
    beat.tick()

    assert ["12:00:00"] == stage.broker.fire_times("job")


def adopted(
    broker: Any, clock: ManualClock, copy: CursorStore | None = None
) -> tuple[Roster, Planner]:
    """Return a roster that has adopted the entry, and its planner."""
    plan = Planner()
    made = Roster(broker, plan, CursorCopy(copy, "n", clock), clock)
    made.put(job(catch_up="all"))
    made.take_changes()
    made.adopt()
    return made, plan


def test_a_start_that_another_leader_has_sent_is_not_owed(stage: Any) -> None:
    """An old copy says that it is owed; since then another beat led, and its runs are done."""
    clock, copy = ManualClock(NOON), MemoryCursors()
    here, plan = adopted(stage.broker, clock, copy)
    kept = CursorCopy(copy, "n", clock)
    kept.record("job", cast("datetime", owing(NOON)), job().fingerprint)
    kept.save(now=True)
    stage.broker.cursors.clear()
    clock.advance(timedelta(hours=5, minutes=30))
    here.adopt_again(clock.now() - timedelta(seconds=15))
    here.adopt()

    assert [] == plan.due(clock.now())


def test_a_clock_that_was_ahead_is_told_where_a_start_is_owed(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The entry waits until then, and somebody has to hear of it."""
    adopted(stage.broker, ManualClock(NOON + timedelta(days=30)))
    assert not caplog.records
    adopted(stage.broker, ManualClock(NOON))

    (record,) = caplog.records
    assert "cursor-ahead" == vars(record)["event"]


def test_a_test_beat_starts_at_once() -> None:
    """In a user's test the run at the start is due when the entry is put."""
    clock = ManualClock(NOON)
    beat = TestBeat([job()], clock)

    assert [NOON] == [fired.fire_time for fired in beat.run_due()]
    assert [at(12, 20)] == [fired.fire_time for fired in beat.leap()]
    beat.put(job(schedule=interval(hours=2)))
    assert [] == beat.run_due()


# -- what may be said ------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, 1, "yes", "false"])
def test_it_is_true_or_false(given: Any) -> None:
    """Nothing else is taken for one of them."""
    with pytest.raises(EntryError, match=r"entry 'job': run_on_start is True or False, not "):
        job(run_on_start=given)
    with pytest.raises(EntryError, match=r"run_on_start is True or False"):
        Schedules(MemoryStore()).put("job", task="t", schedule=60, run_on_start=given)


def test_it_is_no_part_of_the_fingerprint() -> None:
    """To say it, or to take it back, is no edit of the schedule."""
    assert job().fingerprint == job(run_on_start=False).fingerprint


def test_a_store_keeps_it() -> None:
    """`put` and `set` take it, and nothing of it makes counting begin anew."""
    schedules = Schedules(MemoryStore())
    made = schedules.put("job", task="t", schedule=60, run_on_start=True)
    changed = schedules.set("job", run_on_start=None)

    assert made.definition["run_on_start"] is True
    assert made.to_dict()["run_on_start"] is True
    assert "run_on_start" not in changed.definition
    assert made.since == changed.since
    with pytest.raises(EntryError, match="unknown key 'run_at_start'; did you mean 'run_on_start'"):
        schedules.set("job", run_at_start=True)
