"""The public API as users write it: read by mypy and pyright, never run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import assert_type
from zoneinfo import ZoneInfo

from celery import Celery
from flask import Flask

import periodic
from periodic import (
    Broker,
    Calendar,
    Capability,
    CatchUp,
    CatchUpPolicy,
    Due,
    Entry,
    EntryRecord,
    GuardOutage,
    Lease,
    LeaseStore,
    Lock,
    ManualClock,
    MemoryLeases,
    MemoryRunClaims,
    Missed,
    Occurrence,
    Planner,
    Reason,
    Rules,
    RunAnswer,
    RunClaim,
    RunGuard,
    RunStanding,
    Schedule,
    Schedules,
    ScheduleStore,
)
from periodic import simulation as simulated
from periodic.difference import difference
from periodic.integrations.flask import Periodic
from periodic.lint import Severity, lint_entries
from periodic.simulation import (
    ClockStep,
    Fault,
    Kill,
    Moment,
    Note,
    Outage,
    Run,
    Skipped,
    simulate,
)
from periodic.testing import Fired, TestBeat, assert_fires, runs_text
from periodic_brokers import connect
from periodic_brokers.memory import MemoryBroker

MOMENT = datetime(2026, 3, 29, 12, tzinfo=UTC)


def schedules() -> list[Schedule]:
    """Each schedule in the forms that its documentation names."""
    zone = ZoneInfo("Europe/Berlin")
    return [
        periodic.crontab(minute="0", hour="9", day_of_week="mon-fri", tz=zone),
        periodic.crontab(minute="*/5"),
        periodic.cron("30 0 9 * * mon-fri", tz=zone, on_gap="shift", on_fold="last"),
        periodic.cron("H 2 L-3,15W * fri#2").named("report"),
        periodic.interval(minutes=5),
        periodic.interval(timedelta(seconds=30)),
        periodic.clocked(MOMENT),
        periodic.solar("sunrise", 52.5, 13.4),
        periodic.calendar_interval(months=1, at="09:00", anchor="2026-01-31", tz=zone),
        periodic.rrule("FREQ=MONTHLY;BYDAY=-1FR", dtstart=datetime(2026, 1, 1, 9), tz=zone),
        periodic.union(periodic.crontab(), periodic.interval(5), tz="UTC"),
        periodic.window(periodic.crontab(), start=MOMENT),
        periodic.exclude(periodic.crontab(), calendars()[0], "next_business_day"),
    ]


def calendars() -> list[Calendar]:
    """Each calendar in the forms that its documentation names."""
    return [
        periodic.weekends(),
        periodic.weekends("fri", "sat", base=periodic.dates("2026-12-25", name="Christmas")),
        periodic.country_holidays("DE", "BY", categories=["public", "catholic"]),
        periodic.ical_file("school.ics"),
    ]


def questions(schedule: Schedule) -> None:
    """What a schedule answers."""
    assert_type(schedule.next_after(MOMENT), datetime | None)
    assert_type(schedule.previous_before(MOMENT), datetime | None)
    assert_type(schedule.between(MOMENT, MOMENT + timedelta(days=1)), Iterator[datetime])
    assert_type(schedule.describe(), str)


def occurrences() -> None:
    """An occurrence and its identity."""
    run = Occurrence("shop", "report", MOMENT)
    assert_type(run.id, str)
    assert_type(run.fire_time, datetime)
    assert_type(run.headers, dict[str, str])
    assert_type(Occurrence.from_headers("shop", run.headers), Occurrence | None)


def plan() -> None:
    """The planner under a clock of one's own."""
    clock = ManualClock(MOMENT)
    planner = Planner()
    planner.put(
        Entry(name="report", task="shop.report", schedule=periodic.interval(hours=1)), clock.now()
    )
    clock.advance(timedelta(hours=1))
    for due in planner.due(clock.now(), limit=100, catch_up=10):
        assert_type(due, Due)
        assert_type(due.entry, Entry)
        assert_type(due.fire_times, tuple[datetime, ...])
        assert_type(due.given_up, tuple[Missed, ...])
        assert_type(due.given_up[0].reason, Reason)
    assert_type(planner.next_wake(), datetime | None)


def missed_runs() -> None:
    """What an entry may say about missed runs, as a word or as a member."""
    every = periodic.interval(hours=1)
    entry = Entry(
        name="report",
        task="shop.report",
        schedule=every,
        catch_up="all",
        catch_up_window=timedelta(days=1),
        max_catch_up=5,
        misfire_threshold=timedelta(seconds=30),
        run_on_start=True,
    )
    assert_type(entry.run_on_start, bool)
    assert_type(entry.catch_up_policy, CatchUpPolicy)
    assert_type(entry.catch_up_policy.catch_up, CatchUp)
    Entry(name="sweep", task="shop.sweep", schedule=every, catch_up=CatchUp.SKIP)


