"""Tables, keys and settings that other packages made themselves, and their own schedulers."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import moving_proof
import pytest

from periodic import crontab, interval, rrule
from periodic.integrations.arrivals.coming import Place
from periodic.integrations.arrivals.redbeat import _coming
from periodic.schedules.zones import settle

pytestmark = pytest.mark.thorough

#: The module of each package.
MODULES = {
    "celery": "celery",
    "django-celery-beat": "django_celery_beat",
    "sqlalchemy-celery-beat": "sqlalchemy_celery_beat",
    "redbeat": "redbeat",
}
PACKAGES = [
    "celery",
    "django-celery-beat",
    "sqlalchemy-celery-beat",
    pytest.param("redbeat", marks=pytest.mark.redis),
]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def theirs(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """What a package keeps: `(package, target)`, filled by the package itself."""
    package = request.param
    pytest.importorskip(MODULES[package], reason=f"{package} is not installed")
    with moving_proof.place_for(package, tmp_path) as target:
        moving_proof.step("make", package, target, NOW)
        yield package, target


def compared(package: str, target: str, days: int, tmp_path: Path) -> str:
    """Compare both sides in a process of its own; return what it printed."""
    code = (
        "import sys, moving_proof as proof; from datetime import *; from pathlib import Path;"
        "package, target, start, days, folder = sys.argv[1:];"
        "start = datetime.fromisoformat(start);"
        "end = start + timedelta(days=int(days));"
        "sys.exit(proof.compare(package, target, start, end, Path(folder)))"
    )
    words = [package, target, NOW.isoformat(), str(days), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(moving_proof.__file__).parent,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("theirs", PACKAGES, indirect=True)
def test_both_sides_run_the_same(theirs: Any, tmp_path: Path) -> None:
    """A package's own scheduler and our beat, for four days."""
    package, target = theirs
    told = compared(package, target, 4, tmp_path)

    assert "every difference was told by the import" in told
    assert "friday 13" in told


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("theirs", PACKAGES, indirect=True)
def test_both_sides_run_the_same_for_a_year(theirs: Any, tmp_path: Path) -> None:
    """The same for the coming year: each difference is one that the import has listed."""
    package, target = theirs

    assert "every difference was told by the import" in compared(package, target, 366, tmp_path)


@pytest.mark.parametrize("theirs", ["sqlalchemy-celery-beat"], indirect=True)
def test_entries_of_sqlalchemy_celery_beat_come_along(shop: Any, theirs: Any) -> None:
    """Each kind of schedule with its zone, its grid, its window."""
    package, url = theirs
    done = shop.run("import", "--from", package, url)
    records = {record.name: record.definition for record in shop.schedules.all()}

    assert 0 == done.exit_code, done.output
    expected = crontab(minute="30", hour="2", tz="America/New_York").to_dict()
    assert expected == records["night"]["schedule"]
    anchor = NOW - timedelta(hours=2, minutes=7)
    assert interval(hours=6, anchor=anchor).to_dict() == records["six hours"]["schedule"]
    assert "clocked" == records["once"]["schedule"]["kind"]
    assert "window" == records["later"]["schedule"]["kind"]
    assert not records["off"]["enabled"]
    assert "11 of 11 entries" in done.output
    assert "sqlalchemy-celery-beat also runs it at its start_time" in done.output
    assert "run at the same instants as there" in done.output


@pytest.mark.parametrize("theirs", ["django-celery-beat"], indirect=True)
def test_an_interval_stays_on_its_grid(shop: Any, theirs: Any) -> None:
    """A second import while theirs still runs is no conflict: their grid moves, ours does not."""
    package, url = theirs
    done = shop.run("import", "--from", package, url)
    before = shop.schedules.get("week")
    import sqlite3

    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute(
            "UPDATE django_celery_beat_periodictask SET last_run_at = '2026-01-01 00:00:07'"
        )
    connection.close()
    again = shop.run("import", "--from", package, url)

    assert 1 == done.exit_code
    assert "its only run is over" in done.output
    assert 1 == again.exit_code, again.output
    assert before == shop.schedules.get("week")
    assert "it runs otherwise in the coming year" in again.output


