"""A worker and a beat in this process."""

from __future__ import annotations

import threading
import time

import pytest

from periodic import Entry, PeriodicError, interval
from periodic.integrations.celery import Embedded, current_occurrence
from periodic.integrations.celery.threaded import QuickConsumer


@pytest.fixture
def ran(app):
    """What the task `shop.note` saw: its arguments, id and occurrence."""
    ran = []

    @app.task(name="shop.note", bind=True, shared=False)
    def note(self, *args):
        ran.append((args, self.request.id, current_occurrence(), threading.current_thread().name))
        return 1

    return ran


def wait_for(condition, timeout=10.0):
    """Wait until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def embed():
    """Start embedded workers; all are stopped in the end."""
    started = []

    def embed(app, **kwargs):
        embedded = Embedded(app, **kwargs)
        started.append(embedded)
        embedded.start()
        return embedded

    yield embed
    for embedded in started:
        embedded.stop()


def test_runs_what_is_due_exactly_once(app, ran, embed):
    """Each occurrence runs once, in a thread, and knows which one it is."""
    app.conf.beat_schedule = {"a": {"task": "shop.note", "schedule": 0.2, "args": ["x"]}}
    embedded = embed(app, concurrency=2)
    assert embedded.running
    wait_for(lambda: len(ran) >= 5)
    assert embedded.stop()
    ids = [task_id for _, task_id, _, _ in ran]
    assert ids == [occurrence.id for _, _, occurrence, _ in ran]
    assert len(set(ids)) == len(ids)
    assert {args for args, *_ in ran} == {("x",)}
    assert threading.main_thread().name not in {name for *_, name in ran}
    assert embedded.failed is None


def test_stops_quickly_and_leaves_no_thread(app, ran, embed):
    """Both threads end, far from the timeout."""
    before = set(threading.enumerate())
    embedded = embed(app)
    start = time.monotonic()
    assert embedded.stop(timeout=3.0)
    assert time.monotonic() - start < 1.5
    wait_for(lambda: not [t for t in set(threading.enumerate()) - before if not t.daemon])
    assert not embedded.running


def test_stop_keeps_its_timeout_while_a_task_runs(app, embed):
    """A task that does not end is named in the log, not waited for."""
    release, running = threading.Event(), threading.Event()

    @app.task(name="shop.block", shared=False)
    def block():
        running.set()
        release.wait(20)

    app.conf.beat_schedule = {"a": {"task": "shop.block", "schedule": 0.2}}
    embedded = embed(app, concurrency=1)
    assert running.wait(10)
    start = time.monotonic()
    assert embedded.stop(timeout=0.5) is False
    assert time.monotonic() - start < 1.5
    release.set()


def test_may_be_started_again(app, ran, embed):
    """After a stop it starts anew, and repeats nothing."""
    app.conf.beat_schedule = {"a": {"task": "shop.note", "schedule": 0.2}}
    embedded = embed(app)
    wait_for(lambda: len(ran) >= 2)
    embedded.stop()
    seen = len(ran)
    embedded.start()
    wait_for(lambda: len(ran) >= seen + 2)
    embedded.stop()
    ids = [task_id for _, task_id, _, _ in ran]
    assert len(set(ids)) == len(ids)


def test_starting_twice_is_an_error(app, embed):
    """One worker and one beat each."""
    embedded = embed(app)
    with pytest.raises(PeriodicError, match="started already"):
        embedded.start()


def test_stopping_what_never_started_is_nothing(app):
    """`stop` is safe at any time."""
    assert Embedded(app).stop() is True


def test_two_apps_in_one_process(make_app, embed):
    """Each runs its own tasks of the same name, and stopping one leaves the other running."""
    ran = {"one": [], "two": []}
    embedded = {}
    for name, seen in ran.items():
        app = make_app(name, task_default_queue=name)

        @app.task(name="work", shared=False)
        def work(seen=seen):
            seen.append(current_occurrence().namespace)

        app.conf.beat_schedule = {"x": {"task": "work", "schedule": 0.2}}
        embedded[name] = embed(app)
    wait_for(lambda: all(len(seen) >= 2 for seen in ran.values()))
    embedded["one"].stop()
    seen = len(ran["two"])
    wait_for(lambda: len(ran["two"]) >= seen + 2)
    assert set(ran["one"]) == {"one"}
    assert set(ran["two"]) == {"two"}


def test_an_error_that_ends_a_thread_is_seen(app, embed, caplog):
    """It is in the log and in `failed`, and `running` says so."""
    embedded = embed(app)

    def broken():
        raise RuntimeError("planted")

    embedded.beat.tick = broken
    embedded.beat.put(Entry(name="wake", task="shop.add", schedule=interval(60), args=(1,)))
    wait_for(lambda: embedded.failed is not None)
    assert "planted" in str(embedded.failed)
    assert any("periodic-beat ended: planted" in r.getMessage() for r in caplog.records)
    wait_for(lambda: not embedded.running)


def test_a_worker_that_cannot_start_says_so(app, monkeypatch, caplog):
    """`start` raises, the log has the worker's own error, and nothing keeps running."""

    def connect(consumer):
        raise RuntimeError("planted")

    monkeypatch.setattr(QuickConsumer, "connect", connect)
    embedded = Embedded(app)
    with pytest.raises(PeriodicError, match="did not start: the worker stopped by itself"):
        embedded.start()
    assert not embedded.running
    assert "planted" in caplog.text


def test_current_occurrence_is_none_elsewhere(app, ran, embed):
    """Outside of a task, and in a task that no beat sent, there is no occurrence."""
    assert current_occurrence() is None
    embed(app)
    app.tasks["shop.note"].apply_async(("by hand",))
    wait_for(lambda: ran)
    assert ran[0][2] is None
