"""What is in `beat_schedule` becomes entries; what is wrong becomes one sentence each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import schedules
from celery.beat import BeatLazyFunc, ScheduleEntry
from kombu import Queue

from periodic import CatchUp, CatchUpPolicy, crontab, interval
from periodic.integrations.celery import Loaded, load_entries


def only(loaded: Loaded):
    """The one entry of a result without problems."""
    assert loaded.problems == {}
    [entry] = loaded.entries
    return entry


def load(app, **definition):
    """Load one entry named `x`."""
    app.conf.beat_schedule = {"x": definition}
    return load_entries(app)


def test_celerys_keys_mean_what_they_mean(app):
    """Task, schedule, arguments and options are taken over."""
    entry = only(
        load(
            app, task="shop.add", schedule=30.0, args=(1,), kwargs={"b": 2}, options={"queue": "q"}
        )
    )
    assert (entry.name, entry.task, entry.schedule) == ("x", "shop.add", interval(30, tz="UTC"))
    assert (tuple(entry.args), dict(entry.kwargs)) == ((1,), {"b": 2})
    assert dict(entry.options) == {"queue": "q"}


def test_our_keys(app):
    """`tz` gives the schedule a zone, `enabled` switches the entry off."""
    entry = only(
        load(
            app,
            task="shop.add",
            schedule=schedules.crontab(0, 9),
            args=[1],
            tz="Asia/Tokyo",
            enabled=False,
        )
    )
    assert entry.schedule == crontab(0, 9, tz="Asia/Tokyo")
    assert entry.enabled is False


def test_what_is_done_about_missed_runs(app):
    """The four keys of missed runs; times are seconds or timedeltas, words in any case."""
    entry = only(
        load(
            app,
            task="shop.add",
            schedule=30,
            args=[1],
            catch_up="ALL",
            catch_up_window=3600,
            max_catch_up=5,
            misfire_threshold=timedelta(seconds=10),
        )
    )
    expected = CatchUpPolicy(CatchUp.ALL, timedelta(hours=1), 5, timedelta(seconds=10))
    assert expected == entry.catch_up_policy


def test_the_settings_are_the_default_for_missed_runs(app):
    """What `periodic` says counts where an entry does not speak; None takes a limit away."""
    app.conf.periodic = {"catch_up": "skip", "catch_up_window": 60, "misfire_threshold": 5}
    silent = only(load(app, task="shop.add", schedule=30, args=[1], catch_up=None))
    loud = only(
        load(
            app,
            task="shop.add",
            schedule=30,
            args=[1],
            catch_up="latest",
            catch_up_window=None,
            misfire_threshold=None,
        )
    )
    minute, five = timedelta(minutes=1), timedelta(seconds=5)
    assert CatchUpPolicy(CatchUp.SKIP, minute, 10, five) == silent.catch_up_policy
    assert CatchUpPolicy() == loud.catch_up_policy


def test_a_schedule_entry_of_celery_may_speak_of_missed_runs(app):
    """An attribute of Celery's own object is as good as a key."""
    given = ScheduleEntry(name="x", task="shop.add", schedule=30, args=(1,), app=app)
    given.catch_up = "skip"
    app.conf.beat_schedule = {"x": given}
    assert CatchUp.SKIP is only(load_entries(app)).catch_up


def test_an_entry_may_ask_for_a_run_at_the_start(app):
    """`run_on_start` is a key of an entry, and an attribute of Celery's own object; off unless."""
    assert only(load(app, task="shop.add", schedule=30, args=[1], run_on_start=True)).run_on_start
    assert not only(load(app, task="shop.add", schedule=30, args=[1])).run_on_start
    given = ScheduleEntry(name="x", task="shop.add", schedule=30, args=(1,), app=app)
    given.run_on_start = True
    app.conf.beat_schedule = {"x": given}
    assert only(load_entries(app)).run_on_start


def test_relative_is_heard(app):
    """The entry's `relative` aligns its runs to the clock."""
    entry = only(load(app, task="shop.add", schedule=3600, args=[1], relative=True))
    noon = datetime(2026, 1, 1, 12, 7, tzinfo=UTC)
    assert entry.schedule.next_after(noon) == datetime(2026, 1, 1, 13, tzinfo=UTC)


def test_a_schedule_entry_of_celery_is_an_entry(app):
    """`beat_schedule` may hold Celery's own objects."""
    given = ScheduleEntry(name="x", task="shop.add", schedule=30, args=(1,), app=app)
    app.conf.beat_schedule = {"x": given}
    assert only(load_entries(app)).schedule == interval(30, tz="UTC")


def test_a_task_object_is_as_good_as_its_name(app):
    """The task itself may stand where its name stands."""
    assert only(load(app, task=app.tasks["shop.add"], schedule=1, args=[1])).task == "shop.add"


