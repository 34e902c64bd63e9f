"""Workers run one of the copies of a message that a beat has sent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery, _state, chain
from celery.backends import cache
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Reject
from kombu import Exchange, Queue

from periodic import Entry, MemoryRunClaims, Occurrence, RunClaim, SystemClock, interval
from periodic.integrations.celery import Embedded, Settings, close_guard
from periodic.integrations.celery.guarding import open_store
from periodic.integrations.celery.once import Once
from periodic.integrations.celery.render import Renderer
from periodic.integrations.celery.threaded import QuickConsumer
from periodic.integrations.celery.worker_guard import guard_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

pytestmark = pytest.mark.filterwarnings("ignore:.*Exception raised outside body")


class Bench:
    """An app whose tasks write down their runs, a worker, and what a beat would send it."""

    def __init__(self, app: Celery, stack: ExitStack) -> None:
        self.app = app
        self.stack = stack
        #: What ran, in the order in which it began.
        self.runs: list[Any] = []
        self.go_on = threading.Event()
        stack.callback(self.go_on.set)

    def task(self, name: str, work: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Make a bound task that notes its first argument, or else its name, and its attempt."""
        runs = self.runs

        def run(task: Any, *args: Any) -> Any:
            runs.append((args[0] if args else name, task.request.retries))
            return work(task, *args) if work is not None else name

        return self.app.task(run, name=name, bind=True, shared=False, **options)

    def send(self, task: str, *args: Any, copies: int = 1, minute: int = 0, **more: Any) -> str:
        """Send an occurrence so many times, as a beat renders it; return its id."""
        entry = Entry(
            name=more.pop("entry", task),
            task=task,
            schedule=interval(60),
            args=args,
            kwargs=more.pop("kwargs", {}),
            options=more,
        )
        occurrence = Occurrence("shop", entry.name, NOON + timedelta(minutes=minute))
        with self.app.connection_for_write() as connection:
            for _ in range(copies):
                Renderer(self.app)(entry, occurrence).publish(connection.Producer())
        return occurrence.id

    def claim(self, occurrence: Occurrence, owner: str) -> None:
        """Claim a run for two seconds, as a worker that then dies."""
        settings = Settings.of(self.app)
        assert settings.guard is not None
        claims = open_store(self.app, settings.guard, settings.namespace)
        claims.claim(RunClaim(occurrence.id, 0, owner), timedelta(seconds=2))

    def start(self, pool: str = "solo", **options: Any) -> None:
        """Start a worker in this process."""
        self.app.conf.broker_transport_options = {"polling_interval": 0.02}
        options = {"perform_ping_check": False, "consumer_cls": QuickConsumer, **options}
        self.stack.enter_context(start_worker(self.app, pool=pool, **options))

    def wait(self, count: int) -> list[Any]:
        """Wait until at least so many runs have begun."""
        self.wait_until(lambda: len(self.runs) >= count)
        return self.runs

    def settle(self) -> list[Any]:
        """Return the runs once a message that was sent last is through."""
        marker = f"marker-{len(self.runs)}"
        self.send("shop.marker", marker, entry=marker)
        self.wait_until(lambda: (marker, 0) in self.runs)
        return [run for run in self.runs if not str(run[0]).startswith("marker")]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.runs
            time.sleep(0.01)


@pytest.fixture
def make_bench(make_app: Callable[..., Celery]) -> Iterator[Callable[..., Bench]]:
    """Make apps with the settings `periodic`, guarded unless said otherwise."""
    cache._DUMMY_CLIENT_CACHE.clear()  # results, by ids that every test has
    kept = _state.default_app, getattr(_state._tls, "current_app", None)
    root = logging.getLogger()
    # A worker of Celery's test helpers sets both for the whole process.
    level, join_blocks = root.level, _state.task_join_will_block()
    with ExitStack() as stack:

        def make(conf: dict[str, Any] | None = None, **periodic: Any) -> Bench:
            app = make_app(periodic={"guard": True, **periodic}, result_backend="cache+memory://")
            app.conf.worker_hijack_root_logger = False
            app.conf.update(conf or {})
            stack.callback(close_guard, app)
            bench = Bench(app, stack)
            bench.task("shop.marker")
            return bench

        yield make
    root.setLevel(level)
    _state._set_task_join_will_block(join_blocks)
    _state.default_app, _state._tls.current_app = kept


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """Return a guarded app on memory://."""
    return make_bench()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[dict[str, Any]]]:
    """Return what was logged of an event."""
    caplog.set_level(logging.INFO, "periodic")

    def told(event: str) -> list[dict[str, Any]]:
        found = [record.__dict__ for record in caplog.records]
        return [record for record in found if record.get("event") == event]

    return told


