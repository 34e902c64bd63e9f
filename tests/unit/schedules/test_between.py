"""`between` and the tables behind it: the same instants as asking one by one, everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic import to_utc
from periodic.schedules import cron, crontab, interval
from periodic.schedules.base import Schedule

from . import expressions
from .oracle import changes
from .test_oracle import ZONES

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

NAMES = [zone for zone, _, _ in ZONES]
PER_ZONE = 60
MICROSECOND = timedelta(microseconds=1)
OPTIONS = [(gap, fold) for gap in ("run", "skip", "shift") for fold in ("auto", "last", "both")]


@cache
def moments(zone: str) -> list[datetime]:
    """Return instants near the zone's changes and one far from all of them."""
    first, last = next((first, last) for name, first, last in ZONES if name == zone)
    return [*changes(ZoneInfo(zone), first, last), datetime(first, 3, 2, 15, 7, tzinfo=UTC)]


def shown(at: datetime) -> str:
    """Return an instant with its fold, which datetimes of one zone do not compare."""
    return f"{at.isoformat()} fold={at.fold}"


def chain(schedule: Schedule, at: datetime | None, end: datetime) -> Iterator[datetime]:
    """Yield what `next_after` says from `at` on, `at` itself included if it is a run."""
    if at is not None and (before := schedule.previous_before(at)) is not None:
        at = schedule.next_after(before)  # a run at `at`, or the first one after it
    while at is not None and to_utc(at) < end:
        yield at
        at = schedule.next_after(at)


def one_by_one(schedule: Schedule, start: datetime, end: datetime) -> list[str]:
    """Return what `next_after` says from `start` to `end`, both in UTC."""
    first = schedule.next_after(start - MICROSECOND)
    return [] if first is None else [shown(at) for at in chain(schedule, first, end)]


def careful(schedule: Any, start: datetime, end: datetime) -> Iterator[str]:
    """Yield what the search that leaves nothing out says, without any table."""
    wall = schedule._wall
    origin = datetime(1, 1, 1, tzinfo=UTC)
    second = -((origin - start) // timedelta(seconds=1))
    while (found := wall._search.first_from(second)) is not None:
        at = wall._search.datetime(found)
        if at is None or to_utc(at) >= end:
            return
        yield shown(at)
        second = found[0] + 1


def span(random: Random, zone: str) -> tuple[datetime, datetime]:
    """Return a span of up to some days around a moment, its ends anywhere in a minute."""
    around = random.choice(moments(zone))
    start = around - timedelta(
        seconds=random.randrange(4 * 86_400), microseconds=random.choice([0, 1])
    )
    length = timedelta(seconds=random.randrange(6 * 86_400), microseconds=random.choice([0, 1]))
    return start, start + length


def check(schedule: Any, start: datetime, end: datetime) -> None:
    """Compare the three ways of asking, forwards, and the chain backwards."""
    zone = schedule.tz
    rows = [shown(at) for at in schedule.between(start, end)]
    assert one_by_one(schedule, start, end) == rows, (schedule, start, end)
    assert list(careful(schedule, start, end)) == rows, (schedule, start, end)
    # The same question in the zone's own clock, which takes another way through the tables.
    local = [zone.fromutc(at.replace(tzinfo=zone)) for at in (start, end)]
    assert rows == [shown(at) for at in schedule.between(*local)], (schedule, start, end)
    assert rows == [shown(at) for at in chain(schedule, local[0], end)], (schedule, start, end)
    backwards = []
    at = schedule.previous_before(end)
    while at is not None and to_utc(at) >= start:
        backwards.append(shown(at))
        at = schedule.previous_before(at)
    assert rows == backwards[::-1], (schedule, start, end)


@pytest.mark.parametrize("zone", NAMES)
def test_between_equals_asking_one_by_one(zone: str) -> None:
    """Around changes and far from them, with all options, rows and single answers agree."""
    random = Random(zone)
    for _ in range(PER_ZONE):
        given, _ = expressions.crontab(random)
        check(crontab(**given, tz=zone), *span(random, zone))


@pytest.mark.parametrize("zone", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "*/10 * * * *",
        "0 0-23/3 * * *",
        "30 0,1,2,23 * * *",
        "*/20 30 0-3 * * *",
        "15,45 */30 * * * *",
        "0 */6 L,15W * mon#1",
    ],
)
def test_cron_with_seconds_and_special_days(zone: str, text: str) -> None:
    """The second of a minute, and days that only the month tells, come out of the same tables."""
    random = Random(zone + text)
    for on_gap, on_fold in OPTIONS:
        start, end = span(random, zone)
        check(
            cron(text, tz=zone, on_gap=on_gap, on_fold=on_fold),
            start,
            min(end, start + timedelta(days=2)),
        )


