"""Time lines of entries: a whole day, a night of 25 hours, as text, SVG and a page."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from periodic import ConfigError, Entry, cron, interval
from periodic.cli import main
from periodic.simulation import runs
from periodic.simulation.timeline import (
    MOST_ROWS,
    Frame,
    Timeline,
    day_frame,
    night_frame,
    timeline_of,
)
from periodic.simulation.timeline_page import timeline_html, timeline_svg

LONDON = ZoneInfo("Europe/London")
AUTUMN = datetime(2026, 10, 25, 12, tzinfo=UTC)
ENTRIES = [
    Entry(name="backup", task="x", schedule=cron("30 1 * * *", tz="Europe/London")),
    Entry(name="<often>", task="x", schedule=interval(minutes=20)),
    Entry(name="report", task="x", schedule=cron("0 9 * * mon-fri", tz="Europe/London")),
]


def drawn(frame: Frame, entries: list[Entry] = ENTRIES) -> Timeline:
    """Return the time lines of a frame."""
    names = [entry.name for entry in entries]
    return timeline_of(runs(entries, frame.start, frame.end), names, frame)


def test_a_day_of_25_hours() -> None:
    """The autumn day has 50 half hours; the repeated ones are marked, the backup runs once."""
    lines = list(drawn(day_frame(AUTUMN, LONDON)).lines())

    assert lines[0].startswith("76 runs of 2 entries. Sun 2026-10-25, Europe/London, 25 hours.")
    assert "the clock goes back from 02:00 (+01:00) to 01:00 (+00:00)." in lines[0]
    assert lines[0].endswith("Entries without a run then: 1.")
    assert "         00  01  03  05  07  09  11  13  15  17  19  21  23" == lines[1]
    assert f"<often>  {25 * '21'}" == lines[2]
    assert f"backup   ...1{46 * '.'}" == lines[3]
    assert f"{13 * ' '}^^ these readings come for the second time" == lines[4]


def test_a_day_of_23_hours() -> None:
    """The spring day has 46 half hours."""
    frame = day_frame(datetime(2026, 3, 29, 12, tzinfo=UTC), LONDON)

    assert 46 == frame.columns
    assert 69 == sum(drawn(frame).rows["<often>"].values())


def test_a_day_of_24_and_a_half_hours() -> None:
    """Lord Howe moves its clock by half an hour: 49 columns, one of them for the second time."""
    frame = day_frame(datetime(2026, 4, 4, 18, tzinfo=UTC), ZoneInfo("Australia/Lord_Howe"))

    assert 49 == frame.columns
    assert [4] == [each for each in range(frame.columns) if frame.repeated(each)]


def test_an_ordinary_day() -> None:
    """A day of UTC is 24 hours, with no mark and no clock change."""
    frame = day_frame(AUTUMN, UTC)

    assert 48 == frame.columns
    assert not any("second time" in line for line in drawn(frame).lines())


def test_the_night_of_the_next_change() -> None:
    """From two hours before it until three after it, in columns of ten minutes."""
    frame = night_frame(datetime(2026, 7, 1, tzinfo=UTC), LONDON)
    lines = list(drawn(frame).lines())

    assert 30 == frame.columns
    assert ["00:00", "01:00", "01:00", "02:00", "03:00"] == lines[1].split()
    assert 6 == lines[4].count("^")


def test_no_change_no_night() -> None:
    """A zone whose clock never changes has no such night; the message says what to do."""
    with pytest.raises(ConfigError, match=r"does not change within 400 days .*; name a zone"):
        night_frame(AUTUMN, UTC)


def test_more_than_nine() -> None:
    """More than nine runs in a column are a plus."""
    often = [Entry(name="often", task="x", schedule=interval(minutes=1))]

    assert "often  " + 48 * "+" == list(drawn(day_frame(AUTUMN, UTC), often).lines())[2]


def test_many_entries() -> None:
    """What there is no room for is counted."""
    many = [
        Entry(name=f"e{number:03}", task="x", schedule=interval(hours=6))
        for number in range(MOST_ROWS + 3)
    ]
    found = drawn(day_frame(AUTUMN, UTC), many)

    assert MOST_ROWS == len(found.rows)
    assert found.told().endswith("Entries that are not shown: 3.")


def test_as_svg() -> None:
    """The picture is well-formed, tells its content in words, and marks the repeated hour."""
    timeline = drawn(day_frame(AUTUMN, LONDON))
    root = ET.fromstring(timeline_svg(timeline))
    space = "{http://www.w3.org/2000/svg}"
    titles = [each.text for each in root.iter(f"{space}title")]

    assert "img" == root.get("role")
    assert timeline.told() == root.findtext(f"{space}desc")
    assert "backup, 01:30 BST: 1 runs" in titles
    assert 2 == sum(each.get("fill") == "#fff3c4" for each in root.iter(f"{space}rect"))


def test_as_a_page() -> None:
    """It loads nothing, runs nothing, and has the runs in words for who cannot see the picture."""
    page = timeline_html(drawn(day_frame(AUTUMN, LONDON)))

    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<th scope=row>&lt;often&gt;</th>" in page
    assert "Sun 2026-10-25 01:30:00 +01:00 BST" in page
    assert "<br>and 25 more" in page


@pytest.mark.parametrize(
    ("view", "told"),
    [
        ("day", "30 runs of 3 entries. Sun 2026-10-25, Europe/London, 25 hours."),
        (
            "night",
            "7 runs of 3 entries. Sun 2026-10-25, Europe/London, 5 hours from 00:00 (+01:00).",
        ),
    ],
)
def test_from_the_command_line(
    view: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`periodic draw --view` draws a crontab's day, or the night of the next clock change."""
    file = tmp_path / "jobs"
    file.write_text("CRON_TZ=Europe/London\n30 1 * * * backup\n0 */6 * * * sync\n15 * * * * h\n")
    given = ["draw", str(file), "--from", "2026-10-25", "--tz", "Europe/London", "--view", view]

    assert 0 == main(given)
    assert capsys.readouterr().out.startswith(told)