# -- copies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["solo", "threads"])
@pytest.mark.parametrize("acks_late", [False, True])
def test_of_two_copies_one_runs(bench, told, pool, acks_late):
    """The second is acknowledged, logged as a duplicate, and leaves the first's result alone."""
    bench.task("shop.note", lambda task, what: what, acks_late=acks_late)
    bench.start(pool)
    task_id = bench.send("shop.note", "a")
    bench.wait(1)
    bench.wait_until(lambda: bench.app.AsyncResult(task_id).state == "SUCCESS")
    bench.send("shop.note", "a")

    assert [("a", 0)] == bench.settle()
    (record,) = told("duplicate")
    assert (task_id, "shop.note", 0) == (record["task_id"], record["entry"], record["attempt"])
    assert NOON.isoformat() == record["fire_time"]
    assert "WARNING" == record["levelname"]
    assert ("SUCCESS", "a") == (
        bench.app.AsyncResult(task_id).state,
        bench.app.AsyncResult(task_id).result,
    )


def test_other_occurrences_run(bench):
    """Each fire time of each entry is a run of its own."""
    bench.task("shop.note")
    bench.start()
    bench.send("shop.note", "a")
    bench.send("shop.note", "b", minute=1)
    bench.send("shop.note", "c", entry="other")

    assert [("a", 0), ("b", 0), ("c", 0)] == bench.settle()


def test_without_the_setting_nothing_is_guarded(make_bench):
    """A worker is Celery's own: both copies run."""
    bench = make_bench(guard=False)
    bench.task("shop.note")
    bench.start()
    bench.send("shop.note", "a", copies=2)

    assert [("a", 0), ("a", 0)] == bench.settle()


def test_messages_that_no_beat_sent_pass_by(bench):
    """Whoever sends a task twice under one id, for reasons of their own, has it run twice."""
    note = bench.task("shop.note")
    bench.start()
    for _ in range(2):
        note.apply_async(["a"], task_id="own")

    assert [("a", 0), ("a", 0)] == bench.settle()


def test_a_duplicate_touches_no_state(bench, monkeypatch):
    """Not even with `track_started`: the state is that of the copy that ran, whatever it is."""
    stored: list[tuple[str, str]] = []

    def fail(task, what):
        raise ValueError(what)

    bench.task("shop.note", fail, track_started=True)
    backend = type(bench.app.backend)
    store = backend.store_result

    def remember(self, task_id, result, state, *args, **kwargs):
        stored.append((task_id, state))
        return store(self, task_id, result, state, *args, **kwargs)

    monkeypatch.setattr(backend, "store_result", remember)
    bench.start()
    task_id = bench.send("shop.note", "a", copies=2)

    assert [("a", 0)] == bench.settle()
    assert ["STARTED", "FAILURE"] == [state for each, state in stored if each == task_id]


@pytest.mark.parametrize("acks_late", [False, True])
def test_a_task_that_failed_is_over(bench, told, acks_late):
    """An error is an end: the message is acknowledged, and its copy does not run."""

    def fail(task, what):
        raise ValueError(what)

    bench.task("shop.fail", fail, acks_late=acks_late)
    bench.start()
    bench.send("shop.fail", "a", copies=2)

    assert [("a", 0)] == bench.settle()
    assert 1 == len(told("duplicate"))