def test_add_periodic_task_in_on_after_configure(app):
    """Entries that are added in Celery's signals are heard."""

    @app.on_after_configure.connect
    def add(sender, **kwargs):
        task = sender.tasks["shop.add"]
        sender.add_periodic_task(10, task.s(1, b=2), name="named", expires=10)
        sender.add_periodic_task(schedules.crontab(hour=7), task.s(3))

    @app.on_after_finalize.connect
    def add_late(sender, **kwargs):
        sender.add_periodic_task(20, sender.tasks["shop.add"].s(4), name="late")

    loaded = load_entries(app)
    assert loaded.problems == {}
    by_name = {entry.name: entry for entry in loaded.entries}
    assert set(by_name) == {"named", "shop.add(3)", "late"}
    assert dict(by_name["named"].options) == {"expires": 10}
    assert (tuple(by_name["named"].args), dict(by_name["named"].kwargs)) == ((1,), {"b": 2})


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"schedule": 1}, "it has no 'task'; an entry needs at least 'task' and 'schedule'"),
        ({"task": "shop.add"}, "it has no 'schedule'"),
        (
            {"task": "shop.add", "schedule": 1, "enbled": True},
            "unknown key 'enbled'; did you mean 'enabled'?",
        ),
        (
            {"task": "shop.add", "schedule": 1, "zzz": True},
            "unknown key 'zzz'; known keys: task, schedule",
        ),
        ({"task": "shop.add", "schedule": "0 9 * * *"}, "the string '0 9 * * *' is not a schedule"),
        ({"task": "shop.add", "schedule": 0}, "more than zero"),
        (
            {"task": "shop.add", "schedule": schedules.crontab(day_of_week="fri#2")},
            "day_of_week='fri#2'",
        ),
        ({"task": "shop.add", "schedule": 1, "args": "abc"}, "args is a list or tuple, not 'abc'"),
        ({"task": "shop.add", "schedule": 1, "args": {1}}, "args is a list or tuple, not {1}"),
        ({"task": "shop.add", "schedule": 1, "args": [1], "kwargs": [1]}, "kwargs is a mapping"),
        ({"task": "shop.add", "schedule": 1, "args": [1], "options": "q"}, "options is a mapping"),
        ({"task": "shop.add", "schedule": 1, "args": [object()]}, "cannot be sent as json"),
        ({"task": "shop.add", "schedule": 1}, "do not fit the task 'shop.add'"),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "enabled": "no"},
            "'enabled' is True or False",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "catch_up": "lates"},
            "catch_up is one of 'latest', 'skip', 'earliest' and 'all', not 'lates'; did you mean",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "catch_up_window": "1h"},
            "catch_up_window is a timedelta or a number of seconds, above zero, or None",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "max_catch_up": 0},
            "max_catch_up is a whole number from 1 to 10000, not 0",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "misfire_threshold": -1},
            "misfire_threshold is a timedelta or a number of seconds, above zero",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "run_on_start": "yes"},
            "run_on_start is True or False, not 'yes'",
        ),
        (
            {"task": "shop.add", "schedule": 1, "args": [1], "run_at_start": True},
            "unknown key 'run_at_start'; did you mean 'run_on_start'?",
        ),
        (
            {"task": "shop.add", "schedule": 1, "catchup": "all"},
            "unknown key 'catchup'; did you mean 'catch_up'?",
        ),
        ({"task": 3, "schedule": 1}, "task is the registered name of a task, not 3"),
        (
            {"task": "shop.add", "schedule": 1, "tz": "Europe/Lundon"},
            "did you mean 'Europe/London'",
        ),
        (
            {"task": "shop.add", "schedule": crontab(tz="Asia/Tokyo"), "tz": "Europe/London"},
            "keep one of them",
        ),
        ("every day", "an entry is a mapping with the keys 'task' and 'schedule', not 'every day'"),
    ],
)
def test_bad_input_is_one_sentence_and_the_others_go_on(app, caplog, definition, sentence):
    """A wrong entry is set aside with a sentence; its neighbours are loaded."""
    good = {"task": "shop.add", "schedule": 1, "args": [1]}
    app.conf.beat_schedule = {"before": good, "bad": definition, "after": good}
    loaded = load_entries(app)
    assert [entry.name for entry in loaded.entries] == ["before", "after"]
    assert sentence in loaded.problems["bad"]
    assert not loaded.problems["bad"].startswith("entry")
    loaded.report()
    [record] = caplog.records
    assert record.getMessage() == f"entry 'bad' is set aside: {loaded.problems['bad']}"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"queue": 3}, "the option 'queue' is the name of a queue, or a kombu.Queue, not 3"),
        ({"queue": " "}, "the name of a queue"),
        ({"countdown": "10"}, "the option 'countdown' is a number of seconds, not '10'"),
        ({"countdown": timedelta(seconds=5)}, "is a number of seconds, not datetime.timedelta"),
        ({"countdown": float("nan")}, "a number of seconds"),
        ({"countdown": 1e300}, "a number of seconds"),
        ({"expires": "in an hour"}, "'expires' is a number of seconds, a timedelta, a datetime"),
        ({"expires": True}, "'expires' is a number of seconds"),
        ({"eta": 5}, "the option 'eta' is a datetime, or its text in ISO 8601, not 5"),
        ({"eta": "noon"}, "ISO 8601, not 'noon'"),
        ({"priority": "high"}, "'priority' is a whole number from 0 to 255, not 'high'"),
        ({"priority": 3.5}, "a whole number"),
        ({"priority": 300}, "from 0 to 255, not 300"),
        ({"headers": "x"}, "the option 'headers' is a mapping, not 'x'"),
        ({"time_limit": "1m"}, "the option 'time_limit' is a number of seconds, not '1m'"),
        ({"queues": "mail"}, "unknown option 'queues'; did you mean 'queue'?"),
        ({"expire": 5}, "did you mean 'expires'?"),
        ({"prioritty": 5}, "did you mean 'priority'?"),
        ({"Countdown": 5}, "did you mean 'countdown'?"),
        ({"args": [1]}, "the option 'args' is the beat's own; give the entry 'args'"),
        ({"producer": None}, "the option 'producer' is the beat's own; leave it out"),
    ],
)
def test_a_wrong_option_is_one_sentence(app, options, sentence):
    """What could not be sent is told when entries are loaded, not at the first run."""
    loaded = load(app, task="shop.add", schedule=1, args=[1], options=options)
    assert loaded.entries == []
    assert sentence in loaded.problems["x"]


