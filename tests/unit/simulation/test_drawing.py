"""Pictures of a schedule: a heat map as text, SVG and a page, and a calendar feed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from periodic import Entry, cron, interval
from periodic.cli import main
from periodic.simulation import runs
from periodic.simulation.feed import ics_lines
from periodic.simulation.heat import Heat, heat_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = MONDAY, MONDAY + timedelta(days=7)
ENTRIES = [
    Entry(name="report", task="shop.report", schedule=cron("0 9 * * mon-fri")),
    Entry(name="<mail>", task="shop.mail", schedule=cron("0 9 * * mon")),
    Entry(name="often", task="shop.often", schedule=interval(hours=6)),
]


@pytest.fixture
def heat() -> Heat:
    """Return the map of a week."""
    return heat_of(runs(ENTRIES, *WEEK))


def test_runs_by_weekday_and_hour(heat: Heat) -> None:
    """Each run counts in its hour; instants with several are the busiest."""
    assert 5 + 1 + 28 == heat.total == sum(heat.cells.values())
    assert 2 == heat.cells[0, 9] == heat.most
    assert ((MONDAY + timedelta(hours=9), 2),) == heat.busiest


def test_another_clock() -> None:
    """The hour is what the clock of that zone reads."""
    found = heat_of(runs(ENTRIES[:1], *WEEK), ZoneInfo("Asia/Tokyo"))

    assert {(day, 18): 1 for day in range(5)} == dict(found.cells)


def test_as_text(heat: Heat) -> None:
    """The darker, the more; Mondays at nine are the darkest."""
    lines = list(heat.lines())

    assert "34 runs, hour by hour, UTC" == lines[0]
    assert "Mon  ▒▒          ▒▒    ██    ▒▒          ▒▒" == lines[2].replace("░", "▒")
    assert "2 at once: Mon 2026-03-02 09:00:00 +00:00 UTC  2026-03-02T09:00:00Z" == lines[-1]


def test_nothing_runs() -> None:
    """An empty map is a map."""
    assert "0 runs, hour by hour, UTC" == next(iter(heat_of([]).lines()))
    assert "0 runs by weekday and hour, UTC." in heat_of([]).html()


def test_as_a_picture(heat: Heat) -> None:
    """A cell for each hour of the week, each with its words; a text alternative for all."""
    root = ET.fromstring(heat.svg())
    name = "{http://www.w3.org/2000/svg}"

    assert 7 * 24 == len(root.findall(f"{name}rect"))
    assert "Mon 09:00, 2 runs" in [each.text for each in root.iter(f"{name}title")]
    described = root.find(f"{name}desc")
    assert described is not None
    assert "The fullest hour is Mon 09:00 with 2." in (described.text or "")
    assert "img" == root.get("role")


def test_as_a_page(heat: Heat) -> None:
    """It needs no network and no script, and has its numbers as a table."""
    page = heat.html("A <week>")

    assert "<h1>A &lt;week&gt;</h1>" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page
    assert "<th scope=row>Mon</th>" in page


def test_as_a_feed() -> None:
    """An event for each run, in UTC, with what RFC 5545 wants escaped and folded."""
    entry = Entry(
        name="a;b, " + "ü" * 80, task="shop.report", schedule=cron("0 9 * * mon", tz="Asia/Tokyo")
    )

    lines = list(
        ics_lines(runs([entry], *WEEK), MONDAY, durations={"shop.report": timedelta(hours=1)})
    )

    assert ["BEGIN:VCALENDAR", "VERSION:2.0"] == lines[:2]
    assert "DTSTART:20260302T000000Z" in lines
    assert "DURATION:PT3600S" in lines
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = "\n".join(lines).replace("\n ", "")
    assert "SUMMARY:a\\;b\\, " + "ü" * 80 in unfolded
    assert 1 == unfolded.count("BEGIN:VEVENT") == unfolded.count("END:VEVENT")


def test_the_feed_is_read_by_others() -> None:
    """A reader of iCalendar files finds each run at its instant."""
    icalendar = pytest.importorskip("icalendar")

    text = "".join(f"{line}\r\n" for line in ics_lines(runs(ENTRIES, *WEEK), MONDAY))

    events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert 34 == len(events)
    assert {"report", "<mail>", "often"} == {str(event["SUMMARY"]) for event in events}
    assert MONDAY == events[0]["DTSTART"].dt


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("text", "5 runs, hour by hour, Europe/London"),
        ("svg", "<svg "),
        ("html", "<!doctype html>"),
        ("ics", "BEGIN:VCALENDAR"),
    ],
)
def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, begins: str
) -> None:
    """`periodic draw FILE`, a week of it unless told otherwise."""
    file = tmp_path / "jobs"
    file.write_text("0 9 * * mon-fri report\n")

    status = main(
        ["draw", str(file), "--form", form, "--from", "2026-03-02", "--tz", "Europe/London"]
    )

    assert 0 == status
    assert capsys.readouterr().out.startswith(begins)
