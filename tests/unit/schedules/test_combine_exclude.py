"""`exclude`: runs that are dropped or moved, against a walk over minutes and days."""

from __future__ import annotations

import json
import pickle
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate, islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic import (
    Calendar,
    Schedule,
    calendar_interval,
    clocked,
    crontab,
    dates,
    exclude,
    interval,
    union,
    weekends,
    window,
)
from periodic.errors import ScheduleError

from . import expressions
from .oracle import Span, changes

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

ZONES = [
    ("America/New_York", 2024, 2026),
    ("Europe/London", 2024, 2026),
    ("Australia/Lord_Howe", 2024, 2026),
    ("Antarctica/Troll", 2024, 2026),
    ("Africa/Cairo", 2024, 2026),
    ("America/Santiago", 2024, 2026),
    ("America/Sao_Paulo", 2015, 2019),
    ("Europe/Dublin", 2024, 2026),
    ("Africa/Casablanca", 2024, 2026),
    ("Pacific/Apia", 2011, 2012),
    ("America/St_Johns", 2008, 2010),
    ("UTC", 2026, 2026),
]
DAY = timedelta(days=1)
END = datetime(2027, 1, 1, tzinfo=UTC)


@cache
def spans(zone: str, first: int, last: int) -> list[Span]:
    """Return nine days around each change; any days where the zone has none."""
    info = ZoneInfo(zone)
    found = changes(info, first, last) or [datetime(first, 3, 1, tzinfo=UTC)]
    return [Span(info, at - 4 * DAY, at + 5 * DAY) for at in found[:4]]


class Walk:
    """What a span says of dates and readings, by looking at each of its minutes."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.reading = dict(span.walk)
        self.dates = {reading.date() for _, reading in span.walk}
        self.latest = list(accumulate((reading for _, reading in span.walk), max))

    def moved(self, instant: datetime, closed: set[date]) -> datetime | None:
        """Return to where a run on an excluded date moves; None beyond the span."""
        reading = self.reading[instant]
        day = reading.date() + DAY
        while day in closed or (day not in self.dates and day < max(self.dates)):
            day += DAY
        target = datetime.combine(day, reading.time())
        index = bisect_left(self.latest, target)  # the first instant that shows it or more
        return self.span.walk[index][0] if index < len(self.latest) else None


def oracle(inner: list[datetime], walk: Walk, closed: set[date], *, moves: bool) -> set[datetime]:
    """Return what is left of the runs of a span, by definition."""
    left: set[datetime] = set()
    for instant in inner:
        if walk.reading[instant].date() not in closed:
            left.add(instant)
        elif moves:
            moved = walk.moved(instant, closed)
            left |= {moved} - {None}
    return left


@pytest.mark.parametrize("on_excluded", ["skip", "next_business_day"])
@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
def test_agrees_with_the_oracle(zone: str, first: int, last: int, on_excluded: Any) -> None:
    """Around clock changes, whatever is excluded, runs are dropped or moved as defined."""
    random = Random(f"{zone} {on_excluded}")
    info = ZoneInfo(zone)
    for _ in range(12):
        given, _rule = expressions.crontab(random)
        if random.random() < 0.4:
            given = {"minute": random.choice(["*/30", "0,30", 1]), "hour": random.choice([0, "*"])}
        inner = crontab(**given, tz=zone)
        span = random.choice(spans(zone, first, last))
        walk = Walk(span)
        middle = sorted(walk.dates)
        closed = {day for day in middle if random.random() < random.choice([0.2, 0.5, 0.8])}
        # The walk does not know what comes before its first date, nor after its last one.
        closed -= {middle[0], middle[1], middle[-1], middle[-2], middle[-3]}
        if not closed:
            continue
        start, end = span.start + 2 * DAY, span.end - 2 * DAY
        utc_runs = [at.astimezone(UTC) for at in inner.between(span.start, span.end)]
        expected = sorted(
            at
            for at in oracle(utc_runs, walk, closed, moves=on_excluded != "skip")
            if start <= at < end
        )
        texts = [
            f"{at.isoformat()} {at.fold}"
            for at in (info.fromutc(at.replace(tzinfo=info)) for at in expected)
        ]
        schedule = exclude(inner, dates(*closed), on_excluded)

        forward = list(islice(schedule.between(start, end), len(texts) + 1))
        assert texts == [f"{at.isoformat()} {at.fold}" for at in forward], schedule
        backward, at = [], schedule.previous_before(end)
        while at is not None and at >= start and len(backward) <= len(texts):
            backward.append(at)
            at = schedule.previous_before(at)
        assert texts == [f"{at.isoformat()} {at.fold}" for at in reversed(backward)], schedule


LONDON = "Europe/London"
NINE = crontab(0, 9, tz=LONDON)


def between(schedule: Schedule, start: str, end: str) -> list[str]:
    """Return the instants between two moments as ISO strings with offsets."""
    span = (datetime.fromisoformat(start), datetime.fromisoformat(end))
    return [at.isoformat() for at in schedule.between(*span)]


def test_a_moved_run_lands_in_the_gap() -> None:
    """Saturday's 02:30 moves to the Sunday of the clock change, and runs where the gap ends."""
    nightly = crontab(30, 2, tz="America/New_York")
    moved = exclude(nightly, dates("2026-03-07"), "next_business_day")

    assert [
        "2026-03-06T02:30:00-05:00",
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:30:00-04:00",
    ] == (between(moved, "2026-03-06T00:00-05:00", "2026-03-10T00:00-04:00"))


