"""Lint of schedules alone: a crontab, herds, ignores and formats."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from periodic import ConfigError, Entry, Schedule, calendar_interval, cron, crontab, interval
from periodic.cli import main
from periodic.lint import Finding, Severity, fails, lint_entries, printed, without_ignored
from periodic.lint.schedules import period

START = datetime(2026, 1, 1, tzinfo=UTC)


def codes(schedule: Schedule, **options: Any) -> list[str]:
    """Return the codes that an entry of this schedule gets."""
    entry = Entry(name="job", task="shop.job", schedule=schedule, options=options)
    return [each.code for each in lint_entries([entry], START)]


@pytest.mark.parametrize(
    "schedule",
    [
        crontab(minute=0, hour=9, day_of_week="mon-fri", tz="Europe/London"),
        crontab(minute="*/20", tz="Europe/London"),
        crontab(minute=5, hour="*", tz="America/New_York"),
        cron("0 0 L * *", tz="America/New_York"),
        interval(hours=1),
        calendar_interval(months=1, at="09:00", anchor="2026-01-31", tz="Europe/Berlin"),
    ],
)
def test_nothing_about_what_is_well(schedule: Schedule) -> None:
    """Ordinary schedules, and a pace that is kept through the night, are no findings."""
    assert [] == codes(schedule)


def test_a_pace_that_doubles_for_a_night() -> None:
    """`*/30 2` runs four times on that night, once in spring, and twice on all others."""
    assert ["PER104", "PER105"] == codes(cron("*/30 2 * * *", tz="Europe/Berlin"))


def test_messages_that_pile_up() -> None:
    """Only where they never expire and come often."""
    assert ["PER202"] == codes(interval(minutes=1))
    assert [] == codes(interval(minutes=1), expires=30)
    assert ["PER204"] == codes(interval(minutes=1), expires=90)
    assert [] == codes(interval(minutes=16))


def test_limits_are_handed_in() -> None:
    """Whoever knows the tasks knows their time limits."""
    entry = Entry(name="job", task="shop.job", schedule=interval(hours=1))

    found = lint_entries([entry], START, limit=lambda _: timedelta(hours=2))

    assert ["PER203"] == [each.code for each in found]


def test_a_schedule_that_fails_hides_no_other() -> None:
    """Somebody's own schedule may raise."""

    class Broken(type(interval(1))):  # type: ignore[misc]
        kind = "broken in lint"

        def next_after(self, at: datetime) -> datetime | None:
            raise RuntimeError("no idea")

    broken = Entry(name="broken", task="x", schedule=Broken(seconds=5))
    often = Entry(name="often", task="x", schedule=interval(minutes=1))

    found = lint_entries([broken, often], START)

    assert [("PER001", "broken"), ("PER202", "often")] == [
        (each.code, each.subject) for each in found
    ]


def test_herds_are_told_once() -> None:
    """The largest instant of each herd, not every instant of it; small groups are none."""
    entries = [
        Entry(name=f"job-{number}", task="x", schedule=crontab(minute=0, hour="*/2"))
        for number in range(6)
    ] + [Entry(name=f"few-{number}", task="x", schedule=crontab(minute=30)) for number in range(4)]

    (herd,) = lint_entries(entries, START)

    assert ("PER201", "job-0") == (herd.code, herd.subject)
    assert "6 entries run at Thu 00:00:00 UTC: job-0, job-1, job-2, job-3, job-4 and 1 more" in (
        herd.text
    )


def test_the_shortest_period_counts() -> None:
    """`9,10 * * * *` follows itself after a minute; what runs once has no period."""
    entry = Entry(name="job", task="x", schedule=cron("9,10 * * * *"))

    assert timedelta(minutes=1) == period(entry, START)


def test_ignores() -> None:
    """For one entry and code, with a reason."""
    findings = [Finding("PER202", "job", "..."), Finding("PER202", "other", "...")]

    left = list(without_ignored(findings, {"job": {"PER202": "seen"}, "x": {"PER1": "?"}}))

    assert [("PER202", "other"), ("PER002", "x")] == [(each.code, each.subject) for each in left]


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [("error", False), ("warning", True), ("note", True), ("never", False)],
)
def test_what_fails(*, fail_on: str, expected: bool) -> None:
    """As bad as that, or worse."""
    assert expected is fails([Finding("PER202", "job", "..."), Finding("PER105", "x", "")], fail_on)
    assert not fails([], fail_on)


def test_formats() -> None:
    """GitHub's commands are escaped; nothing found is said; an unknown format is refused."""
    finding = Finding("PER105", "a:b, c", "50 %\nof it")

    assert "::notice title=PER105 a%3Ab%2C c::50 %25%0Aof it\n" == printed([finding], "github")
    assert "nothing found\n" == printed([], "text")
    assert [] == json.loads(printed([], "json"))
    assert Severity.NOTE is finding.severity
    with pytest.raises(ConfigError, match="'xml' is no format; allowed: text, json, sarif, github"):
        printed([], "xml")


def test_a_crontab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`periodic lint FILE` looks at the schedules, and fails where something is bad."""
    file = tmp_path / "jobs"
    file.write_text("*/7 * * * * sync\n0 61 * * * late\n*/10 * * * * fine\n")

    status = main(["lint", str(file), "--from", "2026-01-01"])

    out = capsys.readouterr().out.splitlines()
    assert 1 == status
    assert out[0].startswith("line 2: error PER001: hour='61'")
    assert out[1].startswith("sync: warning PER102: '*/7' starts again with each hour")
    assert "1 error, 1 warning" == out[2]
    assert 0 == main(["lint", str(file), "--only", "PER105"])
    assert 2 == main(["lint", str(file), "--only", "E501"])
