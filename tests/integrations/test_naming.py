"""Schedules by name: simulate, draw, diff and lint take an app, a file, a store or a revision."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from flask import Flask

from periodic import Schedules, crontab
from periodic.integrations.celery.commands import periodic as celery_commands
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as flask_commands
from periodic.integrations.flask.extension import state_of
from periodic.integrations.stores import open_store

DAY = ("--from", "2026-03-02", "--to", "1d")
NIGHTLY = crontab(minute=30, hour=2, tz="UTC")
CODE = {"report": {"task": "shop.report", "schedule": NIGHTLY}}
#: What `export` writes: an entry of its own, a pause, and one that only changes an entry's hour.
EXPORTED = {
    "entries": {
        "sync": {"task": "shop.sync", "schedule": crontab(minute=0, hour=6, tz="UTC").to_dict()},
        "rest": {
            "task": "shop.rest",
            "schedule": NIGHTLY.to_dict(),
            "pause": {"at": "2026-01-01T00:00:00+00:00", "note": "", "until": None},
        },
        "report": {"schedule": crontab(minute=0, hour=4, tz="UTC").to_dict()},
        "broken": {"task": "shop.broken", "schedule": {"kind": "unheard of"}},
    }
}
YAML = """\
entries:
  sync:
    task: shop.sync
    schedule: {kind: crontab, minute: "0", hour: "6", tz: UTC}
"""
RAN = "2026-03-02T{}Z  {}\n"


def by_flask(*arguments: str, store: str | None = None) -> Result:
    """Run a command of `flask periodic`."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"entries": CODE, "store": store}
    app.config["CELERY"] = {"result_expires": None}
    Periodic(app)
    state_of(app).celery.task(name="shop.report", shared=False)(report)
    return app.test_cli_runner().invoke(flask_commands, arguments)


def by_celery(*arguments: str, store: str | None = None) -> Result:
    """Run a command of `celery periodic`."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = CODE
    app.conf.result_expires = None
    app.conf.periodic = {"store": store}
    app.task(name="shop.report", shared=False)(report)
    result = CliRunner().invoke(celery_commands, arguments, obj=SimpleNamespace(app=app))
    app.close()
    return result


def report() -> str:
    """Return what the clock reads."""
    return datetime.now(UTC).isoformat()


both = pytest.mark.parametrize("run", [by_flask, by_celery])


@pytest.fixture
def exported(tmp_path: Path) -> str:
    """Write a file as `export` does."""
    file = tmp_path / "entries.json"
    file.write_text(json.dumps(EXPORTED))
    return str(file)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Make a store in which the report runs an hour later, and one entry more."""
    url = f"sqlite:///{tmp_path}/other.db"
    kept = open_store(url, namespace="shop")
    kept.migrate()
    schedules = Schedules(kept)
    schedules.put("stored", task="shop.report", schedule=crontab(minute=0, hour=5, tz="UTC"))
    kept.close()
    return url


@both
def test_a_file_of_json(run: Any, exported: str) -> None:
    """Its entries run, a paused one does not; one that changes the code's needs that."""
    result = run("simulate", exported, *DAY)

    assert RAN.format("04:00:00", "report") in result.stdout
    assert RAN.format("06:00:00", "sync") in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 runs")
    assert "broken is left out: unknown kind of schedule 'unheard of'" in result.stderr
    assert 1 == result.exit_code


@both
def test_a_file_of_yaml(run: Any, tmp_path: Path) -> None:
    """YAML says the same as JSON."""
    file = tmp_path / "entries.yaml"
    file.write_text(YAML)
    result = run("simulate", str(file), *DAY)

    assert RAN.format("06:00:00", "sync") in result.stdout
    assert 0 == result.exit_code


