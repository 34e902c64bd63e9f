"""The scheduler class: all that Celery asks of one, on a clock that moves when told."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points

import pytest
from celery import signals
from celery.apps.beat import Beat as BeatCommand
from celery.beat import ScheduleEntry, Service

from periodic import Broker, ManualClock
from periodic.integrations.celery import BeatScheduler

START = datetime(2026, 3, 8, 6, 59, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock():
    """A clock that stands still at half a minute to seven."""
    return ManualClock(START)


@pytest.fixture
def make(app, clock):
    """Make schedulers on the manual clock; all are closed in the end."""
    made = []

    def make(beat_schedule=None, **kwargs):
        app.conf.beat_schedule = {} if beat_schedule is None else beat_schedule
        made.append(BeatScheduler(app, clock=clock, **kwargs))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.close()


def entry(seconds=60, **more):
    """An entry that adds one."""
    return {"task": "shop.add", "schedule": seconds, "args": [1], **more}


def tick(scheduler, clock, passed=timedelta(0)):
    """Let time pass and tick once."""
    clock.advance(passed)
    return scheduler.tick()


def names(messages):
    """The entries that sent these messages."""
    return [message.headers["periodic-entry"] for message in messages]


def test_registered_under_the_name_periodic():
    """`celery beat -S periodic` finds the class."""
    [point] = entry_points(group="celery.beat_schedulers", name="periodic")
    assert point.load() is BeatScheduler


def test_a_tick_sends_everything_that_is_due(make, clock, sent):
    """One tick, all that is due; each message with the id of its occurrence."""
    scheduler = make({"a": entry(), "b": entry(), "later": entry(3600)})
    assert tick(scheduler, clock) == pytest.approx(0.5)
    assert sent() == []
    tick(scheduler, clock, 30 * SECOND)
    messages = sent()
    assert sorted(names(messages)) == ["a", "b", "later"]
    tick(scheduler, clock, 60 * SECOND)
    assert sorted(names(sent())) == ["a", "b"]
    assert len({message.headers["id"] for message in messages}) == 3


def test_a_tick_never_asks_for_a_long_sleep(make, clock):
    """At most half a second, so that stops and changes are seen; exact when something is near."""
    scheduler = make({"a": entry()})
    assert tick(scheduler, clock) == 0.5
    assert tick(scheduler, clock, timedelta(seconds=29.8)) == pytest.approx(0.2)


def test_a_tick_without_entries_is_a_tick(make, clock):
    """No entries are no error."""
    assert tick(make(), clock) == 0.5


def test_sends_are_logged_as_celery_logs_them(make, clock, caplog):
    """People look for this line."""
    scheduler = make({"a": entry()})
    with caplog.at_level(logging.INFO, "celery.beat"):
        tick(scheduler, clock)
        tick(scheduler, clock, 30 * SECOND)
    lines = [r.getMessage() for r in caplog.records if r.name == "celery.beat"]
    assert lines == ["Scheduler: Sending due task a (shop.add)"]


def test_lazy_does_nothing(app, tmp_path, monkeypatch):
    """For the banner it is made without any I/O, as often as Celery likes."""
    monkeypatch.chdir(tmp_path)
    app.conf.broker_url = "filesystem://"
    for _ in range(3):
        scheduler = BeatScheduler(app=app, schedule_filename="file", max_interval=None, lazy=True)
        assert "namespace -> shop" in scheduler.info
        assert "periodic_brokers.kombu:KombuBroker" in scheduler.info
        assert scheduler.max_interval == 5
        scheduler.close()
    assert list(tmp_path.iterdir()) == []


def test_max_interval_from_the_command_line(app):
    """`--max-interval` arrives."""
    assert BeatScheduler(app, max_interval=7, lazy=True).max_interval == 7


def test_cursors_stand_beside_the_schedule_file(app, tmp_path):
    """`-s FILE` says where cursors are kept when the broker cannot keep them."""
    app.conf.broker_url = "filesystem://"
    scheduler = BeatScheduler(app, schedule_filename=str(tmp_path / "beat"))
    assert (tmp_path / "beat.cursors").exists()
    scheduler.close()


def test_celerys_service_can_ask_for_it_twice(app):
    """`Service.get_scheduler` makes a lazy one for the banner and a real one for the work."""
    service = Service(app, scheduler_cls="periodic", max_interval=3)
    assert isinstance(service.get_scheduler(lazy=True), BeatScheduler)
    assert service.scheduler.max_interval == 3
    service.scheduler.close()


def test_a_class_or_a_path_may_name_it(app):
    """`beat_scheduler` takes the dotted path and the class, too."""
    for name in ("periodic.integrations.celery:BeatScheduler", BeatScheduler):
        scheduler = Service(app, scheduler_cls=name).get_scheduler(lazy=True)
        assert type(scheduler) is BeatScheduler


def test_closing_twice_is_safe(make, clock):
    """Celery closes in the signal handler and again in the end."""
    scheduler = make({"a": entry()})
    tick(scheduler, clock)
    scheduler.close()
    scheduler.close()


def test_a_tick_after_closing_goes_on(make, clock, sent):
    """A scheduler that was closed and is used again works again, and repeats nothing."""
    scheduler = make({"a": entry()})
    tick(scheduler, clock)
    tick(scheduler, clock, 30 * SECOND)
    scheduler.close()
    tick(scheduler, clock)
    tick(scheduler, clock, 60 * SECOND)
    assert len(sent()) == 2


def test_syncing_is_nothing(make):
    """Every dispatch keeps its cursor at once; there is nothing to save later."""
    scheduler = make({"a": entry()})
    assert scheduler.should_sync() is False
    scheduler.sync()
    scheduler._do_sync()


def test_a_wrong_setting_ends_the_command_with_one_sentence(app):
    """A configuration error is no traceback."""
    app.conf.periodic = {"namespce": "x"}
    with pytest.raises(SystemExit, match="unknown key 'namespce'; did you mean 'namespace'"):
        BeatScheduler(app)


def test_a_bad_entry_does_not_stop_the_others(make, clock, sent, caplog):
    """Its sentence is logged once; the others run."""
    scheduler = make({"bad": entry("every day"), "good": entry()})
    for _ in range(3):
        tick(scheduler, clock, 30 * SECOND)
    assert set(names(sent())) == {"good"}
    lines = [r.getMessage() for r in caplog.records if "'bad' is set aside" in r.getMessage()]
    assert len(lines) == 1


def test_an_entry_that_fails_when_it_is_sent_does_not_stop_the_others(make, clock, sent):
    """A message that cannot be made is tried again; its neighbours are sent meanwhile."""
    scheduler = make(
        {"bad": entry(options={"serializer": "json", "queue": object()}), "good": entry()}
    )
    tick(scheduler, clock)
    tick(scheduler, clock, 30 * SECOND)
    assert names(sent()) == ["good"]


class TestChanges:
    """Changes reach the running beat."""

    def test_add(self, make, clock, sent):
        """`add(name=..., ...)` as Celery has it."""
        scheduler = make()
        added = scheduler.add(name="new", **entry())
        assert isinstance(added, ScheduleEntry)
        tick(scheduler, clock)
        tick(scheduler, clock, 30 * SECOND)
        assert names(sent()) == ["new"]

    def test_update_from_dict(self, make, clock, sent):
        """Entries are added or changed by name."""
        scheduler = make({"a": entry(60)})
        tick(scheduler, clock)
        scheduler.update_from_dict({"a": entry(3600), "b": entry(60)})
        tick(scheduler, clock)
        clock.advance(90 * SECOND)
        sent()
        tick(scheduler, clock)
        assert "b" in names(sent())

    def test_merge_inplace(self, make, clock, sent):
        """What is not in the new set is gone."""
        scheduler = make({"a": entry(), "b": entry()})
        tick(scheduler, clock)
        scheduler.merge_inplace({"b": entry()})
        tick(scheduler, clock)
        tick(scheduler, clock, 30 * SECOND)
        assert names(sent()) == ["b"]
        assert list(scheduler.schedule) == ["b"]

    def test_assigning_to_the_schedule(self, make, clock, sent):
        """`scheduler.schedule[name] = ScheduleEntry(...)` and `del` work."""
        scheduler = make({"a": entry()})
        given = ScheduleEntry(name="b", app=scheduler.app, **entry())
        scheduler.schedule["b"] = given
        del scheduler.schedule["a"]
        tick(scheduler, clock)
        tick(scheduler, clock, 30 * SECOND)
        assert names(sent()) == ["b"]

    def test_add_periodic_task_after_the_start(self, make, clock, sent, app):
        """An entry that code adds later is taken up at the next tick."""
        scheduler = make()
        tick(scheduler, clock)
        app.add_periodic_task(60, app.tasks["shop.add"].s(1), name="late")
        tick(scheduler, clock)
        tick(scheduler, clock, 30 * SECOND)
        assert names(sent()) == ["late"]

    def test_an_entry_that_is_replaced_in_the_configuration(self, make, clock, sent, app):
        """Another dict under the same name is seen within five seconds."""
        scheduler = make({"a": entry()})
        tick(scheduler, clock)
        app.conf.beat_schedule["a"] = {**entry(), "enabled": False}
        tick(scheduler, clock, 6 * SECOND)
        tick(scheduler, clock, 30 * SECOND)
        assert sent() == []

    def test_an_entry_that_is_removed_from_the_configuration(self, make, clock, sent, app):
        """It does not run any more."""
        scheduler = make({"a": entry()})
        tick(scheduler, clock)
        del app.conf.beat_schedule["a"]
        tick(scheduler, clock, 30 * SECOND)
        assert sent() == []

    def test_a_bad_change_is_set_aside(self, make, clock, sent, caplog):
        """An entry that is changed into a bad one stops, with its sentence."""
        scheduler = make({"a": entry(), "b": entry()})
        tick(scheduler, clock)
        scheduler.update_from_dict({"a": entry("every day")})
        tick(scheduler, clock, 30 * SECOND)
        assert names(sent()) == ["b"]
        assert any("'a' is set aside" in r.getMessage() for r in caplog.records)


class TestOnlookers:
    """Tools that look at `scheduler.schedule` see Celery's entries."""

    def test_entries_look_like_celerys(self, make, clock):
        """Name, task, arguments, schedule, last run and count."""
        scheduler = make({"a": entry(60.0, options={"queue": "celery"})})
        tick(scheduler, clock)
        shown = scheduler.schedule["a"]
        assert isinstance(shown, ScheduleEntry)
        assert (shown.name, shown.task, shown.args) == ("a", "shop.add", [1])
        assert shown.schedule.run_every == timedelta(minutes=1)
        assert shown.total_run_count == 0
        tick(scheduler, clock, 30 * SECOND)
        shown = scheduler.get_schedule()["a"]
        assert shown.last_run_at == START + 30 * SECOND
        assert shown.total_run_count == 1
        assert "shop.add" in repr(shown)

    def test_looking_changes_nothing(self, make, clock, sent):
        """Celery's `reserve` gives the next instance and leaves the plan alone."""
        scheduler = make({"a": entry()})
        tick(scheduler, clock)
        shown = scheduler.schedule["a"]
        assert scheduler.reserve(shown).total_run_count == 1
        tick(scheduler, clock, 30 * SECOND)
        assert len(sent()) == 1

    def test_an_onlooker_may_send_an_entry_now(self, make, clock, sent):
        """Celery's own `apply_async(entry)` still sends, beside the plan."""
        scheduler = make({"a": entry()})
        scheduler.apply_async(scheduler.schedule["a"])
        [message] = sent()
        assert message.headers["task"] == "shop.add"
        assert "periodic-entry" not in message.headers

    def test_the_default_entries_are_there(self, app, make):
        """`celery.backend_cleanup` is among them where Celery has it."""
        app.conf.result_expires = 3600
        assert "celery.backend_cleanup" in make({"a": entry()}).schedule