def test_a_moved_run_in_the_fold_is_the_first_pass() -> None:
    """Saturday's 01:30 moves to the Sunday of the clock change: once, in the first pass."""
    saturdays = crontab(30, 1, "sat", tz="America/New_York")
    moved = exclude(saturdays, dates("2026-10-31"), "next_business_day")

    assert ["2026-11-01T01:30:00-04:00"] == (
        between(moved, "2026-10-31T00:00-04:00", "2026-11-03T00:00-05:00")
    )


def test_both_passes_of_an_excluded_night_move_as_one() -> None:
    """A wildcard's second pass shows the same wall times: moved, they are merged."""
    halves = crontab("*/30", 1, "sun", tz="America/New_York")
    moved = exclude(halves, weekends(), "next_business_day")

    assert ["2026-11-02T01:00:00-05:00", "2026-11-02T01:30:00-05:00"] == (
        between(moved, "2026-11-01T00:00-04:00", "2026-11-03T00:00-05:00")
    )


def test_a_day_that_never_was_is_no_business_day() -> None:
    """Apia had no 30 December 2011: a run of the 29th moves to the 31st, at its own time."""
    nine = crontab(0, 9, tz="Pacific/Apia")
    moved = exclude(nine, dates("2011-12-29"), "next_business_day")

    assert [
        "2011-12-28T09:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T09:00:00+14:00",
    ] == (between(moved, "2011-12-28T00:00-10:00", "2012-01-01T00:00+14:00"))


def test_dates_are_those_of_the_schedules_zone() -> None:
    """The same calendar excludes another 24 hours in another zone."""
    christmas = dates("2026-12-25")
    hours = {
        zone: exclude(interval(hours=1, tz=zone), christmas)
        for zone in ("Asia/Tokyo", "UTC", "America/New_York")
    }
    start, end = datetime(2026, 12, 24, tzinfo=UTC), datetime(2026, 12, 27, tzinfo=UTC)
    silent = {
        zone: [
            hour
            for hour in range(72)
            if start + timedelta(hours=hour) not in set(schedule.between(start, end))
        ]
        for zone, schedule in hours.items()
    }

    assert {
        "Asia/Tokyo": list(range(15, 39)),
        "UTC": list(range(24, 48)),
        "America/New_York": list(range(29, 53)),
    } == silent


