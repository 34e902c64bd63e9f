"""`union` and `window`: sets of instants, put together and cut."""

from __future__ import annotations

import json
import os
import pickle
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import (
    Entry,
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
    weekends,
    window,
)
from periodic.errors import ScheduleError

from . import expressions

START = datetime(2026, 10, 20, tzinfo=UTC)
END = datetime(2026, 11, 5, tzinfo=UTC)
NEW_YORK = "America/New_York"


def utc(schedule: Schedule, start: datetime = START, end: datetime = END) -> set[datetime]:
    """Return the instants of a schedule in UTC."""
    return {at.astimezone(UTC) for at in schedule.between(start, end)}


def chained(schedule: Schedule, start: datetime = START, end: datetime = END) -> list[str]:
    """Return what `next_after` gives step by step, as ISO strings with offsets."""
    found = []
    at = schedule.next_after(start - timedelta(microseconds=1))
    while at is not None and at.astimezone(UTC) < end:
        found.append(at.isoformat())
        at = schedule.next_after(at)
    return found


def backward(schedule: Schedule, start: datetime = START, end: datetime = END) -> list[str]:
    """Return what `previous_before` gives step by step, in order of time."""
    found = []
    at = schedule.previous_before(end)
    while at is not None and at.astimezone(UTC) >= start:
        found.append(at.isoformat())
        at = schedule.previous_before(at)
    return found[::-1]


def test_a_union_is_the_set_of_all_instants() -> None:
    """Random schedules in several zones: each instant of any of them, once, in order."""
    random = Random(11)
    zones = [NEW_YORK, "Europe/London", "Australia/Lord_Howe"]
    for _ in range(40 if "PERIODIC_ORACLE" in os.environ else 10):
        members: list[Schedule] = [
            crontab(**expressions.crontab(random)[0], tz=random.choice(zones))
            for _ in range(random.randint(1, 3))
        ]
        members.append(interval(hours=random.randint(1, 9), tz="UTC"))
        together = union(*members, tz=random.choice(zones))
        expected = sorted(set().union(*(utc(member) for member in members)))

        found = list(together.between(START, END))
        assert expected == [at.astimezone(UTC) for at in found], together
        texts = [at.isoformat() for at in found]
        assert texts == chained(together), together
        assert texts == backward(together), together
        assert {str(together.tz)} == {str(at.tzinfo) for at in found}


