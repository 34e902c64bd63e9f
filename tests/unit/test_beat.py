"""The beat: plan, claim, dispatch, wait; on a manual clock and, where it waits, a real one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from periodic import (
    Beat,
    BrokerUnreachable,
    CatchUp,
    Entry,
    ManualClock,
    Occurrence,
    Outcome,
    Status,
    SystemClock,
    crontab,
    interval,
)

MakeEntry = Callable[..., Entry]


def test_runs_at_each_grid_point(stage: Any, entry: MakeEntry) -> None:
    """An interval entry is dispatched at each point of its grid, once."""
    beat = stage.beat(entry(every=10))

    stage.pass_time(beat, seconds=35)

    assert ["12:00:10", "12:00:20", "12:00:30"] == stage.broker.fire_times("job")


def test_first_start_fires_nothing(stage: Any, entry: MakeEntry) -> None:
    """Starting is not a misfire: nothing before the start counts as missed."""
    beat = stage.beat(entry(every=3600))

    beat.tick()

    assert [] == stage.broker.enqueued


def test_tick_says_when_to_come_back(stage: Any, entry: MakeEntry) -> None:
    """A tick returns the instant of the next occurrence, or None when nothing is planned."""
    beat = stage.beat(entry(every=10))

    assert stage.clock.now() + timedelta(seconds=10) == beat.tick()
    assert stage.beat().tick() is None


def test_everything_due_goes_in_one_batch(stage: Any, entry: MakeEntry) -> None:
    """Entries due together reach the broker in one call."""
    beat = stage.beat(*(entry(f"job-{n}", every=60) for n in range(40)))

    stage.pass_time(beat, seconds=60)

    assert [40] == stage.broker.batches


def test_a_large_herd_goes_in_bounded_batches(stage: Any, entry: MakeEntry) -> None:
    """More than 500 entries due together go in batches of 500, all within the same tick."""
    beat = stage.beat(*(entry(f"job-{n}", every=60) for n in range(1200)))
    stage.clock.advance(timedelta(seconds=60))

    beat.tick()

    assert [500, 500, 200] == stage.broker.batches


def test_batches_are_as_large_as_a_stop_can_wait_for(
    stage: Any, entry: MakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker may like large batches; what takes 2 ms each, by a signal's receiver, goes by 250.

    Large ones come back when that is over.
    """
    monkeypatch.setattr(type(stage.broker), "batch_size", 2000)
    plain = stage.broker.dispatch
    each = timedelta(milliseconds=2)

    def dispatch(batch: list[Any]) -> Any:
        stage.clock.advance(len(batch) * each)
        return plain(batch)

    stage.broker.dispatch = dispatch
    beat = stage.beat(*(entry(f"job-{n}", every=60) for n in range(1200)))
    stage.clock.advance(timedelta(seconds=60))
    beat.tick()
    assert [500, 250, 250, 200] == stage.broker.batches

    each = timedelta(0)
    stage.clock.advance(timedelta(seconds=60))
    beat.tick()

    assert [250, 950] == stage.broker.batches[4:]


def test_two_beats_enqueue_once(stage: Any, entry: MakeEntry) -> None:
    """With two beats each occurrence is enqueued once and the loser goes on from there."""
    first, second = stage.beat(entry(every=10)), stage.beat(entry(every=10))
    for _ in range(5):
        stage.clock.advance(timedelta(seconds=10))
        first.tick()
        second.tick()

    assert 5 == len(stage.broker.fire_times("job")) == len(set(stage.broker.fire_times("job")))


def test_late_occurrences_all_run(stage: Any, entry: MakeEntry) -> None:
    """Occurrences up to 60 s late are late, not missed: each runs."""
    beat = stage.beat(entry(every=10))
    stage.clock.advance(timedelta(seconds=45))

    beat.tick()

    assert ["12:00:10", "12:00:20", "12:00:30", "12:00:40"] == stage.broker.fire_times("job")


