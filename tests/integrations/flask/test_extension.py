"""The extension: registration, several apps, the decorator and tasks in an app context."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import celery as celery_package
import pytest
from celery import Celery, Task
from flask import Flask, current_app

from periodic import CatchUp, CatchUpPolicy, ConfigError, EntryError, crontab, interval
from periodic.integrations.celery import load_entries
from periodic.integrations.flask import Periodic, PeriodicState, state_of
from periodic.integrations.flask.serve import Serving


def loaded_names(app: Flask) -> list[str]:
    """Return the names of the app's entries, after checking that none has a problem."""
    loaded = load_entries(app.extensions["celery"])
    assert loaded.problems == {}
    names = {entry.name for entry in loaded.entries}
    return sorted(names - {"celery.backend_cleanup"})  # Celery's own, by the result backend


@contextmanager
def working(app: Flask) -> Iterator[None]:
    """Run a worker and a beat for the app."""
    serving = Serving(None, app.extensions["celery"], concurrency=2)
    serving.start()
    try:
        yield
    finally:
        assert serving.stop()


def test_state_lives_in_the_app_and_no_app_on_the_extension() -> None:
    """Flask's rule for extensions: one object serves several apps and keeps none of them."""
    app = Flask("shop")
    periodic = Periodic(app)
    assert isinstance(app.extensions["periodic"], PeriodicState)
    assert state_of(app) is app.extensions["periodic"]
    assert all(value is not app for value in vars(periodic).values())


def test_an_app_is_not_kept_alive() -> None:
    """The extension object outlives its apps without holding on to their state."""
    periodic = Periodic()
    app = Flask("shop")
    periodic.init_app(app)
    state = weakref.ref(state_of(app))
    celery_package._state.default_app = None
    celery_package._state._tls.current_app = None
    del app
    gc.collect()
    assert state() is None


def test_a_second_registration_is_refused() -> None:
    """Two Periodic on one app would run everything twice; the message says what to do."""
    app = Flask("shop")
    Periodic(app)
    with pytest.raises(RuntimeError, match=r"'shop' has a Periodic already.*once for each app"):
        Periodic(app)


def test_an_app_without_periodic_is_told_what_to_do() -> None:
    """Commands on an app that was never registered give one clear sentence."""
    with pytest.raises(ConfigError, match=r"'bare' has no Periodic.*init_app"):
        state_of(Flask("bare"))


def test_celery_is_made_by_flasks_pattern() -> None:
    """Without a Celery app one is made, named as the app, and made the default."""
    app = Flask("shop")
    Periodic(app)
    celery = app.extensions["celery"]
    assert isinstance(celery, Celery)
    assert celery.main == "shop"
    assert celery_package.current_app._get_current_object() is celery


def test_an_existing_celery_app_is_used_as_it_is() -> None:
    """`app.extensions["celery"]` is reused: its configuration stays, entries are added."""
    app = Flask("shop")
    own = Celery("own", broker="redis://r/5", set_as_current=False)
    own.config_from_object({"beat_schedule": {"old": {"task": "t", "schedule": 5}}})
    app.extensions["celery"] = own
    app.config["PERIODIC"] = {"entries": {"new": {"task": "t", "schedule": 5}}}
    Periodic(app)
    assert app.extensions["celery"] is own
    assert own.conf.broker_url == "redis://r/5"
    assert loaded_names(app) == ["new", "old"]


def test_registering_does_not_make_celery_load_its_configuration() -> None:
    """`on_after_configure` handlers that an app connects after `init_app` are still heard."""
    app = Flask("shop")
    Periodic(app)
    celery = app.extensions["celery"]
    assert not celery.configured

    @celery.on_after_configure.connect
    def set_up(sender: Celery, **_: Any) -> None:
        sender.add_periodic_task(5, sender.signature("t"), name="late")

    assert loaded_names(app) == ["late"]