# -- retries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["solo", "threads"])
@pytest.mark.parametrize("acks_late", [False, True])
def test_every_retry_runs_once(bench, told, pool, acks_late):
    """`self.retry()` keeps the id, and is another attempt; copies of each are dropped."""

    def again(task, what):
        if task.request.retries < 3:
            raise task.retry(countdown=0, max_retries=5)

    bench.task("shop.again", again, acks_late=acks_late)
    bench.start(pool)
    bench.send("shop.again", "a")
    bench.wait(4)
    bench.send("shop.again", "a")

    assert [("a", n) for n in range(4)] == bench.settle()
    assert [0] == [record["attempt"] for record in told("duplicate")]


def test_a_task_that_wants_its_message_again_gets_it(bench):
    """`Reject(requeue=True)` is no end: the same message comes again and runs."""

    def reject(task, what):
        if len(bench.runs) < 3:
            raise Reject("not now", requeue=True)

    bench.task("shop.reject", reject, acks_late=True)
    bench.start()
    bench.send("shop.reject", "a")

    bench.wait(3)
    assert [("a", 0)] * 3 == bench.settle()


def test_a_replacement_runs(bench):
    """`self.replace()` keeps the id, too."""
    other = bench.task("shop.other")

    def replace(task, what):
        raise task.replace(other.s("replaced"))

    bench.task("shop.replace", replace, acks_late=True)
    bench.start()
    bench.send("shop.replace", "a", copies=2)

    bench.wait(2)
    assert [("a", 0), ("replaced", 0)] == bench.settle()


# -- a copy that meets one that runs ---------------------------------------------------------------


def test_a_copy_is_put_back_while_the_first_runs(make_bench, told):
    """With `acks_late` the first may yet die; when it has ended the copy is a duplicate."""
    bench = make_bench(guard_lease=1)
    bench.task("shop.slow", lambda task, what: bench.go_on.wait(20), acks_late=True)
    bench.start("threads", concurrency=2)
    task_id = bench.send("shop.slow", "a", priority=3)
    bench.wait(1)
    bench.send("shop.slow", "a", priority=3)
    bench.wait_until(lambda: len(told("held")) >= 2)  # longer than the first claim lasts
    assert [] == told("duplicate")
    bench.go_on.set()
    bench.wait_until(lambda: bool(told("duplicate")))

    assert [("a", 0)] == bench.settle()
    assert task_id == told("held")[0]["task_id"]


def test_a_copy_runs_when_the_first_has_died(make_bench, told):
    """Its claim is not renewed any more: the copy that waited for it runs, as it was sent."""
    bench = make_bench(guard_lease=1)
    seen: list[Any] = []
    bench.task(
        "shop.note",
        lambda task, *args, **kwargs: seen.append((args, kwargs, dict(task.request.headers))),
        acks_late=True,
    )
    occurrence = Occurrence("shop", "shop.note", NOON)
    bench.start()
    bench.claim(occurrence, "a worker that died")
    bench.send("shop.note", "a", {"deep": [1]}, headers={"own": "kept"}, priority=3)

    assert [("a", 0)] == bench.wait(1)
    ((args, _, headers),) = seen
    assert ("a", {"deep": [1]}) == args
    assert {**occurrence.headers, "own": "kept"}.items() <= headers.items()
    (held,) = told("held")
    assert "a worker that died has begun it" in held["message"]


def test_a_copy_that_cannot_be_put_back_waits_where_it_is(make_bench, told, monkeypatch):
    """It is the only one that may remain: nothing is acknowledged before it has run."""
    bench = make_bench(guard_lease=1)
    bench.task("shop.note", acks_late=True)

    def refuse(*args, **kwargs):
        raise OSError("the broker is away")

    bench.start()
    bench.claim(Occurrence("shop", "shop.note", NOON), "dead")
    task = bench.app.tasks["shop.note"]
    monkeypatch.setattr(task, "signature_from_request", refuse)
    bench.send("shop.note", "a")

    assert [("a", 0)] == bench.wait(1)
    assert "the broker is away" in told("held-here")[0]["message"]


