"""The planner: pure, told every instant, O(due x log n)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from periodic import Entry, Planner, clocked, interval

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

MakeEntry = Callable[..., Entry]


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def test_nothing_is_due_before_its_time(entry: MakeEntry) -> None:
    """Before the next fire time nothing is due, and the wake is that fire time."""
    planner = Planner()
    planner.put(entry(every=10), NOON)

    assert [] == planner.due(at(9.999))
    assert at(10) == planner.next_wake()


def test_due_at_the_instant_itself(entry: MakeEntry) -> None:
    """An occurrence is due when its fire time equals now."""
    planner = Planner()
    planner.put(entry(every=10), NOON)

    assert [(at(10),)] == [due.fire_times for due in planner.due(at(10))]


def test_due_entries_come_in_order_of_fire_time(entry: MakeEntry) -> None:
    """What is due first is handed out first."""
    planner = Planner()
    for name, every in (("c", 30), ("a", 10), ("b", 20)):
        planner.put(entry(name, every=every), NOON)

    assert ["a", "b", "c"] == [due.entry.name for due in planner.due(at(30))]


def test_taken_entries_stay_out_until_settled(entry: MakeEntry) -> None:
    """An entry handed out is not handed out again before it is settled."""
    planner = Planner()
    planner.put(entry(every=10), NOON)
    planner.due(at(10))

    assert [] == planner.due(at(20))

    planner.settle("job", at(10))
    assert [(at(20),)] == [due.fire_times for due in planner.due(at(20))]


def test_limit_leaves_the_rest_planned(entry: MakeEntry) -> None:
    """With a limit the remaining entries come with the next call."""
    planner = Planner()
    for n in range(5):
        planner.put(entry(f"job-{n}"), NOON)

    assert [3, 2, 0] == [len(planner.due(at(10), limit=3)) for _ in range(3)]


def test_postponed_occurrences_come_back(entry: MakeEntry) -> None:
    """A postponed entry is due again at the given instant, with the same fire time first."""
    planner = Planner()
    planner.put(entry(every=10), NOON)
    planner.due(at(10))
    planner.postpone("job", at(12))

    assert [] == planner.due(at(11))
    assert [(at(10),)] == [due.fire_times for due in planner.due(at(12))]


def test_postponed_after_a_part_was_dispatched(entry: MakeEntry) -> None:
    """With the cursor moved, only what is after the cursor comes back."""
    planner = Planner()
    planner.put(entry(every=10), NOON)
    planner.due(at(30))
    planner.postpone("job", at(31), cursor=at(10))

    assert [(at(20), at(30))] == [due.fire_times for due in planner.due(at(31))]


def test_an_edit_replaces_the_plan(entry: MakeEntry) -> None:
    """Putting an entry again forgets its former schedule."""
    planner = Planner()
    planner.put(entry(every=10), NOON)
    planner.put(entry(every=25), NOON)

    assert at(25) == planner.next_wake()


def test_late_within_the_threshold_all_count(entry: MakeEntry) -> None:
    """Exactly 60 s late is late; a microsecond more is missed."""
    planner = Planner()
    planner.put(entry(every=60), NOON)

    (due,) = planner.due(at(120))

    assert (at(60), at(120)) == due.fire_times
    assert due.missed is None


def test_missed_ones_give_way_to_late_ones(entry: MakeEntry) -> None:
    """When some are within the threshold, the older ones are given up."""
    planner = Planner()
    planner.put(entry(every=40), NOON)

    (due,) = planner.due(at(200))

    assert (at(160), at(200)) == due.fire_times
    assert at(40) == due.missed


def test_only_the_latest_missed_one_runs(entry: MakeEntry) -> None:
    """When all are older than the threshold, the latest is the one."""
    planner = Planner()
    planner.put(entry(every=3600), NOON)

    (due,) = planner.due(NOON + timedelta(days=365, seconds=90))

    assert (NOON + timedelta(days=365),) == due.fire_times
    assert NOON + timedelta(hours=1) == due.missed


def test_the_latest_missed_is_found_without_walking(entry: MakeEntry) -> None:
    """A year of missed seconds asks the schedule a handful of times, not 31 million."""
    calls = 0

    class Counting(interval):
        def next_after(self, at: datetime) -> datetime | None:
            nonlocal calls
            calls += 1
            return super().next_after(at)

        def previous_before(self, at: datetime) -> datetime | None:
            nonlocal calls
            calls += 1
            return super().previous_before(at)

    planner = Planner()
    planner.put(Entry(name="job", task="t", schedule=Counting(hours=1)), NOON)
    planner.due(NOON + timedelta(days=365, minutes=30))

    assert calls < 10


def test_a_finished_schedule_leaves_nothing_to_wake_for() -> None:
    """After its only occurrence a one-off has no next wake."""
    planner = Planner()
    planner.put(Entry(name="once", task="t", schedule=clocked(at(5))), NOON)
    (due,) = planner.due(at(5))
    planner.settle("once", due.fire_times[-1])

    assert planner.next_wake() is None


def test_a_missed_one_off_still_runs() -> None:
    """A one-off whose instant passed while no beat ran runs once."""
    planner = Planner()
    planner.put(Entry(name="once", task="t", schedule=clocked(at(5))), NOON)

    (due,) = planner.due(at(7200))

    assert (at(5),) == due.fire_times


def test_naive_instants_are_refused(entry: MakeEntry) -> None:
    """A naive `now` names no instant."""
    planner = Planner()
    planner.put(entry(), NOON)

    with pytest.raises(ValueError, match="naive"):
        planner.due(datetime(2026, 3, 2, 12))  # the very thing that is refused


def test_a_look_touches_only_what_is_due(entry: MakeEntry) -> None:
    """With 20,000 entries of which one is due, one schedule is asked, not 20,000."""
    asked: list[str] = []

    class Recording(interval):
        def next_after(self, at: datetime) -> datetime | None:
            asked.append(str(self.every))
            return super().next_after(at)

    planner = Planner()
    for n in range(20_000):
        schedule = Recording(hours=1, seconds=n)
        planner.put(Entry(name=f"job-{n}", task="t", schedule=schedule), NOON)
    planner.put(Entry(name="soon", task="t", schedule=Recording(seconds=1)), NOON)
    asked.clear()

    planner.due(at(1))

    assert {"0:00:01"} == set(asked)


def test_a_schedule_that_stands_still_is_set_aside() -> None:
    """A schedule whose next instant is not after the one asked for cannot hang the planner."""

    class Standing(interval):
        def next_after(self, at: datetime) -> datetime | None:
            following = super().next_after(at)
            return following if at < NOON + timedelta(minutes=1) else at

    planner = Planner()
    planner.put(Entry(name="job", task="t", schedule=Standing(seconds=30)), NOON)

    assert [] == planner.due(at(90))
    assert "not after it" in str(planner.set_aside["job"])
    assert planner.next_wake() is None


def test_edits_of_far_off_entries_leave_nothing_behind(entry: MakeEntry) -> None:
    """An entry that is edited all day does not let the plan grow."""
    planner = Planner()
    for n in range(5_000):
        planner.put(entry(every=3600 + n), NOON)

    assert len(planner._heap) < 100


def test_a_flood_of_late_occurrences_is_bounded() -> None:
    """Of very many late occurrences of one entry the newest thousand run."""
    planner = Planner()
    planner.put(Entry(name="job", task="t", schedule=interval(milliseconds=10)), NOON)

    (due,) = planner.due(at(50))

    assert 1000 == len(due.fire_times)
    assert at(50) == due.fire_times[-1]
    assert at(0.01) == due.missed
