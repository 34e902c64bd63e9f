"""`calendar_interval`: days counted by hand, and readings mapped by the walk over minutes."""

from __future__ import annotations

import calendar
import json
import pickle
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic import Schedule, calendar_interval
from periodic.errors import ScheduleError

from .oracle import Span, changes

ZONES = [
    ("America/New_York", 2024, 2027),
    ("Australia/Lord_Howe", 2024, 2026),
    ("Antarctica/Troll", 2024, 2026),
    ("Africa/Cairo", 2024, 2026),
    ("America/Sao_Paulo", 2015, 2019),
    ("Europe/Dublin", 2024, 2026),
    ("Pacific/Apia", 2010, 2012),
    ("America/St_Johns", 2008, 2011),
]


@dataclass(frozen=True)
class Given:
    """A rule for the oracle whose days were counted one by one."""

    days: frozenset[date]
    at: time
    on_gap: str
    on_fold: str
    fixed: bool = True
    seconds: frozenset[int] = frozenset({0})

    def matches(self, reading: datetime) -> bool:
        """Tell whether a reading (naive) is one of them."""
        return reading.time() == self.at and reading.date() in self.days


def counted(anchor: date, months: int, days: int) -> frozenset[date]:
    """Return the days of a grid from 2005 to 2030, by stepping from the anchor both ways."""
    found = set()
    for step in (1, -1):
        n = 0
        while True:
            if days:
                day = anchor + timedelta(days=step * n * days)
            else:
                year, month = anchor.year, anchor.month
                for _ in range(n * months):
                    month += step
                    year, month = {0: (year - 1, 12), 13: (year + 1, 1)}.get(month, (year, month))
                last = calendar.monthrange(year, month)[1]
                day = date(year, month, min(anchor.day, last))
            if not 2005 <= day.year <= 2030:
                break
            found.add(day)
            n += 1
    return frozenset(found)


@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
def test_agrees_with_days_counted_one_by_one(zone: str, first: int, last: int) -> None:
    """Around clock changes it runs exactly when a walk over days and minutes says, both ways."""
    random = Random(zone)
    info = ZoneInfo(zone)
    around = timedelta(hours=54)
    spans = [Span(info, at - around, at + around) for at in changes(info, first, last)[:5]]
    for _ in range(60):
        months = random.choice([0, 1, 2, 12])
        days = 0 if months else random.choice([1, 1, 2, 3, 7])
        span = random.choice(spans)
        middle = span.start.date() + timedelta(days=random.randint(0, 4))
        anchor = middle if random.random() < 0.7 else date(2015, 1, random.choice([1, 30, 31]))
        at = time(random.choice([0, 0, 1, 1, 2, 2, 3, 23]), random.choice([0, 1, 15, 30, 59]))
        gap = random.choice(["run", "run", "skip", "shift"])
        fold = random.choice(["first", "first", "last", "both"])
        rule = Given(counted(anchor, months, days), at, gap, fold)
        schedule = calendar_interval(
            months=months, days=days, at=at, anchor=anchor, tz=zone, on_gap=gap, on_fold=fold
        )

        expected = [
            f"{at.isoformat()} {at.fold}"
            for at in (info.fromutc(at.replace(tzinfo=info)) for at in span.runs(rule))
        ]
        assert expected == [
            f"{at.isoformat()} {at.fold}" for at in schedule.between(span.start, span.end)
        ], schedule
        back, at_back = [], schedule.previous_before(span.end)
        while at_back is not None and at_back >= span.start:
            back.append(f"{at_back.isoformat()} {at_back.fold}")
            at_back = schedule.previous_before(at_back)
        assert expected == back[::-1], schedule


def test_months_are_counted_from_the_anchor() -> None:
    """The 31st comes back after a shorter month: clamping moves one day, not the grid."""
    payday = calendar_interval(months=1, at="09:00", anchor="2026-01-31", tz="Europe/London")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert ["01-31", "02-28", "03-31", "04-30", "05-31"] == [
        f"{at:%m-%d}" for at in payday.between(start, datetime(2026, 6, 1, tzinfo=UTC))
    ]
    assert (
        "2024-02-29T09:00:00+00:00"
        == (payday.previous_before(datetime(2024, 3, 1, tzinfo=UTC)) or start).isoformat()
    )


