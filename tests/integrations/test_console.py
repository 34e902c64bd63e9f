"""Tables of entries and next runs: words, columns, JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import Entry, clocked, interval
from periodic.integrations import console

NOW = datetime(2026, 3, 8, 9, 0, 1, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def an_entry(name: str = "heartbeat", **fields: Any) -> Entry:
    """Return an entry that runs every 5 minutes."""
    schedule = fields.pop("schedule", interval(minutes=5).in_zone(UTC))
    return Entry(name=name, task="shop.heartbeat", schedule=schedule, **fields)


def printed(*entries: Entry, problems: dict[str, str] | None = None, **options: Any) -> str:
    """Return the list of entries as it is printed to a pipe."""
    stream = io.StringIO()
    rows = console.entry_rows(entries, NOW, problems)
    console.print_entries(rows, NOW, stream=stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (0.05, "now"),
        (0.5, "in 0.5 s"),
        (0.99, "in 0.9 s"),
        (1, "in 1 s"),
        (59.9, "in 59 s"),
        (60, "in 1 min"),
        (61, "in 1 min 1 s"),
        (3600, "in 1 h"),
        (3660, "in 1 h 1 min"),
        (3601, "in 1 h"),
        (90_000, "in 1 d 1 h"),
        (86_400 * 400, "in 400 d"),
        (-5, "5 s ago"),
        (-300, "5 min ago"),
    ],
)
def test_distances_are_told_in_at_most_two_units(seconds: float, words: str) -> None:
    """A distance is cut, never rounded up, and says whether it is past."""
    assert console.relative(NOW + timedelta(seconds=seconds), NOW) == words


def test_relative_compares_instants_across_zones() -> None:
    """09:05 in London and 09:00 UTC in winter are 5 minutes apart, whatever zone each is in."""
    at = datetime(2026, 3, 8, 9, 5, 1, tzinfo=ZoneInfo("Europe/London"))
    assert console.relative(at, NOW) == "in 5 min"


def test_the_list_names_entry_schedule_task_and_next_run() -> None:
    """Each entry is one aligned line with its next run in local time, UTC and relative."""
    header, line = printed(an_entry()).splitlines()
    assert header.split("  ")[0] == "entry"
    assert line.startswith("heartbeat  ")
    assert "every 5 minutes" in line
    assert "shop.heartbeat" in line
    assert "Sun 2026-03-08 09:05:00 UTC" in line
    assert line.endswith("in 4 min 59 s")
    assert header.index("task") == line.index("shop.heartbeat")


def test_local_time_is_the_schedules_own_zone() -> None:
    """An entry of a zone shows that zone's wall clock beside UTC."""
    schedule = clocked(datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Europe/London")))
    line = printed(an_entry(schedule=schedule)).splitlines()[1]
    assert "Wed 2026-07-01 09:00:00 BST" in line
    assert "2026-07-01 08:00:00" in line


def test_a_one_off_that_has_run_has_no_next_run() -> None:
    """A schedule without a further instant says never; a disabled entry says disabled."""
    past = clocked(datetime(2026, 1, 1, tzinfo=UTC))
    assert "never" in printed(an_entry(schedule=past)).splitlines()[1]
    assert "disabled" in printed(an_entry(enabled=False)).splitlines()[1]


def test_problems_come_last_with_their_sentence() -> None:
    """A bad entry is listed after the good ones and its sentence is below the table."""
    text = printed(an_entry(), problems={"bad": "schedule is None: give a number of seconds"})
    lines = text.splitlines()
    assert lines[1].startswith("heartbeat")
    assert lines[2].startswith("bad")
    assert "problem, see below" in lines[2]
    assert lines[-1] == "bad: schedule is None: give a number of seconds"


def test_a_schedule_that_raises_is_a_problem_of_its_entry() -> None:
    """Somebody's broken schedule is shown beside the others; the list still prints."""

    class Broken(interval):
        kind = "broken-for-console"

        def next_after(self, at: datetime) -> datetime | None:
            raise RuntimeError("no such moon")

    rows = console.entry_rows([an_entry("moon", schedule=Broken(minutes=5)), an_entry()], NOW)
    assert [row.name for row in rows] == ["heartbeat", "moon"]
    assert rows[1].problem == "its schedule failed: no such moon"


def test_json_has_the_same_facts() -> None:
    """--json prints one list with machine-readable instants."""
    data = json.loads(printed(an_entry(), problems={"bad": "why"}, as_json=True))
    assert data[0]["entry"] == "heartbeat"
    assert data[0]["next_run"] == {
        "local": "2026-03-08T09:05:00+00:00",
        "zone": "UTC",
        "utc": "2026-03-08T09:05:00+00:00",
        "seconds": 299.0,
        "relative": "in 4 min 59 s",
    }
    assert data[1] == {
        "entry": "bad",
        "schedule": "",
        "task": "",
        "enabled": True,
        "next_run": None,
        "problem": "why",
        "note": None,
    }


def test_next_runs_of_several_entries_are_merged_in_time_order() -> None:
    """Coming runs are sorted by instant, `count` of each entry."""
    often = an_entry("often", schedule=interval(minutes=5).in_zone(UTC))
    seldom = an_entry("seldom", schedule=interval(minutes=7).in_zone(UTC))
    rows = console.next_rows([often, seldom, an_entry("off", enabled=False)], NOW, 2)
    assert len(rows) == 4
    assert sorted(row.at for row in rows) == [row.at for row in rows]
    assert {row.name for row in rows} == {"often", "seldom"}


def test_next_prints_local_utc_and_relative() -> None:
    """Each coming run is one line with the three readings."""
    stream = io.StringIO()
    console.print_next(console.next_rows([an_entry()], NOW, 3), NOW, stream=stream)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[1].split("  ") == [
        "heartbeat",
        "Sun 2026-03-08 09:05:00 UTC",
        "2026-03-08 09:05:00",
        "in 4 min 59 s",
    ]


def test_fractions_of_a_second_are_shown() -> None:
    """A half-second grid is not shown as whole seconds."""
    assert console.local(datetime(2026, 3, 8, 9, 0, 0, 500_000, tzinfo=UTC)).endswith(
        "09:00:00.5 UTC"
    )


def test_empty_lists_say_so() -> None:
    """Nothing planned is told in words, not by an empty table."""
    assert printed() == "no entries\n"
    stream = io.StringIO()
    console.print_next([], NOW, stream=stream)
    assert stream.getvalue() == "no coming runs\n"


def test_a_name_cannot_break_the_table() -> None:
    """Line feeds and escape sequences in a name are shown escaped."""
    text = printed(an_entry("a\nb\x1b[31m"))
    assert "a\\nb\\x1b[31m" in text
    assert len(text.splitlines()) == 2


def test_a_terminal_gets_a_rich_table_and_markup_stays_text() -> None:
    """On a terminal rich draws the table; brackets in a name are printed as they are."""
    pytest.importorskip("rich", reason="the terminal table is rich's")
    stream = Terminal()
    console.print_table(("entry",), [("[bold]x[/bold]",)], stream=stream)
    assert "[bold]x[/bold]" in stream.getvalue()
    assert "──" in stream.getvalue()


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich is optional: without it a terminal gets what a pipe gets."""
    monkeypatch.setitem(__import__("sys").modules, "rich.table", None)
    stream = Terminal()
    console.print_table(("entry", "task"), [("a", "b")], stream=stream)
    assert stream.getvalue() == "entry  task\na      b\n"