def test_configuring_celery_anew_keeps_the_entries() -> None:
    """`config_from_object` after first use loads everything again, the entries included."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"namespace": "tea", "entries": {"x": {"task": "t", "schedule": 5}}}
    Periodic(app)
    celery = app.extensions["celery"]
    assert loaded_names(app) == ["x"]
    celery.config_from_object({"task_ignore_result": True})
    assert loaded_names(app) == ["x"]
    assert celery.conf.periodic["namespace"] == "tea"


def test_something_else_in_the_place_of_celery_is_refused() -> None:
    """What is not a Celery app cannot be worked with; the message shows it."""
    app = Flask("shop")
    app.extensions["celery"] = "celery"
    with pytest.raises(ConfigError, match="extensions\\['celery'\\] is 'celery'"):
        Periodic(app)


def test_a_decorated_function_is_a_task_and_an_entry() -> None:
    """The object can be called, delayed and applied, and its entry is there."""
    periodic = Periodic()

    @periodic.task(
        schedule=crontab(minute=0, hour=9),
        name="decorated.report",
        args=[1],
        kwargs={"y": 2},
        options={"queue": "mail"},
        tz="Europe/London",
        max_retries=7,
    )
    def report(x: int, y: int) -> int:
        return x + y

    app = Flask("shop")
    periodic.init_app(app)
    assert report(1, y=2) == 3
    assert report.name == "decorated.report"
    assert report.max_retries == 7
    assert callable(report.delay)
    assert report.apply(args=[1], kwargs={"y": 5}).get() == 6
    (entry,) = load_entries(app.extensions["celery"]).entries
    assert entry.name == "decorated.report"
    assert entry.task == "decorated.report"
    assert (list(entry.args), entry.kwargs, entry.options) == ([1], {"y": 2}, {"queue": "mail"})
    assert str(entry.schedule.tz) == "Europe/London"


def test_names_are_made_where_none_are_given() -> None:
    """The entry is called as the function, the task as Celery would call it."""
    periodic = Periodic()

    @periodic.task(schedule=5)
    def sweep() -> None:
        """Nothing."""

    app = Flask("shop")
    periodic.init_app(app)
    (entry,) = load_entries(app.extensions["celery"]).entries
    assert entry.name == "sweep"
    assert entry.task == sweep.name
    assert entry.task.endswith(".sweep")


def test_tasks_may_be_declared_after_init_app() -> None:
    """A task module that is imported late counts for every app, also one already configured."""
    periodic = Periodic()
    early, late = Flask("early"), Flask("late")
    periodic.init_app(early)
    assert loaded_names(early) == []

    @periodic.task(schedule=5, name="late.one", entry_name="one")
    def one() -> None:
        """Nothing."""

    periodic.init_app(late)
    assert loaded_names(early) == loaded_names(late) == ["one"]


def test_disabled_entries_say_so() -> None:
    """enabled=False reaches the entry."""
    periodic = Periodic()

    @periodic.task(schedule=5, enabled=False, name="disabled.one")
    def one() -> None:
        """Nothing."""

    app = Flask("shop")
    periodic.init_app(app)
    (entry,) = load_entries(app.extensions["celery"]).entries
    assert entry.enabled is False


def test_entries_that_run_at_their_first_start_say_so() -> None:
    """run_on_start reaches the entry, from the decorator and from PERIODIC['entries']."""
    periodic = Periodic()

    @periodic.task(schedule=5, run_on_start=True, name="starting.one")
    def one() -> None:
        """Nothing."""

    @periodic.task(schedule=5, name="starting.silent")
    def silent() -> None:
        """Nothing."""

    app = Flask("shop")
    app.config["PERIODIC"] = {
        "entries": {"configured": {"task": "t", "schedule": 5, "run_on_start": True}}
    }
    periodic.init_app(app)
    loaded = load_entries(app.extensions["celery"])
    assert {each.name: each.run_on_start for each in loaded.entries} == {
        "starting.one": True,
        "starting.silent": False,
        "configured": True,
    }


def test_what_is_done_about_missed_runs() -> None:
    """The decorator and PERIODIC['entries'] say it per entry, PERIODIC for all of them."""
    periodic = Periodic()

    @periodic.task(
        schedule=5,
        name="missed.one",
        catch_up="all",
        catch_up_window=timedelta(hours=1),
        max_catch_up=3,
        misfire_threshold=20,
    )
    def one() -> None:
        """Nothing."""

    @periodic.task(schedule=5, name="missed.silent")
    def silent() -> None:
        """Nothing."""

    app = Flask("shop")
    app.config["PERIODIC"] = {
        "catch_up": "SKIP",
        "MISFIRE_THRESHOLD": 30,
        "entries": {"configured": {"task": "t", "schedule": 5, "catch_up": "earliest"}},
    }
    periodic.init_app(app)
    found = {
        entry.name: entry.catch_up_policy
        for entry in load_entries(app.extensions["celery"]).entries
    }
    half_minute = timedelta(seconds=30)
    assert found["missed.one"] == CatchUpPolicy(
        CatchUp.ALL, timedelta(hours=1), 3, timedelta(seconds=20)
    )
    assert found["missed.silent"] == CatchUpPolicy(CatchUp.SKIP, misfire_threshold=half_minute)
    assert found["configured"] == CatchUpPolicy(CatchUp.EARLIEST, misfire_threshold=half_minute)


def test_a_wrong_word_about_missed_runs_is_a_problem_of_its_entry_alone() -> None:
    """An unknown policy sets its entry aside with a sentence; in PERIODIC it stops the start."""
    periodic = Periodic()

    @periodic.task(schedule=5, name="wrong.one", catch_up="everything")
    def wrong() -> None:
        """Nothing."""

    @periodic.task(schedule=5, name="right.one")
    def right() -> None:
        """Nothing."""

    app = Flask("shop")
    periodic.init_app(app)
    loaded = load_entries(app.extensions["celery"])
    assert "right.one" in [entry.name for entry in loaded.entries]
    assert loaded.problems["wrong.one"].startswith("catch_up is one of 'latest', 'skip'")

    app = Flask("other")
    app.config["PERIODIC"] = {"catch_up": "everything"}
    with pytest.raises(ConfigError, match=r"app.config\['PERIODIC'\].*catch_up.*not 'everything'"):
        Periodic(app)


def test_a_bad_schedule_is_a_problem_of_its_entry_alone() -> None:
    """The app starts, the other entries run, the bad one has a sentence."""
    periodic = Periodic()

    @periodic.task(schedule="soon", name="bad.one")
    def bad() -> None:
        """Nothing."""

    @periodic.task(schedule=5, name="good.one")
    def good() -> None:
        """Nothing."""

    app = Flask("shop")
    periodic.init_app(app)
    loaded = load_entries(app.extensions["celery"])
    assert [entry.name for entry in loaded.entries] == ["good.one"]
    assert "soon" in loaded.problems["bad.one"]


def test_two_functions_with_one_entry_name_are_refused() -> None:
    """The second declaration would hide the first; the message names both functions."""
    periodic = Periodic()
    declare = periodic.task(schedule=5, entry_name="same")

    def one() -> None:
        """Nothing."""

    def two() -> None:
        """Nothing."""

    declare(one)
    declare(one)  # the same function again: a reloaded module
    with pytest.raises(EntryError, match=r"two.*one.*'same'.*another entry_name"):
        declare(two)


def test_config_and_decorator_with_one_name_are_refused() -> None:
    """Which of the two should run is not guessed."""
    periodic = Periodic()

    @periodic.task(schedule=5, entry_name="same", name="same.one")
    def one() -> None:
        """Nothing."""

    app = Flask("shop")
    app.config["PERIODIC"] = {"entries": {"same": {"task": "t", "schedule": 5}}}
    with pytest.raises(ConfigError, match="both name 'same'"):
        periodic.init_app(app)


def test_an_entry_of_beat_schedule_is_never_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """A name that `beat_schedule` has already keeps its entry; the other is told as a problem."""
    app = Flask("shop")
    app.config["CELERY"] = {"beat_schedule": {"same": {"task": "old", "schedule": 5}}}
    app.config["PERIODIC"] = {"entries": {"same": {"task": "new", "schedule": 5}}}
    Periodic(app)
    with caplog.at_level(logging.ERROR, "periodic"):
        (entry,) = load_entries(app.extensions["celery"]).entries
    assert entry.task == "old"
    (problem,) = state_of(app).problems.values()
    assert "both name 'same'" in problem
    assert problem in caplog.text


def test_each_app_runs_its_own_copy_of_a_task_in_its_own_context() -> None:
    """One task, two apps: each worker pushes its own app's context."""
    seen: list[str] = []
    periodic = Periodic()

    @periodic.task(schedule=interval(days=1), name="contexts.note")
    def note() -> str:
        seen.append(current_app.name)
        return current_app.name

    tea, coffee = Flask("tea"), Flask("coffee")
    periodic.init_app(tea)
    periodic.init_app(coffee)
    for app in (tea, coffee):
        with working(app), app.app_context():
            assert note.app is app.extensions["celery"]
            assert note.delay().get(timeout=10) == app.name
    assert seen == ["tea", "coffee"]


