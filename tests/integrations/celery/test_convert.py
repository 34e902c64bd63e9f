"""Celery's schedules as ours: the same instants, and right where Celery's are wrong."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from celery import schedules

from periodic import ScheduleError, clocked, crontab, interval, solar, to_utc
from periodic.integrations.celery import to_schedule

SECOND = timedelta(seconds=1)
LONDON = ZoneInfo("Europe/London")
NOON = datetime(2026, 1, 15, 12, 7, 30, tzinfo=UTC)


def runs(schedule, after, count):
    """The next instants, in UTC."""

    def walk():
        at = schedule.next_after(after)
        while at is not None:
            yield to_utc(at)
            at = schedule.next_after(at)

    return list(islice(walk(), count))


@pytest.fixture
def app(make_app):
    """An app in London."""
    return make_app(timezone="Europe/London")


@pytest.mark.parametrize(
    "value",
    [300, 300.0, timedelta(minutes=5), schedules.schedule(300), schedules.schedule(run_every=300)],
)
def test_numbers_and_timedeltas_are_the_interval_grid(app, value):
    """Every way to say five minutes is the same grid, whenever the beat started."""
    found = to_schedule(value, app)
    assert found == interval(minutes=5, tz=LONDON)
    assert runs(found, NOON, 2) == [
        NOON.replace(minute=10, second=0),
        NOON.replace(minute=15, second=0),
    ]


@pytest.mark.parametrize("value", [0, -1, 0.0, timedelta(0), schedules.schedule(0)])
def test_zero_and_less_are_refused(app, value):
    """Celery would send without end; here it is an error."""
    with pytest.raises(ScheduleError, match="more than zero"):
        to_schedule(value, app)


@pytest.mark.parametrize("value", ["0 9 * * *", True, None, object(), [1], datetime.now])
def test_what_is_no_schedule_is_refused(app, value):
    """The sentence says what was given and what is allowed."""
    with pytest.raises(ScheduleError) as caught:
        to_schedule(value, app)
    assert "is not a schedule; give a number of seconds, a timedelta, crontab(" in str(caught.value)


def test_celerys_crontab_keeps_its_fields_and_the_apps_zone(app):
    """The text of each field is kept, in the zone of the app."""
    found = to_schedule(schedules.crontab("*/5", "8-17", "mon-fri", "1-7", "*/3"), app)
    assert found == crontab("*/5", "8-17", "mon-fri", "1-7", "*/3", tz=LONDON)


def test_celerys_crontab_ands_its_days(app):
    """Day of month AND day of week, as Celery: the Mondays among the first seven days."""
    found = to_schedule(schedules.crontab(0, 0, day_of_week=1, day_of_month="1-7"), app)
    assert [at.day for at in runs(found, NOON, 3)] == [2, 2, 5]


def test_celerys_solar_keeps_event_and_place(app):
    """The nine events are ours, too."""
    found = to_schedule(schedules.solar("sunset", -37.81753, 144.96715), app)
    assert found == solar("sunset", -37.81753, 144.96715, tz=LONDON)


@pytest.mark.parametrize("value", [crontab(minute=0, tz="Asia/Tokyo"), clocked(NOON, tz="UTC")])
def test_our_own_schedules_pass_through(app, value):
    """A schedule that has a zone is left alone."""
    assert to_schedule(value, app) is value


def test_our_own_schedules_without_a_zone_get_the_apps(app):
    """`tz=None` means the app's zone."""
    assert str(LONDON) == str(to_schedule(crontab(minute=0), app).tz)


@pytest.mark.parametrize(
    "bad", [{"day_of_week": "fri#2"}, {"minute": "*/100"}, {"minute": "*/5-junk"}]
)
def test_what_celery_misreads_is_refused(app, bad):
    """Text that Celery accepts and reads as something else is an error that names the field."""
    with pytest.raises(ScheduleError, match=next(iter(bad))):
        to_schedule(schedules.crontab(**bad), app)


