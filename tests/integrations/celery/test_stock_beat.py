"""Celery's own beat with our schedules in `beat_schedule`: one import line changed, nothing else.

The real `PersistentScheduler` ticks through whole nights under a stopped clock; it writes its file
after every dispatch and reads its entries back from it, and it is stopped and started again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import Celery
from celery.beat import PersistentScheduler, Service

from periodic import (
    Schedule,
    calendar_interval,
    clocked,
    cron,
    crontab,
    dates,
    exclude,
    interval,
    rrule,
    to_utc,
    union,
    window,
)

NEW_YORK = "America/New_York"
TICK = timedelta(milliseconds=1)


@dataclass
class Night:
    """Celery's beat in a folder; remembers what it sent, and when."""

    app: Celery
    file: Path
    sent: list[tuple[str, datetime]] = field(default_factory=list)

    def run(self, start: datetime, end: datetime) -> None:
        """Start a beat, tick from start to end as Celery's `Service` does, and stop it."""
        night = self

        class Recording(PersistentScheduler):
            """Writes down each dispatch, which then takes its usual way to the broker."""

            def apply_entry(self, entry: Any, producer: Any = None) -> None:
                night.sent.append((entry.name, night.now()))
                assert len(night.sent) < 2000, "a runaway"
                super().apply_entry(entry, producer)

        with time_machine.travel(start, tick=False) as self.clock:
            beat = Recording(self.app, schedule_filename=str(self.file), sync_every_tasks=1)
            while self.now() < end:
                before = len(self.sent)
                interval = beat.tick()
                if interval > 0:
                    self.clock.shift(min(timedelta(seconds=interval), end - self.now()))
                    if beat.should_sync():
                        beat._do_sync()
                elif before == len(self.sent):
                    self.clock.shift(TICK)  # it spins for the last 10 ms
            beat.close()

    @staticmethod
    def now() -> datetime:
        """The stopped clock, in UTC."""
        return datetime.now(UTC)

    def times(self, name: str = "job") -> list[str]:
        """When an entry was sent, in UTC, to the second."""
        times = [at for sent, at in self.sent if sent == name]
        assert all(at.microsecond < 20_000 for at in times), "late"
        return [f"{at:%H:%M:%S}" for at in times]


def expected(schedule: Schedule, start: datetime, end: datetime) -> list[str]:
    """The schedule's own instants in New York, in UTC; one at the start has passed already."""
    settled = schedule.in_zone(ZoneInfo(NEW_YORK))
    runs = settled.between(start + datetime.resolution, end)
    return [f"{to_utc(at):%H:%M:%S}" for at in runs]


@pytest.fixture
def night(make_app: Callable[..., Celery], tmp_path: Path) -> Callable[..., Night]:
    """Make an app in New York with these entries, and its beat."""

    def make(timezone: str = NEW_YORK, conf: Any = None, **schedules: Any) -> Night:
        app = make_app(timezone=timezone, **(conf or {}))
        app.conf.beat_schedule = {
            name: {"task": "shop.add", "schedule": schedule} for name, schedule in schedules.items()
        }
        return Night(app, tmp_path / "beat")

    return make


