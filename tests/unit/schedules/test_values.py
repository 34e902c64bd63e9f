"""What all schedules share: immutable, hashable, picklable, JSON both ways, settled zones."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic.errors import ScheduleError
from periodic.schedules import Schedule, clocked, cron, crontab, interval, solar

AT = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def suns() -> Schedule:
    """Return a solar schedule, where its library is installed."""
    pytest.importorskip("ephem", reason="ephem (the extra `solar`) is not installed")
    return solar("sunset", 51.5, -0.1, offset=timedelta(minutes=-30), tz="Europe/London")


MAKERS: dict[str, Callable[[], Schedule]] = {
    "interval": lambda: interval(minutes=90),
    "anchored": lambda: interval(0.1, anchor=AT + timedelta(milliseconds=1), tz="Asia/Kathmandu"),
    "odd interval": lambda: interval(timedelta(days=2, microseconds=3)),
    "every minute": crontab,
    "crontab": lambda: crontab(
        "*/15", {1, 2}, "mon-fri", [1, 15], "jan", tz=ZoneInfo("Europe/London")
    ),
    "options": lambda: crontab(30, 2, tz="UTC", on_gap="shift", on_fold="last"),
    "cron": lambda: cron("30 */15 9 L-3,15W 1-6 fri#2", tz="Europe/London"),
    "cron macro": lambda: cron("@weekly", on_gap="skip", on_fold="both"),
    "cron by name": lambda: cron("H H(0-5) * * *", tz="UTC", name="report"),
    "once": lambda: clocked(AT),
    "once in a zone": lambda: clocked(AT, tz="America/New_York"),
    "sun": suns,
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))


@each
def test_pickle_round_trip(make: Callable[[], Schedule]) -> None:
    """Every protocol gives an equal schedule with the same instants, without the application."""
    schedule = make()
    schedule.app = object()

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(schedule, protocol))
        assert schedule == again
        assert type(schedule) is type(again)
        assert schedule.next_after(AT) == again.next_after(AT)
        assert again.app is None


@each
def test_json_round_trip(make: Callable[[], Schedule]) -> None:
    """`to_dict` is JSON; the base and the class both read it back."""
    schedule = make()
    data = json.loads(json.dumps(schedule.to_dict()))

    for again in (Schedule.from_dict(data), type(schedule).from_dict(data)):
        assert schedule == again
        assert schedule.fingerprint() == again.fingerprint()
        assert schedule.to_dict() == again.to_dict()


@each
def test_repr_evaluates(make: Callable[[], Schedule]) -> None:
    """The repr is the call that makes an equal schedule."""
    schedule = make()

    assert schedule == eval(repr(schedule))  # our own text


@each
def test_immutable_but_for_celery(make: Callable[[], Schedule]) -> None:
    """Only `app` and `nowfun` may be set, and they are no part of equality or hash."""
    schedule, twin = make(), make()
    before = hash(schedule)

    with pytest.raises(AttributeError, match="immutable; make another one"):
        schedule.kind = "other"
    with pytest.raises(AttributeError, match="immutable; make another one"):
        schedule.anything = 1
    with pytest.raises(AttributeError, match="immutable; make another one"):
        del schedule._zone
    schedule.app, schedule.nowfun = object(), datetime.now
    assert schedule == twin
    assert before == hash(schedule) == hash(twin)
    assert {schedule: 1}[twin] == 1
    assert schedule.fingerprint() == twin.fingerprint()


@each
def test_copies_are_equal(make: Callable[[], Schedule]) -> None:
    """Copies are equal schedules; `nowfun` travels, the application does not."""
    schedule = make()
    schedule.nowfun = datetime.now

    for again in (copy.copy(schedule), copy.deepcopy(schedule)):
        assert schedule == again
        assert again.nowfun == datetime.now


@each
def test_in_zone_settles_once(make: Callable[[], Schedule]) -> None:
    """A schedule without a zone gets one; a settled one stays itself."""
    schedule = make()
    app = schedule.app = object()

    settled = schedule.in_zone(ZoneInfo("Asia/Tokyo"))

    if schedule.tz is None:
        assert "Asia/Tokyo" == str(settled.tz)
        assert settled != schedule
        assert settled.app is app
        found = settled.next_after(AT - timedelta(minutes=1))
        assert found is not None
        assert "+09:00" == found.isoformat()[-6:]
    else:
        assert settled is schedule
    assert settled is settled.in_zone(UTC)


@each
def test_next_and_previous_undo_each_other(make: Callable[[], Schedule]) -> None:
    """`previous_before` of the instant after the next one is the next one."""
    schedule = make()
    found = schedule.next_after(AT - timedelta(microseconds=1))

    assert found is not None
    assert found >= AT
    assert found == schedule.previous_before(found + timedelta(microseconds=1))
    before = schedule.previous_before(found)
    assert before is None or found == schedule.next_after(before)


@each
def test_between_is_half_open(make: Callable[[], Schedule]) -> None:
    """The start is included, the end is not, and nothing is computed before it is asked for."""
    schedule = make()
    first = schedule.next_after(AT - timedelta(microseconds=1))
    assert first is not None
    end = schedule.next_after(first)

    assert [first] == list(schedule.between(first, end or first + timedelta(days=1)))
    assert [] == list(schedule.between(first, first))
    endless = schedule.between(first, datetime(9999, 1, 1, tzinfo=UTC))
    assert first == next(endless)


@each
def test_range_of_naive_datetimes_is_refused(make: Callable[[], Schedule]) -> None:
    """`between` says at the call, not at the first instant, that a datetime is naive."""
    schedule = make()

    with pytest.raises(ValueError, match="naive"):
        schedule.between(AT, AT.replace(tzinfo=None))


def test_kinds_are_never_equal() -> None:
    """Schedules of different kinds differ even where they yield the same instants."""
    assert crontab(minute="*/5") != interval(minutes=5)
    assert crontab(minute="*/5").fingerprint() != interval(minutes=5).fingerprint()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "cronttab"}, "unknown kind of schedule 'cronttab'; known kinds: "),
        ({"minute": 5}, "unknown kind of schedule None"),
        ({"kind": "crontab", "minut": 5}, "crontab has no field 'minut'; did you mean 'minute'?"),
        ({"kind": "interval", "every": 5, "x": 5}, "interval has no field 'x'; known: every, "),
        ({"kind": "interval"}, "interval needs the field 'every'"),
        ({"kind": "clocked"}, "clocked needs the field 'at'"),
        ({"kind": "clocked", "at": "soon"}, "at='soon' is not an ISO 8601 date and time"),
        ({"kind": "clocked", "at": "2026-01-01T00:00"}, "names no instant"),
        ({"kind": "interval", "every": 5, "anchor": "x"}, "anchor='x' is not an ISO 8601"),
        ({"kind": "crontab", "tz": "Mars"}, "unknown time zone 'Mars'"),
    ],
    ids=str,
)
def test_refused_data(data: dict[str, Any], message: str) -> None:
    """Data that is no schedule is refused by name."""
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_dict(data)

    assert message in str(caught.value)


def test_a_class_refuses_another_class() -> None:
    """`crontab.from_dict` makes crontabs only."""
    with pytest.raises(ScheduleError, match="'interval' is a interval, not a crontab"):
        crontab.from_dict(interval(5).to_dict())


@pytest.mark.parametrize(
    ("tz", "name"),
    [
        ("Europe/London", "Europe/London"),
        (ZoneInfo("Europe/London"), "Europe/London"),
        ("UTC", "UTC"),
        (UTC, "UTC"),
        (ZoneInfo("UTC"), "UTC"),
    ],
)
def test_zones_by_name_or_object(tz: Any, name: str) -> None:
    """A name and its ZoneInfo are the same zone."""
    schedule = crontab(tz=tz)

    assert name == schedule.to_dict()["tz"]
    assert name == str(schedule.tz)
    assert schedule == crontab(tz=name)


@pytest.mark.parametrize(
    ("tz", "message"),
    [
        ("Europe/Londn", "unknown time zone 'Europe/Londn'; did you mean 'Europe/London'"),
        ("london", "did you mean 'Europe/London'?"),
        ("new york", "did you mean 'America/New_York'?"),
        ("europe/paris", "did you mean 'Europe/Paris'"),
        ("Mars/Olympus", "pass an IANA name such as 'Europe/London' or 'UTC'"),
        ("", "unknown time zone ''"),
        ("Europe", "unknown time zone 'Europe'"),
        ("../../etc/passwd", "unknown time zone"),
        ("/etc/localtime", "unknown time zone"),
        ("a\0b", "unknown time zone"),
        (timezone(timedelta(hours=2)), "has no IANA name; pass a name such as"),
        (5, "tz=5 has no IANA name"),
    ],
    ids=repr,
)
def test_refused_zones(tz: Any, message: str) -> None:
    """An unknown zone is refused with the nearest names; an offset is not a zone."""
    with pytest.raises(ScheduleError) as caught:
        crontab(tz=tz)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {"kind": "interval", "every": 5, "anchor": "0001-01-01T00:00+14:00"},
        {"kind": "crontab", "minute": 10**5000},
        {"kind": "crontab", "minute": [10**5000]},
        {"kind": "crontab", "minute": "1," * 100_000 + "1"},
        {"kind": "crontab", "minute": list(range(60)) * 20_000},
        {"kind": "crontab", "tz": "A" * 10**6},
    ],
)
def test_hostile_data_is_one_short_sentence(data: Any) -> None:
    """Whatever stands in the place of a schedule's data is a ScheduleError that can be read."""
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_dict(data)

    assert len(str(caught.value)) < 300


def test_between_may_begin_with_time_itself() -> None:
    """The first instant that can be written is a start like any other."""
    once = clocked(datetime(2026, 3, 2, tzinfo=UTC))
    start = datetime.min.replace(tzinfo=UTC)

    assert 1 == len(list(once.between(start, datetime(2027, 1, 1, tzinfo=UTC))))
