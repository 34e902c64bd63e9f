"""What Celery's beat and its like ask of a schedule: due or not, how long, in whose zone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic import to_zone
from periodic.errors import ScheduleError
from periodic.schedules import (
    Schedule,
    calendar_interval,
    clocked,
    cron,
    crontab,
    dates,
    exclude,
    interval,
    solar,
    union,
    window,
)
from periodic.schedules.celery_face import NEVER

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def app(zone: Any = NEW_YORK, **conf: Any) -> Any:
    """Return what a schedule sees of a Celery application."""
    settings = {"enable_utc": True, "beat_cron_starting_deadline": None, **conf}
    return SimpleNamespace(timezone=zone, conf=SimpleNamespace(**settings))


def at(schedule: Any, now: datetime) -> Any:
    """Return the schedule with its time stopped at `now`."""
    schedule.nowfun = lambda: now
    return schedule


def suns() -> Schedule:
    """Return a solar schedule, where its library is installed."""
    pytest.importorskip("ephem", reason="ephem (the extra `solar`) is not installed")
    return solar("sunset", 51.5, -0.1)


MAKERS: dict[str, Callable[[], Any]] = {
    "interval": lambda: interval(minutes=90),
    "crontab": lambda: crontab(minute="*/15"),
    "fixed crontab": lambda: crontab(30, 2, tz="Europe/London"),
    "cron": lambda: cron("*/10 * * * 1,2,3,4,5"),
    "calendar interval": lambda: calendar_interval(days=1, at="13:30"),
    "union": lambda: union(crontab(30, 2), interval(hours=5)),
    "exclude": lambda: exclude(crontab(0), dates("2026-03-03")),
    "window": lambda: window(crontab(0), start=NOON, end=NOON + timedelta(days=9)),
    "once": lambda: clocked(NOON + timedelta(hours=1)),
    "sun": suns,
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))


@each
def test_due_from_the_instant_on(make: Callable[[], Any]) -> None:
    """Not due a microsecond before the instant, due at it, and never twice for it."""
    schedule = make()
    instant = schedule.next_after(NOON)

    early = at(schedule, instant - timedelta(microseconds=1)).is_due(NOON)
    assert (False, 1e-6) == early
    due, wait = at(schedule, instant).is_due(NOON)
    assert due
    assert wait > 0
    again, wait_again = schedule.is_due(schedule.now())
    assert not again
    assert wait == wait_again


@each
def test_waits_lead_to_every_instant(make: Callable[[], Any]) -> None:
    """Whoever sleeps for the answer's seconds meets each instant of `next_after`, exactly."""
    schedule, now, last = make(), NOON, NOON
    met: list[datetime] = []
    for _ in range(8):
        due, wait = at(schedule, now).is_due(last)
        if due:
            met.append(now)
            last = now
        if wait == NEVER:
            break
        now += timedelta(seconds=wait)

    expected, instant = [], schedule.next_after(NOON)
    while instant is not None and len(expected) < len(met):
        expected.append(instant)
        instant = schedule.next_after(instant)
    assert met
    assert expected == met


@each
def test_missed_instants_are_one_run(make: Callable[[], Any]) -> None:
    """After a long stop the schedule is due once, and then waits for the next instant."""
    schedule = at(make(), NOON + timedelta(days=3, seconds=7))

    assert schedule.is_due(NOON).is_due
    assert not schedule.is_due(schedule.now()).is_due


@each
def test_answer_has_celerys_form(make: Callable[[], Any]) -> None:
    """The answer is a pair with the names `is_due` and `next`, a bool and seconds."""
    answer = at(make(), NOON).is_due(NOON)

    assert isinstance(answer, tuple)
    assert ("is_due", "next") == answer._fields
    assert isinstance(answer.is_due, bool)
    assert isinstance(answer.next, float)


@each
def test_naive_last_run_is_utc(make: Callable[[], Any]) -> None:
    """A naive `last_run_at` and a naive `nowfun` mean UTC, as in Celery, in any zone."""
    schedule = make()
    schedule.app = app()

    aware = at(schedule, NOON + timedelta(hours=5)).is_due(NOON)
    assert aware == schedule.is_due(NOON.replace(tzinfo=None))
    assert aware == at(schedule, datetime(2026, 3, 2, 17, 0)).is_due(NOON)


@each
def test_remaining_estimate_is_from_now(make: Callable[[], Any]) -> None:
    """The estimate is positive before the instant, zero at it, and negative after it."""
    schedule = make()
    instant = schedule.next_after(NOON)

    for late in (timedelta(minutes=-1), timedelta(0), timedelta(minutes=1)):
        assert -late == at(schedule, instant + late).remaining_estimate(NOON)