def test_a_copy_that_comes_first_to_a_run_that_was_acknowledged_is_dropped(bench, told):
    """Without `acks_late` a run that has begun is never begun again, whatever became of it."""
    bench.task("shop.slow", lambda task, what: bench.go_on.wait(20))
    bench.start("threads", concurrency=2)
    bench.send("shop.slow", "a", copies=2)
    bench.wait_until(lambda: bool(told("duplicate")))
    bench.go_on.set()

    assert [("a", 0)] == bench.settle()
    assert [] == told("held")


# -- more than one queue, more than one task -------------------------------------------------------


def test_a_broadcast_runs_in_every_queue(make_bench):
    """An exchange that copies on purpose is not a broker that repeats."""
    everybody = Exchange("everybody", "fanout")
    queues = [Queue("celery"), Queue("one", everybody), Queue("two", everybody)]
    bench = make_bench({"task_queues": queues})
    bench.task("shop.note")
    bench.start()
    bench.send("shop.note", "a", exchange="everybody", queue="one")

    bench.wait(2)
    assert [("a", 0), ("a", 0)] == bench.settle()


def test_each_step_of_a_chain_runs_once(bench):
    """Each task of a canvas has an id of its own, the same in each copy."""
    note = bench.task("shop.note")
    pipeline = chain(note.si("one"), note.si("two"))
    name = bench.app.add_periodic_task(60, pipeline, name="pipeline")
    definition = bench.app.conf.beat_schedule[name]
    bench.start()
    bench.send(definition["task"], entry="pipeline", copies=2, kwargs=definition["kwargs"])

    bench.wait(2)
    assert [("one", 0), ("two", 0)] == bench.settle()


# -- workers ---------------------------------------------------------------------------------------


def test_an_outage_lets_tasks_run(make_bench, told):
    """Nobody answers at the place of the claims: runs go on, and it is told once."""
    bench = make_bench(guard="redis://127.0.0.1:1/0")
    bench.task("shop.note")
    bench.start()
    bench.send("shop.note", "a", copies=2)

    assert [("a", 0), ("a", 0)] == bench.settle()
    (record,) = told("guard-unreachable")
    assert "127.0.0.1:1/0 does not answer" in record["message"]


def test_a_worker_says_where_it_claims_runs(make_bench, told):
    """Once, when it starts."""
    bench = make_bench(guard="memory://")
    bench.start()

    (record,) = told("guard")
    assert "in this process's memory" in record["message"]


def test_a_connection_that_is_made_anew_is_guarded_once(bench):
    """Celery makes what runs a task anew each time; a second guard around it would drop all."""
    note = bench.task("shop.note")
    bench.start()
    once = guard_of(bench.app)
    assert isinstance(once, Once)
    guarded = note.__trace__
    once.wrap_all(bench.app)
    assert guarded is note.__trace__
    bench.send("shop.note", "a")

    assert [("a", 0)] == bench.settle()


def test_an_embedded_worker_guards_too(make_bench):
    """`flask periodic run` and `Embedded` have the worker that the settings ask for."""
    bench = make_bench()
    bench.task("shop.note")
    embedded = Embedded(bench.app, concurrency=2)
    embedded.start()
    bench.stack.callback(embedded.stop)
    bench.send("shop.note", "a", copies=2)

    assert [("a", 0)] == bench.settle()


def test_the_claims_are_kept_for_the_namespace(make_bench):
    """Another app's claims are others."""
    bench = make_bench(namespace="shop")
    bench.task("shop.note")
    other = MemoryRunClaims.open(
        None, namespace="other", remember=timedelta(days=1), clock=SystemClock()
    )
    other.claim(RunClaim(Occurrence("shop", "shop.note", NOON).id, 0, "x"), None)
    bench.start()
    bench.send("shop.note", "a")

    assert [("a", 0)] == bench.settle()


def test_tasks_that_are_called_here_are_not_guarded(bench):
    """`apply()` and calls run at once, as ever."""
    note = bench.task("shop.note")
    note.apply(["a"], task_id="x", headers=Occurrence("shop", "a", NOON).headers)
    note.apply(["a"], task_id="x", headers=Occurrence("shop", "a", NOON).headers)

    assert [("a", 0), ("a", 0)] == bench.runs
