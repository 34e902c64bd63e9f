"""A store in an app: its API, its settings, and beats that follow it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, schedules
from flask import Flask
from kombu.serialization import register, unregister
from sqlalchemy import create_engine

from periodic import (
    ConfigError,
    Entry,
    EntryError,
    MemoryStore,
    SystemClock,
    crontab,
    interval,
)
from periodic.integrations.celery import BeatScheduler, make_beat, schedules_of
from periodic.integrations.flask import Periodic

GOOD: dict[str, Any] = {"task": "shop.report", "schedule": 3600, "args": [1]}


def wait_for(
    condition: Callable[[], bool], work: Callable[[], object], seconds: float = 5
) -> float:
    """Do the work until the condition holds; return after how many seconds that was."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, "it did not happen"
        work()
        time.sleep(0.002)
    return time.monotonic() - start


# -- the API --------------------------------------------------------------------------------------


def test_a_view_changes_entries_through_the_extension(shop: Any) -> None:
    """`periodic.schedules` in any context of the app."""
    with shop.flask.app_context():
        shop.periodic.schedules.put("user:1", **GOOD)
        record = shop.periodic.schedules.by("maria", via="web").pause("user:1")

    assert "web" == shop.schedules.audit()[0].origin.via
    assert record.pause is not None
    with pytest.raises(RuntimeError, match="context"):
        _ = shop.periodic.schedules


def test_what_was_found_good_once_is_good_for_the_same_and_nothing_else(shop: Any) -> None:
    """Entries that share kwargs and options as objects, as those do that are read together."""
    check = shop.schedules.rules.check
    kwargs: dict[str, Any] = {"style": "bold"}
    options: dict[str, Any] = {"queue": "mail"}

    def entry(*args: Any, **fields: Any) -> Entry:
        given = {"task": "shop.report", "kwargs": kwargs, "options": options, **fields}
        return Entry(name="job", schedule=interval(seconds=1), args=args, **given)

    for user in (1, "two", [3]):
        check(entry(user))
    with pytest.raises(EntryError, match="do not fit"):
        check(entry(1, 2))
    with pytest.raises(EntryError, match="do not fit"):
        check(entry(1, kwargs={"styl": "bold"}))
    with pytest.raises(EntryError, match="did you mean 'queue'"):
        check(entry(1, options={"quue": "mail"}))
    with pytest.raises(EntryError, match="do not fit"):
        check(entry(1, task="shop.nightly"))
    shop.celery.tasks.unregister("shop.report")
    with pytest.raises(EntryError, match=r"shop\.report"):
        check(entry(1))

    @shop.celery.task(name="shop.report", shared=False)
    def report(user: int) -> int:
        return user

    with pytest.raises(EntryError, match="do not fit"):
        check(entry(1))


@pytest.fixture
def small() -> Iterator[str]:
    """A serializer that can write small numbers only."""

    def dumps(values: Any) -> bytes:
        return b"".join(number.to_bytes(1) for number in values[0])

    register("small", dumps, bytes, "application/x-small", "binary")
    yield "small"
    unregister("small")


def test_values_that_a_serializer_refuses_are_looked_at_each_time(shop: Any, small: str) -> None:
    """What JSON can hold another serializer may not: as many arguments are not as good."""
    options: dict[str, Any] = {"serializer": small}
    kwargs: dict[str, Any] = {}

    def check(user: int) -> None:
        shop.schedules.rules.check(
            Entry(
                name="job",
                task="shop.report",
                schedule=interval(seconds=1),
                args=[user],
                kwargs=kwargs,
                options=options,
            )
        )

    check(255)
    with pytest.raises(EntryError, match="cannot be sent as small"):
        check(256)


def test_what_celery_calls_a_schedule_is_taken(shop: Any) -> None:
    """Its crontab keeps its meaning, in the app's zone; what is code is refused."""

    class Own(schedules.crontab):
        def is_due(self, last_run_at: Any) -> Any:
            return super().is_due(last_run_at)

    record = shop.schedules.put("job", **{**GOOD, "schedule": schedules.crontab(hour=9, minute=0)})
    assert crontab(hour=9, minute=0, tz="Europe/Berlin").to_dict() == record.schedule
    with pytest.raises(EntryError, match="Own is code and cannot be kept"):
        shop.schedules.put("job", **{**GOOD, "schedule": Own(hour=9)})


def test_a_task_that_the_app_does_not_know_is_refused(shop: Any) -> None:
    """The app has imported its tasks by then."""
    with pytest.raises(EntryError, match=r"no task named 'shop.raport' .* 'shop.report'"):
        shop.schedules.put("job", **{**GOOD, "task": "shop.raport"})
    assert shop.schedules.put("job", **{**GOOD, "task": shop.celery.tasks["shop.report"]}).task


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("", "is the URL of a store"),
        (7, "is the URL of a store"),
        ("schedules.db", "is the URL of a store"),
    ],
)
def test_a_setting_that_names_no_store_stops_the_start(store: Any, told: str) -> None:
    """One sentence with what is allowed."""
    app = Flask("shop")
    app.config["PERIODIC"] = {"store": store}
    with pytest.raises(ConfigError, match=told):
        Periodic(app)


def test_a_scheme_that_nobody_serves_is_told_without_its_password() -> None:
    """With those that are known."""
    celery = Celery("shop", broker="memory://", set_as_current=False)
    celery.conf.periodic = {"store": "ftp://u:secret@h/x"}
    with pytest.raises(ConfigError, match=r"schemes .*memory, .*sqlite") as error:
        schedules_of(celery)

    assert "secret" not in str(error.value)