@pytest.mark.parametrize(
    ("every", "after", "expected"),
    [
        # aligned to the clock of the app, not to the moment of the start
        (timedelta(minutes=10), "2026-01-15T12:07+00:00", ["12:10", "12:20", "12:30"]),
        (timedelta(hours=1), "2026-01-15T12:07+00:00", ["13:00", "14:00", "15:00"]),
        (timedelta(hours=6), "2026-03-28T19:00+00:00", ["00:00", "06:00", "12:00"]),
        # Celery makes 60 minutes of these
        (timedelta(minutes=90), "2026-01-15T12:07+00:00", ["13:30", "15:00", "16:30"]),
    ],
)
def test_relative_means_by_the_clock(app, every, after, expected):
    """`relative=True` aligns runs to the local clock and keeps the interval."""
    found = to_schedule(every, app, relative=True)
    local = [at.astimezone(LONDON) for at in runs(found, datetime.fromisoformat(after), 3)]
    assert [f"{at:%H:%M}" for at in local] == expected


@pytest.mark.parametrize("days", [1, 2, 7, 30])
def test_relative_days_run_at_local_midnight(app, days):
    """Whole days run at midnight on the wall, in summer and in winter."""
    found = to_schedule(timedelta(days=days), app, relative=True)
    local = [at.astimezone(LONDON) for at in runs(found, NOON, 12)]
    assert {(at.hour, at.minute) for at in local} == {(0, 0)}
    assert {(b.date() - a.date()).days for a, b in pairwise(local)} == {days}


@pytest.mark.parametrize("days", [1, 2, 7, 30])
def test_relative_days_look_back_as_they_look_ahead(app, days):
    """`previous_before` finds what `next_after` named."""
    found = to_schedule(timedelta(days=days), app, relative=True)
    first, second = runs(found, NOON, 2)
    assert to_utc(found.previous_before(second)) == first
    assert to_utc(found.previous_before(first + timedelta(seconds=1))) == first


def test_relative_days_where_midnight_does_not_exist(make_app):
    """In a zone that skips midnight the run is at the first instant of the day."""
    found = to_schedule(86400, make_app(timezone="America/Santiago"), relative=True)
    assert runs(found, datetime(2026, 9, 5, 12, tzinfo=UTC), 1) == [
        datetime(2026, 9, 6, 4, tzinfo=UTC)
    ]


def test_relative_schedule_objects_count_too(app):
    """`schedule(..., relative=True)` means the same as the entry's key."""
    given = schedules.schedule(timedelta(hours=1), relative=True)
    assert to_schedule(given, app) == to_schedule(3600, app, relative=True)


def test_relative_days_are_equal_and_readable(app):
    """An aligned schedule of days has words, a fingerprint, and can be read back."""
    found = to_schedule(timedelta(days=7), app, relative=True)
    assert found.describe() == "every 7 days at 00:00"
    assert type(found).from_dict(found.to_dict()) == found


def test_nowfun_is_named_in_a_warning(app, caplog):
    """A schedule is pure: `nowfun` is not called, and that is said once, with the entry's name."""
    given = schedules.crontab(minute=0, nowfun=lambda: NOON)
    with caplog.at_level(logging.WARNING):
        found = to_schedule(given, app, name="report")
    assert found == crontab(minute=0, tz=LONDON)
    [record] = caplog.records
    assert "entry 'report': the nowfun of" in record.getMessage()


class Decides(schedules.crontab):
    """Another package's crontab, with a rule of its own."""

    def is_due(self, last_run_at):
        """Decide as the base class does."""
        return super().is_due(last_run_at)


class InZone(schedules.crontab):
    """Another package's crontab that sets its zone, as its users know it."""

    def __init__(self, *args, tz, **kwargs):
        super().__init__(*args, **kwargs)
        self.tz = tz