def test_moved_runs_at_the_same_time_are_one() -> None:
    """Saturday's, Sunday's and Monday's own 09:00 are one run on Monday."""
    assert [
        "2026-03-06T09:00:00+00:00",
        "2026-03-09T09:00:00+00:00",
        "2026-03-10T09:00:00+00:00",
    ] == (
        between(
            exclude(NINE, weekends(), "next_business_day"), "2026-03-06T00:00Z", "2026-03-11T00:00Z"
        )
    )


def test_everything_excluded_ends() -> None:
    """Where no day is left there is None, at once and not after an endless search."""
    never = weekends("mon", "tue", "wed", "thu", "fri", base=weekends())
    at = datetime(2026, 3, 6, tzinfo=UTC)
    for inner in (crontab(), interval(seconds=1), calendar_interval(months=1)):
        for choice in ("skip", "next_business_day"):
            schedule = exclude(inner, never, choice)
            assert schedule.next_after(at) is None
            assert schedule.previous_before(at) is None
            assert [] == list(schedule.between(at, at + timedelta(days=1000)))


def test_a_run_moves_by_no_more_than_a_year() -> None:
    """Of two years without a business day, the runs of the last 366 days are made up for."""
    first = date(2026, 1, 1)
    closed = dates(*(first + day * DAY for day in range(730)))  # 2026 and 2027
    yearly = exclude(crontab(0, 9, "*", 1, 7, tz="UTC"), closed, "next_business_day")
    early = exclude(clocked(datetime(2026, 12, 30, 9, tzinfo=UTC)), closed, "next_business_day")
    late = exclude(clocked(datetime(2026, 12, 31, 9, tzinfo=UTC)), closed, "next_business_day")
    at = datetime(2026, 1, 1, tzinfo=UTC)

    assert ["2028-01-01T09:00:00+00:00", "2028-07-01T09:00:00+00:00"] == [
        found.isoformat() for found in islice(yearly.between(at, at + 1000 * DAY), 2)
    ]
    assert early.next_after(at) is None
    assert early.previous_before(at + 2000 * DAY) is None
    assert datetime(2028, 1, 1, 9, tzinfo=UTC) == late.next_after(at)
    assert datetime(2028, 1, 1, 9, tzinfo=UTC) == late.previous_before(at + 2000 * DAY)


def test_runs_move_twice_at_most() -> None:
    """Each further move would make searches longer: chained calendars move once."""
    twice: Schedule = crontab(0, 9)
    for day in ("2026-03-06", "2026-03-07"):
        twice = exclude(twice, dates(day), "next_business_day")

    assert (
        "2026-03-08T09:00:00+00:00"
        == (twice.next_after(datetime(2026, 3, 5, 10, tzinfo=UTC)) or datetime.min).isoformat()
    )
    with pytest.raises(
        ScheduleError, match="moved more than 2 times; chain the calendars by base="
    ):
        exclude(window(union(twice, NINE), end=END), weekends(), "next_business_day")
    assert exclude(twice, weekends()).next_after(END) is not None


def test_fractions_of_a_second_move_along() -> None:
    """An interval's instants are exact to the microsecond, moved or not."""
    tenth = exclude(interval(0.1, tz="UTC"), dates("2026-03-07"), "next_business_day")
    last = datetime(2026, 3, 6, 23, 59, 59, 900_000, tzinfo=UTC)

    assert datetime(2026, 3, 8, tzinfo=UTC) == tenth.next_after(last)
    assert datetime(2026, 3, 8, 0, 0, 0, 100_000, tzinfo=UTC) == tenth.next_after(
        datetime(2026, 3, 8, tzinfo=UTC)
    )