AUTUMN = datetime(2026, 11, 1, 3, 30, tzinfo=UTC), datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
SPRING = datetime(2026, 3, 8, 4, 30, tzinfo=UTC), datetime(2026, 3, 8, 10, 0, tzinfo=UTC)
NIGHTS = pytest.mark.parametrize("span", [AUTUMN, SPRING], ids=["autumn", "spring"])
SCHEDULES: dict[str, Callable[[], Schedule]] = {
    "quarters": lambda: crontab("*/15"),
    "hourly": lambda: crontab(0),
    "past the hour": lambda: crontab(5),
    "30 1": lambda: crontab(30, 1),
    "30 2": lambda: crontab(30, 2),
    "30 2,3": lambda: crontab(30, "2,3"),
    "in hour 2": lambda: crontab("*/15", 2),
    "both passes": lambda: crontab(30, 1, on_fold="both"),
    "own zone": lambda: crontab(30, "*/2", tz="Europe/London"),
    "cron": lambda: cron("30 1,2 * * *"),
    "cron with seconds": lambda: cron("30 */20 1-3 * * *"),
    "interval": lambda: interval(minutes=40),
    "calendar interval": lambda: calendar_interval(days=1, at="01:30"),
    "rule": lambda: rrule("FREQ=HOURLY", dtstart="2026-01-01T00:30"),
    "union": lambda: union(crontab(30, 1), crontab(0, "*/2"), cron("45 2 * * *")),
    "exclude": lambda: exclude(crontab("*/30"), dates("2026-10-31", "2026-03-09")),
    "window": lambda: window(crontab("*/15"), start=datetime(2026, 11, 1, 6, 20, tzinfo=UTC)),
    "once": lambda: clocked(datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
}
each = pytest.mark.parametrize("make", SCHEDULES.values(), ids=list(SCHEDULES))


@NIGHTS
@each
def test_every_instant_once(
    night: Callable[..., Night], span: tuple[datetime, datetime], make: Callable[[], Schedule]
) -> None:
    """Each instant of the night is sent once, on time; nothing runs away, nothing is skipped."""
    beat = night(job=make())

    beat.run(*span)

    assert expected(make(), *span) == beat.times()


@NIGHTS
@each
def test_restarted_in_the_night(
    night: Callable[..., Night], span: tuple[datetime, datetime], make: Callable[[], Schedule]
) -> None:
    """Stopped and started again in every part of the night: what came while it stood runs once."""
    beat = night(job=make())
    start, end = span
    stood = timedelta(minutes=7)
    runs: list[str] = []
    while start < end:
        stop = min(start + timedelta(minutes=33), end)
        beat.run(start, stop)
        runs += expected(make(), start, stop)
        start = stop + stood
        missed = expected(make(), stop - datetime.resolution, start + datetime.resolution)
        if missed and start < end:
            runs.append(f"{start:%H:%M:%S}")

    assert runs == beat.times()


def test_started_in_the_repeated_hour(night: Callable[..., Night]) -> None:
    """A beat that starts in the second pass sends nothing that the first pass has had."""
    start, end = datetime(2026, 11, 1, 6, 10, tzinfo=UTC), AUTUMN[1]
    schedules = {"fixed": crontab(30, 1), "quarters": crontab("*/15"), "minutes": crontab()}
    beat = night(**schedules)

    beat.run(start, end)

    assert [] == beat.times("fixed")
    for name, schedule in schedules.items():
        assert expected(schedule, start, end) == beat.times(name)


def test_many_entries_side_by_side(night: Callable[..., Night]) -> None:
    """Entries of all kinds do not disturb each other."""
    beat = night(**{name.replace(" ", "_"): make() for name, make in SCHEDULES.items()})

    beat.run(*AUTUMN)

    for name, make in SCHEDULES.items():
        assert expected(make(), *AUTUMN) == beat.times(name.replace(" ", "_"))


def test_another_app_becomes_current(
    night: Callable[..., Night], make_app: Callable[..., Celery]
) -> None:
    """Entries read back from the beat's file keep their own app's zone, not the current app's."""
    beat = night(job=crontab(30, 1))
    other = make_app("other", timezone="Asia/Tokyo")
    other.set_current()

    beat.run(AUTUMN[0] - timedelta(days=2), AUTUMN[1])

    assert ["05:30:00", "05:30:00", "05:30:00"] == beat.times()


def test_starting_deadline(night: Callable[..., Night]) -> None:
    """`beat_cron_starting_deadline` still decides whether a start makes up for a missed run."""
    for deadline, runs in ((None, ["05:31:00"]), (120, ["05:31:00"]), (30, [])):
        beat = night(job=crontab(30, 1), conf={"beat_cron_starting_deadline": deadline})
        beat.file = beat.file.with_name(f"deadline-{deadline}")
        start = AUTUMN[0]
        beat.run(start, start + timedelta(minutes=5))
        beat.run(datetime(2026, 11, 1, 5, 31, tzinfo=UTC), AUTUMN[1])
        assert runs == beat.times()


def test_add_periodic_task(make_app: Callable[..., Celery], tmp_path: Path) -> None:
    """`add_periodic_task` takes our schedules as Celery's."""
    app = make_app(timezone=NEW_YORK)

    @app.task(name="shop.sum", shared=False)
    def add(a: int, b: int) -> int:
        return a + b

    app.add_periodic_task(crontab(30, 1), add.s(1, 2), name="job")
    beat = Night(app, tmp_path / "beat")
    beat.run(*AUTUMN)

    assert ["05:30:00"] == beat.times()


def test_messages_reach_the_queue(
    night: Callable[..., Night], sent: Callable[..., list[Any]]
) -> None:
    """What the beat sends arrives: one message for each run."""
    beat = night(job=crontab(0))
    beat.run(*SPRING)

    assert len(expected(crontab(0), *SPRING)) == len(sent())


def test_service_with_default_entries(make_app: Callable[..., Celery], tmp_path: Path) -> None:
    """Celery's `Service` shows our schedules in its log and keeps its own clean-up beside them."""
    app = make_app(timezone=NEW_YORK, result_expires=3600, result_backend=f"file://{tmp_path}")
    app.conf.beat_schedule = {"job": {"task": "shop.add", "schedule": crontab(30, 1)}}
    service = Service(app, schedule_filename=str(tmp_path / "beat"))
    entries = service.scheduler.schedule

    assert {"job", "celery.backend_cleanup"} == set(entries)
    assert "crontab(minute=30, hour=1)" in repr(entries["job"])
    service.scheduler.close()
