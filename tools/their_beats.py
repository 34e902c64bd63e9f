"""What other packages keep, made by themselves, and when their own schedulers would run it.

    python tools/their_beats.py make PACKAGE TARGET NOW
    python tools/their_beats.py run PACKAGE TARGET START END

PACKAGE is `celery`, `django-celery-beat`, `sqlalchemy-celery-beat` or `redbeat`. `make` fills
TARGET (a file, the URL of a database or a Redis) by the package's own migrations and classes.
`run` lets the package's own scheduler tick on a clock that leaps, and prints the instants as JSON.
Each is a process of its own: Django has its settings, and Celery its current app, once.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from periodic.clock_changes import clock_changes

PACKAGES = ("celery", "django-celery-beat", "sqlalchemy-celery-beat", "redbeat")
#: Their longest sleep, in seconds, where clocks change: RedBeat's own.
SHORT_SLEEP = 300
#: Elsewhere, where shorter ones change nothing but the time that this takes.
LONG_SLEEP = 12 * 3600
#: RedBeat is late with the first run after a fold, and a week's may be a week later.
LATE = timedelta(days=8)
#: How often they write down what they did; theirs is three minutes.
SYNC = timedelta(hours=6)
#: How long before now the intervals have run last. What follows a calendar has missed nothing: a
#: scheduler that was down makes up a run at its start, whatever the hour of the day.
AGO = timedelta(hours=2, minutes=7)
#: How long a turn of their loop takes, at least: a beat that spins does not stop the clock.
TURN = timedelta(milliseconds=10)
#: More turns than this for a year are a beat gone wild.
MOST_TURNS = 400_000
CRONTABS: dict[str, tuple[dict[str, str], str]] = {
    "weekdays": ({"minute": "0", "hour": "9", "day_of_week": "mon-fri"}, "Europe/London"),
    "night": ({"minute": "30", "hour": "2"}, "America/New_York"),
    "half hours": ({"minute": "*/30", "hour": "0-3"}, "Europe/London"),
    "friday 13": (
        {"minute": "0", "hour": "12", "day_of_month": "13", "day_of_week": "fri"},
        "Europe/Berlin",
    ),
    "island": ({"minute": "15", "hour": "2"}, "Australia/Lord_Howe"),
}
TASK = "shop.report"
#: When the entry that starts later does so. django-celery-beat notices that when it reads all
#: entries anew, five minutes after the last time.
LATER = timedelta(days=40, hours=3)


# -- what they keep ------------------------------------------------------------------------------


def make(package: str, target: str, now: datetime) -> None:
    """Fill a database or a Redis by the package itself, as if it had run for a while."""
    MAKERS[package](target, now)


def _make_django(target: str, now: datetime) -> None:
    _django(target)
    from django.core.management import call_command
    from django_celery_beat.models import (
        ClockedSchedule,
        CrontabSchedule,
        IntervalSchedule,
        PeriodicTask,
        SolarSchedule,
    )

    call_command("migrate", verbosity=0)

    def task(name: str, **fields: Any) -> None:
        given = {"task": TASK, "args": "[1]", "last_run_at": now, **fields}
        PeriodicTask.objects.create(name=name, **given)

    for name, (fields, zone) in CRONTABS.items():
        task(name, crontab=CrontabSchedule.objects.create(**fields, timezone=zone))
    nine = CrontabSchedule.objects.get(hour="9")
    six = IntervalSchedule.objects.create(every=6, period=IntervalSchedule.HOURS)
    week = IntervalSchedule.objects.create(every=7, period=IntervalSchedule.DAYS)
    sun = SolarSchedule.objects.create(event="sunset", latitude=51.5, longitude=-0.12)
    once = ClockedSchedule.objects.create(clocked_time=now + timedelta(days=30))
    over = ClockedSchedule.objects.create(clocked_time=now - timedelta(days=90))
    task("six hours", interval=six, last_run_at=now - AGO)
    task("week", interval=week, last_run_at=now - AGO)
    task("sunset", solar=sun)
    task("once", clocked=once, one_off=True)
    task("over", clocked=over, one_off=True, total_run_count=1, enabled=False)
    task("later", crontab=nine, start_time=now + LATER)
    task("until", crontab=nine, expires=now + timedelta(days=80))
    task("off", crontab=nine, enabled=False)


def _make_sqlalchemy(target: str, now: datetime) -> None:
    from sqlalchemy_celery_beat.models import (
        ClockedSchedule,
        CrontabSchedule,
        IntervalSchedule,
        Period,
        PeriodicTask,
        SolarEvent,
        SolarSchedule,
    )
    from sqlalchemy_celery_beat.session import SessionManager

    manager = SessionManager()
    engine, make_session = manager.create_session(target)
    manager.prepare_models(engine)
    with make_session() as session:

        def task(name: str, schedule: Any, **fields: Any) -> None:
            session.add(schedule)
            session.flush()
            given = {"task": TASK, "args": "[1]", "last_run_at": now, **fields}
            session.add(PeriodicTask(name=name, schedule_model=schedule, **given))

        for name, (fields, zone) in CRONTABS.items():
            task(name, CrontabSchedule(**fields, timezone=zone))
        nine = CrontabSchedule(minute="0", hour="9", timezone="Europe/London")
        six = IntervalSchedule(every=6, period=Period.HOURS)
        task("six hours", six, last_run_at=now - AGO)
        week = IntervalSchedule(every=7, period=Period.DAYS)
        task("week", week, last_run_at=now - AGO)
        sun = SolarSchedule(event=SolarEvent.SUNSET, latitude=51.5, longitude=-0.12)
        task("sunset", sun)
        once = ClockedSchedule(clocked_time=now + timedelta(days=30))
        task("once", once, one_off=True)
        task("later", nine, start_time=now + LATER)
        task("off", nine, enabled=False)
        session.commit()


def _make_redbeat(target: str, now: datetime) -> None:
    import time_machine
    from celery.schedules import crontab, schedule
    from dateutil.rrule import MO, WE
    from redbeat import RedBeatSchedulerEntry
    from redbeat.schedules import rrule

    app = _redbeat(target)
    start = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
    rules = {
        **{name: crontab(**fields) for name, (fields, _) in CRONTABS.items()},
        "six hours": schedule(timedelta(hours=6)),
        "mondays": rrule("WEEKLY", dtstart=start, byweekday=[MO, WE], app=app),
        "last day": rrule("MONTHLY", dtstart=start, bymonthday=-1, count=500, app=app),
    }
    for name, rule in rules.items():
        made = now - AGO if isinstance(rule, schedule) and not isinstance(rule, crontab) else now
        with time_machine.travel(made, tick=False):
            entry = RedBeatSchedulerEntry(name, TASK, rule, args=[1], app=app)
            entry.save()
            entry.reschedule()
    # One that is due and disabled wakes RedBeat every five seconds.
    leap = crontab(minute="0", hour="0", day_of_month="29", month_of_year="2")
    RedBeatSchedulerEntry("off", TASK, leap, args=[1], enabled=False, app=app).save()


def _make_celery(target: str, _now: datetime) -> None:
    """Write a module with an app and its `beat_schedule`."""
    lines = [
        "from celery import Celery",
        "from celery.schedules import crontab, solar",
        f"app = Celery({target!r}, broker='memory://', set_as_current=False)",
        "app.conf.update(timezone='Europe/London', result_expires=None)",
        "app.conf.beat_schedule = {",
        *(
            f"    {name!r}: {{'task': {TASK!r}, 'schedule': crontab(**{fields!r}), 'args': (1,)}},"
            for name, (fields, _) in CRONTABS.items()
        ),
        f"    'sunset': {{'task': {TASK!r}, 'args': (1,),",
        "               'schedule': solar('sunset', 51.5, -0.12)},",
        "}",
    ]
    Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


MAKERS: dict[str, Callable[[str, datetime], None]] = {
    "celery": _make_celery,
    "django-celery-beat": _make_django,
    "sqlalchemy-celery-beat": _make_sqlalchemy,
    "redbeat": _make_redbeat,
}


# -- when they run it ----------------------------------------------------------------------------


def run(package: str, target: str, start: datetime, end: datetime) -> dict[str, list[datetime]]:
    """Return when the package's own scheduler runs each entry in `[start, end)`."""
    import time_machine

    found: dict[str, list[datetime]] = defaultdict(list)
    with time_machine.travel(start, tick=False) as clock:
        cls, options = _scheduler(package, target)

        class Recording(cls):  # type: ignore[misc, valid-type]  # whichever it is
            """Theirs, but nothing is sent."""

            producer = None

            def apply_async(
                self, entry: Any, _producer: Any = None, *, advance: bool = True, **_: Any
            ) -> None:
                if advance:
                    self.reserve(entry)
                found[entry.name].append(datetime.now(UTC))

        # RedBeat's lateness is as long as its sleep; the others sleep until their next run.
        changes = clock_changes(ZoneInfo("Europe/London"), start - LATE, end + LATE)
        folds = [change.at for change in changes if package == "redbeat"]
        beat = Recording(max_interval=SHORT_SLEEP, **options)
        synced = start
        for _ in range(MOST_TURNS):
            now = datetime.now(UTC)
            near = any(abs(now - at) < LATE for at in folds)
            near |= abs(now - start - LATER) < timedelta(hours=13)
            beat.max_interval = SHORT_SLEEP if near else LONG_SLEEP
            wait = timedelta(seconds=beat.tick())
            if datetime.now(UTC) - synced >= SYNC:
                beat.sync()
                synced = datetime.now(UTC)
            clock.shift(max(wait, TURN))
            if datetime.now(UTC) >= end:
                return dict(found)
    raise SystemExit(f"more than {MOST_TURNS} turns until {found}")