def test_two_apps_at_once_keep_to_their_own_messages() -> None:
    """In memory, with nothing configured: each worker takes its own app's messages alone."""
    seen: list[tuple[str, str | None]] = []
    periodic = Periodic()

    @periodic.task(schedule=interval(days=300), name="both.tick", args=["nobody"], enabled=False)
    def tick(sender: str) -> None:
        seen.append((sender, current_app.name))

    apps = []
    for name in ("tea", "coffee"):
        app = Flask(name)
        own = {"task": "both.tick", "schedule": 0.1, "args": [name]}
        app.config["PERIODIC"] = {"entries": {"own": own}}
        periodic.init_app(app)
        apps.append(app)
    with working(apps[0]), working(apps[1]):
        deadline = Waiting(10)
        while min(seen.count((each.name, each.name)) for each in apps) < 5 and deadline.more():
            pass
    assert set(seen) == {("tea", "tea"), ("coffee", "coffee")}
    assert min(seen.count((each.name, each.name)) for each in apps) >= 5


def test_the_decorator_without_parentheses_says_what_to_write() -> None:
    """Neither the bare decorator nor an empty call is a riddle of missing arguments."""
    periodic = Periodic()
    declare: Any = periodic.task

    def one() -> None:
        """Nothing."""

    for mistake in (lambda: declare(one), declare, lambda: declare(interval(minutes=5))):
        with pytest.raises(EntryError, match=r"write @periodic\.task\(schedule="):
            mistake()


