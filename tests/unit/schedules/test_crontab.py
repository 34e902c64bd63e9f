"""The crontab's fields, errors, words and bounds, and its likeness to Celery's."""

from __future__ import annotations

import time
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic.errors import ScheduleError
from periodic.schedules import crontab

from . import expressions


def test_fields_against_their_meaning() -> None:
    """Thousands of random texts and collections mean the numbers that they were made of."""
    random = Random(20260308)
    for _ in range(3000):
        given, rule = expressions.crontab(random)
        schedule = crontab(**given)

        assert rule.minutes == schedule.minute, given
        assert rule.hours == schedule.hour, given
        assert rule.weekdays == schedule.day_of_week, given
        assert rule.days == schedule.day_of_month, given
        assert rule.months == schedule.month_of_year, given
        assert rule.fixed == schedule.fixed, given


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"minute": "1, 15 ,30"}, {1, 15, 30}),
        ({"minute": "05"}, {5}),
        ({"minute": range(0, 60, 20)}, {0, 20, 40}),
        ({"minute": (n for n in (3, 4))}, {3, 4}),
        ({"minute": "50-10/10"}, {50, 0, 10}),
        ({"minute": "*/60"}, {0}),
    ],
)
def test_accepted_values(given: dict[str, Any], text: set[int]) -> None:
    """White space around commas, leading zeros, any iterable, ranges over the end."""
    assert text == crontab(**given).minute


def test_names_in_any_case_and_length() -> None:
    """Days and months have names, short or full, in any case."""
    assert {1, 2, 3, 4, 5} == crontab(day_of_week="Mon-FRIDAY").day_of_week
    assert {5, 6, 0} == crontab(day_of_week="fri-sun").day_of_week
    assert {1, 12} == crontab(month_of_year="JAN,december").month_of_year


