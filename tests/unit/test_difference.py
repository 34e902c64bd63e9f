"""Two schedules compared by what they do, and `periodic diff`."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from periodic import Entry, Schedule, cron, crontab, interval
from periodic.cli import main
from periodic.difference import difference

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = MONDAY, datetime(2026, 3, 4, tzinfo=UTC)


def entry(name: str, schedule: Schedule, **fields: Any) -> Entry:
    """Return an entry."""
    return Entry(name=name, task="shop.job", schedule=schedule, **fields)


def told(before: list[Entry], after: list[Entry]) -> list[tuple[str, str, str, str]]:
    """Return what changes within two days, with readings."""
    return [
        (
            each.what,
            each.entry,
            "" if each.was is None else f"{each.was:%a %H:%M}",
            "" if each.now is None else f"{each.now:%a %H:%M}",
        )
        for each in difference(before, after, *SPAN)
    ]


def test_nothing_changes() -> None:
    """Schedules that are written otherwise and do the same do not differ."""
    assert [] == told(
        [entry("a", crontab(minute=0, hour="9,10")), entry("b", interval(hours=1))],
        [entry("b", crontab(minute=0)), entry("a", cron("0 9-10 * * *"))],
    )


def test_runs_of_one_day_are_moved() -> None:
    """What is in one alone is paired by day, in order; the rest is added or removed."""
    assert [
        ("moved", "a", "Mon 09:00", "Mon 10:00"),
        ("added", "a", "", "Mon 18:00"),
        ("moved", "a", "Tue 09:00", "Tue 10:00"),
        ("added", "a", "", "Tue 18:00"),
    ] == told([entry("a", cron("0 9,12 * * *"))], [entry("a", cron("0 10,12,18 * * *"))])


def test_entries_come_and_go() -> None:
    """An entry that is disabled is as one that is gone."""
    assert [
        ("removed", "gone", "Mon 09:00", ""),
        ("removed", "off", "Tue 09:00", ""),
        ("added", "new", "", "Mon 08:00"),
    ] == told(
        [entry("gone", cron("0 9 * * mon")), entry("off", cron("0 9 * * tue"))],
        [entry("off", cron("0 9 * * tue"), enabled=False), entry("new", cron("0 8 * * mon"))],
    )


def test_another_zone_moves_runs() -> None:
    """The same reading of another clock is another instant."""
    before = [entry("a", cron("0 9 * * mon", tz="Europe/London"))]
    after = [entry("a", cron("0 9 * * mon", tz="Europe/Berlin"))]

    (change,) = difference(before, after, *SPAN)

    assert (
        "~ Mon 2026-03-02 09:00:00 +00:00 GMT  2026-03-02T09:00:00Z  a, now "
        "Mon 2026-03-02 09:00:00 +01:00 CET  2026-03-02T08:00:00Z"
    ) == change.line()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `periodic diff`; returns the status, the output and the error output."""

    def go(*arguments: str) -> tuple[int, str, str]:
        status = main(("diff", "--from", "2026-03-02", *arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return go


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return two crontabs."""
    was, now = tmp_path / "was", tmp_path / "now"
    was.write_text("0 9 * * mon report\n*/5 * * * * sync\n0 1 * * * same\n")
    now.write_text("0 10 * * mon report\n*/10 * * * * sync\n0 1 * * * same\n")
    return str(was), str(now)


def test_the_command(run: Any, files: tuple[str, str]) -> None:
    """Ten changes of each entry, then the numbers; status 1 as of `diff`."""
    status, out, err = run(*files, "--to", "1d")

    lines = out.splitlines()
    assert (1, "") == (status, err)
    assert lines[0].startswith("~ Mon 2026-03-02 09:00:00")
    assert lines[1] == "- Mon 2026-03-02 00:05:00 +00:00 UTC  2026-03-02T00:05:00Z  sync"
    assert ["report: 1 moved", "sync: 144 removed"] == lines[11:]
    assert 1 + 144 + 2 == len(run(*files, "--to", "1d", "--all")[1].splitlines())


def test_nothing_changes_says_so(run: Any, files: tuple[str, str]) -> None:
    """And the status is 0."""
    assert (0, "no run changes\n", "") == run(files[0], files[0])


def test_json_lines(run: Any, files: tuple[str, str]) -> None:
    """Every change, one object a line, shown in the zone that is asked for."""
    _, out, _ = run(*files, "--to", "1d", "--json", "--tz", "Asia/Tokyo")

    changes = [json.loads(line) for line in out.splitlines()]
    assert 145 == len(changes)
    assert ("moved", "report") == (changes[0]["what"], changes[0]["entry"])
    assert "2026-03-02T09:00:00+09:00" == changes[0]["was"]["local"]


def test_a_file_at_a_revision(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git:HEAD:jobs` is the crontab as it was committed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").write_text("0 9 * * mon report\n")
    git = ("git", "-c", "user.name=me", "-c", "user.email=me@shop.example")
    for command in (("init", "-q"), ("add", "jobs"), ("commit", "-q", "-m", "jobs")):
        subprocess.run([*git, *command], check=True, env={"PATH": _path(), "HOME": str(tmp_path)})
    (tmp_path / "jobs").write_text("0 10 * * mon report\n")

    status, out, _ = run("git:HEAD:jobs", "jobs")
    assert (1, "report: 1 moved") == (status, out.splitlines()[-1])

    status, _, err = run("git:HEAD:nowhere", "jobs")
    assert 2 == status
    assert err.startswith("periodic: git:HEAD:nowhere cannot be read: ")
    assert 2 == run("git:HEAD", "jobs")[0]
    assert 2 == run("git:--output=x:jobs", "jobs")[0]


def _path() -> str:
    import os

    return os.environ["PATH"]


def test_what_cannot_be_understood(run: Any, files: tuple[str, str], tmp_path: Path) -> None:
    """Status 2, which no change has; a bad line is a warning."""
    assert 2 == run(files[0], "nowhere")[0]
    assert 2 == run(*files, "--to", "2026-03-01")[0]
    bad = tmp_path / "bad"
    bad.write_text("0 61 * * * x\n")

    _, _, err = run(files[0], str(bad))
    assert f"{bad}: line 1 is left out: hour='61'" in err