def test_a_store_may_be_handed_in(tmp_path: Path) -> None:
    """As it is, as an engine, or as something that returns one."""
    store = MemoryStore("shop")
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    for given in (store, engine, lambda: engine):
        celery = Celery("shop", broker="memory://", set_as_current=False)
        celery.conf.periodic = {"store": given}
        live = schedules_of(celery)
        assert live is schedules_of(celery)
        assert 0 == live.store.revision()
    engine.dispose()


# -- beats ----------------------------------------------------------------------------------------


def test_the_beat_of_celery_follows_the_store(shop: Any) -> None:
    """Code and store from the start, each change within a second, plain SQL as well."""
    shop.schedules.put("before", **GOOD)
    scheduler = BeatScheduler(shop.celery, schedule_filename=str(shop.path.parent / "beat"))
    try:
        planner = scheduler._beat.planner
        slept = scheduler.tick()
        assert slept <= 0.05
        wait_for(lambda: "nightly" in planner and "before" in planner, scheduler.tick)
        shop.schedules.put("later", **GOOD)
        took = wait_for(lambda: "later" in planner, scheduler.tick)
        shop.schedules.pause("nightly")
        wait_for(lambda: "nightly" not in planner, scheduler.tick)
        with closing(sqlite3.connect(shop.path)) as connection, connection:
            connection.execute("DELETE FROM periodic_entries WHERE name = 'before'")
        wait_for(lambda: "before" not in planner, scheduler.tick)
    finally:
        scheduler.close()

    assert took < 1


def test_code_that_celery_changes_at_run_time_is_followed_too(shop: Any) -> None:
    """`add_periodic_task` and its like, beside the store's changes of them."""
    scheduler = BeatScheduler(shop.celery, schedule_filename=str(shop.path.parent / "beat"))
    try:
        planner = scheduler._beat.planner
        wait_for(lambda: "nightly" in planner, scheduler.tick)
        scheduler.add(name="added", task="shop.report", schedule=60, args=[1])
        wait_for(lambda: "added" in planner, scheduler.tick)
        shop.schedules.put("stored", **GOOD)
        wait_for(lambda: "stored" in planner, scheduler.tick)
        del scheduler.schedule["added"]
        wait_for(lambda: "added" not in planner, scheduler.tick)
        assert "stored" in planner
    finally:
        scheduler.close()


def test_a_run_of_the_store_is_sent(shop: Any) -> None:
    """All the way: put, taken up, due, in the queue."""
    sent = []
    beat = make_beat(
        shop.celery,
        observer=lambda entry, outcome: sent.append((entry.name, outcome.status.name)),
    )
    try:
        shop.schedules.put("job", **{**GOOD, "schedule": timedelta(milliseconds=100)})
        wait_for(lambda: len(sent) >= 2, beat.tick)
    finally:
        beat.stop()
        beat.close()

    assert {("job", "DISPATCHED")} == set(sent)


def test_a_bad_entry_is_set_aside_and_the_beat_goes_on(
    shop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task whose arguments do not fit, written by plain SQL."""
    shop.schedules.put_many({"good": GOOD, "bad": GOOD})
    beat = make_beat(shop.celery)
    try:
        wait_for(lambda: "bad" in beat.planner, beat.tick)
        with closing(sqlite3.connect(shop.path)) as connection, connection:
            connection.execute("UPDATE periodic_entries SET args = '[]' WHERE name = 'bad'")
        wait_for(lambda: "bad" not in beat.planner, beat.tick)
        assert "good" in beat.planner
    finally:
        beat.close()

    assert "entry 'bad' is set aside: its arguments do not fit" in caplog.text


def test_a_beat_refuses_tables_that_do_not_fit(shop: Any) -> None:
    """It says what to run, instead of waiting for ever."""
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    with pytest.raises(SystemExit, match="flask periodic migrate"):
        BeatScheduler(shop.celery)
    with pytest.raises(ConfigError, match="flask periodic migrate"):
        make_beat(shop.celery)


def test_a_beat_starts_while_the_store_is_away_and_waits_for_it(
    make_shop: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so; when the store is there the entries run."""
    shop = make_shop(store=f"sqlite:///{tmp_path / 'later' / 'schedules.db'}")
    beat = make_beat(shop.celery)
    try:
        beat.tick()
        wait_for(lambda: "no entry runs until it has been read once" in caplog.text, beat.tick)
        (tmp_path / "later").mkdir()
        wait_for(lambda: "nightly" in beat.planner, beat.tick)
        assert "" == beat.status().reason
    finally:
        beat.close()


def test_changes_are_there_in_no_time(shop: Any) -> None:
    """From the write to the plan of a running beat in a blink (the benchmark is stricter)."""
    beat = make_beat(shop.celery)
    thread = threading.Thread(target=beat.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: "nightly" in beat.planner, lambda: None)
        took = []
        for number in range(50):
            shop.schedules.put(f"e{number}", **GOOD)
            took.append(wait_for(lambda n=f"e{number}": n in beat.planner, lambda: None))
    finally:
        beat.stop()
        thread.join(5)
    took.sort()

    assert took[len(took) // 2] < 0.2
    assert took[-1] < 1
    assert isinstance(beat.clock, SystemClock)