def test_frozen_in_the_repeated_hour() -> None:
    """Under a frozen clock the second pass keeps its fold."""
    hourly = exclude(crontab(30, tz="America/New_York"), dates("2026-10-30"))
    with freeze_time(datetime(2026, 11, 1, 6, 10, tzinfo=UTC)):
        found = hourly.next_after(datetime(2026, 11, 1, 5, 40, tzinfo=UTC))

    assert found is not None
    assert ("2026-11-01T01:30:00-05:00", 1) == (found.isoformat(), found.fold)


def test_describe() -> None:
    """It reads as a sentence."""
    assert "at 09:00 every day, Europe/London, except on weekends" == (
        exclude(NINE, weekends()).describe()
    )
    holidays = dates("2026-12-25", "2026-12-26", name="Christmas", base=weekends())
    assert (
        "at 09:00 every day, Europe/London, moved from Christmas and weekends to the same time "
        "on the next business day"
    ) == exclude(NINE, holidays, "next_business_day").describe()


def test_values() -> None:
    """JSON, pickle and repr give an equal schedule; the calendar and the choice are meaning."""
    schedule = exclude(NINE, dates("2026-12-25", base=weekends()), "next_business_day")
    data = json.loads(json.dumps(schedule.to_dict()))

    assert schedule == Schedule.from_dict(data) == exclude.from_dict(data)
    assert schedule == pickle.loads(pickle.dumps(schedule)) == eval(repr(schedule))
    assert hash(schedule) == hash(Schedule.from_dict(data))
    others = [
        exclude(NINE, dates("2026-12-25", base=weekends())),
        exclude(NINE, dates("2026-12-25"), "next_business_day"),
        exclude(crontab(0, 9), dates("2026-12-25", base=weekends()), "next_business_day"),
    ]
    assert schedule not in others
    assert schedule.fingerprint() not in {each.fingerprint() for each in others}
    with pytest.raises(AttributeError, match="immutable; make another one"):
        schedule.calendar = weekends()


def test_in_zone_settles_the_inner_schedule() -> None:
    """A schedule that leaves its zone open gets it, and the dates with it."""
    open_zone = exclude(crontab(0, 9), weekends())

    assert open_zone.tz is None
    settled = open_zone.in_zone(ZoneInfo("Asia/Tokyo"))
    assert "Asia/Tokyo" == str(settled.tz)
    assert settled is settled.in_zone(UTC)
    assert exclude(crontab(0, 9, tz="Asia/Tokyo"), weekends()) == settled


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            (NINE, "2026-12-25"),
            "exclude: calendar='2026-12-25' is not a calendar such as weekends()",
        ),
        (("0 9 * * *", weekends()), "exclude: '0 9 * * *' is not a schedule such as crontab"),
        ((NINE, weekends(), "move"), "on_excluded='move'; allowed: skip, next_business_day"),
    ],
    ids=str,
)
def test_refused(given: Any, message: str) -> None:
    """What is no schedule, no calendar or no choice is refused by name."""
    with pytest.raises(ScheduleError) as caught:
        exclude(*given)

    assert message in str(caught.value)


class Mondays(Calendar):
    """A calendar of a user's own."""

    kind = "test-mondays"

    def _closed(self, day: int) -> bool:
        return day % 7 == 0

    def _meaning(self) -> tuple[Any, ...]:
        return ()

    def _own(self) -> dict[str, Any]:
        return {}

    def _words(self) -> str:
        return "Mondays"

    def _arguments(self) -> list[str]:
        return []


def test_a_calendar_of_ones_own() -> None:
    """A subclass with its own days works in chains, in JSON and in pickles."""
    schedule = exclude(NINE, weekends(base=Mondays()))

    assert ["2026-03-10T09:00:00+00:00"] == between(
        schedule, "2026-03-07T00:00Z", "2026-03-11T00:00Z"
    )
    assert schedule == Schedule.from_dict(schedule.to_dict())
    assert (
        "at 09:00 every day, Europe/London, except on weekends and Mondays" == schedule.describe()
    )