def test_two_apps_in_one_process(make_app, clock, sent):
    """Each beat keeps to its own app: zone, entries and queue."""
    schedulers = []
    for name, zone in (("one", "Asia/Tokyo"), ("two", "America/New_York")):
        app = make_app(name, timezone=zone, task_default_queue=name)
        app.conf.beat_schedule = {"x": {"task": "work", "schedule": 60, "tz": zone}}
        schedulers.append(BeatScheduler(app, clock=clock))
    for scheduler in schedulers:
        scheduler.tick()
    clock.advance(30 * SECOND)
    for scheduler in schedulers:
        scheduler.tick()
    [one], [two] = sent("one"), sent("two")
    assert one.headers["id"] != two.headers["id"]
    for scheduler in schedulers:
        scheduler.close()


def test_a_signal_during_a_pass_is_heard_after_it(make, clock, sent):
    """SIGTERM in the middle of a pass does not tear message and cursor apart."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(len(sent())))
    try:
        scheduler = make({"a": entry()})
        tick(scheduler, clock)
        inner = scheduler._beat.broker.dispatch

        def dispatch(batch):
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
            return inner(batch)

        scheduler._beat.broker.dispatch = dispatch
        tick(scheduler, clock, 30 * SECOND)
        assert heard == [1]
        assert signal.getsignal(signal.SIGTERM) is not before
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_second_signal_goes_through_at_once(make, clock):
    """Who asks twice is not kept waiting."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    try:
        scheduler = make({"a": entry()})
        tick(scheduler, clock)
        inner = scheduler._beat.broker.dispatch

        def dispatch(batch):
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
            signal.raise_signal(signal.SIGTERM)
            assert heard == [1]
            return inner(batch)

        scheduler._beat.broker.dispatch = dispatch
        tick(scheduler, clock, 30 * SECOND)
        assert heard == [1]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_ends_a_long_tick_after_the_batch_in_hand(make, clock, sent):
    """With thousands due, a stop is heard after one batch; whoever goes on loses nothing."""
    count = 3 * Broker.batch_size
    scheduler = make({f"e{number}": entry(60) for number in range(count)})
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(len(heard)))
    dispatch = scheduler._beat.broker.dispatch

    def dispatch_and_be_told(batch):
        scheduler._beat.broker.dispatch = dispatch
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
        return dispatch(batch)

    scheduler._beat.broker.dispatch = dispatch_and_be_told
    try:
        tick(scheduler, clock, 30 * SECOND)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [0]
    first = names(sent())
    assert 0 < len(first) <= Broker.batch_size
    tick(scheduler, clock)
    rest = names(sent())
    assert len(first) + len(rest) == count
    assert set(first) | set(rest) == {f"e{number}" for number in range(count)}


