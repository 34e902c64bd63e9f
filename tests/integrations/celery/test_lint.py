"""`lint` finds each of its traps in a bad configuration, and nothing in the demo's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from kombu import Queue

from periodic import clocked, cron, crontab, interval
from periodic.integrations.celery.commands import periodic as commands
from periodic.integrations.celery.lint import lint_app
from periodic.lint import RULES, Finding

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"
HERD = {
    f"herd-{number}": {"task": "bad.work", "schedule": crontab(minute=1, hour=1)}
    for number in range(5)
}
ENTRIES: dict[str, Any] = {
    **HERD,
    "unreadable": {"task": "bad.work", "schedule": "soon"},
    "careless": {"task": "bad.work", "schedule": interval(hours=5), "lint": {"PER101": ""}},
    "never": {"task": "bad.work", "schedule": clocked(datetime(2020, 1, 1, tzinfo=UTC))},
    "uneven": {"task": "bad.work", "schedule": cron("*/35 5 * * *")},
    "both": {"task": "bad.work", "schedule": crontab(0, 6, 1, 13)},
    "night": {"task": "bad.work", "schedule": crontab(30, 2, tz=NEW_YORK)},
    "twice": {"task": "bad.work", "schedule": crontab(30, 1, tz=NEW_YORK)},
    "sixty": {"task": "bad.work", "schedule": cron("* 7 * * *"), "options": {"expires": 30}},
    "short": {"task": "bad.work", "schedule": cron("0 8 31 * *")},
    "starless": {"task": "bad.work", "schedule": cron("9 0-23 * * *")},
    "piling": {"task": "bad.work", "schedule": interval(minutes=1)},
    "limited": {"task": "bad.long", "schedule": interval(minutes=30), "options": {"expires": 60}},
    "lingering": {
        "task": "bad.work",
        "schedule": interval(hours=2),
        "options": {"expires": timedelta(hours=3)},
    },
    "frozen": {
        "task": "bad.work",
        "schedule": interval(hours=3),
        "options": {"expires": datetime(2026, 1, 1, tzinfo=UTC)},
    },
    "unlocked": {"task": "bad.once", "schedule": interval(days=1)},
    "unknown": {"task": "bad.nothing", "schedule": interval(days=1)},
    "stray": {"task": "bad.work", "schedule": interval(days=1), "options": {"queue": "post"}},
    "object": {"task": "bad.work", "schedule": interval(days=1), "args": [object()]},
    "secret": {
        "task": "bad.work",
        "schedule": interval(days=1),
        "kwargs": {"db": {"password": "hunter2"}, "url": "amqp://maria:hunter2@host"},
    },
}


@pytest.fixture
def bad() -> Any:
    """An app that does everything wrong."""
    app = Celery("bad", broker="memory://", set_as_current=False)
    app.conf.update(
        beat_schedule=ENTRIES,
        task_queues=[Queue("celery"), Queue("mail")],
        task_always_eager=True,
        beat_cron_starting_deadline=10,
        redbeat_redis_url="redis://127.0.0.1",
        beat_scheduler="periodic",
    )

    @app.task(name="bad.work", shared=False)
    def work(*_: Any, **__: Any) -> None:
        """Do nothing."""

    @app.task(name="bad.long", shared=False, time_limit=3600)
    def long() -> None:
        """Do nothing for long."""

    @app.task(name="bad.once", shared=False, time_limit=7200, once={"timeout": 3600})
    def once() -> None:
        """Do nothing, alone."""

    yield app
    app.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with two schedulers, a worker with a beat, and left-overs."""
    (tmp_path / "Procfile").write_text(
        "web: gunicorn bad\n"
        "worker: celery -A bad worker -l info -B\n"
        "beat: celery -A bad beat -S periodic\n"
    )
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  beat:\n"
        '    command: ["celery", "-A", "bad", "beat", "-S", "redbeat.Scheduler"]\n'
    )
    (tmp_path / "celerybeat-schedule.db").write_bytes(b"")
    (tmp_path / "celerybeat-schedule.cursors").write_bytes(b"")
    return tmp_path


def of(findings: list[Finding], code: str) -> dict[str, str]:
    """Return the findings of a code by subject."""
    return {each.subject: each.text for each in findings if each.code == code}


@pytest.mark.parametrize(
    ("code", "subject", "said"),
    [
        ("PER001", "unreadable", "soon"),
        ("PER002", "careless", "PER101 is ignored without a reason"),
        ("PER101", "never", "It never fires. Its last run was Wed 2020-01-01"),
        ("PER102", "uneven", "starts again with each hour"),
        ("PER103", "both", "Day of month and day of week are both given"),
        ("PER104", "night", "02:30 does not exist that day"),
        ("PER105", "twice", "01:30 comes twice"),
        ("PER106", "sixty", "it runs 60 times from 07:00 to 07:59"),
        ("PER107", "short", "There is no day 31 in"),
        ("PER108", "starless", "Neither minute nor hour begins with a star"),
        ("PER201", "herd-0", "5 entries run at Thu 01:01:00 UTC: herd-0, herd-1"),
        ("PER202", "piling", "after an hour without a worker 60 of them wait"),
        ("PER203", "limited", "may run for 1 hour, but the next run follows after 30 minutes"),
        ("PER204", "lingering", "expire after 3 hours, but it runs every 2 hours"),
        ("PER205", "frozen", "is one moment: each message sent after it is dropped"),
        ("PER206", "unlocked", "ends after 1 hour, but the task may run for 2 hours"),
        ("PER301", "unknown", "No task named 'bad.nothing' is known here"),
        ("PER302", "stray", "the queue 'post', which task_queues does not define (celery, mail)"),
        ("PER303", "object", "object"),
        ("PER304", "secret", "kwargs['"),
        ("PER401", "Procfile", "A worker is started with a beat inside"),
        ("PER402", "redbeat_redis_url", "A setting of RedBeat"),
        ("PER402", "Procfile", "Beats with different schedulers are started: periodic (Procfile)"),
        ("PER403", "celerybeat-schedule.db", "Remove it"),
        ("PER404", "beat_cron_starting_deadline", "It has no effect"),
        ("PER405", "task_always_eager", "Nothing is sent"),
    ],
)
def test_each_trap_is_found(bad: Celery, folder: Path, code: str, subject: str, said: str) -> None:
    """A code, the entry or file that it is about, and a sentence that says what to do."""
    found = of(lint_app(bad, START, folder=folder), code)

    assert said in found.get(subject, f"nothing: {sorted(found)}")