@pytest.mark.parametrize(
    "options",
    [
        {"queue": Queue("mail"), "priority": 9, "countdown": 1.5},
        {"queue": None, "expires": None, "priority": None, "headers": None},
        {"expires": timedelta(minutes=5), "eta": "2026-03-08T09:00:00+00:00"},
        {"expires": datetime(2026, 3, 8, tzinfo=UTC), "time_limit": 60},
        {"MessageGroupId": "orders", "x-own": 1, "link": [], "shadow": "name"},
        {"monitor": "x", "prioritat": 1, "stamped_headers": ["monitor", "prioritat"]},
    ],
)
def test_options_that_celery_takes_are_taken(app, options):
    """Known options, properties of a transport, and stamps are left as they are."""
    loaded = load(app, task="shop.add", schedule=1, args=[1], options=options)
    assert dict(only(loaded).options) == options
    assert loaded.warnings == {}


def test_a_task_id_of_ones_own_is_told(app):
    """One id for all occurrences would make them one; each has its own, and a warning says so."""
    loaded = load(app, task="shop.add", schedule=1, args=[1], options={"task_id": "mine"})
    assert only(loaded).name == "x"
    assert "its task_id 'mine' is not used" in loaded.warnings["x"]


def test_a_name_that_is_no_string_is_a_problem(app):
    """The name itself is checked."""
    app.conf.beat_schedule = {3: {"task": "shop.add", "schedule": 1, "args": [1]}}
    assert "name is a non-empty string" in load_entries(app).problems["3"]


def test_an_unknown_task_names_the_nearest_and_runs_all_the_same(app):
    """A task of another code base is legal: a warning, not a problem."""
    loaded = load(app, task="shop.ad", schedule=1, args=[object], options={"serializer": "pickle"})
    assert only(loaded).task == "shop.ad"
    assert loaded.warnings == {
        "x": "no task named 'shop.ad' is known here; did you mean 'shop.add'? "
        "it is sent by name all the same, for a worker that knows it"
    }


def test_lazy_arguments_are_not_called_when_entries_are_loaded(app):
    """A `BeatLazyFunc` is called when its task is sent, and only then."""
    calls = []
    lazy = BeatLazyFunc(calls.append, object())
    only(load(app, task="shop.add", schedule=1, args=[lazy], kwargs={"b": {"deep": [lazy]}}))
    assert calls == []


def test_the_tasks_own_serializer_counts(app):
    """Arguments are tried with the serializer that will write them."""
    app.tasks["shop.add"].serializer = "pickle"
    only(load(app, task="shop.add", schedule=1, args=[{1, 2}, complex(1, 2)]))


class TestBackendCleanup:
    """Celery's clean-up of old results is installed as Celery installs it."""

    def test_installed_where_results_expire(self, make_app):
        """04:00 in the app's zone, expiring after twelve hours."""
        app = make_app(result_expires=3600, timezone="Europe/London")
        entry = only(load_entries(app))
        assert entry.name == entry.task == "celery.backend_cleanup"
        assert entry.schedule == crontab(0, 4, tz=ZoneInfo("Europe/London"))
        assert dict(entry.options) == {"expires": 12 * 3600}

    def test_not_where_results_never_expire(self, make_app):
        """`result_expires = None` needs no clean-up."""
        assert load_entries(make_app(result_expires=None)).entries == []

    def test_not_where_the_backend_expires_them_itself(self, make_app):
        """A backend with expiry of its own needs no clean-up."""
        app = make_app(result_expires=3600, result_backend="cache+memory://")
        assert load_entries(app).entries == []

    def test_the_users_own_wins(self, make_app):
        """An entry of that name is left as the user wrote it."""
        app = make_app(
            result_expires=3600,
            beat_schedule={
                "celery.backend_cleanup": {"task": "celery.backend_cleanup", "schedule": 60.0}
            },
        )
        assert only(load_entries(app)).schedule == interval(minutes=1, tz="UTC")