def _scheduler(package: str, target: str) -> tuple[type[Any], dict[str, Any]]:
    from celery import Celery

    app = Celery("theirs", broker="memory://", set_as_current=False)
    app.conf.update(timezone="UTC", result_expires=None)
    if package == "celery":
        from celery.beat import Scheduler

        namespace: dict[str, Any] = {}
        exec(compile(Path(target).read_text(encoding="utf-8"), target, "exec"), namespace)  # noqa: S102  # we wrote it
        return Scheduler, {"app": namespace["app"]}
    if package == "django-celery-beat":
        _django(target)
        from django_celery_beat.schedulers import DatabaseScheduler

        class Whole(DatabaseScheduler):
            """Theirs, but it reads all entries, not those of the next two hours alone."""

            def enabled_models_qs(self) -> Any:
                return self.Model.objects.enabled()

        return Whole, {"app": app}
    if package == "sqlalchemy-celery-beat":
        from sqlalchemy_celery_beat.schedulers import DatabaseScheduler

        return DatabaseScheduler, {"app": app, "dburi": target}
    from redbeat import RedBeatScheduler

    return RedBeatScheduler, {"app": _redbeat(target)}


def _django(target: str) -> None:
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": target.removeprefix("sqlite:///"),
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django_celery_beat"],
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()


def _redbeat(target: str) -> Any:
    from celery import Celery

    app = Celery("theirs", broker="memory://", set_as_current=False)
    app.conf.update(
        timezone="Europe/London",
        result_expires=None,
        redbeat_redis_url=target,
        redbeat_redis_options={},
        redbeat_lock_key=None,
    )
    app.set_current()
    return app


def main(words: list[str]) -> int:
    """Do one step."""
    match words:
        case ["make", package, target, now]:
            make(package, target, datetime.fromisoformat(now))
        case ["run", package, target, start, end]:
            runs = run(package, target, *map(datetime.fromisoformat, (start, end)))
            told = {name: [at.isoformat() for at in each] for name, each in runs.items()}
            print(json.dumps(told))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