@pytest.mark.parametrize("zone", NAMES)
@pytest.mark.parametrize("seconds", [60, 1800, 4321.5, 86_400])
def test_the_grid_between(zone: str, seconds: float) -> None:
    """An interval's rows are its points, in the right offset and fold."""
    random = Random(f"{zone} {seconds}")
    anchor = datetime(2020, 1, 1, 0, 0, 7, 250_000, tzinfo=UTC)
    schedule = interval(seconds, tz=zone, anchor=random.choice([None, anchor]))
    for at in moments(zone)[-8:]:
        start = at - timedelta(hours=random.randrange(20), microseconds=random.randrange(2))
        end = start + timedelta(hours=30, microseconds=random.randrange(2))
        assert one_by_one(schedule, start, end) == [
            shown(at) for at in schedule.between(start, end)
        ]


@pytest.mark.parametrize("zone", NAMES)
@pytest.mark.parametrize(
    "given",
    [
        {"minute": 30, "hour": 2},
        {"minute": "*/20", "hour": "0,1,23"},
        {"minute": 0, "hour": "0,23", "day_of_month": "1,28-31"},
        {"minute": 5, "hour": 4, "day_of_month": 29, "month_of_year": 2},
        {"minute": 0, "hour": "*/6", "day_of_week": "sun"},
        {"minute": 0, "hour": 12, "day_of_month": "1-7", "day_of_week": "fri"},
    ],
    ids=str,
)
def test_years_in_one_go(zone: str, given: dict[str, Any]) -> None:
    """Months and years end within a row and between rows, and changes at the end of months, too."""
    for on_gap, on_fold in [("run", "auto"), ("shift", "both"), ("skip", "last")]:
        schedule = crontab(**given, tz=zone, on_gap=on_gap, on_fold=on_fold)
        start = moments(zone)[0] - timedelta(days=40, hours=7, minutes=11)
        end = moments(zone)[-2 if len(moments(zone)) > 1 else -1] + timedelta(days=400)

        found = [shown(at) for at in schedule.between(start, end)]
        assert list(careful(schedule, start, end)) == found


@pytest.mark.parametrize(
    "schedule",
    [crontab(tz="Europe/London"), crontab(0, 3, tz="UTC"), cron("* * * * * *"), interval(1)],
    ids=repr,
)
def test_between_is_lazy_and_ends(schedule: Schedule) -> None:
    """A span without an end costs no more than what is taken of it; an empty one is empty."""
    start = datetime(2026, 3, 8, tzinfo=UTC)
    forever = schedule.between(start, datetime.max.replace(tzinfo=UTC))

    assert 5 == len(list(islice(forever, 5)))
    assert [] == list(schedule.between(start, start))
    assert [] == list(schedule.between(start, start - timedelta(days=400)))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_time(zone: str) -> None:
    """Where datetime ends, rows end, too; nothing is raised and nothing runs on."""
    schedule = crontab(minute=0, tz=zone)
    low, high = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

    first = list(schedule.between(low, low + timedelta(days=2)))
    last = list(schedule.between(high - timedelta(days=2), high))

    assert 24 < len(first) <= 48
    assert 24 < len(last) <= 48
    assert 2 >= len({at.date() for at in first} - {low.date()})


@pytest.mark.parametrize(
    ("make", "day"),
    [
        (lambda: crontab(minute="*/20", tz="America/New_York"), "2026-11-01"),
        (lambda: crontab(minute="*/20", hour="1-2", tz="America/New_York"), "2026-03-08"),
        (lambda: interval(minutes=20, tz="America/New_York"), "2026-11-01"),
    ],
    ids=["autumn", "spring", "grid"],
)
def test_frozen_clocks_change_nothing(make: Callable[[], Schedule], day: str) -> None:
    """What was asked under a frozen clock is what is right without one, before and after."""
    start = datetime.fromisoformat(f"{day}T04:00+00:00")
    end = start + timedelta(hours=30)
    free = [shown(at) for at in make().between(start, end)]
    with freeze_time(start + timedelta(hours=2, minutes=10)):
        schedule = make()
        frozen = [shown(at) for at in schedule.between(start, end)]
        chain = one_by_one(schedule, start, end)

    assert free == frozen
    assert free == chain
    # Nothing of the frozen clock's types is left behind in a table.
    assert {datetime} == {type(at) for at in schedule.between(start, end)}
