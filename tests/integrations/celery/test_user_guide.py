"""Every form that Celery's user guide shows for periodic tasks, unchanged, on the drop-in.

The forms are Celery's; the lines are this project's own. Each is loaded, and its runs are those
that the guide's table describes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from celery.schedules import crontab, schedule, solar

from periodic import to_utc
from periodic.integrations.celery import load_entries, to_schedule

#: A Wednesday.
START = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)


def runs(found, count, start=START):
    """The next instants from the start on, in UTC."""
    ends = start + timedelta(days=3660)
    return [to_utc(at) for at in islice(found.between(start, ends), count)]


def brute(matches, count, start=START):
    """The first minutes that match, one by one."""
    at, found = start, []
    while len(found) < count:
        if matches(at):
            found.append(at)
        at += timedelta(minutes=1)
    return found


CRONTABS = [
    ("every minute", crontab(), lambda _: True),
    ("daily at midnight", crontab(minute=0, hour=0), lambda t: (t.hour, t.minute) == (0, 0)),
    (
        "every third hour",
        crontab(minute=0, hour="*/3"),
        lambda t: t.minute == 0 and t.hour % 3 == 0,
    ),
    (
        "the same hours, listed",
        crontab(minute=0, hour="0,3,6,9,12,15,18,21"),
        lambda t: t.minute == 0 and t.hour % 3 == 0,
    ),
    ("every quarter of an hour", crontab(minute="*/15"), lambda t: t.minute % 15 == 0),
    ("every minute of Sundays", crontab(day_of_week="sunday"), lambda t: t.isoweekday() == 7),
    (
        "every minute of Sundays, all fields named",
        crontab(minute="*", hour="*", day_of_week="sun"),
        lambda t: t.isoweekday() == 7,
    ),
    (
        "every ten minutes in three spans of Thursdays and Fridays",
        crontab(minute="*/10", hour="3,17,22", day_of_week="thu,fri"),
        lambda t: t.minute % 10 == 0 and t.hour in (3, 17, 22) and t.isoweekday() in (4, 5),
    ),
    (
        "even hours and those divisible by three",
        crontab(minute=0, hour="*/2,*/3"),
        lambda t: t.minute == 0 and (t.hour % 2 == 0 or t.hour % 3 == 0),
    ),
    (
        "hours divisible by five",
        crontab(minute=0, hour="*/5"),
        lambda t: t.minute == 0 and t.hour % 5 == 0,
    ),
    (
        "hours divisible by three, and every hour of the office day",
        crontab(minute=0, hour="*/3,8-17"),
        lambda t: t.minute == 0 and (t.hour % 3 == 0 or 8 <= t.hour <= 17),
    ),
    (
        "the second of each month",
        crontab(0, 0, day_of_month="2"),
        lambda t: (t.hour, t.minute, t.day) == (0, 0, 2),
    ),
    (
        "every even day",
        crontab(0, 0, day_of_month="2-30/2"),
        lambda t: (t.hour, t.minute) == (0, 0) and t.day % 2 == 0,
    ),
    (
        "the first and third week of the month",
        crontab(0, 0, day_of_month="1-7,15-21"),
        lambda t: (t.hour, t.minute) == (0, 0) and (t.day <= 7 or 15 <= t.day <= 21),
    ),
    (
        "the eleventh of May",
        crontab(0, 0, day_of_month="11", month_of_year="5"),
        lambda t: (t.hour, t.minute, t.day, t.month) == (0, 0, 11, 5),
    ),
    (
        "every day in the first month of a quarter",
        crontab(0, 0, month_of_year="*/3"),
        lambda t: (t.hour, t.minute) == (0, 0) and t.month in (1, 4, 7, 10),
    ),
    (
        "Mondays at half past seven",
        crontab(hour=7, minute=30, day_of_week=1),
        lambda t: (t.hour, t.minute, t.isoweekday()) == (7, 30, 1),
    ),
]


@pytest.mark.parametrize(
    ("given", "matches"), [each[1:] for each in CRONTABS], ids=[each[0] for each in CRONTABS]
)
def test_crontabs_of_the_guide(app, given, matches):
    """Each form of the table means what the table says."""
    assert runs(to_schedule(given, app), 5) == brute(matches, 5)


@pytest.mark.parametrize(
    "event",
    [
        *("dawn_astronomical", "dawn_nautical", "dawn_civil", "sunrise", "solar_noon"),
        *("sunset", "dusk_civil", "dusk_nautical", "dusk_astronomical"),
    ],
)
def test_solar_events_of_the_guide(app, event):
    """Each of the nine events happens once a day in Melbourne."""
    found = runs(to_schedule(solar(event, -37.81753, 144.96715), app), 5)
    gaps = [b - a for a, b in pairwise(found)]
    assert all(abs(gap - timedelta(days=1)) < timedelta(minutes=5) for gap in gaps)


@pytest.mark.parametrize(
    ("given", "seconds"), [(30.0, 30), (10, 10), (timedelta(seconds=30), 30), (schedule(30), 30)]
)
def test_intervals_of_the_guide(app, given, seconds):
    """Numbers are seconds; a timedelta is itself."""
    assert runs(to_schedule(given, app), 3) == [
        START + n * timedelta(seconds=seconds) for n in range(3)
    ]


def test_the_guides_configuration_as_a_whole(app):
    """`beat_schedule`, `timezone` and `add_periodic_task` in one app: all entries, no problem."""
    app.conf.timezone = "Europe/London"
    app.conf.beat_schedule = {
        "add-every-30-seconds": {"task": "shop.add", "schedule": 30.0, "args": (16, 16)},
        "add-every-monday-morning": {
            "task": "shop.add",
            "schedule": crontab(hour=7, minute=30, day_of_week=1),
            "args": (16, 16),
        },
        "add-at-melbourne-sunset": {
            "task": "shop.add",
            "schedule": solar("sunset", -37.81753, 144.96715),
            "args": (16, 16),
        },
    }

    @app.on_after_configure.connect
    def setup(sender, **kwargs):
        add = sender.tasks["shop.add"]
        sender.add_periodic_task(10.0, add.s(1), name="add every 10")
        sender.add_periodic_task(30.0, add.s(2), expires=10)
        sender.add_periodic_task(crontab(hour=7, minute=30, day_of_week=1), add.s(3))
        # The same signature again: Celery's key is its text, so a name keeps both.
        sender.add_periodic_task(30.0, add.s(1), name="add every 30")

    loaded = load_entries(app)
    assert (loaded.problems, loaded.warnings) == ({}, {})
    assert {entry.name for entry in loaded.entries} == {
        *("add-every-30-seconds", "add-every-monday-morning", "add-at-melbourne-sunset"),
        *("add every 10", "add every 30", "shop.add(2)", "shop.add(3)"),
    }
    zones = {str(entry.schedule.tz) for entry in loaded.entries}
    assert zones == {"Europe/London"}


def test_celerys_upper_case_settings_count(make_app):
    """`CELERY_BEAT_SCHEDULE` in a namespace of settings is `beat_schedule`."""
    app = make_app()
    settings = {
        "CELERY_BEAT_SCHEDULE": {"x": {"task": "work", "schedule": 60}},
        "CELERY_TIMEZONE": "Asia/Tokyo",
        "CELERY_PERIODIC": {"namespace": "other"},
    }
    app.config_from_object(type("Settings", (), settings), namespace="CELERY", force=True)
    entries = {entry.name: entry for entry in load_entries(app).entries}
    assert str(entries["x"].schedule.tz) == "Asia/Tokyo"