class Every(schedules.schedule):
    """A subclass that changes no rule."""


class Once(schedules.BaseSchedule):
    """Another package's one-off."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def remaining_estimate(self, last_run_at):
        """Say how long it is until the instant."""
        return self.at - self.now()


class OnlyDue(schedules.BaseSchedule):
    """Another package's schedule that only answers `is_due`."""

    def is_due(self, last_run_at):
        """Look again at the next minute."""
        return schedules.schedstate(is_due=False, next=60 - last_run_at.second)


class Finished(schedules.BaseSchedule):
    """Another package's rule that has come to its end."""

    def remaining_estimate(self, last_run_at):
        """Say that there is no further run."""
        return


def test_a_subclass_that_changes_no_rule_is_converted(app):
    """Only what decides when something is due makes a class foreign."""
    assert to_schedule(Every(60), app) == interval(minutes=1, tz=LONDON)


def test_a_subclass_with_a_zone_of_its_own_keeps_it(app):
    """`tz` set on a subclass is its zone."""
    found = to_schedule(InZone(0, 9, tz=ZoneInfo("Asia/Tokyo")), app)
    assert found == crontab(0, 9, tz="Asia/Tokyo")


def test_a_foreign_schedule_is_asked_itself(app):
    """Other packages' schedules answer for themselves, forwards and backwards."""
    found = to_schedule(Decides("*/10"), app)
    ten, twenty = NOON.replace(minute=10, second=0), NOON.replace(minute=20, second=0)
    assert runs(found, NOON, 2) == [ten, twenty]
    assert to_utc(found.previous_before(twenty)) == ten
    assert to_utc(found.previous_before(ten + timedelta(microseconds=1))) == ten


def test_a_foreign_schedule_is_told_the_time_in_its_own_zone(app):
    """An object with a zone of its own reads its wall clock there."""
    given = Decides(0, 9)
    given.tz = ZoneInfo("America/New_York")
    found = to_schedule(given, app)
    assert str(given.tz) == str(found.tz)  # renewed zones are other objects
    assert runs(found, NOON, 1) == [datetime(2026, 1, 15, 14, tzinfo=UTC)]


def test_a_foreign_schedule_that_cannot_be_pickled_can_be_asked(app):
    """Some packages' `__reduce__` does not fit their constructor; it is not used to copy."""

    class Odd(Once):
        def __reduce__(self):
            return type(self), (1, 2, 3)

    assert runs(to_schedule(Odd(NOON), app), NOON - SECOND, 1) == [NOON]


def test_a_foreign_schedule_is_not_changed(app):
    """The user's object keeps its own clock and app."""
    given = Decides("*/10")
    to_schedule(given, app).next_after(NOON)
    assert given.nowfun is None
    assert given._app is None


def test_a_foreign_one_off_happens_once(app):
    """A one-off of another package has one instant, then none."""
    found = to_schedule(Once(NOON), app)
    assert runs(found, NOON - timedelta(days=400), 3) == [NOON]
    assert found.next_after(NOON) is None
    assert to_utc(found.previous_before(NOON + timedelta(days=90))) == NOON
    assert found.previous_before(NOON) is None


def test_a_foreign_schedule_may_only_answer_is_due(app):
    """Without `remaining_estimate`, `is_due` says when to look again."""
    assert runs(to_schedule(OnlyDue(), app), NOON, 1) == [NOON.replace(minute=8, second=0)]


def test_a_foreign_schedule_may_end(app):
    """None means never again."""
    assert to_schedule(Finished(), app).next_after(NOON) is None


def test_foreign_schedules_compare_by_what_they_say(app):
    """Two objects that say the same are the same schedule: a restart is no edit."""
    one, two = to_schedule(Decides("*/10"), app), to_schedule(Decides("*/10"), app)
    other = to_schedule(Decides("*/5"), app)
    assert one == two
    assert hash(one) == hash(two)
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()
    assert one != other
