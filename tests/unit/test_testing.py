"""What users' own tests import: `assert_fires`, a test beat, runs as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import Clock, Entry, ManualClock, Occurrence, Wake, cron, crontab, interval
from periodic.testing import TestBeat, assert_fires, runs_text

NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
NIGHTLY = crontab(minute=30, hour=2, tz="America/New_York")


def nightly(**fields: Any) -> Entry:
    """Return an entry at half past two in New York."""
    return Entry(name="report", task="shop.report", schedule=NIGHTLY, **fields)


def test_a_schedule_fires_exactly_then() -> None:
    """Texts without an offset are readings of the schedule's own clock; datetimes are as good."""
    assert_fires(
        NIGHTLY,
        between=("2026-03-07", "2026-03-10"),
        at=[
            "2026-03-09T02:30",
            datetime(2026, 3, 7, 7, 30, tzinfo=UTC),
            "2026-03-08T03:00-04:00",
        ],
    )
    assert_fires(interval(hours=6), between=("2026-01-01T01:00", "2026-01-01T06:00"), at=[])


def test_other_runs_are_named() -> None:
    """What is missing and what is too much, in local time and UTC."""
    with pytest.raises(AssertionError) as error:
        assert_fires(NIGHTLY, between=("2026-03-08", "2026-03-10"), at=["2026-03-08T02:30"])

    assert (
        "at 02:30 every day, America/New_York: other runs than expected\n"
        "  does not run: Sun 2026-03-08 03:30:00 -04:00 EDT  2026-03-08T07:30:00Z\n"
        "  runs, too: Sun 2026-03-08 03:00:00 -04:00 EDT  2026-03-08T07:00:00Z\n"
        "  runs, too: Mon 2026-03-09 02:30:00 -04:00 EDT  2026-03-09T06:30:00Z"
    ) == str(error.value)


def test_very_many_other_runs_are_cut() -> None:
    """A schedule that runs each second does not fill the screen, nor the memory."""
    with pytest.raises(AssertionError, match="and 990 more"):
        assert_fires(interval(seconds=1), between=("2026-01-01", "2027-01-01"), at=[])


def test_time_leaps_to_the_next_run() -> None:
    """Nothing is due at first; a leap moves the clock and runs what is due then."""
    clock = ManualClock(NOON)
    beat = TestBeat([nightly()], clock)

    assert [] == beat.run_due()
    (fired,) = beat.leap()
    assert ("report", "shop.report", datetime(2026, 3, 8, 7, tzinfo=UTC), None) == fired
    assert datetime(2026, 3, 8, 7, tzinfo=UTC) == clock.now()
    assert [] == beat.run_due()


def test_tasks_run_in_order_with_their_results() -> None:
    """`leap_to` runs everything up to an instant, each when its time has come."""
    clock = ManualClock(NOON)
    ran: list[tuple[str, datetime]] = []

    def execute(entry: Entry, occurrence: Occurrence) -> int:
        assert occurrence.fire_time == clock.now()
        ran.append((entry.name, occurrence.fire_time))
        return len(ran)

    beat = TestBeat(
        [nightly(), Entry(name="often", task="shop.often", schedule=interval(hours=12))],
        clock,
        execute=execute,
    )

    fired = beat.leap_to("2026-03-08T12:00Z")

    assert ["often", "report", "often"] == [each.entry for each in fired]
    assert [1, 2, 3] == [each.result for each in fired]
    assert fired == beat.fired
    assert datetime(2026, 3, 8, 12, tzinfo=UTC) == clock.now()


def test_what_a_task_raises_is_the_tests() -> None:
    """An error in a task is not swallowed."""

    def execute(*_: Any) -> None:
        raise ZeroDivisionError

    beat = TestBeat([nightly()], ManualClock(NOON), execute=execute)

    with pytest.raises(ZeroDivisionError):
        beat.leap()


def test_late_runs_follow_the_entrys_policy() -> None:
    """A clock that was moved over runs by hand: the same planner as everywhere decides."""
    clock = ManualClock(NOON)
    beat = TestBeat([nightly(), nightly_all()], clock)
    clock.advance(timedelta(days=3))

    beat.run_due()

    beat.assert_fired("report", times=1)
    beat.assert_fired("all", times=3)


