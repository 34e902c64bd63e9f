"""`flask periodic simulate` and `celery periodic simulate`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from flask import Flask

from periodic import crontab
from periodic.integrations.celery.commands import periodic as celery_commands
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as flask_commands

REPORT = {
    "task": "shop.report",
    "schedule": crontab(minute=30, hour=2, tz="Europe/Berlin"),
}
NIGHT = ("--from", "2026-03-29", "--to", "6h")
SPRING = (
    "Sun 2026-03-29 03:00:00 +02:00 CEST  2026-03-29T01:00:00Z  report  (02:30 does not exist that "
    "day; it runs once, at 03:00 +02:00, the first instant after the gap.)\n"
)

#: What `--schedule` names in these tests.
OTHER = {"other": {"task": "shop.other", "schedule": 3600}}


def by_flask(*arguments: str, entries: dict[str, Any] | None = None) -> Result:
    """Run `flask periodic simulate` on an app with these entries."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"entries": entries or {"report": REPORT}, "timezone": "Asia/Tokyo"}
    app.config["CELERY"] = {"result_expires": None}
    Periodic(app)
    return app.test_cli_runner().invoke(flask_commands, ["simulate", *arguments])


def by_celery(*arguments: str, entries: dict[str, Any] | None = None) -> Result:
    """Run `celery periodic simulate` on an app with these entries."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = entries or {"report": REPORT}
    app.conf.result_expires = None
    app.conf.timezone = "Asia/Tokyo"
    runner = CliRunner()
    result = runner.invoke(celery_commands, ["simulate", *arguments], obj=SimpleNamespace(app=app))
    app.close()
    return result


both = pytest.mark.parametrize("run", [by_flask, by_celery])


@both
def test_the_apps_entries(run: Any) -> None:
    """Moments without an offset are readings of the app's clock."""
    result = run("--from", "2026-03-29T09:00", "--to", "2h")

    assert 0 == result.exit_code
    assert SPRING in result.stdout
    assert result.stdout.endswith("0 duplicates, 0 lost\n")


@both
def test_faults(run: Any) -> None:
    """Beats, kills, outages, clocks and durations are typed as with `periodic simulate`."""
    every = {"often": {"task": "shop.report", "schedule": 600}}
    result = run(
        *("--from", "2026-03-02", "--to", "1d", "--beats", "2", "--seed", "4"),
        *("--kill", "1@10:00+5m", "--outage", "broker@12:00-13:05", "--clock", "-1m@15:00"),
        *("--duration", "shop.report=15m", "--json"),
        entries=every,
    )

    assert 0 == result.exit_code
    told = [json.loads(line) for line in result.stdout.splitlines()]
    summary = told[-1]
    assert 0 == summary["duplicates"] == summary["lost"]
    assert summary["caught_up"] > 0
    assert summary["missed"] > 0
    assert summary["overlapping"] > 100
    assert {"killed", "started", "outage", "clock-set"} <= {
        each["event"] for each in told if each["what"] == "note"
    }


@both
def test_a_crontab_instead(run: Any, tmp_path: Path) -> None:
    """`--crontab` takes the lines of a file."""
    file = tmp_path / "jobs"
    file.write_text("CRON_TZ=Europe/Berlin\n30 2 * * * report\n")

    result = run("--crontab", str(file), *NIGHT)

    assert 0 == result.exit_code
    assert result.stdout.startswith(SPRING)


@both
def test_a_mapping_instead(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--schedule` takes what a name of a module holds, in the working directory too."""
    (tmp_path / "somewhere_else.py").write_text(
        "class Config:\n    BEAT = {'other': {'task': 'shop.other', 'schedule': 3600}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    result = run("--schedule", "somewhere_else:Config.BEAT", *NIGHT, "-q")

    assert 0 == result.exit_code
    assert result.stdout.startswith("6 runs, 0 late")


@both
def test_an_entry_with_a_problem(run: Any) -> None:
    """It is left out with a warning, the others are simulated, and the status is 1."""
    bad = {"task": "shop.report", "schedule": "soon"}

    result = run(*NIGHT, "--tz", "UTC", entries={"report": REPORT, "bad": bad})

    assert 1 == result.exit_code
    assert "warning: bad is left out: " in result.stderr
    assert "Sun 2026-03-29 01:00:00 +00:00 UTC" in result.stdout


@both
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tz", "Mars/Phobos"), "--tz: "),
        (("--kill", "9@03:00"), "there is no beat 9"),
        (("--schedule", "nowhere"), "write MODULE:NAME"),
        (("--schedule", "json:nowhere"), "cannot be found"),
        (("--schedule", "json:dumps"), "give a mapping"),
        (("--schedule", "a:b", "--crontab", __file__), "exclude each other"),
    ],
)
def test_what_cannot_be_understood(run: Any, arguments: tuple[str, ...], said: str) -> None:
    """One sentence, and a status above 0."""
    result = run(*NIGHT, *arguments)

    assert 0 != result.exit_code
    assert said in result.stderr