DAY_FIELD = "allowed: 0-6 or sun-sat, lists (1,3), ranges (1-5), steps (*/2, 1-5/2)"
MINUTES = "allowed: 0-59, lists (1,15), ranges (10-20), steps (*/5, 10-20/5)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"day_of_week": "fri#2"}, "day_of_week='fri#2': '#2' cannot be understood"),
        ({"day_of_week": "fri#2"}, "(at characters 4-5); " + DAY_FIELD),
        ({"day_of_week": "mon,7"}, "7 is outside 0-6; Sunday is 0 (at character 5)"),
        ({"day_of_week": 7}, "day_of_week=7: 7 is outside 0-6; Sunday is 0"),
        ({"day_of_week": "feb"}, "'feb' is no name of a day of the week (at characters 1-3)"),
        ({"day_of_week": "mondayish"}, "'mondayish' is no name of a day of the week"),
        ({"month_of_year": "jan-mon"}, "'mon' is no name of a month (at characters 5-7)"),
        ({"minute": "jan"}, "minute='jan': 'jan' is not a number (at characters 1-3); " + MINUTES),
        ({"minute": "*/61"}, "of 60 values, steps are 1 to 60 (at characters 3-4)"),
        ({"hour": "*/100"}, "hour='*/100': a step of 100 cannot be: of 24 values"),
        ({"minute": "*/0"}, "a step of 0 cannot be"),
        ({"minute": "*/99999999999999999999"}, "cannot be: of 60 values"),
        ({"minute": "1-5/2/3"}, "'/3' cannot be understood (at characters 6-7)"),
        ({"minute": "*/5-junk"}, "'-junk' cannot be understood (at characters 4-8)"),
        ({"minute": "*/5;rm"}, "';rm' cannot be understood"),
        ({"minute": "10-20 "}, "' ' cannot be understood (at character 6)"),
        ({"minute": "**"}, "'*' cannot be understood (at character 2)"),
        ({"minute": "1-"}, "'-' cannot be understood (at character 2)"),
        ({"minute": "*/"}, "a step is missing after '/'"),
        ({"minute": "-5"}, "negative numbers do not exist here"),
        ({"minute": "5/15"}, "a step needs a range, such as '5-59/15' (at characters 1-4)"),
        ({"minute": "60"}, "60 is outside 0-59 (at characters 1-2)"),
        ({"minute": "9" * 900}, "is outside 0-59"),
        ({"minute": "9" * 5000}, "5000 characters are too many, 1000 are enough"),
        ({"minute": "1,,2"}, "a value is missing (at character 3)"),
        ({"minute": "1,"}, "a value is missing (at character 3)"),
        ({"minute": ""}, "an empty text matches nothing"),
        ({"minute": "\u0663"}, "cannot be understood (at character 1)"),
        ({"minute": []}, "minute=[]: an empty list matches nothing"),
        ({"minute": [5, 60]}, "minute=[5, 60]: 60 is outside 0-59"),
        ({"minute": ["5"]}, "minute=['5']: '5' is not a whole number"),
        ({"minute": 5.0}, "minute=5.0: float is no number, text or list of numbers"),
        ({"minute": True}, "minute=True: True is not a whole number"),
        ({"minute": None}, "minute=None: NoneType is no number"),
        ({"minute": b"5"}, "bytes is no number"),
        ({"minute": {5: 5}}, "dict is no number"),
        ({"day_of_month": 0}, "day_of_month=0: 0 is outside 1-31"),
        ({"day_of_month": "L"}, "'L' is not a number"),
        ({"day_of_month": 30, "month_of_year": "feb"}, "never comes in month_of_year='feb'"),
        ({"day_of_month": "31", "month_of_year": "4,6,9,11"}, "no date can ever match"),
        ({"on_gap": "later"}, "on_gap='later'; allowed: run, skip, shift"),
        ({"on_fold": "none"}, "on_fold='none'; allowed: auto, first, last, both"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_values(given: dict[str, Any], message: str) -> None:
    """What cannot be meant is refused: field, value, what is allowed, place in the text."""
    with pytest.raises(ScheduleError) as caught:
        crontab(**given)

    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "every minute"),
        ({"minute": "*/15"}, "every 15 minutes"),
        ({"minute": "*/7"}, "at every 7th minute from 0 to 56 of every hour"),
        ({"minute": 0}, "every hour"),
        ({"minute": 5}, "every hour at minute 5"),
        ({"minute": "0,30"}, "at minute 0 and 30 of every hour"),
        ({"minute": 30, "hour": 2}, "at 02:30 every day"),
        ({"minute": "0,30", "hour": "9,17"}, "at 09:00, 09:30, 17:00 and 17:30 every day"),
        ({"minute": 0, "hour": 9, "day_of_week": "mon-fri"}, "every weekday at 09:00"),
        ({"minute": 0, "hour": 9, "day_of_week": "0,6"}, "every Saturday and Sunday at 09:00"),
        ({"minute": 0, "hour": "9-17"}, "every hour from 09:00 to 17:00"),
        (
            {"minute": "*/15", "hour": "9-17", "day_of_week": "1-5"},
            "every 15 minutes from 09:00 to 17:45 on weekdays",
        ),
        ({"minute": 0, "hour": "*/2"}, "every 2 hours"),
        ({"minute": 30, "hour": "*/2"}, "every 2 hours at minute 30"),
        ({"minute": "*/5", "hour": "9,11"}, "every 5 minutes of the hours 9 and 11"),
        ({"minute": "0-10", "hour": "9,11"}, "at every minute from 0 to 10 of the hours 9 and 11"),
        ({"hour": 3}, "every minute from 03:00 to 03:59"),
        (
            {"minute": 0, "hour": 0, "day_of_month": "1,15"},
            "at 00:00 on the 1st and 15th of every month",
        ),
        (
            {"minute": 0, "hour": 0, "day_of_month": "1-7", "month_of_year": "jan,jul"},
            "at 00:00 on every day from the 1st to the 7th of January and July",
        ),
        (
            {"minute": 0, "hour": 0, "day_of_month": "11,12,22,23", "day_of_week": "fri,sun"},
            "at 00:00 on the 11th, 12th, 22nd and 23rd of every month if it is a Friday or Sunday",
        ),
        (
            {"minute": 0, "hour": 0, "day_of_month": 13, "day_of_week": "1-5"},
            "at 00:00 on the 13th of every month if it is a weekday",
        ),
        ({"minute": 0, "hour": 0, "month_of_year": 1}, "at 00:00 every day in January"),
        (
            {"minute": "*/30", "day_of_week": 1, "month_of_year": "6-8"},
            "every 30 minutes on Mondays in June, July and August",
        ),
        ({"month_of_year": 5}, "every minute in May"),
        ({"minute": 0, "hour": 9, "tz": "Europe/London"}, "at 09:00 every day, Europe/London"),
    ],
    ids=str,
)
def test_describe(given: dict[str, Any], words: str) -> None:
    """A crontab reads as a sentence."""
    assert words == crontab(**given).describe()