def nightly_all() -> Entry:
    """Return the same entry under another name, which makes up for everything."""
    return Entry(name="all", task="shop.report", schedule=NIGHTLY, catch_up="all")


def test_assertions_about_what_was_sent() -> None:
    """By name, by fire time and by number; the message tells what was."""
    beat = TestBeat([nightly(), nightly_all()], ManualClock(NOON))
    beat.refute_fired("report")
    beat.leap()

    beat.assert_fired("report")
    beat.assert_fired("report", at="2026-03-08T03:00")
    beat.assert_fired("report", at=datetime(2026, 3, 8, 7, tzinfo=UTC), times=1)
    beat.refute_fired("report", at="2026-03-09T02:30")
    with pytest.raises(AssertionError, match=r"'report' was not sent for 2026-03-09T02:30; it was"):
        beat.assert_fired("report", at="2026-03-09T02:30")
    with pytest.raises(AssertionError, match="'report' was sent 1 times, not 2"):
        beat.assert_fired("report", times=2)
    with pytest.raises(AssertionError, match=r"was sent; it was\n  sent for: Sun 2026-03-08 03:00"):
        beat.refute_fired("report")
    with pytest.raises(AssertionError, match="no entry is named 'rapport'; there are: 'report'"):
        beat.refute_fired("rapport")


def test_an_entry_that_was_never_sent() -> None:
    """The message says so."""
    beat = TestBeat([nightly()], ManualClock(NOON))

    with pytest.raises(AssertionError, match="'report' was not sent; it was never sent"):
        beat.assert_fired("report")


def test_entries_come_and_go() -> None:
    """Counting starts when an entry is put."""
    clock = ManualClock(NOON)
    beat = TestBeat(clock=clock)
    clock.advance(timedelta(days=5))
    beat.put(nightly())
    assert ("report",) == tuple(entry.name for entry in beat.entries)

    assert 1 == len(beat.leap())
    beat.remove("report")
    assert [] == beat.leap()


def test_a_clock_that_others_move_needs_to_be_told_how() -> None:
    """Only a manual clock can be moved without help."""

    class Other(Clock):
        def now(self) -> datetime:
            return NOON

        def monotonic(self) -> float:
            return 0.0

        def wait_until(self, deadline: float, wake: Wake) -> bool:
            return False

    with pytest.raises(TypeError, match="moved by others; give TestBeat"):
        TestBeat(clock=Other())


def test_a_beat_is_no_test_class() -> None:
    """Its name begins as pytest's classes do, and pytest is told."""
    assert TestBeat.__test__ is False


def test_runs_as_text_that_reviews_well() -> None:
    """A line for each day and entry, with the offset; many runs are told by their number."""
    entries = [
        nightly(),
        Entry(name="often", task="x", schedule=cron("*/30 * * * *", tz="America/New_York")),
        Entry(name="off", task="x", schedule=interval(60), enabled=False),
        Entry(name="odd", task="x", schedule=cron("5 0 1 * * sun", tz="America/New_York")),
    ]

    assert (
        "Sat 2026-10-31  often  00:00 ... 23:30, 48 runs (-04:00)\n"
        "Sat 2026-10-31  report  02:30 (-04:00)\n"
        "Sun 2026-11-01  odd  01:00:05 (-04:00)\n"
        "Sun 2026-11-01  often  00:00 00:30 01:00 01:30 (-04:00) 01:00 ... 23:30, 46 runs "
        "(-05:00)\n"
        "Sun 2026-11-01  report  02:30 (-05:00)\n"
    ) == runs_text(entries, "2026-10-31", "2026-11-02", tz=ZoneInfo("America/New_York"))


def test_runs_as_text_in_another_zone() -> None:
    """All in one zone where that is asked for, else each in its own."""
    entries = [nightly()]

    assert "Sun 2026-03-08  report  16:00 (+09:00)\n" == runs_text(
        entries, "2026-03-08", "2026-03-09", tz=ZoneInfo("Asia/Tokyo")
    )
    assert "Sun 2026-03-08  report  03:00 (-04:00)\n" == runs_text(
        entries, "2026-03-08", "2026-03-09"
    )