@pytest.mark.parametrize("given", [[1], "x", 5])
def test_a_schedule_that_is_no_mapping_refuses_to_start(make, given):
    """`beat_schedule` of the wrong type is one sentence, not a traceback."""
    with pytest.raises(SystemExit, match=r"beat_schedule is .*; give a mapping of entry names"):
        make(given)


def test_a_schedule_that_becomes_no_mapping_changes_nothing(make, app, clock, sent, caplog):
    """The running beat goes on with what it had, and says so once."""
    scheduler = make({"a": entry(60)})
    app.conf.beat_schedule = [1]
    tick(scheduler, clock, 30 * SECOND)
    tick(scheduler, clock, 30 * SECOND)
    tick(scheduler, clock, 30 * SECOND)
    assert names(sent()) == ["a", "a"]
    assert caplog.text.count("the entries stay as they are: beat_schedule is [1]") == 1


def test_settings_without_effect_are_named(make, app, caplog):
    """What Celery has and this beat has not is said at start."""
    app.conf.beat_cron_starting_deadline = 60
    app.conf.task_always_eager = True
    make()
    assert "beat_cron_starting_deadline has no effect" in caplog.text
    assert "periodic['catch_up_window']" in caplog.text
    assert "task_always_eager is on" in caplog.text


def test_the_banner_of_the_command(app):
    """`celery beat` prints namespace and adapter."""
    command = BeatCommand(app=app, scheduler="periodic", loglevel="WARNING")
    assert "namespace -> shop" in command.banner(Service(app, scheduler_cls="periodic"))


class TestGuardInThisProcess:
    """A beat service on `memory://` may run in a thread, never as the process's main work."""

    def test_in_the_main_thread_it_refuses(self, app):
        """Nobody else in the process could take its messages."""
        service = Service(app, scheduler_cls="periodic")
        with pytest.raises(SystemExit, match="lives inside one process"):
            service.start()
        service.scheduler.close()

    def test_in_a_thread_it_runs(self, app, sent):
        """It shares the process with its starter, who may consume."""
        app.conf.beat_schedule = {"a": entry(1)}
        service = Service(app, scheduler_cls="periodic")
        started = []

        def note(sender, **_):
            started.append(sender)

        signals.beat_init.connect(note)
        thread = threading.Thread(target=service.start, daemon=True)
        thread.start()
        deadline = threading.Event()
        messages = []
        for _ in range(60):
            messages += sent()
            if messages or deadline.wait(0.05):
                break
        service.stop(wait=True)
        thread.join(2)
        assert not thread.is_alive()
        assert names(messages)[:1] == ["a"]
        assert started == [service]