def test_celery_names_and_order() -> None:
    """Positions, `_orig_*` and the sets are Celery's, for those who look at them."""
    schedule = crontab("30", 2, "mon", [15, 1], "*")

    assert ("30", 2, "mon", (1, 15), "*") == (
        schedule._orig_minute,
        schedule._orig_hour,
        schedule._orig_day_of_week,
        schedule._orig_day_of_month,
        schedule._orig_month_of_year,
    )
    assert {30} == schedule.minute
    assert {1, 15} == schedule.day_of_month


def test_from_string() -> None:
    """Five fields in cron's order, any white space between them, Celery's meaning."""
    assert crontab.from_string(" 30\t2  1 jan mon", tz="UTC") == crontab(
        minute=30, hour=2, day_of_month=1, month_of_year=1, day_of_week=1, tz="UTC"
    )
    with pytest.raises(ScheduleError, match="has 4 fields; write five"):
        crontab.from_string("* * * *")


def test_equality_is_meaning() -> None:
    """The same numbers are equal however they were written; a star is not a list of numbers."""
    assert crontab(minute="0,30") == crontab(minute=[30, 0]) == crontab(minute={0, 30})
    assert hash(crontab(minute="0,30")) == hash(crontab(minute=[30, 0]))
    assert crontab(minute="0,30").fingerprint() == crontab(minute=[30, 0]).fingerprint()
    assert crontab(hour="*") != crontab(hour="0-23")
    assert crontab(hour="*").fingerprint() != crontab(hour="0-23").fingerprint()
    assert crontab(day_of_week="*") == crontab(day_of_week="0-6")
    assert crontab(minute=0) != crontab(minute=0, tz="UTC")
    assert crontab(minute=0) != crontab(minute=0, on_gap="skip")
    assert crontab(minute=0) != crontab(minute=0, on_fold="last")
    assert crontab(minute=0) != "0 * * * *"


