"""The fixtures of users' own tests, as a user's project has them."""

from __future__ import annotations

from typing import Any

import celery.fixups.django
import freezegun
import pytest
import time_machine
from celery.result import denied_join_result

import periodic.integrations.flask.commands
import periodic.testing
from periodic.integrations.celery import running

#: Each run of pytest in pytest forgets the modules that it was the first to import.
KEPT = (celery, freezegun, time_machine, periodic, running)

pytest_plugins = ["pytester"]

SHOP = """
from datetime import datetime, timezone
from celery import Celery
from periodic import crontab
from periodic.integrations.celery import current_occurrence

celery = Celery("shop", broker="memory://", set_as_current=False)
celery.conf.result_expires = None
seen = []

@celery.task(name="shop.report", shared=False)
def report(day, *, to):
    run = current_occurrence()
    seen.append((run.entry, run.fire_time, datetime.now(timezone.utc), report.request.id))
    return f"{day} to {to}"

celery.conf.beat_schedule = {
    "report": {
        "task": "shop.report",
        "schedule": crontab(minute=30, hour=2, tz="America/New_York"),
        "args": ["monday"],
        "kwargs": {"to": "boss"},
    },
}

def make():
    return celery
"""

WEB = """
from flask import Flask
from periodic import crontab
from periodic.integrations.flask import Periodic

periodic = Periodic()

@periodic.task(name="web.sweep", schedule=crontab(minute=0, hour=4, tz="Europe/London"))
def sweep():
    from flask import current_app
    return current_app.name

def create_app():
    app = Flask("web")
    app.config["CELERY"] = {"broker_url": "memory://", "result_expires": None}
    periodic.init_app(app)
    return app
"""

NIGHT = """
import pytest, shop

@pytest.mark.periodic(start="2026-03-07T12:00+00:00")
def test_night(periodic_clock, periodic_beat):
    (fired,) = periodic_beat.leap()
    assert fired.result == "monday to boss"
    assert fired.fire_time.isoformat() == "2026-03-08T07:00:00+00:00"
    (entry, fire_time, now, task_id) = shop.seen.pop()
    assert (entry, fire_time) == ("report", fired.fire_time)
    if periodic_clock.name != "manual":
        assert now == fire_time
    assert periodic_clock.now() == fire_time
    periodic_beat.assert_fired("report", at="2026-03-08T03:00")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a user's test file beside the modules `shop` and `web`, with our plugin alone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def go(text: str, *options: str, ini: str = "periodic_app = shop:celery") -> Any:
        pytester.makepyfile(shop=SHOP, web=WEB)
        pytester.makepyfile(text)
        pytester.makeini(f"[pytest]\n{ini}\n")
        return pytester.runpytest_inprocess(
            *("-p", "periodic_contracts.plugin", "-p", "no:cacheprovider"),
            *("--strict-markers", "--strict-config", *options),
        )

    return go


@pytest.mark.parametrize("time", ["manual", "freezegun", "time-machine"])
def test_time_leaps_and_the_task_runs_at_its_instant(run: Any, time: str) -> None:
    """With its arguments, its occurrence and its id, whatever drives the time."""
    result = run(NIGHT, ini=f"periodic_app = shop:celery\nperiodic_time = {time}")

    result.assert_outcomes(passed=1)


def test_the_task_runs_after_a_worker_in_the_same_process(run: Any) -> None:
    """Celery then forbids to wait for results; the result of a task run here is not waited for."""
    with denied_join_result():
        result = run(NIGHT)

    result.assert_outcomes(passed=1)


def test_the_marker_chooses_what_drives_the_time(run: Any) -> None:
    """One test may have its own."""
    result = run("""
    import pytest

    @pytest.mark.periodic(start="2026-03-07T12:00+00:00", time="manual")
    def test_it(periodic_clock):
        assert periodic_clock.name == "manual"
        assert periodic_clock.now().isoformat() == "2026-03-07T12:00:00+00:00"

    def test_other(periodic_clock):
        assert periodic_clock.name == "time-machine"
    """)

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("path", ["shop:make", "shop:celery"])
def test_the_app_by_its_name(run: Any, path: str) -> None:
    """The ini names an app, or what makes one."""
    result = run(
        "def test_it(periodic_app): assert periodic_app.main == 'shop'",
        ini=f"periodic_app = {path}",
    )

    result.assert_outcomes(passed=1)


def test_celerys_own_nightly_entry_is_left_out(run: Any) -> None:
    """An app whose results expire has it in production; a test is about the app's own entries."""
    result = run(
        """
        import shop

        shop.celery.conf.result_expires = 3600

        def test_it(periodic_beat):
            assert [entry.name for entry in periodic_beat.entries] == ["report"]
        """
    )

    result.assert_outcomes(passed=1)