def test_spring_and_autumn_twins() -> None:
    """The wall clock is kept: 02:30 every second day, over the gap and the fold."""
    nights = calendar_interval(days=2, at="02:30", anchor="2026-03-08", tz="America/New_York")
    spring = nights.between(
        datetime.fromisoformat("2026-03-05T12:00-05:00"),
        datetime.fromisoformat("2026-03-11T00:00-04:00"),
    )
    assert [
        "2026-03-06T02:30:00-05:00",
        "2026-03-08T03:00:00-04:00",
        "2026-03-10T02:30:00-04:00",
    ] == [at.isoformat() for at in spring]

    hour = calendar_interval(days=1, at="01:30", tz="America/New_York", on_fold="both")
    autumn = hour.between(
        datetime.fromisoformat("2026-11-01T00:00-04:00"),
        datetime.fromisoformat("2026-11-02T12:00-05:00"),
    )
    assert [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-02T01:30:00-05:00",
    ] == [at.isoformat() for at in autumn]


def test_frozen_in_the_repeated_hour() -> None:
    """Under a frozen clock the second pass keeps its fold."""
    with freeze_time(datetime(2026, 11, 1, 6, 10, tzinfo=UTC)):
        hourly = calendar_interval(
            days=1, at="01:30", anchor=date(2026, 1, 1), tz="America/New_York", on_fold="last"
        )
        found = hourly.next_after(datetime(2026, 11, 1, 5, 40, tzinfo=UTC))
        assert hourly == eval(repr(hourly))

    assert found is not None
    assert ("2026-11-01T01:30:00-05:00", 1) == (found.isoformat(), found.fold)