@both
def test_a_file_with_a_name_of_the_code(
    run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file stands for itself: nothing is said of an entry of the code with the same name."""
    file = tmp_path / "entries.yaml"
    file.write_text(YAML.replace("sync:", "report:", 1))
    result = run("simulate", str(file), *DAY)

    assert RAN.format("06:00:00", "report") in result.stdout
    assert [] == caplog.messages


@both
def test_another_store(run: Any, store: str) -> None:
    """It is what a beat of the app would run with that store: the code's entries, and its own."""
    result = run("simulate", store, *DAY)

    assert RAN.format("02:30:00", "report") in result.stdout
    assert RAN.format("05:00:00", "stored") in result.stdout


@both
def test_the_apps_own_store(run: Any, store: str) -> None:
    """The app is its code and its store."""
    result = run("simulate", *DAY, store=store)

    assert RAN.format("05:00:00", "stored") in result.stdout


@both
def test_two_stores_compared(run: Any, store: str, tmp_path: Path) -> None:
    """What one store has and the other has not is added, and the exit status says so."""
    empty = f"sqlite:///{tmp_path}/empty.db"
    kept = open_store(empty, namespace="shop")
    kept.migrate()
    kept.close()
    result = run("diff", empty, store, *DAY)

    assert "+ Mon 2026-03-02 05:00:00 +00:00 UTC  2026-03-02T05:00:00Z  stored" in result.stdout
    assert "stored: 1 added" in result.stdout
    assert 1 == result.exit_code


@both
def test_two_revisions_compared(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a revision of git is compared with the file as it is."""
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    file = tmp_path / "entries.yaml"
    file.write_text(YAML)
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "entries.yaml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    file.write_text(YAML.replace('hour: "6"', 'hour: "7"'))
    result = run("diff", "git:HEAD:entries.yaml", "entries.yaml", *DAY)

    assert "sync: 1 moved" in result.stdout
    assert 1 == result.exit_code


@both
def test_a_drawing(run: Any, exported: str) -> None:
    """A drawing takes the same names."""
    result = run("draw", exported, "--view", "day", *DAY)

    assert result.stdout.startswith("2 runs of 2 entries. Mon 2026-03-02")


@both
def test_a_proposal(run: Any, store: str) -> None:
    """So does a proposal."""
    result = run("draw", store, "--spread", *DAY)

    assert "nothing to move" in result.stdout


@both
def test_lint(run: Any, exported: str, store: str, tmp_path: Path) -> None:
    """Lint finds unknown tasks where there are tasks, and what cannot be read anywhere."""
    jobs = tmp_path / "jobs"
    jobs.write_text("*/7 * * * * sync\n")

    found = run("lint", exported).stdout
    assert "sync: error PER301: No task named 'shop.sync' is known here." in found
    assert "broken: error PER001" in found
    assert "report: error" not in found
    assert "PER301" not in run("lint", str(jobs)).stdout
    assert "PER102" in run("lint", str(jobs)).stdout
    assert 0 == run("lint", store, "--only", "PER3").exit_code


@both
def test_lint_of_the_apps_own_store(run: Any, tmp_path: Path) -> None:
    """Entries of the store are entries of the app."""
    url = f"sqlite:///{tmp_path}/own.db"
    kept = open_store(url, namespace="shop")
    kept.migrate()
    Schedules(kept).put("stored", task="shop.nobody", schedule=NIGHTLY)
    kept.close()

    assert "stored: error PER301" in run("lint", "--files", str(tmp_path), store=url).stdout


@both
def test_tasks_are_executed_at_their_instants(run: Any) -> None:
    """With --execute a task runs here, and its clock reads when the beat sent it."""
    result = run("simulate", "--execute", *DAY)

    assert "report  (returned '2026-03-02T02:30:00+00:00')" in result.stdout
    assert 0 == result.exit_code


@both
def test_what_a_task_raises(run: Any, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception is the run's outcome; the others go on, and the exit status is 1."""
    monkeypatch.setitem(CODE, "other", {"task": "shop.nobody", "schedule": NIGHTLY})
    result = run("simulate", "--execute", *DAY)

    assert "other  (raised ConfigError: entry 'other': no task named 'shop.nobody'" in result.stdout
    assert "report  (returned" in result.stdout
    assert result.stdout.endswith("0 lost, 1 raised\n")
    assert 1 == result.exit_code


@both
def test_commands_are_not_executed(run: Any, tmp_path: Path) -> None:
    """A crontab has commands, no tasks; the message says so."""
    jobs = tmp_path / "jobs"
    jobs.write_text("0 * * * * sync\n")
    result = run("simulate", str(jobs), "--execute", *DAY)

    assert "a crontab has commands; leave it out" in result.output
    assert 1 == result.exit_code


@both
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.json", "'nothing.json' cannot be read"),
        ("nothing", "'nothing' cannot be read"),
        ("mystery://x", "one of the schemes"),
        ("no.module:NAME", "cannot be found"),
        ("git:no-such-revision:x.yaml", "cannot be read"),
    ],
)
def test_what_is_not_there(run: Any, name: str, message: str) -> None:
    """A name of nothing is an error that names it."""
    result = run("simulate", name, *DAY)

    assert message in result.output
    assert 1 == result.exit_code