def locks(leases: LeaseStore) -> None:
    """A lock, and the lease under it."""
    with Lock(leases, "report", timedelta(seconds=30), interrupt=True) as lock:
        assert_type(lock.token, int)
        assert_type(lock.lease, Lease | None)
        lock.check()
    assert_type(lock.acquire(timeout=timedelta(minutes=1)), bool)
    assert_type(MemoryLeases().holder("report"), Lease | None)


def simulation(entries: list[Entry]) -> None:
    """A simulation under faults, and what it tells."""
    faults: list[Fault] = [
        Kill(1, MOMENT, back=MOMENT + timedelta(minutes=1), moment=Moment.AFTER_DISPATCH),
        Outage(MOMENT, MOMENT + timedelta(hours=1)),
        ClockStep(timedelta(hours=-1), MOMENT, beat=2),
    ]
    story = simulate(entries, MOMENT, MOMENT + timedelta(days=1), beats=2, faults=faults, seed=1)
    for happening in story:
        assert_type(happening, Run | simulated.Missed | Skipped | Note)
        assert_type(happening.line(), str)
    assert_type(story.summary.runs, int)
    assert_type(simulated.spread(entries, MOMENT, MOMENT + timedelta(days=1)), simulated.Spread)
    frame = simulated.day_frame(MOMENT, UTC)
    listed = simulated.runs(entries, frame.start, frame.end)
    names = [entry.name for entry in entries]
    assert_type(simulated.timeline_of(listed, names, frame), simulated.Timeline)
    for fire_time, entry in simulated.runs(entries, MOMENT, MOMENT + timedelta(days=1)):
        assert_type(fire_time, datetime)
        assert_type(entry, Entry)
    for change in difference(entries, [], MOMENT, MOMENT + timedelta(days=1)):
        assert_type(change.was, datetime | None)


def lint(entries: list[Entry]) -> None:
    """What lint finds."""
    for finding in lint_entries(entries, MOMENT, limit=lambda _: timedelta(minutes=5)):
        assert_type(finding.severity, Severity)


def own_tests(entries: list[Entry]) -> None:
    """What users' own tests import."""
    assert_fires(periodic.crontab(), between=("2026-01-01", MOMENT), at=[MOMENT, "2026-01-02"])
    beat = TestBeat(entries, ManualClock(MOMENT), execute=lambda entry, _: entry.name)
    assert_type(beat.leap(), list[Fired])
    beat.assert_fired("report", at=MOMENT, times=1)
    assert_type(runs_text(entries, "2026-01-01", MOMENT), str)


def adapters() -> None:
    """An adapter's abilities are readable without an instance."""
    assert_type(MemoryBroker.capabilities, frozenset[Capability])
    assert_type(connect("memory://", namespace="shop", cursors="beat.cursors"), Broker)
    assert_type(periodic.find_adapter("memory"), type[Broker])


def guard() -> None:
    """The guard in front of runs, over a store of claims."""
    claims = MemoryRunClaims(clock=ManualClock(MOMENT), remember=timedelta(days=1))
    answer = claims.claim(RunClaim("id", 0, "worker-1"), timedelta(seconds=30))
    assert_type(answer, RunAnswer)
    assert_type(answer.standing, RunStanding)
    guard = RunGuard(lambda: claims, lease=timedelta(seconds=30), outage=GuardOutage.WAIT)
    start = guard.begin("id", 0, repeatable=True)
    assert_type(start.claim, RunClaim | None)


def flask() -> Flask:
    """A Flask application with a periodic task."""
    app = Flask("shop")
    extension = Periodic()
    extension.init_app(app)

    @extension.task(schedule=periodic.crontab(minute="0", hour="6"), catch_up="skip")
    def report(day: str) -> int:
        return len(day)

    # The decorated task still knows its arguments and its result.
    assert_type(report("monday"), int)
    return app


def celery() -> Celery:
    """A Celery application whose entries are our schedules."""
    app = Celery("shop")
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": periodic.interval(5)}}
    return app


def live(store: ScheduleStore) -> EntryRecord | None:
    """Entries that change while beats run."""
    schedules = Schedules(store, rules=Rules(zone=UTC), who="maria")
    record = schedules.put("job", task="shop.job", schedule=60, args=[1], catch_up="skip")
    schedules.set("job", schedule=periodic.crontab(minute=0), if_version=record.version)
    schedules.pause("job", note="why", until=MOMENT)
    schedules.by("cron", via="import").resume_many(["job"])
    assert_type([row.origin.who for row in schedules.audit()], list[str])
    return schedules.get("job")
