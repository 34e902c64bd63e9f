"""The planner: pure, told every instant, O(due x log n)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from periodic import CatchUp, Entry, Missed, Planner, clocked, interval

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
        schedule = Recording(hours=1, seconds=n, anchor=NOON)
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


# -- missed runs ----------------------------------------------------------------------------


def test_giving_up_leaves_the_cursor_alone_and_does_not_spin(entry: MakeEntry) -> None:
    """`skip` with nothing to send moves on, and the next claim still names the broker's cursor."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="skip"), NOON)

    (due,) = planner.due(at(700))
    planner.settle("job", due.cursor)

    assert () == due.fire_times
    assert (at(300), at(600)) == (due.missed, due.missed_until)
    assert [] == planner.due(at(800))
    assert at(900) == planner.next_wake()
    (due,) = planner.due(at(900))
    assert (NOON, (at(900),), None) == (due.cursor, due.fire_times, due.missed)


def test_an_edit_of_the_policy_brings_nothing_back(entry: MakeEntry) -> None:
    """What was given up under one policy is not caught up under the next one."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="skip"), NOON)
    planner.due(at(700))
    planner.settle("job", NOON)

    planner.put(entry(every=300, catch_up="all"), NOON)

    assert at(900) == planner.next_wake()


def test_an_edit_of_the_schedule_forgets_what_was_given_up(entry: MakeEntry) -> None:
    """Another schedule counts from the cursor that it is put with."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="skip"), NOON)
    planner.due(at(700))
    planner.settle("job", NOON)

    planner.put(entry(every=200), NOON)

    assert at(200) == planner.next_wake()


def test_what_a_wrong_clock_gave_up_comes_again(entry: MakeEntry) -> None:
    """A clock that was a year ahead for a moment does not silence an entry for a year."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="skip"), NOON)
    planner.due(NOON + timedelta(days=365, seconds=100))
    planner.settle("job", NOON)

    assert [] == planner.due(at(10))
    assert at(300) == planner.next_wake()


def test_the_earliest_is_sent_once(entry: MakeEntry) -> None:
    """After the oldest the others are given up, whether or not the broker's cursor shows it."""
    for cursor in (at(300), at(900)):
        planner = Planner()
        planner.put(entry(every=300, catch_up="earliest"), NOON)

        (due,) = planner.due(at(1000))
        planner.settle("job", cursor)

        assert ((at(300),), at(900)) == (due.fire_times, due.up_to)
        assert at(1200) == planner.next_wake()


def test_what_was_not_dispatched_is_not_given_up(entry: MakeEntry) -> None:
    """A failed dispatch of the oldest is tried again with the oldest."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="earliest"), NOON)
    planner.due(at(1000))
    planner.postpone("job", at(1010), NOON)

    (due,) = planner.due(at(1010))

    assert (at(300),) == due.fire_times


def test_a_part_that_was_dispatched_takes_its_missed_ones_along(entry: MakeEntry) -> None:
    """When the oldest went out and the late one after it failed, only that comes back."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="earliest"), NOON)
    (due,) = planner.due(at(910))
    planner.postpone("job", at(920), due.fire_times[0])

    (again,) = planner.due(at(920))

    assert (at(300), at(900)) == due.fire_times
    assert ((at(900),), None) == (again.fire_times, again.missed)


@pytest.mark.parametrize(("step", "room"), [(10, 1), (10, 3), (10, 7), (0.05, 450)])
@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_cutting_changes_nothing(
    entry: MakeEntry, catch_up: CatchUp, room: int, step: float
) -> None:
    """In pieces of any size the same occurrences are sent, in order, and the same given up."""
    whole, cut = Planner(), Planner()
    for planner in (whole, cut):
        planner.put(entry(every=step, catch_up=catch_up, max_catch_up=5), NOON)
    (expected,) = whole.due(at(300))

    sent: list[datetime] = []
    given_up: list[Missed] = []
    while dues := cut.due(at(300), limit=room, catch_up=2):
        (due,) = dues
        assert len(due.fire_times) <= room
        assert due.caught_up <= 2
        sent += due.fire_times
        given_up += due.given_up
        cut.settle("job", due.fire_times[-1])

    assert expected.fire_times == tuple(sent)
    assert expected.given_up == tuple(given_up)


def test_punctual_runs_come_before_a_catch_up(entry: MakeEntry) -> None:
    """Missed occurrences wait behind what is due, and no longer than until the next look."""
    planner = Planner()
    planner.put(entry("missed", every=1, catch_up="all", max_catch_up=3000), NOON)
    planner.put(entry("punctual", every=3600), NOON)

    dues = planner.due(at(3600), limit=2000, catch_up=1000)

    assert [("punctual", 1), ("missed", 1000)] == [
        (due.entry.name, len(due.fire_times)) for due in dues
    ]