def test_unsettled_zone_is_utc() -> None:
    """Where nobody settles the zone, the clock is UTC's."""
    schedule = crontab(minute=0, hour=9)

    found = schedule.next_after(datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/London")))

    assert schedule.tz is None
    assert found is not None
    assert "2026-07-01T09:00:00+00:00" == found.isoformat()


@pytest.mark.parametrize(
    ("start", "expected"),
    [("2026-01-01", "2044-02-29"), ("2072-03-01", "2112-02-29"), ("2199-01-01", "2208-02-29")],
)
def test_leap_day_on_a_monday(start: str, expected: str) -> None:
    """29 February on one weekday is found 28 years ahead, and 40 across 2100."""
    schedule = crontab(0, 0, "mon", 29, 2, tz="UTC")

    found = schedule.next_after(datetime.fromisoformat(f"{start}T00:00+00:00"))

    assert found is not None
    assert expected == found.date().isoformat()
    assert schedule.previous_before(found + timedelta(days=1)) == found


def test_a_search_that_finds_nothing_ends() -> None:
    """A reading that a gap always swallows, with `skip`, is given up after 41 years, soon."""
    schedule = crontab(
        0, 0, "fri", "24-30", 4, tz="Africa/Cairo", on_gap="skip"
    )  # Cairo's clock jumps at midnight of the last Friday in April, every year
    started = time.perf_counter()

    assert schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
@pytest.mark.parametrize("hours", [-14, 0, 14])
def test_the_ends_of_time(zone: str, hours: int) -> None:
    """At the first and last datetime there is an answer or None, never an OverflowError."""
    offset = timezone(timedelta(hours=hours))
    first = datetime(MINYEAR, 1, 1, tzinfo=offset)
    last = datetime(MAXYEAR, 12, 31, 23, 59, 59, 999_999, tzinfo=offset)
    for schedule in (crontab(minute="*/20", tz=zone), crontab(0, 0, 1, 1, 1, tz=zone)):
        after, before = schedule.next_after(first), schedule.previous_before(last)
        assert after is not None
        assert before is not None
        assert after.year <= 1 + 41
        assert before.year >= MAXYEAR - 41
        late, early = schedule.next_after(last), schedule.previous_before(first)
        assert late is None or late.year == MAXYEAR
        assert early is None or early.year == MINYEAR


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({"month_of_year": 2}, "0001-02-01", "9999-02-28"),
        ({"day_of_month": 31, "month_of_year": 3}, "0001-03-31", "9999-03-31"),
        ({"day_of_month": 29, "month_of_year": 2}, "0004-02-29", "9996-02-29"),
        ({"day_of_week": "mon"}, "0001-01-01", "9999-12-27"),
    ],
    ids=str,
)
def test_the_first_and_last_days(given: dict[str, Any], first: str, last: str) -> None:
    """The calendar's first and last matching days are found, and nothing beyond them."""
    schedule = crontab(minute=0, hour=0, **given, tz="UTC")
    start, end = (at.replace(tzinfo=UTC) for at in (datetime.min, datetime.max))

    found = schedule.next_after(start)
    if found is not None and first == "0001-01-01":
        found = schedule.previous_before(found)  # strictly after the first instant is a week later
    assert found is not None
    assert first == found.date().isoformat()
    assert schedule.previous_before(found) is None
    found = schedule.previous_before(end)
    assert found is not None
    assert last == found.date().isoformat()
    assert schedule.next_after(found) is None


def test_naive_datetimes_are_refused() -> None:
    """A naive datetime names no instant."""
    noon = datetime(2026, 3, 8, 12)
    schedule = crontab(minute=0)

    with pytest.raises(ValueError, match="naive"):
        schedule.next_after(noon)
    with pytest.raises(ValueError, match="naive"):
        schedule.previous_before(noon)
    with pytest.raises(ValueError, match="naive"):
        schedule.between(noon, noon)


def test_agrees_with_celery_where_the_clock_does_not_change() -> None:
    """In UTC a random crontab runs when Celery's own runs."""
    schedules = pytest.importorskip("celery.schedules", reason="Celery is not installed")
    celery = pytest.importorskip("celery", reason="Celery is not installed")
    app = celery.Celery("twins", set_as_current=False)
    app.conf.timezone = "UTC"
    random = Random(57)
    compared = 0
    for _ in range(400):
        given, _rule = expressions.crontab(random)
        options = {key: given.pop(key) for key in ("on_gap", "on_fold")}
        ours = crontab(**given, **options, tz="UTC")
        theirs = schedules.crontab(**given, app=app)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randint(0, 10**6))
        for _ in range(3):
            theirs.nowfun = lambda at=at: at
            expected = at + theirs.remaining_estimate(at)
            assert expected == ours.next_after(at), (given, at)
            at = expected
            compared += 1
    assert 1200 == compared