def test_missed_occurrences_run_once(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Of occurrences missed by more than 60 s only the latest runs, and the log says so."""
    beat = stage.beat(entry(every=3600))
    stage.clock.advance(timedelta(days=30, minutes=30))

    beat.tick()

    assert ["12:00:00"] == stage.broker.fire_times("job")
    assert ["missed"] == [record.event for record in caplog.records if hasattr(record, "event")]


def test_restart_resumes_from_the_cursor(stage: Any, entry: MakeEntry) -> None:
    """What became due while no beat ran is caught up by the next one."""
    stage.beat(entry(every=3600))
    stage.clock.advance(timedelta(hours=2, minutes=5))

    stage.beat(entry(every=3600))

    assert ["14:00:00"] == stage.broker.fire_times("job")


def test_an_edit_is_never_a_misfire(stage: Any) -> None:
    """An entry edited while no beat ran counts from the restart: nothing fires at once."""
    before = Entry(name="report", task="t", schedule=crontab(minute=0, hour=0))
    after = Entry(name="report", task="t", schedule=crontab(minute=0, hour=5))
    stage.beat(before)
    stage.clock.advance(timedelta(hours=24))

    stage.beat(after)

    assert [] == stage.broker.enqueued


def test_a_put_wakes_and_counts_from_then(stage: Any, entry: MakeEntry) -> None:
    """An entry added to a running beat starts at the next tick, without past occurrences."""
    beat = stage.beat(entry("old", every=3600))
    stage.clock.advance(timedelta(seconds=25))

    beat.put(entry("new", every=10))
    stage.pass_time(beat, seconds=10)

    assert ["12:00:30"] == stage.broker.fire_times("new")


def test_a_removed_entry_is_not_run(stage: Any, entry: MakeEntry) -> None:
    """After `remove` there are no further occurrences, and removing twice is no error."""
    beat = stage.beat(entry(every=10))
    beat.remove("job")
    beat.remove("job")

    stage.pass_time(beat, seconds=30)

    assert [] == stage.broker.enqueued


def test_a_disabled_entry_is_not_run(stage: Any, entry: MakeEntry) -> None:
    """A disabled entry has no occurrences, and none are made up for when it is enabled."""
    beat = stage.beat(entry(every=10, enabled=False))
    stage.pass_time(beat, seconds=30)
    beat.put(entry(every=10))

    stage.pass_time(beat, seconds=9)

    assert [] == stage.broker.enqueued


def test_replace_leaves_equal_entries_alone(stage: Any, entry: MakeEntry) -> None:
    """Replacing the set by an equal one changes nothing; an absent entry leaves the plan."""
    beat = stage.beat(entry("kept"), entry("gone"))
    attempts = stage.broker.attempts

    beat.replace([entry("kept")])
    beat.tick()

    assert attempts == stage.broker.attempts
    assert "kept" in beat.planner
    assert "gone" not in beat.planner


def test_outage_delays_and_repeats_nothing(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs due while the broker is down are sent when it is back; the log has two lines."""
    caplog.set_level(logging.INFO)
    beat = stage.beat(entry("a", every=10), entry("b", every=10))
    stage.broker.down = True
    stage.pass_time(beat, seconds=32)
    stage.broker.down = False

    stage.pass_time(beat, seconds=6)

    assert ["12:00:10", "12:00:20", "12:00:30"] == stage.broker.fire_times("a")
    assert ["12:00:10", "12:00:20", "12:00:30"] == stage.broker.fire_times("b")
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert ["broker-unreachable", "broker-reachable"] == events


def test_outage_backs_off(stage: Any, entry: MakeEntry) -> None:
    """A broker that is down for 60 s is asked about a dozen times, not in a loop."""
    beat = stage.beat(entry(every=1))
    stage.broker.down = True
    stage.broker.attempts = 0

    stage.pass_time(beat, seconds=60)

    assert 10 <= stage.broker.attempts <= 20


def test_broker_down_at_start(stage: Any, entry: MakeEntry) -> None:
    """Counting starts when the entry was put, even if the broker answers only later."""
    stage.broker.down = True
    beat = stage.beat(entry(every=10))
    stage.pass_time(beat, seconds=15)
    stage.broker.down = False

    stage.pass_time(beat, seconds=5)

    assert ["12:00:10", "12:00:20"] == stage.broker.fire_times("job")


def test_a_failing_entry_does_not_hold_up_others(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """An entry whose message fails is retried with back-off and reported once; others go on."""
    beat = stage.beat(entry("bad", every=10), entry("good", every=10))
    stage.broker.failing.add("bad")

    stage.pass_time(beat, seconds=30)

    assert ["12:00:10", "12:00:20", "12:00:30"] == stage.broker.fire_times("good")
    assert ["dispatch-failed"] == [r.event for r in caplog.records if hasattr(r, "event")]
    assert "not JSON" in caplog.text


def test_a_mended_entry_keeps_its_ids(stage: Any, entry: MakeEntry) -> None:
    """A failed occurrence is dispatched later under the id that it always had."""
    beat = stage.beat(entry("job", every=10))
    stage.broker.failing.add("job")
    stage.pass_time(beat, seconds=11)
    stage.broker.failing.clear()

    stage.pass_time(beat, seconds=5)

    due = stage.clock.now().replace(second=10)
    assert [Occurrence("test", "job", due).id] == [each.id for each in stage.broker.enqueued]


def test_rendering_may_fail(stage: Any, entry: MakeEntry) -> None:
    """An exception while a message is made fails that entry alone."""

    def render(one: Entry, _: Occurrence) -> Any:
        if one.name == "bad":
            raise RuntimeError("lazy argument failed")
        return None

    beat = stage.beat(entry("bad"), entry("good"), render=render)

    stage.pass_time(beat, seconds=10)

    assert ["12:00:10"] == stage.broker.fire_times("good")
    assert [] == stage.broker.fire_times("bad")


def test_a_broken_schedule_is_set_aside(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A schedule that raises is reported once and leaves the plan; the others go on."""

    class Broken(interval):
        def next_after(self, at: datetime) -> datetime | None:
            raise ZeroDivisionError("a bug of its author")

    broken = Entry(name="broken", task="t", schedule=Broken(seconds=1))
    beat = stage.beat(broken, entry("good"))

    stage.pass_time(beat, seconds=20)

    assert ["12:00:10", "12:00:20"] == stage.broker.fire_times("good")
    assert ["set-aside"] == [r.event for r in caplog.records if hasattr(r, "event")]


def test_every_outcome_is_observed(stage: Any, entry: MakeEntry) -> None:
    """The observer is told dispatched and taken outcomes alike."""
    seen: list[Status] = []

    def observe(_: Entry, outcome: Outcome) -> None:
        seen.append(outcome.status)

    beats = [stage.beat(entry(), observer=observe) for _ in range(2)]
    stage.clock.advance(timedelta(seconds=10))
    for beat in beats:
        beat.tick()

    assert [Status.DISPATCHED, Status.TAKEN] == seen


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_set_clock_is_counted(
    stage: Any, entry: MakeEntry, step: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """A wall clock that is set by more than 2 s is logged and counted."""
    beat = stage.beat(entry(every=7200))
    stage.clock.step(step)

    beat.tick()
    beat.tick()

    assert 1 == beat.clock_steps
    assert ["clock-step"] == [r.event for r in caplog.records if hasattr(r, "event")]


def test_a_clock_set_back_repeats_nothing(stage: Any, entry: MakeEntry) -> None:
    """An occurrence that was dispatched does not fire again when the clock is set back."""
    beat = stage.beat(entry(every=10))
    stage.pass_time(beat, seconds=20)
    stage.clock.step(timedelta(seconds=-15))

    stage.pass_time(beat, seconds=25)

    assert ["12:00:10", "12:00:20", "12:00:30"] == stage.broker.fire_times("job")


def test_stop_ends_a_long_sleep(stage: Any) -> None:
    """A beat in a sleep of 300 s returns from `run` well under a second after `stop`."""
    far = Entry(name="far", task="t", schedule=interval(days=1))
    beat = Beat(
        stage.broker,
        lambda *_: stage,
        namespace="test",
        clock=SystemClock(),
        max_interval=timedelta(seconds=300),
    )
    beat.put(far)
    thread = threading.Thread(target=beat.run)
    thread.start()
    time.sleep(0.3)
    stopped = time.monotonic()

    beat.stop()
    thread.join(5)

    assert not thread.is_alive()
    assert time.monotonic() - stopped < 1


def test_a_change_ends_a_long_sleep(stage: Any, entry: MakeEntry) -> None:
    """An entry put while the beat sleeps is adopted at once, not at the next wake."""
    beat = Beat(
        stage.broker,
        lambda *_: stage,
        namespace="test",
        clock=stage.clock,
        max_interval=timedelta(seconds=300),
    )
    thread = threading.Thread(target=beat.run)
    thread.start()
    try:
        beat.put(entry("new"))
        for _ in range(200):
            if "new" in beat.planner:
                break
            time.sleep(0.01)
        assert "new" in beat.planner
    finally:
        beat.stop()
        thread.join(5)


def test_the_loop_runs_on_a_manual_clock(stage: Any, entry: MakeEntry) -> None:
    """A running beat wakes when a manual clock is advanced to its next occurrence."""
    dispatched = threading.Event()
    beat = stage.beat(
        entry(every=10),
        max_interval=timedelta(seconds=300),
        observer=lambda *_: dispatched.set(),
    )
    assert not dispatched.is_set()
    thread = threading.Thread(target=beat.run)
    thread.start()
    try:
        time.sleep(0.1)
        stage.clock.advance(timedelta(seconds=10))
        assert dispatched.wait(5)
    finally:
        beat.stop()
        thread.join(5)
    assert isinstance(stage.clock, ManualClock)


def test_unreachable_in_the_middle_of_a_batch(stage: Any, entry: MakeEntry) -> None:
    """When the broker goes away after part of a batch, the rest follows later and none twice."""
    beat = stage.beat(*(entry(f"job-{n}") for n in range(6)))
    dispatch_one = stage.broker._one

    def fail_after_three(table: Any, each: Any) -> Outcome:
        if len(stage.broker.enqueued) >= 3:
            return Outcome(each.occurrence, Status.FAILED, each.previous, BrokerUnreachable("gone"))
        outcome: Outcome = dispatch_one(table, each)
        return outcome

    stage.broker._one = fail_after_three
    stage.pass_time(beat, seconds=10)
    stage.broker._one = dispatch_one
    stage.pass_time(beat, seconds=5)

    assert [f"job-{n}" for n in range(6)] == sorted(each.entry for each in stage.broker.enqueued)


def test_a_broker_that_comes_back_empty_is_told_where_an_entry_stood_before_the_outage(
    stage: Any, entry: MakeEntry
) -> None:
    """A run that was tried in vain is not a run, for the beat either; nobody else knows it then."""
    beat = stage.beat(entry(every=1))
    dispatch_one = stage.broker._one

    def fail(_: Any, each: Any) -> Outcome:
        return Outcome(each.occurrence, Status.FAILED, each.previous, BrokerUnreachable("gone"))

    stage.broker._one = fail
    stage.pass_time(beat, seconds=8)
    stage.broker._one = dispatch_one
    stage.broker.forget(["job"])
    stage.pass_time(beat, seconds=8)

    times = [f"12:00:{second:02}" for second in range(1, 17)]
    assert times == stage.broker.fire_times("job")


def test_an_outage_says_what_was_missed_once(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """What an outage makes too late is told when runs go again, not at every try."""
    beat = stage.beat(entry(every=20))
    stage.broker.down = True
    stage.pass_time(beat, seconds=150)
    stage.broker.down = False

    stage.pass_time(beat, seconds=6)

    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert ["broker-unreachable", "missed"] == events


def test_an_entry_put_during_an_outage_does_not_end_it(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker counts as reachable again when it has taken a message, not before."""
    caplog.set_level(logging.INFO)
    beat = stage.beat(entry(every=10))
    adopt = stage.broker.cursors.step
    stage.broker.down = True
    stage.pass_time(beat, seconds=12)
    stage.broker.adopt = lambda adoptions: _adopted(adopt, adoptions)
    beat.put(entry("new", every=10))

    stage.pass_time(beat, seconds=10)

    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert ["broker-unreachable"] == events


def _adopted(step: Any, adoptions: Any) -> Any:
    with step("test") as table:
        return table.adopt(adoptions)


def test_another_beat_may_end_an_outage(stage: Any, entry: MakeEntry) -> None:
    """A beat that finds everything taken after an outage neither spins nor asks on."""
    first, second = stage.beat(entry(every=10)), stage.beat(entry(every=10))
    stage.broker.down = True
    stage.pass_time(first, seconds=10)
    stage.broker.down = False
    second.tick()
    stage.clock.advance(timedelta(seconds=6))

    wake = first.tick()

    assert ["12:00:10"] == stage.broker.fire_times("job")
    assert wake is not None
    assert wake > stage.clock.now()


def test_a_cursor_in_the_future_is_reported(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """After a clock that was a year ahead a restart says that the entry waits, and until when."""
    stage.clock.step(timedelta(days=365))
    stage.pass_time(stage.beat(entry(every=10)), seconds=20)
    stage.clock.step(timedelta(days=-365))
    caplog.clear()

    stage.beat(entry(every=10))

    (record,) = [record for record in caplog.records if hasattr(record, "event")]
    assert "cursor-ahead" == record.event
    assert "'job' after 2027-03-02T12:00:20+00:00" in record.getMessage()


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        ("latest", ["15:00:00"]),
        ("skip", []),
        ("earliest", ["13:00:00"]),
        ("all", ["13:00:00", "14:00:00", "15:00:00"]),
    ],
)
def test_a_restart_catches_up_once(
    stage: Any, entry: MakeEntry, policy: str, sent: list[str]
) -> None:
    """Each policy sends its missed runs at the first start after an outage, and none again."""
    stage.beat(entry(every=3600, catch_up=policy))
    stage.clock.advance(timedelta(hours=3, minutes=30))

    for _ in range(3):
        stage.beat(entry(every=3600, catch_up=policy))
    beat = stage.beat(entry(every=3600, catch_up=policy))
    stage.pass_time(beat, minutes=30)

    assert [*sent, "16:00:00"] == stage.broker.fire_times("job")


@pytest.mark.parametrize("policy", list(CatchUp))
def test_two_beats_catch_up_as_one(stage: Any, entry: MakeEntry, policy: CatchUp) -> None:
    """Beats that look at an outage one after another send what one of them would send."""
    beats = [stage.beat(entry(every=3600, catch_up=policy)) for _ in range(2)]
    stage.clock.advance(timedelta(hours=3, minutes=30))
    for beat in beats * 2:
        beat.tick()
    stage.clock.advance(timedelta(minutes=30))
    for beat in beats:
        beat.tick()

    missed = {"latest": ["15:00:00"], "skip": [], "earliest": ["13:00:00"]}
    everything = ["13:00:00", "14:00:00", "15:00:00"]
    assert [*missed.get(policy, everything), "16:00:00"] == stage.broker.fire_times("job")


@pytest.mark.parametrize("policy", list(CatchUp))
def test_a_start_fires_nothing_under_any_policy(
    stage: Any, entry: MakeEntry, policy: CatchUp
) -> None:
    """First start, enabling and editing count from then on; nothing is missed or told."""
    options = {"catch_up": policy, "every": 3600}
    stage.beat(entry("new", **options))
    stage.beat(entry("paused", enabled=False, **options), entry("edited", catch_up=policy, every=5))
    stage.broker.enqueued.clear()
    stage.clock.advance(timedelta(hours=5, minutes=30))

    beat = stage.beat(entry("paused", **options), entry("edited", **options))
    beat.put(entry("added", **options))
    beat.tick()

    assert [] == stage.broker.enqueued


@pytest.mark.parametrize("policy", list(CatchUp))
def test_a_resumed_entry_fires_nothing_under_any_policy(
    stage: Any, entry: MakeEntry, policy: CatchUp
) -> None:
    """An entry that is switched off and on again in a running beat counts from then on."""
    beat = stage.beat(entry(every=3600, catch_up=policy))
    beat.put(entry(every=3600, catch_up=policy, enabled=False))
    beat.tick()
    stage.clock.advance(timedelta(hours=5, minutes=30))

    beat.put(entry(every=3600, catch_up=policy))
    beat.tick()

    assert [] == stage.broker.enqueued


def test_an_edited_policy_counts_from_then_on(stage: Any, entry: MakeEntry) -> None:
    """What a running beat gave up stays given up when the policy changes."""
    beat = stage.beat(entry(every=3600, catch_up="skip"))
    stage.clock.advance(timedelta(hours=3, minutes=30))
    beat.tick()

    beat.put(entry(every=3600, catch_up="all"))
    beat.tick()

    assert [] == stage.broker.enqueued


@pytest.mark.parametrize(
    ("policy", "words", "sent"),
    [
        (
            "latest",
            "13:00:00+00:00 to 2026-03-02T14:00:00+00:00 (catch_up is latest); sent now: 20",
            1,
        ),
        ("skip", "to 2026-03-02T15:00:00+00:00 (catch_up is skip); sent now: nothing", 0),
        ("earliest", "14:00:00+00:00 to 2026-03-02T15:00:00+00:00 (catch_up is earliest)", 1),
        ("all", "not sent: 2026-03-02T13:00:00+00:00 (more than max_catch_up, 2); sent now: 20", 2),
    ],
)
def test_the_log_says_what_was_given_up(
    stage: Any,
    entry: MakeEntry,
    caplog: pytest.LogCaptureFixture,
    policy: str,
    words: str,
    sent: int,
) -> None:
    """One line: the first and the last that was given up, why, and what is sent."""
    beat = stage.beat(entry(every=3600, catch_up=policy, max_catch_up=2))
    stage.clock.advance(timedelta(hours=3, minutes=30))

    beat.tick()
    beat.tick()

    (record,) = [record for record in caplog.records if hasattr(record, "event")]
    assert words in record.getMessage()
    assert ("missed", policy, sent) == (record.event, record.policy, record.sent)
    assert record.first <= record.last <= "2026-03-02T15:00:00+00:00"


def test_all_caught_up_is_not_told_as_missed(
    stage: Any, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Where every missed run is sent, nothing is told as given up."""
    beat = stage.beat(entry(every=3600, catch_up="all"))
    stage.clock.advance(timedelta(hours=3, minutes=30))

    beat.tick()

    assert 3 == len(stage.broker.enqueued)
    assert [] == [record for record in caplog.records if hasattr(record, "event")]


def test_a_huge_catch_up_waits_behind_punctual_runs(stage: Any, entry: MakeEntry) -> None:
    """Of 3,000 missed runs a tick sends 1,000, after what is punctual; the next follows at once."""
    beat = stage.beat(
        entry("missed", every=1, catch_up="all", max_catch_up=3000),
        entry("punctual", every=7200),
    )
    stage.clock.advance(timedelta(hours=2))
    sent: list[int] = []
    wakes: list[datetime] = []
    for _ in range(3):
        wakes.append(beat.tick())
        sent.append(len(stage.broker.enqueued))

    late = 61  # those of the last minute, with the first that is 60 s late
    assert [1001, 2001, 3001 + late] == sent
    assert [True, True, False] == [wake <= stage.clock.now() for wake in wakes]
    assert "punctual" == stage.broker.enqueued[0].entry
    assert len(set(stage.broker.enqueued)) == sent[-1]


def test_a_tick_sends_a_bounded_number(
    stage: Any, entry: MakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over the bound of one tick goes out in the next one, and none twice."""
    monkeypatch.setattr("periodic.beat.MOST_PER_TICK", 100)
    beat = stage.beat(*(entry(f"job-{n}", every=10) for n in range(30)))
    stage.clock.advance(timedelta(seconds=45))
    sent: list[int] = []
    for _ in range(3):
        beat.tick()
        sent.append(len(stage.broker.enqueued))

    assert [100, 120, 120] == sent
    assert 120 == len(set(stage.broker.enqueued))


def test_an_outage_under_every_policy_repeats_nothing(stage: Any, entry: MakeEntry) -> None:
    """While the broker is away nothing counts as sent: each policy chooses when it is back."""
    beat = stage.beat(*(entry(str(policy), every=100, catch_up=policy) for policy in CatchUp))
    stage.broker.down = True
    stage.pass_time(beat, seconds=495)
    stage.broker.down = False

    stage.pass_time(beat, seconds=10)

    assert ["12:06:40", "12:08:20"] == stage.broker.fire_times("latest")
    assert ["12:01:40", "12:08:20"] == stage.broker.fire_times("earliest")
    everything = ["12:01:40", "12:03:20", "12:05:00", "12:06:40", "12:08:20"]
    assert everything == stage.broker.fire_times("all")
