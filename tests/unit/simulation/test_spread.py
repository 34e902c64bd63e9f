"""Offsets that flatten the herd: who moves, by how much, and that it is true."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from periodic import Entry, Schedule, calendar_interval, clocked, cron, crontab, interval
from periodic.cli import main
from periodic.simulation.spread import Spread, spread
from periodic.simulation.spread_page import spread_html, spread_svg

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = MONDAY, MONDAY + timedelta(days=7)


def herd(*schedules: Schedule) -> Spread:
    """Spread entries with these schedules."""
    entries = [
        Entry(name=f"e{number}", task="x", schedule=each) for number, each in enumerate(schedules)
    ]
    return spread(entries, *WEEK)


@pytest.mark.parametrize(
    ("schedule", "moved"),
    [
        (crontab(minute=0, hour=9, tz="UTC"), crontab(minute="1", hour=9, tz="UTC")),
        (crontab(minute="0,30", tz="UTC"), crontab(minute="1,31", tz="UTC")),
        (crontab(minute="*/15", tz="UTC"), crontab(minute="1-59/15", tz="UTC")),
        (cron("59 9 * * *", tz="UTC"), cron("58 9 * * *", tz="UTC")),
        (interval(hours=6), interval(hours=6, anchor=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))),
        (
            calendar_interval(days=1, at="09:00", tz="UTC"),
            calendar_interval(days=1, at="09:01", tz="UTC"),
        ),
        (
            cron("0 9 * * mon", tz="Europe/Berlin"),
            cron("1 9 * * mon", tz="Europe/Berlin"),
        ),
    ],
)
def test_one_of_two_alike_moves(schedule: Schedule, moved: Schedule) -> None:
    """The smallest offset that helps, within the hour, said in the schedule's own words."""
    found = herd(schedule, schedule)

    assert (2, 1) == (found.before.most, found.after.most)
    assert [moved] == [each.after for each in found.offsets]
    assert 1 == abs(found.offsets[0].minutes)


@pytest.mark.parametrize(
    "schedule",
    [
        clocked(MONDAY + timedelta(days=1)),
        cron("0 0 9 * * *", tz="UTC"),
        interval(seconds=30),
        crontab(minute="0-10", hour=9, tz="UTC"),
    ],
)
def test_what_cannot_be_said_otherwise_stays(schedule: Schedule) -> None:
    """Nothing is proposed that a schedule cannot say, or whose runs are not proved."""
    found = herd(schedule, schedule)

    assert () == found.offsets
    assert found.before == found.after
    assert list(found.lines())[-1].endswith("nothing to move.")


def test_nobody_leaves_the_hour() -> None:
    """Seventy daily entries at nine: all sixty minutes are used, and none is crowded by three."""
    found = herd(*[crontab(minute=0, hour=9, tz="UTC")] * 70)

    assert (70, 2) == (found.before.most, found.after.most)
    assert set(range(60)) == set(found.after.minutes)
    assert all(run.hour == 9 for each in found.offsets for run in each.after.between(*WEEK))


def test_who_is_alone_stays() -> None:
    """An entry with a minute of its own is left alone."""
    found = herd(crontab(minute=0, hour=9, tz="UTC"), crontab(minute=0, hour=10, tz="UTC"))

    assert () == found.offsets
    assert (1, MONDAY + timedelta(hours=9)) == (found.before.most, found.before.at)


def test_nothing_runs() -> None:
    """No entry is no herd."""
    assert "at most 0 at once" in list(herd().lines())[2]


def test_before_and_after() -> None:
    """Text, picture and page show both, and who moves."""
    found = herd(*[crontab(minute=0, hour=9, tz="UTC")] * 3)
    lines = list(found.lines())
    root = ET.fromstring(spread_svg(found))
    page = spread_html(found)

    assert f"before |\u2588{59 * ' '}| at most 3 at once" == lines[2]
    assert f"after  |\u2588\u2588\u2588{57 * ' '}| at most 1 at once" == lines[3]
    assert "e0: +1 min, crontab(minute='1', hour=9, tz='UTC')" == lines[4]
    assert found.told() == root.findtext("{http://www.w3.org/2000/svg}desc") == lines[-1]
    assert "<script" not in page
    assert "<li>e0: +1 min" in page


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`periodic draw --spread` proposes for a crontab."""
    file = tmp_path / "jobs"
    file.write_text("0 9 * * * one\n0 9 * * * two\n")

    assert 0 == main(["draw", str(file), "--spread", "--from", "2026-03-02"])
    assert "one: +1 min, cron('1 9 * * *', tz='UTC')" in capsys.readouterr().out
