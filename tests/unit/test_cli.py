"""The command line: `periodic next` and `periodic explain`."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from periodic import cli
from periodic.cli import main

FROM = "--from=2026-03-07T12:00"
NEW_YORK = "--tz=America/New_York"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line; returns the status, the output and the error output."""

    def go(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as stop:  # argparse
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return go


def test_next_in_local_time_and_utc(run: Any) -> None:
    """One line for each run: weekday, local time, offset, zone and UTC; over a clock change too."""
    assert (
        0,
        (
            "Sun 2026-03-08 03:00:00 -04:00 EDT  2026-03-08T07:00:00Z\n"
            "Mon 2026-03-09 02:30:00 -04:00 EDT  2026-03-09T06:30:00Z\n"
        ),
        "",
    ) == run("next", "30 2 * * *", NEW_YORK, FROM, "-n", "2")


def test_next_counts_from_the_start_on(run: Any) -> None:
    """An instant at `--from` is the first run; ten are shown unless told otherwise."""
    _, out, _ = run("next", "0 12 * * *", NEW_YORK, FROM)

    lines = out.splitlines()
    assert 10 == len(lines)
    assert lines[0].startswith("Sat 2026-03-07 12:00:00 -05:00")


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-03-07T12:00", "2026-03-07T17:00:00Z"),
        ("2026-03-07 12:00:00+01:00", "2026-03-07T11:00:00Z"),
        ("2026-03-07T12:00:00Z", "2026-03-07T12:00:00Z"),
        ("2026-03-07", "2026-03-07T05:00:00Z"),
    ],
)
def test_from_with_and_without_an_offset(run: Any, start: str, first: str) -> None:
    """A start without an offset is a reading of the zone's clock."""
    _, out, _ = run("next", "* * * * *", NEW_YORK, "--from", start, "-n", "1")
    assert out.endswith(f"{first}\n")


def test_next_from_now(run: Any, time_machine: Any) -> None:
    """Without `--from` the runs begin now, and without `--tz` in UTC."""
    time_machine.move_to(datetime(2026, 11, 1, 6, 10, 30, tzinfo=UTC), tick=False)
    _, out, _ = run("next", "*/15 * * * *", "-n1")
    assert "Sun 2026-11-01 06:15:00 +00:00 UTC  2026-11-01T06:15:00Z\n" == out


def test_next_as_json(run: Any) -> None:
    """`--json` has the expression, the words and each run in ISO 8601."""
    status, out, _ = run("next", "30 2 * * *", NEW_YORK, FROM, "-n2", "--json")

    assert 0 == status
    assert {
        "expression": "30 2 * * *",
        "dialect": "cron",
        "tz": "America/New_York",
        "words": "at 02:30 every day, America/New_York",
        "runs": [
            {"local": "2026-03-08T03:00:00-04:00", "utc": "2026-03-08T07:00:00Z"},
            {"local": "2026-03-09T02:30:00-04:00", "utc": "2026-03-09T06:30:00Z"},
        ],
    } == json.loads(out)


def test_dialects(run: Any) -> None:
    """`cron` runs when either day field matches, `--dialect celery` when both do."""
    common = ("0 0 13 * fri", "--from=2026-02-01", "-n1")
    assert run("next", *common)[1].startswith("Fri 2026-02-06")
    assert run("next", *common, "--dialect", "celery")[1].startswith("Fri 2026-02-13")
    assert 2 == run("next", "0 0 * * fri#2", "--dialect", "celery")[0]
    assert 0 == run("next", "0 0 * * fri#2")[0]


def test_names_settle_h(run: Any) -> None:
    """`H` needs the entry's name, and then is the same in every call."""
    status, _, err = run("next", "H 2 * * *")
    assert 2 == status
    assert "--name" in err

    one, two = (run("next", "H 2 * * *", FROM, "-n1", "--name", "report") for _ in range(2))
    assert one == two
    assert 0 == one[0]


def test_explain(run: Any) -> None:
    """Words, next runs, the year's clock changes and notes, in this order."""
    assert (
        0,
        (
            """\
30 2 * * *
at 02:30 every day, America/New_York

Next runs
  Sun 2026-03-08 03:00:00 -04:00 EDT  2026-03-08T07:00:00Z

Clock changes of 2026 in America/New_York
  Sun 2026-03-08: the clock goes forward from 02:00 (-05:00) to 03:00 (-04:00).
    02:30 does not exist that day; it runs once, at 03:00 -04:00, the first instant after the gap.
  Sun 2026-11-01: the clock goes back from 02:00 (-04:00) to 01:00 (-05:00).
    No run falls into the time that comes twice.

Take note
  - The clock of America/New_York changes from 01:00 to 03:00: """
            "a time outside of that, or tz='UTC', is never touched.\n"
        ),
        "",
    ) == run("explain", "30  2 * * *", NEW_YORK, FROM, "-n1")


def test_explain_another_year(run: Any) -> None:
    """`--year` settles whose clock changes are told; the next runs are those from the start."""
    _, out, _ = run("explain", "30 2 * * *", NEW_YORK, FROM, "--year", "2030", "--json")

    data = json.loads(out)
    assert ["2030-03-10T07:00:00Z", "2030-11-03T06:00:00Z"] == [
        change["at"] for change in data["clock_changes"]
    ]
    assert "2026-03-08T07:00:00Z" == data["runs"][0]["utc"]
    assert ["30 2 * * *", "cron", "America/New_York", 2030] == [
        data[key] for key in ("expression", "dialect", "tz", "year")
    ]