def test_celerys_own_nightly_entry_counts_where_the_app_writes_it(run: Any) -> None:
    """Who sets another time for it may test that."""
    result = run(
        """
        import shop
        from periodic import crontab

        shop.celery.conf.result_expires = 3600
        shop.celery.conf.beat_schedule["celery.backend_cleanup"] = {
            "task": "celery.backend_cleanup", "schedule": crontab(minute=0, hour=1, tz="UTC"),
        }

        def test_it(periodic_beat):
            assert "celery.backend_cleanup" in [entry.name for entry in periodic_beat.entries]
        """
    )

    result.assert_outcomes(passed=1)


def test_a_flask_factory(run: Any) -> None:
    """Tasks run inside the app's context, as in a worker."""
    result = run(
        """
        def test_it(periodic_beat):
            (fired,) = periodic_beat.leap()
            assert fired.entry == "web.sweep" or fired.entry == "sweep"
            assert fired.result == "web"
        """,
        ini="periodic_app = web:create_app",
    )

    result.assert_outcomes(passed=1)


def test_the_app_by_a_fixture(run: Any) -> None:
    """Celery's and Flask's own plugins name theirs `celery_app` and `app`."""
    result = run(
        """
        import pytest, shop

        @pytest.fixture
        def celery_app():
            return shop.celery

        def test_it(periodic_beat):
            assert [entry.name for entry in periodic_beat.entries] == ["report"]
        """,
        ini="",
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("", "*periodic_app does not know your app*"),
        ("periodic_app = nowhere:app", "*periodic_app = nowhere:app: No module named 'nowhere'*"),
        ("periodic_app = shop:SHOP", "*periodic_app = shop:SHOP: *"),
        ("periodic_app = shop:seen", "*give a Celery app, a Flask app, or a function*"),
    ],
)
def test_an_app_that_cannot_be_found(run: Any, ini: str, said: str) -> None:
    """The message says what to write."""
    result = run("def test_it(periodic_app): pass", ini=ini)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        (
            "time='sundial'",
            "*'sundial' drives no time; use one of freezegun, time-machine, manual*",
        ),
        ("begin='2026-01-01'", "*the marker periodic knows start and time, not begin*"),
    ],
)
def test_a_marker_that_cannot_be_understood(run: Any, marker: str, said: str) -> None:
    """The message says what is allowed."""
    result = run(
        f"import pytest\n@pytest.mark.periodic({marker})\ndef test_it(periodic_clock): pass"
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_an_entry_with_a_problem_fails_the_test(run: Any) -> None:
    """A schedule that cannot be read is no reason to test the others alone."""
    result = run("""
    import shop

    def test_it(request):
        shop.celery.conf.beat_schedule["bad"] = {"task": "shop.report", "schedule": "soon"}
        request.getfixturevalue("periodic_beat")
    """)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*entries with problems: bad: *"])


def test_a_snapshot_of_a_months_runs(run: Any, pytester: pytest.Pytester) -> None:
    """Missing, written, equal, and changed: the difference is shown line by line."""
    test = """
    from periodic.testing import runs_text

    def test_it(periodic_beat, periodic_snapshot):
        periodic_snapshot(runs_text(periodic_beat.entries, "2026-03-07", "2026-03-10"), "march")
    """
    missing = run(test)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*march.txt does not exist; --periodic-update writes it*"])

    run(test, "--periodic-update").assert_outcomes(passed=1)
    kept = pytester.path / "snapshots" / "march.txt"
    assert (
        "Sat 2026-03-07  report  02:30 (-05:00)\n"
        "Sun 2026-03-08  report  03:00 (-04:00)\n"
        "Mon 2026-03-09  report  02:30 (-04:00)\n"
    ) == kept.read_text()
    run(test).assert_outcomes(passed=1)

    kept.write_text(kept.read_text().replace("03:00", "03:30"))
    changed = run(test)
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(
        ["*march.txt: the runs have changed*", "-Sun 2026-03-08  report  03:30*", "+Sun*03:00*"]
    )