def test_a_beat_runs_a_declared_task() -> None:
    """From the decorator to the finished task, in one process, with nothing configured."""
    seen: list[str] = []
    periodic = Periodic()

    @periodic.task(schedule=interval(seconds=0.2), name="line.tick")
    def tick() -> None:
        seen.append(current_app.name)

    app = Flask("line")
    periodic.init_app(app)
    with working(app):
        deadline = Waiting(10)
        while len(seen) < 2 and deadline.more():
            pass
    assert seen[:2] == ["line", "line"]


def test_a_bound_task_gets_itself() -> None:
    """Options of Celery's decorator reach Celery: bind=True passes the task."""
    periodic = Periodic()

    @periodic.task(schedule=5, name="bound.one", bind=True)
    def one(self: Task, word: str) -> str:
        return f"{self.name} {word}"

    Periodic.init_app(periodic, Flask("shop"))
    assert one.apply(args=["hello"]).get() == "bound.one hello"


class Waiting:
    """A bounded wait in small steps."""

    def __init__(self, seconds: float) -> None:
        import time

        self._time = time
        self._deadline = time.monotonic() + seconds

    def more(self) -> bool:
        """Sleep a little; tell whether there is time left."""
        self._time.sleep(0.02)
        return self._time.monotonic() < self._deadline