def test_explain_without_clock_changes(run: Any) -> None:
    """A zone that keeps its offset says so."""
    _, out, _ = run("explain", "0 9 * * *", "--tz=UTC", FROM)
    assert out.endswith("Clock changes of 2026 in UTC\n  none\n")


WRONG = [
    (("0 61 * * *",), "hour='61': 61 is outside 0-23", ("0 61 * * *", "  ^^")),
    (("0  61 * *  *",), "hour='61'", ("0 61 * * *", "  ^^")),
    (("0 9 * * fri#6",), "no month has a fri number 6", ("0 9 * * fri#6", "            ^")),
    (("0 9 * jna *",), "month_of_year='jna'", ("0 9 * jna *", "      ^^^")),
    (("@dayly",), "did you mean '@daily'?", ("@dayly", "^")),
    (("0 61 * * *", "--dialect=celery"), "hour='61'", ("0 61 * * *", "  ^^")),
    (("0 9 * * fri#2", "--dialect=celery"), "has no '#'", ("0 9 * * fri#2", "           ^^")),
    (("0 9 1, 2 *", "--dialect=celery"), "day_of_month='1,'", ("0 9 1, 2 *", "      ^")),
]


@pytest.mark.parametrize("command", ["next", "explain"])
@pytest.mark.parametrize(("arguments", "sentence", "pointed"), WRONG)
def test_errors_point_at_the_place(
    run: Any, command: str, arguments: tuple[str, ...], sentence: str, pointed: tuple[str, str]
) -> None:
    """Status 2, one sentence, and a caret under the place in the expression."""
    status, out, err = run(command, *arguments)

    first, *rest = err.splitlines()
    assert (2, "") == (status, out)
    assert first.startswith("periodic: ")
    assert sentence in first
    assert [f"  {line}" for line in pointed] == rest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("0 9 * *",), "has 4 fields; write five"),
        (("",), "has 0 fields"),
        (("0 0 30 2 *",), "no date can ever match"),
        (("@reboot",), "it is not a time"),
        (("* * * * *", "--tz", "Europe/Lodnon"), "--tz: unknown time zone 'Europe/Lodnon'; did"),
        (("* * * * *", "--from", "yesterday"), "--from 'yesterday' is not an ISO 8601 date"),
        (("* * * * *", "--from", "0001-01-01T00:00+01:00"), "outside of the years 2 to 9998"),
        (("* * * * *", "--from", "9999-12-31"), "outside of the years 2 to 9998"),
        (("* * * * *", "-n", "0"), "'0' is not allowed; give a whole number, 1 to 1000000"),
        (("* * * * *", "-n", "²"), "is not allowed"),
        (("* * * * *", "--year", "9999"), "a whole number, 2 to 9998"),
        (("* * * * *", "--dialect", "quartz"), "invalid choice: 'quartz'"),
        ((), "the following arguments are required: EXPR"),
        (("0", "9", "*", "*", "*"), "unrecognized arguments"),
    ],
)
def test_errors_are_sentences(run: Any, arguments: tuple[str, ...], sentence: str) -> None:
    """Whatever cannot be understood ends with status 2 and one clear sentence, no traceback."""
    status, out, err = run("explain", *arguments)

    assert (2, "") == (status, out)
    assert sentence in err
    assert "Traceback" not in err


def test_unprintable_text_cannot_disturb_the_terminal(run: Any) -> None:
    """Control characters are shown escaped, and the caret still stands under its place."""
    _, _, err = run("next", "0 9 * * \x1b[31mx")

    lines = err.splitlines()
    assert "\x1b" not in err
    assert "  0 9 * * \\x1b[31mx" == lines[1]
    assert 10 == lines[2].index("^")


def test_no_run(run: Any) -> None:
    """Where nothing is left to come, this is said."""
    start = "--from=9998-12-31T23:59:59Z"
    assert (0, "no run from 9998-12-31T23:59:59Z on\n", "") == run("next", "0 0 29 2 *", start)
    assert [] == json.loads(run("next", "0 0 29 2 *", start, "--json")[1])["runs"]


def test_help_shows_examples(run: Any) -> None:
    """`--help` has examples to copy."""
    status, out, _ = run("--help")
    assert 0 == status
    assert "periodic explain '30 2 * * *' --tz America/New_York --year 2026" in out


def examples() -> list[tuple[str, str]]:
    """Return each command of the page about `periodic explain`, with the output that it shows."""
    page = Path(__file__).parents[2].joinpath("docs", "how-to", "explain.md").read_text("utf-8")
    blocks = re.findall(r"```console\n\$ periodic (.*)\n((?:.*\n)*?)```", page)
    return [(line, output) for line, output in blocks if output]


@pytest.mark.parametrize(("line", "output"), examples())
def test_page_shows_what_is_printed(run: Any, line: str, output: str) -> None:
    """Each example of the page prints just what the page shows."""
    _, out, err = run(*shlex.split(line))
    assert output == out + err


def command(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the module as a program, under whatever name the package has here."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-m", str(cli.__package__), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_module_is_a_program() -> None:
    """`python -m periodic` works, also under another parent package, and names itself so."""
    process = command("next", "0 61 * * *")
    out, err = process.communicate(timeout=30)

    assert (2, "") == (process.returncode, out)
    assert err.startswith(f"python -m {cli.__package__}: hour='61'")


def test_reader_that_goes_away() -> None:
    """A reader that has enough, such as `head`, ends the program without a word."""
    process = command("next", "* * * * *", "-n", "1000000")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().endswith("Z\n")
    process.stdout.close()

    assert "" == process.stderr.read()
    assert 141 == process.wait(30)
    process.stderr.close()