def test_all_traps_are_in_the_bad_configuration(bad: Celery, folder: Path) -> None:
    """No rule is without its example."""
    assert set(RULES) == {each.code for each in lint_app(bad, START, folder=folder)}


def test_secrets_are_not_told(bad: Celery, folder: Path) -> None:
    """Where they stand, and not what they are; by name, and by how they look."""
    findings = [each for each in lint_app(bad, START, folder=folder) if each.subject == "secret"]

    assert ["kwargs['db']['password'] is", "kwargs['url'] looks"] == [
        " ".join(each.text.split()[:2]) for each in findings
    ]
    assert not any("hunter2" in each.text for each in findings)


#: In a process of its own: the shop's tasks are shared with every app that comes after.
_DEMO = """
from datetime import UTC, datetime
from pathlib import Path

from periodic.integrations.celery.lint import lint_app
from periodic.integrations.flask.extension import state_of
from shop import create_app

app = state_of(create_app()).celery
findings = lint_app(app, datetime(2026, 3, 1, tzinfo=UTC), folder=Path.cwd())
print(len(app.conf.beat_schedule), *[each.line() for each in findings], sep="\\n")
"""


def test_nothing_in_the_demo() -> None:
    """The shop of the examples is clean, all severities counted."""
    said = subprocess.run(
        [sys.executable, "-c", _DEMO],
        cwd=Path(__file__).parents[3] / "examples",
        env={**os.environ, "FLASK_APP": "shop"},
        capture_output=True,
        text=True,
        check=False,
    )
    count, *findings = said.stdout.splitlines()

    assert 0 == said.returncode, said.stderr
    assert int(count) > 5
    assert [] == findings


def test_an_entry_is_ignored_with_a_reason() -> None:
    """In the entry or on its task, for this code alone; an unknown code is told."""
    app = Celery("shop", broker="memory://", set_as_current=False)

    @app.task(name="shop.beat", shared=False, lint={"PER202": "a dashboard shows it"})
    def beat() -> None:
        """Beat."""

    app.conf.beat_schedule = {
        "often": {"task": "shop.beat", "schedule": 5},
        "night": {
            "task": "shop.beat",
            "schedule": crontab(30, 2, tz=NEW_YORK),
            "lint": {"PER104": "03:00 is fine, too", "PER999": "?"},
        },
        "other": {"task": "shop.beat", "schedule": crontab(45, 2, tz=NEW_YORK), "lint": "PER104"},
    }
    app.conf.result_expires = None

    found = [(each.code, each.subject) for each in lint_app(app, START)]
    app.close()

    assert [("PER002", "night"), ("PER002", "other")] == found


def lint(app: Celery, *arguments: str) -> Result:
    """Run `celery periodic lint`."""
    return CliRunner().invoke(commands, ["lint", *arguments], obj=SimpleNamespace(app=app))


def test_the_command(bad: Celery, folder: Path) -> None:
    """One line each, then the numbers; status 1 where something is as bad as --fail-on."""
    result = lint(bad, "--files", str(folder))

    assert 1 == result.exit_code
    assert "night: warning PER104: " in result.stdout
    assert " errors, " in result.stdout.splitlines()[-1]
    assert 0 == lint(bad, "--files", str(folder), "--fail-on", "never").exit_code
    assert 0 == lint(bad, "--only", "PER105").exit_code
    assert 1 == lint(bad, "--only", "PER105", "--fail-on", "note").exit_code
    ignored = lint(bad, "--only", "PER1", "--ignore", "PER10").stdout
    assert "nothing found\n" == ignored


def test_formats(bad: Celery, folder: Path) -> None:
    """JSON, SARIF and GitHub's workflow commands."""
    files = ("--files", str(folder), "--only", "PER101")

    (entry,) = json.loads(lint(bad, *files, "--format", "json").stdout)
    assert ("PER101", "error", "never") == (entry["code"], entry["severity"], entry["subject"])

    sarif = json.loads(lint(bad, *files, "--format", "sarif").stdout)
    assert "2.1.0" == sarif["version"]
    (run,) = sarif["runs"]
    assert ["PER101"] == [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ("PER101", "error") == (run["results"][0]["ruleId"], run["results"][0]["level"])

    github = lint(bad, *files, "--format", "github").stdout
    assert github.startswith("::error title=PER101 never::It never fires.")


def test_an_unknown_code(bad: Celery) -> None:
    """The message names the known ones."""
    result = lint(bad, "--only", "E501")

    assert 1 == result.exit_code
    assert "'E501' is no code; known codes: PER001" in result.stderr