def test_nothing_to_come() -> None:
    """A schedule that is over is never due, estimates None, and lets the beat wait for years."""
    once = at(clocked(NOON), NOON + timedelta(hours=1))

    assert (True, NEVER) == once.is_due(NOON - timedelta(hours=1))
    assert (False, NEVER) == once.is_due(NOON)
    assert once.remaining_estimate(NOON) is None


def test_far_waits_are_bounded() -> None:
    """A wait is never longer than the one for "nothing to come": a beat adds it to its clock."""
    assert (False, NEVER) == at(clocked(datetime(9000, 1, 1, tzinfo=UTC)), NOON).is_due(NOON)


AUTUMN = [
    # last run, now, due: New York reads 01:00 to 02:00 twice, from 05:00Z and from 06:00Z.
    ("05:15", "05:29", False),
    ("05:15", "05:30", True),
    ("05:30", "06:29", False),
    ("05:30", "06:30", False),
    ("05:30", "06:31", False),
    ("06:10", "06:30", False),
]


@pytest.mark.parametrize(("last", "now", "due"), AUTUMN)
def test_fixed_reading_counts_once_in_the_repeated_hour(last: str, now: str, due: object) -> None:
    """`30 1` is due in the first pass alone, whenever the beat was started."""
    schedule = crontab(30, 1, app=app(), nowfun=lambda: night(now))

    assert due == schedule.is_due(to_zone(night(last), NEW_YORK)).is_due
    assert schedule.is_due(night(last)).next > 0


def night(clock: str) -> datetime:
    """Return a time of the autumn night, in UTC."""
    return datetime.fromisoformat(f"2026-11-01T{clock}:00+00:00")


def test_wildcard_keeps_its_pace_in_the_repeated_hour() -> None:
    """`*/15` waits a quarter of an hour at most, also from a last run in either pass."""
    schedule = crontab("*/15", app=app())
    for quarter in range(16):
        now = night("04:00") + timedelta(minutes=15 * quarter)
        assert (True, 900.0) == at(schedule, now).is_due(now - timedelta(minutes=15))


def test_gap_runs_at_its_end() -> None:
    """`30 2` is due at 03:00, where 02:30 does not exist."""
    spring = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    schedule = at(crontab(30, 2, app=app()), spring)

    assert schedule.is_due(spring - timedelta(hours=2)).is_due
    assert timedelta(hours=-1) == at(schedule, spring + timedelta(hours=1)).remaining_estimate(
        spring - timedelta(hours=2)
    )


def test_zone_is_the_applications() -> None:
    """A schedule without a zone reads its application's clock, and follows a new application."""
    schedule = at(crontab(0, 9), NOON)
    assert schedule.tz is None
    assert timedelta(hours=21) == schedule.remaining_estimate(NOON)

    schedule.app = app()
    assert str(NEW_YORK) == str(schedule.tz)
    assert timedelta(hours=2) == schedule.remaining_estimate(NOON)
    schedule.app = app(ZoneInfo("Asia/Tokyo"))
    assert timedelta(hours=12) == schedule.remaining_estimate(NOON)


def test_own_zone_comes_first() -> None:
    """A schedule with a zone keeps it under any application."""
    schedule = at(crontab(0, 9, tz="Asia/Tokyo", app=app()), NOON)

    assert "Asia/Tokyo" == str(schedule.tz)
    assert timedelta(hours=12) == schedule.remaining_estimate(NOON)


def test_application_is_no_part_of_the_rule() -> None:
    """`next_after` and equality never look at the application: the rule alone answers them."""
    schedule, alone = crontab(0, 9, app=app()), crontab(0, 9)

    assert alone == schedule
    assert alone.next_after(NOON) == schedule.next_after(NOON)
    assert "America/New_York" == str(schedule.in_zone(NEW_YORK).tz)
    assert "Asia/Tokyo" == str(schedule.in_zone(ZoneInfo("Asia/Tokyo")).tz)


def test_zone_without_a_name_is_refused() -> None:
    """A zone that is only an offset says nothing about summer time, so it is no answer."""
    offset = timezone(timedelta(hours=-5))
    schedule = crontab(0, 9, app=app(offset), nowfun=lambda: NOON)

    with pytest.raises(ScheduleError, match="has no IANA name"):
        schedule.is_due(NOON)
    assert pickle.loads(pickle.dumps(crontab(0, 9, app=app(offset)))).tz is None


def moment() -> datetime:
    """Return noon; pickle finds it by its name."""
    return NOON


