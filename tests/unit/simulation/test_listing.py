"""The list of runs without beat or planner: the same as the simulation's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from periodic import Entry, calendar_interval, cron, crontab, interval, to_utc
from periodic.simulation import listing, runs, simulate

START = datetime(2026, 3, 27, tzinfo=UTC)
END = START + timedelta(days=5)
ENTRIES = [
    Entry(name="night", task="a", schedule=crontab(minute=30, hour=2, tz="Europe/Berlin")),
    Entry(name="often", task="b", schedule=interval(minutes=6)),
    Entry(name="half", task="c", schedule=cron("*/30 * * * *", tz="Europe/London")),
    Entry(name="off", task="d", schedule=interval(minutes=1), enabled=False),
    Entry(
        name="monthly",
        task="e",
        schedule=calendar_interval(months=1, at="09:00", anchor="2026-01-31", tz="Asia/Tokyo"),
    ),
]


def test_the_same_as_the_real_path() -> None:
    """Every run that the beat sends, at its instant, and no other."""
    sent = sorted((run.fire_time, run.entry) for run in simulate(ENTRIES, START, END).runs())

    assert sent == sorted((at, entry.name) for at, entry in runs(ENTRIES, START, END))
    assert len(sent) > 1000


def test_in_order_of_time() -> None:
    """Chunk by chunk, over the night on which the clocks change, too."""
    found = [to_utc(at) for at, _ in runs(ENTRIES, START, END)]

    assert found == sorted(found)


def test_in_order_through_an_hour_that_comes_twice() -> None:
    """Readings of the second pass come after those of the first, whatever zone others have."""
    zones = ("Europe/Berlin", "Europe/London", "America/New_York", "UTC")
    entries = [Entry(name=zone, task="x", schedule=cron("*/10 * * * *", tz=zone)) for zone in zones]
    start = datetime(2026, 10, 24, 23, tzinfo=UTC)

    found = [to_utc(at) for at, _ in runs(entries, start, start + timedelta(hours=5))]

    assert [start + timedelta(minutes=10 * (number // 4)) for number in range(120)] == found


def test_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the spans are is nobody's matter."""
    expected = list(runs(ENTRIES, START, END))
    monkeypatch.setattr(listing, "_CHUNK", 3)

    assert expected == list(runs(ENTRIES, START, END))


def test_entries_alike_all_run() -> None:
    """A schedule that several entries share is asked once, and each of them runs."""
    entries = [Entry(name=name, task="x", schedule=interval(hours=1)) for name in "ab"]

    found = [entry.name for _, entry in runs(entries, START, START + timedelta(hours=2))]

    assert ["a", "b", "a", "b"] == found


def test_to_the_end_of_all_time() -> None:
    """No overflow at the last instant that there is."""
    last = datetime.max.replace(tzinfo=UTC)
    entry = Entry(name="hourly", task="x", schedule=interval(hours=1))

    assert 3 == len(list(runs([entry], last - timedelta(hours=3), last)))
