"""`flask periodic diff` and `celery periodic diff`."""

from __future__ import annotations

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

ENTRIES = {"report": {"task": "shop.report", "schedule": crontab(minute=0, hour=9)}}
WEEK = ("--from", "2026-03-02", "--to", "7d")


def by_flask(*arguments: str) -> Result:
    """Run `flask periodic diff`."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"entries": ENTRIES}
    app.config["CELERY"] = {"result_expires": None}
    Periodic(app)
    return app.test_cli_runner().invoke(flask_commands, ["diff", *arguments])


def by_celery(*arguments: str) -> Result:
    """Run `celery periodic diff`."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.update(beat_schedule=ENTRIES, result_expires=None)
    context = SimpleNamespace(app=app)
    result = CliRunner().invoke(celery_commands, ["diff", *arguments], obj=context)
    app.close()
    return result


both = pytest.mark.parametrize("run", [by_flask, by_celery])


@both
def test_a_mapping_against_the_app(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B is the app's entries unless given."""
    (tmp_path / "old_beat.py").write_text(
        "from periodic import crontab\n"
        "BEAT = {'report': {'task': 'shop.report', 'schedule': crontab(minute=0, hour=8)}}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    result = run("old_beat:BEAT", *WEEK)

    assert 1 == result.exit_code
    assert "report: 7 moved" == result.stdout.splitlines()[-1]


@both
def test_a_crontab_against_the_app(run: Any, tmp_path: Path) -> None:
    """Entries are known by their names: a crontab's by their commands."""
    file = tmp_path / "jobs"
    file.write_text("0 9 * * * report\n")

    result = run(str(file), "app", *WEEK)

    assert (0, "no run changes\n") == (result.exit_code, result.stdout)


@both
@pytest.mark.parametrize("arguments", [("nowhere",), ("json:nowhere",), ("app", "--tz", "Mars/X")])
def test_what_cannot_be_told(run: Any, arguments: tuple[str, ...]) -> None:
    """Status 2, which no change has."""
    result = run(*arguments, *WEEK)

    assert 2 == result.exit_code
    assert result.stderr.startswith("Error: ")


def drawn(group: Any, context: Any, *arguments: str) -> Result:
    """Run `draw` of a group of commands."""
    return CliRunner().invoke(group, ["draw", *arguments], obj=context)


def test_a_drawing_of_the_app() -> None:
    """A week of the app, by its own clock; or another schedule."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.update(beat_schedule=ENTRIES, result_expires=None, timezone="Asia/Tokyo")

    result = drawn(celery_commands, SimpleNamespace(app=app), *WEEK)
    app.close()

    assert 0 == result.exit_code
    assert result.stdout.startswith("7 runs, hour by hour, Asia/Tokyo\n")


def test_a_drawing_by_flask() -> None:
    """The same by Flask; what cannot be understood is told."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"entries": ENTRIES}
    app.config["CELERY"] = {"result_expires": None}
    Periodic(app)
    run = app.test_cli_runner().invoke

    assert run(flask_commands, ["draw", *WEEK, "--form", "svg"]).stdout.startswith("<svg ")
    assert 2 == run(flask_commands, ["draw", "--tz", "Mars/X"]).exit_code