def test_a_beat_schedule_comes_along(shop: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Of a mapping; what this app's code has stays there, and what is no entry is told."""
    (tmp_path / "old_config.py").write_text(
        "from celery.schedules import crontab\n"
        "BEAT = {\n"
        "  'a': {'task': 'shop.report', 'schedule': crontab(minute=30, hour=1), 'args': (1,)},\n"
        "  'b': {'task': 'shop.report', 'schedule': 60.0, 'args': (1,),\n"
        "        'options': {'queue': 'q'}, 'run_on_start': True},\n"
        "  'c': {'task': 'shop.report', 'schedule': 'never'},\n"
        "  'd': {'task': 'shop.report', 'schedule': crontab(day_of_month=13, day_of_week='fri'),\n"
        "        'args': (1,)},\n"
        "  'nightly': {'task': 'shop.nightly', 'schedule': 60},\n"
        "}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ("import", "--from", "beat-schedule", "old_config:BEAT")
    done = shop.run(*words, "--tz", "America/New_York", "--json")
    told = {row["entry"]: row for row in json.loads(done.stdout)}
    records = {record.name: record for record in shop.schedules.all()}

    assert 1 == done.exit_code
    assert {"a", "b", "d"} == set(records)
    assert ("same", "same", None) == tuple(told[name]["compared"] for name in "adb")
    assert "America/New_York" == records["a"].definition["schedule"]["tz"]
    assert {"queue": "q"} == records["b"].definition["options"]
    assert [None, True] == [records[name].definition.get("run_on_start") for name in "ab"]
    assert "is not a schedule" in told["c"]["problem"]
    assert "the code of this app has it" in told["nightly"]["problem"]
    assert any("AND its day of the week" in note for note in told["d"]["notes"])
    assert 1 == shop.run(*words[:3], "old_config:crontab").exit_code
    assert 1 == shop.run(*words[:3], "old_config").exit_code


def redbeat(schedule: Any, **meta: Any) -> Any:
    """Return what is read of a schedule that RedBeat's own encoder has written."""
    decoder = pytest.importorskip("redbeat.decoder", reason="RedBeat is not installed")
    definition = {"name": "job", "task": "shop.report", "schedule": schedule, "args": [1]}
    texts = [json.dumps(each, cls=decoder.RedBeatJSONEncoder) for each in (definition, meta)]
    zone = settle("Europe/London")
    return _coming("job", texts[0], texts[1], Place(NOW, zone))


def test_redbeats_schedules_are_read() -> None:
    """A crontab in the app's zone, an interval from its last run on, a rule of a calendar."""
    celery = pytest.importorskip("celery.schedules")
    pytest.importorskip("redbeat", reason="RedBeat is not installed")
    from redbeat.schedules import rrule as theirs

    last = datetime(2026, 3, 1, 12, 30, 5, 250_000, tzinfo=UTC)
    start = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
    nine = redbeat(celery.crontab(minute=0, hour=9), last_run_at=last)
    six = redbeat(celery.schedule(timedelta(hours=6)), last_run_at=last)
    rule = redbeat(theirs("WEEKLY", dtstart=start, byweekday=[0, 2], count=9))

    assert crontab(minute="0", hour="9", tz="Europe/London") == nine.given["schedule"]
    assert any("RedBeat's key names no zone" in note for note in nine.notes)
    assert any("up to an hour late in RedBeat" in note for note in nine.notes)
    assert interval(hours=6, anchor=last.replace(microsecond=0)) == six.given["schedule"]
    expected = rrule("FREQ=WEEKLY;COUNT=9;BYDAY=MO,WE", dtstart=start, tz="UTC")
    assert expected == rule.given["schedule"]
    assert any("it never ran there" in note for note in rule.notes)
    span = (start, start + timedelta(days=60))
    assert [*rule.theirs(*span)] == [*expected.between(*span)]


def test_what_redbeat_has_and_we_do_not_is_told() -> None:
    """A relative interval, Easter, an offset that the zone does not have, a broken definition."""
    celery = pytest.importorskip("celery.schedules")
    pytest.importorskip("redbeat", reason="RedBeat is not installed")
    from dateutil.tz import tzoffset
    from redbeat.schedules import rrule as theirs

    start = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
    elsewhere = start.replace(tzinfo=tzoffset(None, 3600 * 5))
    place = Place(NOW, settle("Europe/London"))

    assert "relative" in redbeat(celery.schedule(60, relative=True)).problem
    assert "Easter" in redbeat(theirs("YEARLY", dtstart=start, byeaster=0)).problem
    assert "keeps the offset UTC+05:00" in redbeat(theirs("DAILY", dtstart=elsewhere)).problem
    assert "it cannot be read" in _coming("job", "{}", None, place).problem
    assert "it cannot be read" in _coming("job", "no", None, place).problem
    assert "kind 'x'" in _coming("job", '{"schedule": {"__type__": "x"}}', None, place).problem
