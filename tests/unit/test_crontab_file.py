"""Crontabs, read for looking at."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

from periodic import cron
from periodic.crontab_file import read_crontab

CRONTAB = """\
# m h dom mon dow command
MAILTO="ops@shop.example"
30 2 * * *   /usr/bin/backup --all
@daily sweep

CRON_TZ=Europe/London
0 9 * * mon-fri report
TZ = "America/New_York"
0 9 * * mon-fri report
"""


def test_lines_become_entries() -> None:
    """The command is task and name; the zone is that of the last setting above."""
    found = read_crontab(CRONTAB, tz=ZoneInfo("Asia/Tokyo"))

    assert {} == found.problems
    assert [
        ("/usr/bin/backup --all", "/usr/bin/backup --all", "Asia/Tokyo"),
        ("sweep", "sweep", "Asia/Tokyo"),
        ("report", "report", "Europe/London"),
        ("report (line 9)", "report", "America/New_York"),
    ] == [(entry.name, entry.task, str(entry.schedule.tz)) for entry in found.entries]
    assert cron("30 2 * * *", tz="Asia/Tokyo") == found.entries[0].schedule


def test_the_system_crontab_has_users() -> None:
    """Its sixth field is passed over, after a macro too."""
    text = "17 * * * * root run-parts\n@daily www-data sweep\n"

    found = read_crontab(text, user_column=True)

    assert ["run-parts", "sweep"] == [entry.task for entry in found.entries]
    assert {UTC.utcoffset(None)} == {
        each.schedule.tz.utcoffset(None) for each in found.entries if each.schedule.tz
    }


def test_what_cannot_be_read_is_told_by_line() -> None:
    """One bad line does not hide the others."""
    text = "0 61 * * * late\n@reboot start\n* * * * *\nCRON_TZ=Mars/Phobos\n5 * * * * good\n"

    found = read_crontab(text)

    assert ["good"] == [entry.task for entry in found.entries]
    assert ["line 1", "line 2", "line 3", "line 4"] == list(found.problems)
    assert "hour='61'" in found.problems["line 1"]
    assert "has no command" in found.problems["line 3"]