@each
def test_copies_remember_their_application(make: Callable[[], Any]) -> None:
    """A copy without its application keeps its zone, deadline and `nowfun`: so does a beat's file.

    Celery sets the application of what it has read to None.
    """
    schedule = make()
    schedule.nowfun = moment
    schedule.app = app(beat_cron_starting_deadline=60, enable_utc=False)
    later = pickle.loads(pickle.dumps(schedule))
    later.app = None
    twice = pickle.loads(pickle.dumps(later))

    for again in (copy.copy(schedule), copy.deepcopy(schedule), later, twice):
        assert again.app is None
        assert str(schedule.tz) == str(again.tz)  # renewed zones are other objects
        assert schedule.is_due(NOON) == again.is_due(NOON)
        assert NOON == again.now()
        assert not again.utc_enabled
        again.app = app(ZoneInfo("Asia/Tokyo"))
        assert again.utc_enabled


@pytest.mark.parametrize(
    ("deadline", "due"), [(None, True), (7, True), (6.9, False), (0, False), (3600, True)]
)
def test_starting_deadline(deadline: float | None, due: object) -> None:
    """A crontab's latest missed instant must be within `beat_cron_starting_deadline`."""
    seven_late = NOON + timedelta(seconds=7)
    schedule = crontab(0, "*/6", app=app(UTC, beat_cron_starting_deadline=deadline))

    answer = at(schedule, seven_late).is_due(NOON - timedelta(days=2))

    assert (due, 6 * 3600 - 7.0) == answer
    assert (True, 6 * 3600.0) == at(schedule, NOON).is_due(NOON - timedelta(days=2))


def test_starting_deadline_is_about_crontabs() -> None:
    """As in Celery, intervals do not know the deadline."""
    schedule = interval(hours=6)
    schedule.app = app(UTC, beat_cron_starting_deadline=1)

    assert at(schedule, NOON + timedelta(minutes=1)).is_due(NOON - timedelta(days=2)).is_due


@pytest.mark.parametrize("keyword", ["app", "nowfun"])
def test_constructor_arguments_where_celery_has_them(keyword: str) -> None:
    """`crontab(...)` and `solar(...)` take `app` and `nowfun`, which are no part of equality."""
    pytest.importorskip("ephem", reason="ephem (the extra `solar`) is not installed")
    given: dict[str, Any] = {keyword: moment}

    assert moment is getattr(crontab(**given), keyword)
    assert moment is getattr(solar("sunset", 1, 2, **given), keyword)
    assert crontab() == crontab(**given)
    assert keyword not in crontab(**given).to_dict()
    assert repr(crontab()) == repr(crontab(**given))


def test_now_is_the_machines_in_utc(time_machine: Any) -> None:
    """Without `nowfun` the time is the machine's, in UTC: sums with it are right in any night."""
    repeated = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    time_machine.move_to(repeated, tick=False)

    schedule = crontab(app=app())
    assert repeated == schedule.now()
    assert UTC is schedule.now().tzinfo
    local = to_zone(repeated, NEW_YORK)
    assert repeated == at(schedule, local).now()
    assert UTC is schedule.now().tzinfo


def test_maybe_make_aware() -> None:
    """Aware stays as it is; naive is UTC in the schedule's zone, or a reading of its clock."""
    schedule, naive = crontab(app=app()), datetime(2026, 3, 2, 12, 0)

    assert NOON is schedule.maybe_make_aware(NOON)
    assert "2026-03-02T07:00:00-05:00" == schedule.maybe_make_aware(naive).isoformat()
    reading = schedule.maybe_make_aware(naive, naive_as_utc=False)
    assert "2026-03-02T12:00:00-05:00" == reading.isoformat()
    assert NOON == crontab().maybe_make_aware(naive)


def test_to_local() -> None:
    """An instant stays as it is, but under `enable_utc=False` it is told in the zone."""
    assert NOON is crontab(app=app()).to_local(NOON)
    local = crontab(app=app(enable_utc=False)).to_local(NOON.replace(tzinfo=None))
    assert "2026-03-02T07:00:00-05:00" == local.isoformat()
    assert crontab().utc_enabled


def test_fields_as_given() -> None:
    """What was given is kept under Celery's names, as other schedulers store it."""
    schedule = crontab("*/15", 3, "mon-fri", [2, 1], "jan")

    assert ("*/15", 3, "mon-fri", (1, 2), "jan") == (
        schedule._orig_minute,
        schedule._orig_hour,
        schedule._orig_day_of_week,
        schedule._orig_day_of_month,
        schedule._orig_month_of_year,
    )


@pytest.mark.parametrize(("clock", "due"), [("05:30", True), ("06:30", False)])
def test_right_under_freezegun(clock: str, due: object) -> None:
    """A test frozen in either pass of the repeated hour sees the right pass."""
    schedule = crontab(30, 1, app=app())
    with freeze_time(night(clock).replace(tzinfo=None)):
        assert due == schedule.is_due(schedule.now() - timedelta(minutes=10)).is_due