def test_a_catch_up_without_room_waits_for_the_next_look(entry: MakeEntry) -> None:
    """Entries that found no room are looked at first come, first served, and their wake is now."""
    planner = Planner()
    for n in range(5):
        planner.put(entry(f"job-{n}", every=600), NOON)
    looks = [planner.due(at(900), catch_up=2)]
    wake = planner.next_wake()
    looks += [planner.due(at(900), catch_up=2), planner.due(at(900), catch_up=2)]

    names = [[due.entry.name for due in look] for look in looks]
    assert [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]] == names
    assert wake is not None
    assert wake <= at(900)
    assert planner.next_wake() is None


def test_no_room_at_all(entry: MakeEntry) -> None:
    """A limit of nothing takes nothing, and loses nothing."""
    planner = Planner()
    planner.put(entry(), NOON)

    assert [] == planner.due(at(10), limit=0)
    assert 1 == len(planner.due(at(10)))


def test_an_entry_that_waits_to_catch_up_may_be_removed(entry: MakeEntry) -> None:
    """Removed, edited or replanned while it waits, an entry leaves nothing behind."""
    planner = Planner()
    for name in ("gone", "edited", "kept"):
        planner.put(entry(name, every=600), NOON)
    planner.due(at(900), catch_up=0)
    planner.remove("gone")
    planner.put(entry("edited", every=600), at(900))
    planner.replan()

    assert ["kept"] == [due.entry.name for due in planner.due(at(900))]
    assert at(1200) == planner.next_wake()


def test_settling_what_was_not_handed_out_plans_it_once(entry: MakeEntry) -> None:
    """An entry that is told to stand elsewhere leaves its former place."""
    planner = Planner()
    planner.put(entry(every=10), NOON)
    planner.settle("job", at(30))

    assert [] == planner.due(at(30))
    assert 1 == len(planner.due(at(40)))


def test_entries_alike_are_looked_up_once() -> None:
    """10,000 entries with equal schedules, put at different moments, ask as one does."""
    asked: list[datetime] = []

    class Recording(interval):
        def next_after(self, at: datetime) -> datetime | None:
            asked.append(at)
            return super().next_after(at)

    planner = Planner()
    for n in range(10_000):
        own = Entry(name=f"job-{n}", task="t", schedule=Recording(seconds=10))
        planner.put(own, at(n / 10_000))
    taken = planner.due(at(10))
    for due in taken:
        planner.settle(due.entry.name, due.fire_times[-1])

    assert 10_000 == len(taken)
    assert 2 == len(asked)
    assert at(20) == planner.next_wake()


def test_another_policy_or_type_is_not_alike(entry: MakeEntry) -> None:
    """Equal schedules share answers only where the policy and the class are the same."""

    class Never(interval):
        def next_after(self, at: datetime) -> datetime | None:
            return None

    planner = Planner()
    planner.put(entry("latest", every=600), NOON)
    planner.put(entry("skip", every=600, catch_up="skip"), NOON)
    planner.put(Entry(name="never", task="t", schedule=Never(seconds=600)), NOON)

    dues = {due.entry.name: due.fire_times for due in planner.due(at(900))}

    assert {"latest": (at(600),), "skip": ()} == dues


def test_an_entrys_own_threshold(entry: MakeEntry) -> None:
    """Where an entry says how late is late, the planner's threshold does not count."""
    planner = Planner(misfire_threshold=timedelta(seconds=5))
    planner.put(entry("own", every=10, misfire_threshold=timedelta(seconds=40)), NOON)
    planner.put(entry("planner's", every=10), NOON)

    dues = {due.entry.name: len(due.fire_times) for due in planner.due(at(59))}

    assert {"own": 4, "planner's": 1} == dues


def test_a_schedule_that_cannot_be_hashed_is_set_aside() -> None:
    """Somebody's schedule without a hash is its entry's problem alone."""

    class Unhashable(interval):
        __hash__ = None  # type: ignore[assignment]

    planner = Planner()
    planner.put(Entry(name="bad", task="t", schedule=Unhashable(seconds=10)), NOON)

    assert "unhashable" in str(planner.set_aside["bad"])
    assert planner.next_wake() is None


def test_what_is_given_up_is_told_in_words(entry: MakeEntry) -> None:
    """One sentence: from when to when, why, and what is sent."""
    planner = Planner()
    planner.put(entry(every=300, catch_up="latest", catch_up_window=timedelta(minutes=12)), NOON)

    (due,) = planner.due(at(1300))

    assert (
        "missed and not sent: 2026-03-02T12:05:00+00:00 (older than catch_up_window, 0:12:00); "
        "2026-03-02T12:10:00+00:00 to 2026-03-02T12:15:00+00:00 (catch_up is latest); "
        "sent now: 2026-03-02T12:20:00+00:00" == due.tell_missed()
    )
