"""`import` and `export`: an export's round trip, and tables that django-celery-beat made itself."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from periodic import crontab
from periodic.integrations.celery.proving import celery_runs
from periodic.integrations.holding_against import hold_against

#: Makes the tables by their migrations and fills them by their models, in a process of its own.
THEIRS = """
import sys
from datetime import datetime, timezone, timedelta
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    INSTALLED_APPS=["django_celery_beat"], USE_TZ=True, TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
from django.core.management import call_command
from django_celery_beat.models import (
    ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule)

call_command("migrate", verbosity=0)
soon = datetime.now(timezone.utc) + timedelta(days=30)
nine, _ = CrontabSchedule.objects.get_or_create(
    minute="0", hour="9", day_of_week="mon-fri", timezone="Europe/London")
night, _ = CrontabSchedule.objects.get_or_create(
    minute="30", hour="2", timezone="America/New_York")
five, _ = IntervalSchedule.objects.get_or_create(every=5, period=IntervalSchedule.MINUTES)
sun, _ = SolarSchedule.objects.get_or_create(event="sunset", latitude=51.5, longitude=-0.12)
once, _ = ClockedSchedule.objects.get_or_create(clocked_time=soon)
over, _ = ClockedSchedule.objects.get_or_create(clocked_time=soon - timedelta(days=90))

def task(name, **fields):
    PeriodicTask.objects.create(name=name, task="shop.report", **{"args": "[1]", **fields})

task("nine", crontab=nine, kwargs='{"style": "bold"}', queue="mail", priority=3, expire_seconds=60)
task("night", crontab=night, enabled=False)
task("five", interval=five, description="why")
task("sunset", solar=sun)
task("once", clocked=once, one_off=True)
task("over", clocked=over, one_off=True)
task("once by crontab", crontab=nine, one_off=True)
task("later", interval=five, start_time=soon)
task("unknown", crontab=nine)
PeriodicTask.objects.filter(name="unknown").update(task="shop.nobody")
"""


pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a database that django-celery-beat made and filled."""
    pytest.importorskip("django_celery_beat", reason="django-celery-beat is not installed")
    path = tmp_path_factory.mktemp("django") / "django.db"
    done = subprocess.run(
        [sys.executable, "-c", THEIRS, str(path)], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return f"sqlite:///{path}"


def moved(shop: Any, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `import --json`; return its status and what it told of each entry."""
    result = shop.run("import", "--json", *arguments)
    return result.exit_code, {row["entry"]: row for row in json.loads(result.stdout)}


def test_entries_of_django_celery_beat_come_along(shop: Any, theirs: str) -> None:
    """Each kind of schedule with its zone, arguments, options; what cannot is told and stays."""
    status, told = moved(shop, "--from", "django-celery-beat", theirs)
    records = {record.name: record for record in shop.schedules.all()}

    assert 1 == status
    assert {"nine", "night", "five", "sunset", "once", "later"} == set(records)
    nine = records["nine"].definition
    expected = crontab(minute="0", hour="9", day_of_week="mon-fri", tz="Europe/London")
    assert expected.to_dict() == nine["schedule"]
    assert ([1], {"style": "bold"}) == (nine["args"], nine["kwargs"])
    assert {"queue": "mail", "priority": 3, "expires": 60} == nine["options"]
    assert not records["night"].enabled
    assert "import" == shop.schedules.audit("nine")[0].origin.via
    problems = {name: row["problem"] for name, row in told.items() if row["problem"]}
    assert {"over", "once by crontab", "unknown", "celery.backend_cleanup"} >= set(problems)
    assert "its only run is over" == problems["over"]
    assert "one_off" in problems["once by crontab"]
    assert "no task named 'shop.nobody'" in problems["unknown"]


def test_what_changes_meaning_is_told(shop: Any, theirs: str) -> None:
    """The grid of an interval, and the nights in which Celery's crontab runs otherwise."""
    _, told = moved(shop, "--from", "django-celery-beat", theirs, "--dry-run")

    assert [] == told["nine"]["notes"]
    assert any("where the clock changes it runs otherwise" in n for n in told["night"]["notes"])
    assert any("on a grid that restarts do not move" in n for n in told["five"]["notes"])
    assert any("its description stays behind" in n for n in told["five"]["notes"])
    assert any("became a window" in n for n in told["later"]["notes"])
    assert 0 == shop.schedules.store.revision()


def test_a_second_import_changes_nothing_and_overwrites_nothing(shop: Any, theirs: str) -> None:
    """What a person has changed since is a conflict, unless `--replace` says otherwise."""
    arguments = ("--from", "django-celery-beat", theirs)
    moved(shop, *arguments)
    revision = shop.schedules.store.revision()
    moved(shop, *arguments)
    assert revision == shop.schedules.store.revision()
    shop.schedules.set("nine", args=[2])
    conflict = shop.run("import", *arguments)
    moved(shop, *arguments, "--replace")

    assert 4 == conflict.exit_code
    assert "1 entries are there already and differ: nine" in conflict.stderr
    record = shop.schedules.get("nine")
    assert [1] == record.definition["args"]


def test_an_export_is_imported_as_it_was(shop: Any, tmp_path: Path) -> None:
    """Definitions and pauses, of the store and of changes of the code."""
    shop.run("add", "job", "--task", "shop.report", "--every", "5m", "--args", "[1]")
    shop.run("set", "nightly", "--kwargs", '{"days": 7}')
    shop.run("pause", "job", "--note", "why")
    exported = shop.run("export")
    path = tmp_path / "entries.json"
    path.write_text(exported.stdout)
    before = {record.name: record for record in shop.schedules.all()}
    shop.run("delete", "job", "nightly")
    imported = shop.run("import", str(path))
    after = {record.name: record for record in shop.schedules.all()}

    assert 0 == imported.exit_code, imported.output
    assert "2 of 2 entries" in imported.stdout
    assert before.keys() == after.keys()
    for name, record in after.items():
        assert before[name].definition == record.definition
        assert before[name].source == record.source
    assert "why" == after["job"].pause.note


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"entries": [1]}', '{"entries": {"a": 1}}'])
def test_what_is_no_export_is_told(shop: Any, tmp_path: Path, text: str) -> None:
    """Status 1 and a sentence; nothing is written."""
    path = tmp_path / "entries.json"
    path.write_text(text)
    result = shop.run("import", str(path))

    assert 1 == result.exit_code
    assert "holds no entries as `export` writes them" in result.stderr
    assert 1 == shop.run("import", str(tmp_path / "missing.json")).exit_code


def test_a_database_without_their_tables_is_told(shop: Any, tmp_path: Path) -> None:
    """Status 5, as every database that cannot be read."""
    result = shop.run("import", "--from", "django-celery-beat", f"sqlite:///{tmp_path / 'x.db'}")

    assert 5 == result.exit_code
    assert "the tables of django-celery-beat cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (crontab(minute=30, hour=2, tz="America/New_York"), "in Celery alone at 2027-03-14T07:30"),
        (crontab(minute="*/15", tz="America/New_York"), "here alone at 2026-11-01T06:"),
        (crontab(minute=0, hour=9, tz="America/New_York"), ""),
        (crontab(minute="*/7", tz="UTC"), ""),
    ],
)
def test_crontabs_are_held_against_celerys_own(schedule: crontab, told: str) -> None:
    """The nights of clock changes are told with their instants; where there are none, nothing."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    theirs = celery_runs(schedule)
    found = hold_against(schedule, theirs, start, start + timedelta(days=366))

    assert told in found.sentence("Celery")
    assert bool(told) == bool(found)