def test_autumn_in_a_union() -> None:
    """Both passes of the repeated hour are two instants, though their readings are equal."""
    both = union(
        crontab(30, 1, tz=NEW_YORK),
        clocked(datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        tz=NEW_YORK,
    )

    found = both.between(datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 9, tzinfo=UTC))
    assert ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"] == [
        at.isoformat() for at in found
    ]
    first = both.next_after(datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert first is not None
    second = both.next_after(first)
    assert second is not None
    assert ("2026-11-01T01:30:00-05:00", 1) == (second.isoformat(), second.fold)
    assert first == both.previous_before(second)


def test_the_zone_of_a_union() -> None:
    """Its own zone, else the one on which all agree, else it is left to the application."""
    london, york = crontab(0, 9, tz="Europe/London"), crontab(0, 9, tz=NEW_YORK)
    tokyo = ZoneInfo("Asia/Tokyo")

    assert "Europe/London" == str(union(london, crontab(0, 10, tz="Europe/London")).tz)
    assert union(london, york).tz is None
    assert union(london, crontab(0, 9)).tz is None
    assert NEW_YORK == str(union(london, crontab(0, 9), tz=NEW_YORK).tz)
    settled = union(london, crontab(0, 9)).in_zone(tokyo)
    at = datetime(2026, 3, 6, tzinfo=UTC)
    assert settled is settled.in_zone(UTC)
    assert ["2026-03-06T18:00:00+09:00", "2026-03-07T09:00:00+09:00"] == [
        found.isoformat()
        for found in settled.between(at + timedelta(hours=1), at + timedelta(hours=25))
    ]


def test_order_repetition_and_nesting_mean_nothing() -> None:
    """A union is a set: it equals another one of the same members."""
    one, two, three = crontab(0, 9), crontab(0, 10), interval(hours=1)
    flat = union(one, two, three)

    for other in (union(three, two, one, one), union(one, union(two, union(three)))):
        assert flat == other
        assert hash(flat) == hash(other)
        assert flat.fingerprint() == other.fingerprint()
    assert flat != union(one, two)
    assert flat != union(one, two, three, tz="UTC")
    assert flat.fingerprint() != union(one, two).fingerprint()


def test_an_entrys_name_reaches_the_members() -> None:
    """`H` in a member is settled by the entry's name, however deep it stands."""
    spread = window(union(exclude(cron("H 3 * * *"), weekends()), cron("H 5 * * *")), start=START)
    entry = Entry(name="report", task="t", schedule=spread)
    found = entry.schedule.next_after(START)
    expected = cron("H 3 * * *", name="report").next_after(START)

    assert expected == found
    assert entry.schedule is entry.schedule.named("other")
    assert entry.schedule == Schedule.from_dict(entry.schedule.to_dict())


def test_window_cuts_at_both_ends() -> None:
    """The start is in, the end is not; either may be left out."""
    hourly = interval(hours=1, tz="UTC")
    first, last = START + timedelta(hours=5), START + timedelta(hours=8)
    inside = window(hourly, start=first, end=last)

    expected = [(START + timedelta(hours=n)).isoformat() for n in (5, 6, 7)]
    assert expected == [at.isoformat() for at in inside.between(START, END)]
    assert expected == chained(inside)
    assert expected == backward(inside)
    assert inside.next_after(last) is None
    assert inside.previous_before(first) is None
    assert [] == list(inside.between(last, END))
    assert [] == list(inside.between(START, first))
    assert first == window(hourly, start=first).next_after(START)
    assert last - timedelta(hours=1) == window(hourly, end=last).previous_before(END)
    assert START == window(hourly, end=last).next_after(START - timedelta(minutes=1))


def test_the_ends_of_time() -> None:
    """A window from the first instant on, and questions at both ends, are no errors."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    weekly = interval(weeks=1, tz="UTC")
    for schedule in (
        window(weekly, start=first),
        window(weekly, end=last),
        union(weekly, crontab(0, 0, 1, tz="Pacific/Apia")),
        exclude(weekly, weekends()),
        exclude(weekly, weekends("thu"), "next_business_day"),
        exclude(calendar_interval(days=1, tz="Pacific/Apia"), weekends()),
    ):
        assert schedule.next_after(last) is None
        assert schedule.previous_before(first) is None
        assert schedule.next_after(first) is not None
        assert schedule.previous_before(last) is not None


def test_the_sun_in_combinations() -> None:
    """Sunrise on working days, or at 08:00 where that is earlier, within a season."""
    pytest.importorskip("ephem", reason="ephem (the extra `solar`) is not installed")
    sunrise = solar("sunrise", 51.5, -0.1)
    shop = window(
        exclude(union(sunrise, crontab(0, 8)), weekends(base=dates("2026-10-26"))),
        start=START,
        end=END,
    ).in_zone(ZoneInfo("Europe/London"))
    found = list(shop.between(START - timedelta(days=9), END + timedelta(days=9)))

    assert 22 == len(found)
    assert {0, 1, 2, 3, 4} == {at.weekday() for at in found}
    assert 26 not in {at.day for at in found}
    assert shop == Schedule.from_dict(json.loads(json.dumps(shop.to_dict())))
    # A moved sunrise keeps its wall time, to the second.
    moved = exclude(sunrise, dates("2026-10-24"), "next_business_day").in_zone(ZoneInfo("UTC"))
    saturday, sunday = sunrise.between(START + timedelta(days=4), START + timedelta(days=6))
    assert sorted([saturday + timedelta(days=1), sunday]) == list(
        moved.between(START + timedelta(days=4), START + timedelta(days=6))
    )


MAKERS = {
    "union": lambda: union(crontab(0, 9, tz="Europe/London"), interval(hours=5), tz=NEW_YORK),
    "open union": lambda: union(crontab(0, 9, tz="Europe/London"), cron("0 5 L * *")),
    "window": lambda: window(crontab(0, 9), start=START, end=END),
    "half a window": lambda: window(crontab(0, 9, tz=NEW_YORK), end=END),
    "nested": lambda: window(
        union(exclude(crontab(0, 9), weekends(name="free", base=dates("2026-12-25"))), crontab()),
        start=START,
    ),
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_values(name: str) -> None:
    """JSON, pickle, copies and repr give an equal schedule; nothing can be set."""
    schedule = MAKERS[name]()
    schedule.app = object()
    data = json.loads(json.dumps(schedule.to_dict()))

    for again in (
        Schedule.from_dict(data),
        type(schedule).from_dict(data),
        pickle.loads(pickle.dumps(MAKERS[name]())),
        eval(repr(schedule)),
    ):
        assert schedule == again
        assert hash(schedule) == hash(again)
        assert schedule.fingerprint() == again.fingerprint()
        assert schedule.to_dict() == again.to_dict()
        assert repr(schedule) == repr(again)
    settled = schedule.in_zone(ZoneInfo("Asia/Tokyo"))
    assert settled is schedule if schedule.to_dict().get("tz") else settled.tz is not None
    assert settled.app is schedule.app
    with pytest.raises(AttributeError, match="immutable; make another one"):
        schedule.start = None
    with pytest.raises(ValueError, match="naive"):
        schedule.next_after(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="naive"):
        schedule.previous_before(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (union(crontab(0, 9), interval(hours=5)), "at 09:00 every day; and every 5 hours"),
        (
            union(crontab(0, 9, "mon-fri"), crontab(0, 12, "sat"), tz="Europe/London"),
            "every weekday at 09:00; and every Saturday at 12:00, Europe/London",
        ),
        (
            union(crontab(0, 9, tz="Europe/London"), crontab(0, 9, tz=NEW_YORK)),
            "at 09:00 every day, Europe/London; and at 09:00 every day, America/New_York",
        ),
        (
            window(crontab(0, 9, tz=NEW_YORK), start=START, end=END),
            (
                "at 09:00 every day, America/New_York, from 2026-10-19 20:00:00-04:00, "
                "before 2026-11-04 19:00:00-05:00"
            ),
        ),
    ],
)
def test_describe(schedule: Schedule, words: str) -> None:
    """Combinations read as sentences; a common zone is said once."""
    assert words == schedule.describe()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (union, "union() needs one schedule or more, such as union(a, b)"),
        (lambda: union("daily"), "union: 'daily' is not a schedule such as crontab(minute=0)"),
        (lambda: union([crontab()]), "is not a schedule"),
        (lambda: union(crontab(), tz="London"), "did you mean 'Europe/London'?"),
        (lambda: window(crontab()), "window() needs start=, end= or both"),
        (lambda: window("x", end=END), "window: 'x' is not a schedule"),
        (lambda: window(crontab(), start=datetime(2026, 1, 1)), "start=datetime.datetime(2026, 1"),
        (lambda: window(crontab(), start=END, end=START), "is not after start="),
        (lambda: window(crontab(), start=END, end=END), "window: end="),
        (lambda: union.from_dict({"kind": "union"}), "union needs the field 'schedules'"),
        (
            lambda: union.from_dict({"kind": "union", "schedules": "x"}),
            "union: schedules='x' is not a list of schedules",
        ),
        (
            lambda: Schedule.from_dict({"kind": "window", "schedule": {"kind": "x"}, "end": None}),
            "unknown kind of schedule 'x'",
        ),
        (
            lambda: Schedule.from_dict({"kind": "window", "schedule": {}, "ends": None}),
            "window has no field 'ends'; did you mean 'end'?",
        ),
        (
            lambda: Schedule.from_dict({"kind": "exclude", "schedule": 5, "calendar": 5}),
            "exclude: 5 is not a schedule",
        ),
    ],
)
def test_refused(make: Any, message: str) -> None:
    """What is no schedule, no span or no data of one is refused by name."""
    with pytest.raises(ScheduleError) as caught:
        make()

    assert message in str(caught.value)


def test_deep_nesting_is_refused() -> None:
    """No nesting exhausts the stack: neither schedules nor their data."""
    schedule: Schedule = crontab()
    for _ in range(16):
        schedule = window(schedule, end=END)
    assert schedule == Schedule.from_dict(schedule.to_dict())
    with pytest.raises(ScheduleError, match="nested more than 16 deep; make it flatter"):
        window(schedule, end=END)
    data: dict[str, Any] = crontab().to_dict()
    for _ in range(100_000):
        data = {"kind": "union", "schedules": [data]}
    with pytest.raises(ScheduleError, match="the data is nested more than 64 levels deep"):
        Schedule.from_dict(data)
    while data.get("schedules"):  # else taking it apart would be as deep
        data = data["schedules"][0]
    together = crontab()
    for hour in range(24):
        together = union(together, crontab(0, hour))  # flat, whatever the number
    assert 25 == len(together.schedules)


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    """A union and a window are as lazy as their members."""
    far = datetime(9999, 1, 1, tzinfo=UTC)
    both = window(union(crontab(), interval(seconds=1)), start=START)

    assert 3 == len(list(islice(both.between(START, far), 3)))