def test_weeks_begin_on_a_monday_unless_anchored() -> None:
    """Whole weeks without an anchor are Mondays; with one, its day of the week."""
    at = datetime(2026, 3, 8, tzinfo=UTC)
    monday = calendar_interval(weeks=1, at="09:00").next_after(at)
    friday = calendar_interval(weeks=1, at="09:00", anchor="2026-01-02").next_after(at)

    assert ("Mon", "Fri") == tuple(f"{one:%a}" for one in (monday, friday) if one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"years": 1}, {"months": 12}),
        ({"weeks": 2}, {"days": 14}),
        ({"months": 1, "anchor": "2026-01-15"}, {"months": 1, "anchor": date(2020, 7, 15)}),
        ({"days": 7, "anchor": "2026-03-09"}, {"weeks": 1}),
        ({"days": 1, "at": "09:00"}, {"days": 1, "at": time(9), "anchor": "2026-03-08"}),
        ({"days": 1, "on_fold": "auto"}, {"days": 1, "on_fold": "first"}),
    ],
    ids=str,
)
def test_equal_by_meaning(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same days at the same time are the same schedule, however they were written."""
    first, second = calendar_interval(**one), calendar_interval(**other)

    assert first == second
    assert hash(first) == hash(second)
    assert first.fingerprint() == second.fingerprint()


@pytest.mark.parametrize(
    "given",
    [
        {"months": 1, "anchor": "2026-01-30"},
        {"months": 2},
        {"months": 1, "at": "00:01"},
        {"months": 1, "tz": "UTC"},
        {"months": 1, "on_gap": "skip"},
        {"months": 1, "on_fold": "both"},
        {"days": 30},
    ],
    ids=str,
)
def test_other_meanings_are_not_equal(given: dict[str, Any]) -> None:
    """Another day, time, zone or option is another schedule."""
    assert calendar_interval(months=1) != calendar_interval(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"days": 1, "at": "09:00"}, "every day at 09:00"),
        ({"days": 3, "at": "09:00:05"}, "every 3 days at 09:00:05, counted from 1970-01-01"),
        ({"weeks": 1, "at": "09:00"}, "every week on Monday at 09:00"),
        (
            {"weeks": 2, "anchor": "2026-01-02", "tz": "Europe/London"},
            "every 2 weeks on Friday at 00:00, counted from 2026-01-02, Europe/London",
        ),
        ({"months": 1}, "every month on the 1st at 00:00"),
        (
            {"months": 1, "anchor": "2026-01-31"},
            "every month on the 31st (or the month's last day) at 00:00",
        ),
        (
            {"months": 3, "anchor": "2026-01-15"},
            "every 3 months on the 15th at 00:00, counted from 2026-01-15",
        ),
        ({"years": 1, "anchor": "2026-12-24"}, "every year on the 24th of December at 00:00"),
        (
            {"years": 1, "anchor": "2024-02-29"},
            "every year on the 29th (or the month's last day) of February at 00:00",
        ),
        (
            {"years": 2, "months": 6},
            "every 30 months on the 1st at 00:00, counted from 1970-01-01",
        ),
    ],
    ids=str,
)
def test_describe(given: dict[str, Any], words: str) -> None:
    """It reads as a sentence, and says from where it counts where that matters."""
    assert words == calendar_interval(**given).describe()


@pytest.mark.parametrize(
    "given",
    [
        {"months": 1, "at": "09:30:15", "anchor": "2026-01-31", "tz": "Europe/London"},
        {"weeks": 2, "on_gap": "shift", "on_fold": "last"},
        {"years": 40, "anchor": "2000-02-29"},
    ],
    ids=str,
)
def test_round_trips(given: dict[str, Any]) -> None:
    """JSON, pickle and repr give an equal schedule."""
    schedule = calendar_interval(**given)
    data = json.loads(json.dumps(schedule.to_dict()))

    assert schedule == Schedule.from_dict(data) == calendar_interval.from_dict(data)
    assert schedule == pickle.loads(pickle.dumps(schedule)) == eval(repr(schedule))
    assert data == schedule.from_dict(data).to_dict()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "calendar_interval() is not a time to wait; give years, months, weeks or days"),
        ({"days": 0}, "is not a time to wait"),
        ({"days": -1}, "calendar_interval days=-1; allowed: a whole number, 0 or more"),
        ({"days": 1.5}, "calendar_interval days=1.5; allowed: a whole number"),
        ({"months": True}, "calendar_interval months=True; allowed: a whole number"),
        ({"months": "1"}, "calendar_interval months='1'; allowed: a whole number"),
        ({"months": 1, "days": 1}, "not in both; got months=1, days=1"),
        ({"years": 41}, "calendar_interval of 492 months is too long; allowed: up to 40 years"),
        ({"days": 10**9}, "calendar_interval of 1000000000 days is too long"),
        ({"days": 1, "at": "25:00"}, "at='25:00' is not a time of the day; allowed: 'HH:MM'"),
        ({"days": 1, "at": "9:00"}, "at='9:00' is not a time of the day"),
        ({"days": 1, "at": "\u0660\u0669:00"}, "is not a time of the day"),
        ({"days": 1, "at": time(9, tzinfo=UTC)}, "is not a time of the day"),
        ({"days": 1, "at": time(9, 0, 0, 1)}, "is not a time of the day"),
        ({"days": 1, "at": None}, "at=None is not a time of the day"),
        ({"days": 1, "anchor": "soon"}, "anchor='soon' is not a date; allowed: a datetime.date"),
        ({"days": 1, "anchor": datetime(2026, 1, 1)}, "is not a date"),
        ({"days": 1, "on_gap": "later"}, "on_gap='later'; allowed: run, skip, shift"),
        ({"days": 1, "on_fold": "never"}, "on_fold='never'; allowed: auto, first, last, both"),
        ({"days": 1, "tz": "London"}, "did you mean 'Europe/London'?"),
    ],
    ids=str,
)
def test_refused(given: dict[str, Any], message: str) -> None:
    """What cannot be understood is refused with what is allowed."""
    with pytest.raises(ScheduleError) as caught:
        calendar_interval(**given)

    assert message in str(caught.value)


def test_the_ends_of_time() -> None:
    """At the ends of the calendar there is None, never an error."""
    monthly = calendar_interval(months=1, at="12:00", anchor="2026-01-31")
    yearly = calendar_interval(years=40, anchor="2026-01-31")
    end, start = datetime(9999, 12, 31, 13, tzinfo=UTC), datetime(1, 1, 31, 11, tzinfo=UTC)

    assert monthly.next_after(end) is None
    assert monthly.previous_before(start) is None
    assert yearly.next_after(end) is None
    assert yearly.previous_before(start) is None
    found = yearly.next_after(datetime(2026, 2, 1, tzinfo=UTC))
    assert found == datetime(2066, 1, 31, tzinfo=UTC)
    assert found == yearly.previous_before(datetime(2106, 1, 31, tzinfo=UTC))
