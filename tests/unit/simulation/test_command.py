"""`periodic simulate CRONTAB`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from periodic.cli import main

JOBS = "CRON_TZ=America/New_York\n30 2 * * * backup\n0 */6 * * * sync\n"
NIGHT = ("--from", "2026-03-08T05:30", "--to", "12h")


@pytest.fixture
def jobs(tmp_path: Path) -> str:
    """Return the path of a crontab."""
    file = tmp_path / "jobs"
    file.write_text(JOBS)
    return str(file)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command; returns the status, the output and the error output."""

    def go(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(("simulate", *arguments))
        except SystemExit as stop:  # argparse
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return go


def test_runs_and_numbers(run: Any, jobs: str) -> None:
    """One line for each run, in its own zone, then the numbers."""
    assert (
        0,
        (
            "Sun 2026-03-08 03:00:00 -04:00 EDT  2026-03-08T07:00:00Z  backup  (02:30 does not "
            "exist that day; it runs once, at 03:00 -04:00, the first instant after the gap.)\n"
            "Sun 2026-03-08 06:00:00 -04:00 EDT  2026-03-08T10:00:00Z  sync\n"
            "Sun 2026-03-08 12:00:00 -04:00 EDT  2026-03-08T16:00:00Z  sync\n"
            "3 runs, 0 late, 0 caught up, 0 missed, 0 unsent, 0 skipped, 0 overlapping, "
            "0 duplicates, 0 lost\n"
        ),
        "",
    ) == run(jobs, *NIGHT)


def test_from_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`crontab -l | periodic simulate -`."""
    monkeypatch.setattr("sys.stdin", io.StringIO(JOBS))

    status, out, _ = run("-", *NIGHT, "--quiet")

    assert 0 == status
    assert out.startswith("3 runs, ")
    assert 1 == len(out.splitlines())


def test_in_another_zone(run: Any, jobs: str) -> None:
    """`--tz` is the zone of what is typed and of what is shown."""
    _, out, _ = run(jobs, "--from", "2026-03-08T00:00", "--to", "12h", "--tz", "Asia/Tokyo")

    assert out.startswith("Sun 2026-03-08 02:00:00 +09:00 JST  2026-03-07T17:00:00Z  sync\n")


def test_faults_are_told(run: Any, jobs: str) -> None:
    """Each with its instant; what they do to the runs is told at the run."""
    status, out, _ = run(
        jobs,
        *("--from", "2026-03-09T04:00", "--to", "1d", "--beats", "2"),
        *("--kill", "1@06:00+10m", "--outage", "broker@09:30-10:30", "--clock", "+90s@20:00"),
        *("--duration", "sync=7h"),
    )

    assert 0 == status
    assert "-- 2026-03-09T06:00:00Z  beat 1: killed\n" in out
    assert "-- 2026-03-09T06:10:00Z  beat 1: started again\n" in out
    assert "-- 2026-03-09T09:30:00Z  the broker is away\n" in out
    assert "-- 2026-03-09T20:00:00Z  every clock is set by +90 s\n" in out
    assert "sync  (caught up 30 min" in out
    assert "late; its previous run is still going)" in out
    assert "0 duplicates, 0 lost" in out


def test_json_lines(run: Any, jobs: str) -> None:
    """One object a line, the numbers last."""
    _, out, _ = run(jobs, *NIGHT, "--json")

    told = [json.loads(line) for line in out.splitlines()]
    assert ["run", "run", "run", "summary"] == [each["what"] for each in told]
    assert "merged" == told[0]["clock_change"]
    assert 3 == told[-1]["runs"]


def test_at_random(run: Any, jobs: str) -> None:
    """The same seed tells the same story, and another seed another one."""
    options = (
        *("--from", "2026-03-09T04:00", "--to", "30d", "--beats", "3"),
        *("--random-kills", "20", "--random-outages", "5", "--seed"),
    )

    first = run(jobs, *options, "1")
    assert first == run(jobs, *options, "1")
    assert first != run(jobs, *options, "2")


def test_a_line_that_cannot_be_read(run: Any, tmp_path: Path) -> None:
    """It is left out with a warning, and the status is 1."""
    file = tmp_path / "jobs"
    file.write_text("0 61 * * * late\n0 * * * * good\n")

    status, out, err = run(str(file), "--from", "2026-03-09", "--to", "1h")

    assert 1 == status
    assert out.startswith("Mon 2026-03-09 00:00:00")
    assert err.startswith("periodic: line 1 is left out: hour='61'")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tz", "Mars/Phobos"), "Mars/Phobos"),
        (("--from", "soon"), "'soon' is no moment"),
        (("--to", "2026-03-07"), "ends after it begins"),
        (("--kill", "x"), "write the number of the beat"),
        (("--kill", "2@06:00"), "there is no beat 2"),
        (("--kill", "1@2027-01-01"), "outside of the simulation"),
        (("--duration", "nobody=5m"), "neither an entry nor a task"),
        (("--beats", "0"), "at least 1 beat"),
    ],
)
def test_what_cannot_be_understood(
    run: Any, jobs: str, options: tuple[str, ...], said: str
) -> None:
    """One sentence on standard error, and status 2."""
    status, out, err = run(jobs, *NIGHT, *options)

    assert (2, "") == (status, out)
    assert err.startswith("periodic: ")
    assert said in err


def test_a_file_that_is_not_there(run: Any) -> None:
    """It is named."""
    status, _, err = run("nowhere/jobs")

    assert 2 == status
    assert "'nowhere/jobs' cannot be read" in err
