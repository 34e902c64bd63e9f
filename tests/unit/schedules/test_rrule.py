"""`rrule`: readings as python-dateutil walks them, instants as the walk over minutes maps them."""

from __future__ import annotations

import json
import os
import pickle
import sys
import time as clock
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice, takewhile
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic import Schedule, rrule
from periodic.errors import ScheduleError

from .oracle import Span, changes

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

dateutil = pytest.importorskip(
    "dateutil.rrule", reason="python-dateutil (the extra `rrule`) is not installed"
)

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
NEW_YORK = "America/New_York"


def some(random: Random, low: int, high: int, most: int = 4, *, back: bool = False) -> str:
    """Return a list of numbers; with `back`, some of them count from the end."""
    numbers = (random.randint(low, high) for _ in range(random.randint(1, most)))
    return ",".join(str(n * random.choice([1, -1]) if back else n) for n in numbers)


def weekdays(random: Random, *, numbered: bool) -> str:
    """Return a list of days of the week; if `numbered`, some are the n-th of their period."""
    days = []
    for _ in range(random.randint(1, 4)):
        number = some(random, 1, 5, 1, back=True) if numbered and random.random() < 0.5 else ""
        days.append(number + random.choice(DAYS))
    return ",".join(days)


def rule_text(random: Random, freq: str) -> str:
    """Return a random rule of a frequency that RFC 5545 allows."""
    yearly, short = freq == "YEARLY", freq in ("HOURLY", "MINUTELY", "SECONDLY")
    weeks = yearly and random.random() < 0.2
    numbered = freq in ("YEARLY", "MONTHLY") and not weeks
    chances = [
        (0.5, f"INTERVAL={random.choice([1, 2, 3, 5, 7, 10, 24, 25, 90])}"),
        (0.3, f"WKST={random.choice(DAYS)}"),
        (0.3, f"BYMONTH={some(random, 1, 12)}"),
        (1.0 if weeks else 0, f"BYWEEKNO={some(random, 1, 53, back=True)}"),
        (0.1 if yearly or short else 0, f"BYYEARDAY={some(random, 1, 366, 30, back=True)}"),
        (0.3 if freq != "WEEKLY" else 0, f"BYMONTHDAY={some(random, 1, 31, 10, back=True)}"),
        (0.4, f"BYDAY={weekdays(random, numbered=numbered)}"),
        (0.3, f"BYHOUR={some(random, 0, 23)}"),
        (0.3, f"BYMINUTE={some(random, 0, 59)}"),
        (0.2, f"BYSECOND={some(random, 0, 59)}"),
    ]
    parts = [f"FREQ={freq}", *(part for chance, part in chances if random.random() < chance)]
    if any(part.startswith("BY") for part in parts) and random.random() < 0.25:
        parts.append(f"BYSETPOS={some(random, 1, 4, back=True)}")
    ending = random.choice(["", "", "", f"COUNT={random.randint(1, 30)}", "UNTIL=20280615T120000"])
    random.shuffle(parts)
    return ";".join([*parts, ending] if ending else parts)


#: The nightly environment looks longer.
ROUNDS = 60 if "PERIODIC_ORACLE" in os.environ else 12


@pytest.mark.parametrize(
    "freq", ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
)
def test_readings_are_those_of_a_walk_from_the_start(freq: str) -> None:
    """Random rules give what python-dateutil gives by walking from the start, both ways."""
    random = Random(freq)
    compared = 0
    for _ in range(ROUNDS):
        text = rule_text(random, freq)
        start = datetime(2026, random.randint(1, 12), random.randint(1, 28), random.randint(0, 23))
        start += timedelta(minutes=random.choice([0, 17]), seconds=random.choice([0, 0, 5]))
        if freq == "WEEKLY" and "BYSETPOS" in text:
            # BYSETPOS looks at the whole first week, of which python-dateutil sees the rest.
            start -= timedelta(days=(start.weekday() - wkst(text)) % 7)
        schedule = made(text, start)
        if schedule is None:
            if freq in ("YEARLY", "MONTHLY", "WEEKLY"):
                assert [] == walked(text, start, start + timedelta(days=800)), text
            else:
                assert not fires(text, freq, start), text
            continue
        found = list(islice(forward(schedule, start - timedelta(seconds=1)), 40))
        if not found:
            continue
        end = min(found[-1], start + timedelta(days=366 * 60)) + timedelta(seconds=1)
        expected = walked(text, start, end)[:40]
        assert expected == [at for at in found if at < end], text
        compared += len(expected)
        at = schedule.previous_before(end.replace(tzinfo=UTC))
        for reading in reversed(expected):
            assert at is not None
            assert reading == at.replace(tzinfo=None), text
            at = schedule.previous_before(at)
        assert at is None
    assert compared > 8 * ROUNDS


def wkst(text: str) -> int:
    """Return the first day of the week of a rule."""
    return next((n for n, day in enumerate(DAYS) if f"WKST={day}" in text), 0)


def fires(text: str, freq: str, start: datetime) -> bool:
    """Tell whether a period of a day or less matches, by looking at the first 20,000.

    Where nothing ever fires, python-dateutil would walk on to the year 9999.
    """
    parts = dict(part.split("=") for part in text.split(";"))
    units = {"DAILY": "days", "HOURLY": "hours", "MINUTELY": "minutes", "SECONDLY": "seconds"}
    step = timedelta(**{units[freq]: int(parts.get("INTERVAL", 1))})
    finer = ["BYHOUR", "BYMINUTE", "BYSECOND"][list(units).index(freq) :]
    limits = [part for part in ("BYHOUR", "BYMINUTE", "BYSECOND") if part in parts]
    limits = [part for part in limits if part not in finer]  # those expand a period

    def numbers(part: str) -> set[int]:
        return {int(number) for number in parts[part].split(",")}

    def matches(at: datetime) -> bool:
        month = (at.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        year = date(at.year, 12, 31).timetuple().tm_yday
        shown = {
            "BYMONTH": {at.month},
            "BYMONTHDAY": {at.day, at.day - month.day - 1},
            "BYYEARDAY": {at.timetuple().tm_yday, at.timetuple().tm_yday - year - 1},
            "BYHOUR": {at.hour},
            "BYMINUTE": {at.minute},
            "BYSECOND": {at.second},
        }
        dates = [part for part in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY") if part in parts]
        days = parts.get("BYDAY", ",".join(DAYS)).split(",")
        return DAYS[at.weekday()] in days and all(
            shown[part] & numbers(part) for part in (*dates, *limits)
        )

    if "BYSETPOS" in parts:
        return False  # it may take none of those that match
    last = datetime(2028, 6, 15, 12) if "UNTIL" in parts else datetime(2200, 1, 1)
    moments = (start + n * step for n in range(20_000))
    return any(matches(at) for at in moments if at <= last)


def made(text: str, start: datetime) -> rrule | None:
    """Return the schedule of a rule in UTC; None where it is refused."""
    try:
        return rrule(text, dtstart=start, tz="UTC")
    except ScheduleError:
        return None


def walked(text: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the readings in `[start, end)`, by python-dateutil's own walk."""
    if "COUNT" not in text and "UNTIL" not in text:
        text += f";UNTIL={end:%Y%m%dT%H%M%S}"
    try:
        rule = dateutil.rrulestr(text, dtstart=start)
    except ValueError:  # it sees that INTERVAL never meets a BY... part
        return []
    return list(takewhile(lambda reading: reading < end, rule))


def forward(schedule: Schedule, at: datetime) -> Any:
    """Yield the readings of a schedule in UTC after a moment."""
    found = schedule.next_after(at.replace(tzinfo=UTC))
    while found is not None:
        yield found.replace(tzinfo=None)
        found = schedule.next_after(found)


@dataclass(frozen=True)
class Given:
    """A rule for the oracle whose readings were listed one by one."""

    readings: frozenset[datetime]
    on_gap: str
    on_fold: str
    fixed: bool = True
    seconds: frozenset[int] = frozenset({0})

    def matches(self, reading: datetime) -> bool:
        """Tell whether a reading (naive) is one of them."""
        return reading in self.readings


RULES = [
    "FREQ=DAILY;BYHOUR=0,1,2,3,23;BYMINUTE=0,15,30,45,59",
    "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=MINUTELY;INTERVAL=25",
    "FREQ=HOURLY;BYMINUTE=1,31",
    "FREQ=DAILY;INTERVAL=2;BYHOUR=0,1,2;BYMINUTE=30;BYSETPOS=-1",
    "FREQ=WEEKLY;BYDAY=SA,SU,FR;BYHOUR=0,2;BYMINUTE=5,35",
    "FREQ=MONTHLY;BYDAY=SU;BYHOUR=1,2;BYMINUTE=0,30;BYSETPOS=1,2,3,-1",
]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        (NEW_YORK, 2026, 2026),
        ("Australia/Lord_Howe", 2026, 2026),
        ("Antarctica/Troll", 2026, 2026),
        ("Africa/Cairo", 2026, 2026),
        ("America/Sao_Paulo", 2017, 2018),
        ("Pacific/Apia", 2011, 2012),
        ("America/St_Johns", 2009, 2010),
    ],
)
def test_instants_follow_gap_and_fold(zone: str, first: int, last: int) -> None:
    """At clock changes each reading counts once by the same rules as everywhere, both ways."""
    info = ZoneInfo(zone)
    around = timedelta(hours=54)
    random = Random(zone)
    for change in changes(info, first, last):
        span = Span(info, change - around, change + around)
        for text in RULES:
            start = (span.start - timedelta(days=random.randint(30, 40))).replace(tzinfo=None)
            start = start.replace(minute=random.choice([0, 10]))
            gap = random.choice(["run", "run", "skip", "shift"])
            fold = random.choice(["first", "first", "last", "both"])
            end = (span.end + timedelta(days=2)).replace(tzinfo=None)
            given = Given(frozenset(walked(text, start, end)), gap, fold)
            schedule = rrule(text, dtstart=start, tz=zone, on_gap=gap, on_fold=fold)

            expected = [
                f"{at.isoformat()} {at.fold}"
                for at in (info.fromutc(at.replace(tzinfo=info)) for at in span.runs(given))
            ]
            assert expected == [
                f"{at.isoformat()} {at.fold}" for at in schedule.between(span.start, span.end)
            ], (schedule, change)
            back, at = [], schedule.previous_before(span.end)
            while at is not None and at >= span.start:
                back.append(f"{at.isoformat()} {at.fold}")
                at = schedule.previous_before(at)
            assert expected == back[::-1], (schedule, change)


def between(schedule: Schedule, start: str, end: str) -> list[str]:
    """Return the instants between two moments as ISO strings with offsets."""
    span = (datetime.fromisoformat(start), datetime.fromisoformat(end))
    return [at.isoformat() for at in schedule.between(*span)]


def test_spring_and_autumn_twins() -> None:
    """02:30 runs at 03:00 in spring; 01:30 runs once in autumn; RFC 5545's gap is `shift`."""
    nightly = rrule("FREQ=DAILY", dtstart="2026-01-01T02:30", tz=NEW_YORK)
    shifted = rrule("FREQ=DAILY", dtstart="2026-01-01T02:30", tz=NEW_YORK, on_gap="shift")
    early = rrule("FREQ=DAILY", dtstart="2026-01-01T01:30", tz=NEW_YORK)
    spring = ("2026-03-08T00:00-05:00", "2026-03-09T00:00-04:00")

    assert ["2026-03-08T03:00:00-04:00"] == between(nightly, *spring)
    assert ["2026-03-08T03:30:00-04:00"] == between(shifted, *spring)
    assert ["2026-11-01T01:30:00-04:00"] == (
        between(early, "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["1998-02-13", "1998-03-13", "1998-11-13"]),
        ("FREQ=MONTHLY;BYDAY=-2MO", ["1997-09-22", "1997-10-20", "1997-11-17"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["1998-05-18", "1999-05-17", "2000-05-15"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", ["1998-05-11", "1999-05-17", "2000-05-15"]),
        ("FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3", ["1997-09-04", "1997-10-07", "1997-11-06"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", ["1997-09-02", "1997-09-14", "1997-09-16"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", ["1997-09-02", "1997-09-07", "1997-09-16"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", ["1997-09-28", "1997-10-29", "1997-11-28"]),
        ("FREQ=DAILY;COUNT=3", ["1997-09-02", "1997-09-03", "1997-09-04"]),
        (
            "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
            ["2000-01-01", "2000-04-09", "2000-07-18"],
        ),
    ],
)
def test_examples_of_the_standard(text: str, expected: list[str]) -> None:
    """Rules as RFC 5545 explains them, from Tuesday, 2 September 1997, 09:00 in New York."""
    schedule = rrule(text, dtstart=datetime(1997, 9, 2, 9), tz=NEW_YORK)
    found = schedule.between(datetime(1997, 9, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))

    assert expected == [f"{at:%Y-%m-%d}" for at in islice(found, 3)]


def test_until_and_count_end_the_rule() -> None:
    """UNTIL is included, local or in UTC; COUNT counts readings from the start."""
    start = {"dtstart": "2026-01-01T09:00", "tz": NEW_YORK}
    span = ("2026-01-01T00:00-05:00", "2027-01-01T00:00-05:00")
    third = "2026-01-03T09:00:00-05:00"
    rules = ["COUNT=3", "UNTIL=20260103T090000", "UNTIL=20260103T140000Z"]
    for each in rules:
        schedule = rrule(f"FREQ=DAILY;{each}", **start)
        found = between(schedule, *span)
        assert (3, third) == (len(found), found[-1])
        at = datetime.fromisoformat(third)
        assert schedule.next_after(at) is None
        assert at == schedule.previous_before(at + timedelta(days=900))
    assert 2 == len(between(rrule("FREQ=DAILY;UNTIL=20260103T135959Z", **start), *span))


def test_until_in_utc_knows_the_passes_apart() -> None:
    """An UNTIL between the two passes of the repeated hour lets the first one run."""
    rule = rrule("FREQ=DAILY;UNTIL=20261101T061500Z", dtstart="2026-10-30T01:30", tz=NEW_YORK)
    both = rrule(rule.rule, dtstart=rule.dtstart, tz=NEW_YORK, on_fold="last")
    end = datetime(2027, 1, 1, tzinfo=UTC)

    assert "2026-11-01T01:30:00-04:00" == (rule.previous_before(end) or end).isoformat()
    assert "2026-10-31T01:30:00-04:00" == (both.previous_before(end) or end).isoformat()


def test_frozen_in_the_repeated_hour() -> None:
    """Under a frozen clock rules are read, and the second pass keeps its fold."""
    with freeze_time(datetime(2026, 11, 1, 6, 10, tzinfo=UTC)):
        nightly = rrule(
            "FREQ=WEEKLY;BYDAY=SU", dtstart=datetime(2026, 1, 4, 1, 30), tz=NEW_YORK, on_fold="last"
        )
        found = nightly.next_after(datetime(2026, 11, 1, 5, 40, tzinfo=UTC))

    assert found is not None
    assert ("2026-11-01T01:30:00-05:00", 1) == (found.isoformat(), found.fold)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYDAY=5MO;BYMONTHDAY=1",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=DAILY;BYHOUR=8;UNTIL=20260105T235959",
    ],
)
def test_a_rule_that_never_fires_is_refused_at_once(text: str) -> None:
    """No day matches: that is said when the rule is made, without an endless search."""
    began = clock.perf_counter()
    with pytest.raises(
        ScheduleError, match="never fires in the years that are searched: no day matches"
    ):
        rrule(text, dtstart="2026-01-05T09:00")
    assert clock.perf_counter() - began < 2


def test_rare_rules_are_found_without_walking() -> None:
    """The far future and the far past cost a few looks, and where there is none, None."""
    leap = rrule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU", dtstart="1600-01-01T09:00")
    secondly = rrule("FREQ=SECONDLY", dtstart="1600-01-01T00:00")
    once = rrule("FREQ=DAILY;COUNT=1", dtstart="2026-01-01T09:00")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    began = clock.perf_counter()

    assert datetime(2032, 2, 29, 9, tzinfo=UTC) == leap.next_after(at)
    assert datetime(2004, 2, 29, 9, tzinfo=UTC) == leap.previous_before(at)
    assert at + timedelta(seconds=1) == secondly.next_after(at)
    assert at - timedelta(seconds=1) == secondly.previous_before(at)
    assert once.next_after(at + timedelta(days=1)) is None
    assert once.previous_before(at) is None
    assert leap.next_after(datetime(9998, 1, 1, tzinfo=UTC)) is None
    assert clock.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FREQ=DAILY", "rrule:freq=daily"),
        ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO"),
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "FREQ=DAILY"),
        ("FREQ=WEEKLY;BYDAY=WE,MO", "BYDAY=MO,WE;FREQ=WEEKLY;INTERVAL=1;WKST=MO"),
        ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20260107T090000"),
    ],
)
def test_equal_by_meaning(one: str, other: str) -> None:
    """Rules that say the same are equal, in whatever words."""
    first, second = (rrule(text, dtstart="2026-01-05T09:00") for text in (one, other))

    assert first == second
    assert hash(first) == hash(second)
    assert first.fingerprint() == second.fingerprint()
    assert first != rrule(one, dtstart="2026-01-05T09:01")
    assert first != rrule(one, dtstart="2026-01-05T09:00", tz="UTC")


def test_values() -> None:
    """JSON, pickle and repr give an equal schedule; it is immutable."""
    schedule = rrule(
        "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20300101T000000Z",
        dtstart=datetime(2026, 1, 30, 9, tzinfo=ZoneInfo(NEW_YORK)),
        on_gap="shift",
        on_fold="both",
    )
    data = json.loads(json.dumps(schedule.to_dict()))

    assert NEW_YORK == data["tz"]
    assert "2026-01-30T09:00:00" == data["dtstart"]
    assert schedule == Schedule.from_dict(data) == rrule.from_dict(data)
    assert schedule == pickle.loads(pickle.dumps(schedule)) == eval(repr(schedule))
    with pytest.raises(AttributeError, match="immutable; make another one"):
        schedule.rule = "FREQ=DAILY"
    open_zone = rrule("FREQ=DAILY", dtstart="2026-01-01T09:00")
    assert open_zone.tz is None
    assert (
        "+09:00"
        == (
            open_zone.in_zone(ZoneInfo("Asia/Tokyo")).next_after(datetime(2026, 3, 1, tzinfo=UTC))
            or datetime.min
        ).isoformat()[-6:]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FREQ=DAILY", "every day at 09:00, from 2026-01-05"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE",
            "every 2 weeks on Monday and Wednesday at 09:00, from 2026-01-05",
        ),
        (
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5",
            "every week on weekdays at 09:00, from 2026-01-05, 5 times in all",
        ),
        ("FREQ=WEEKLY", "every week on Monday at 09:00, from 2026-01-05"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday at 09:00, from 2026-01-05"),
        ("FREQ=MONTHLY", "every month on the 5th at 09:00, from 2026-01-05"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day at 09:00, from 2026-01-05"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
            "every month on Friday if it is the 13th at 09:00, from 2026-01-05",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
            (
                "every month on Monday and Tuesday at 09:00, of these the last of each month, "
                "from 2026-01-05"
            ),
        ),
        ("FREQ=YEARLY", "every year on the 5th of January at 09:00, from 2026-01-05"),
        (
            "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=1",
            "every year on the 1st of June at 09:00, from 2026-01-05",
        ),
        (
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "every year on Monday in week 20 at 09:00, from 2026-01-05",
        ),
        (
            "FREQ=YEARLY;BYYEARDAY=100,-1",
            "every year on the 100th and last day of the year at 09:00, from 2026-01-05",
        ),
        (
            "FREQ=DAILY;BYHOUR=9,12;UNTIL=20261231T235959Z",
            "every day at 09:00 and 12:00, from 2026-01-05 until 2026-12-31 23:59:59 UTC",
        ),
        ("FREQ=HOURLY;INTERVAL=5", "every 5 hours at minute 0, from 2026-01-05"),
        (
            "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10;COUNT=1",
            "every 15 minutes at the hours 9 and 10, from 2026-01-05, once in all",
        ),
        ("FREQ=SECONDLY;INTERVAL=10", "every 10 seconds, from 2026-01-05"),
    ],
)
def test_describe(text: str, words: str) -> None:
    """A rule reads as a sentence."""
    assert words == rrule(text, dtstart="2026-01-05T09:00").describe()
    assert f"{words}, UTC" == rrule(text, dtstart="2026-01-05T09:00", tz="UTC").describe()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rule '': a part is missing; allowed: FREQ, INTERVAL, COUNT"),
        ("BYDAY=MO", "FREQ is missing; allowed: FREQ=YEARLY, MONTHLY"),
        ("FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY; allowed: YEARLY, MONTHLY, WEEKLY"),
        ("FREQ=DAILY;", "a part is missing"),
        ("FREQ=DAILY;BYEASTER=1", "'BYEASTER' is no part of a rule"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice; write its values as a list"),
        ("FREQ=DAILY;COUNT", "COUNT has no value; write COUNT=... (at characters 12-16)"),
        (
            "FREQ=DAILY;COUNT=0",
            "COUNT=0; allowed: a whole number, 1 to 999999999 (at character 18)",
        ),
        ("FREQ=DAILY;INTERVAL=-2", "INTERVAL=-2; allowed: a whole number, 1 to"),
        ("FREQ=DAILY;COUNT=99999999999", "COUNT=99999999999; allowed: a whole number"),
        ("FREQ=DAILY;COUNT=999999", "COUNT reaches too far ahead to be counted, over more"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101T000000", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;UNTIL=20300101", "UNTIL is a date alone; write its time too: 20300101T235959"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW; allowed: 20261231T235959 in local time"),
        ("FREQ=DAILY;UNTIL=20301301T000000", "UNTIL=20301301T000000; allowed"),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,XX", "BYDAY: 'XX' is no day; allowed: MO, TU"),
        (
            "FREQ=WEEKLY;BYDAY=1MO",
            "BYDAY takes a number with FREQ=MONTHLY or YEARLY, not with WEEKLY",
        ),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY: '6MO' never comes; allowed: 1 to 5 and -5 to -1"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY: '0MO' is no day"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY takes no number together with BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: '24' cannot be; allowed: 0 to 23 (at characters 19-20)"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND: '60' cannot be; allowed: 0 to 59"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY: '0' cannot be; allowed: 1 to 31 and -31 to -1"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH: '-1' cannot be; allowed: 1 to 12"),
        ("FREQ=DAILY;BYMONTH=1,,2", "BYMONTH: '' cannot be"),
        ("FREQ=DAILY;BYWEEKNO=1", "BYWEEKNO goes with FREQ=YEARLY alone, not with DAILY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY does not go with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS chooses among what another BY... part gives; add one"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX; allowed: MO, TU"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "the start is dtstart="),
        ("FREQ=DAILY;BYHOUR=٣", "is not an ASCII character (at character 19)"),
        ("FREQ=DAILY;BYHOUR=1;BYHOUR" * 1000, "characters is too long; allowed: 10000"),
        (b"FREQ=DAILY", "a recurrence rule is a text such as 'FREQ=WEEKLY;BYDAY=MO', not b'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_rules(text: Any, message: str) -> None:
    """What cannot be understood is refused: the part, the value, what is allowed, the place."""
    with pytest.raises(ScheduleError) as caught:
        rrule(text, dtstart="2026-01-05T09:00")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dtstart", "message"),
    [
        ("soon", "dtstart='soon' is not a start; allowed: a datetime in whole seconds"),
        (datetime(2026, 1, 1, 0, 0, 0, 5), "is not a start"),
        (None, "dtstart=None is not a start"),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "has an offset and no named zone",
        ),
        ("2026-01-01T09:00+02:00", "has an offset and no named zone; add tz="),
    ],
)
def test_refused_starts(dtstart: Any, message: str) -> None:
    """A start is a reading, or an instant where the zone is named."""
    with pytest.raises(ScheduleError) as caught:
        rrule("FREQ=DAILY", dtstart=dtstart)

    assert message in str(caught.value)


def test_an_aware_start_is_read_in_the_schedules_zone() -> None:
    """An instant becomes the reading that the zone's clock shows."""
    aware = rrule("FREQ=DAILY", dtstart="2026-01-01T14:00+00:00", tz=NEW_YORK)
    utc = rrule("FREQ=DAILY", dtstart=datetime(2026, 1, 1, 14, tzinfo=UTC))

    assert datetime(2026, 1, 1, 9) == aware.dtstart
    assert "UTC" == str(utc.tz)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where python-dateutil is missing, the error names the extra to install."""
    for name in ("dateutil", "dateutil.rrule"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ScheduleError, match=r'pip install "periodic-celery\[rrule\]"'):
        rrule("FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=19,23", dtstart="2026-01-05T09:00")


def test_random_texts_are_refused_or_work() -> None:
    """Nothing but ScheduleError comes out of the parser, whatever goes in."""
    random = Random(5545)
    pieces = ["FREQ=", "DAILY", "YEARLY", ";", ",", "=", "BYDAY=", "MO", "-1FR", "COUNT=", "3", "-"]
    pieces += ["BYSETPOS=", "99", "UNTIL=", "20260101T000000Z", " ", "é", "INTERVAL=", "RRULE:"]
    start = datetime(2026, 1, 5, 9)
    works = [
        made("".join(random.choice(pieces) for _ in range(random.randint(0, 8))), start)
        for _ in range(3000)
    ]

    assert 3000 > works.count(None) > 2000
    for schedule in works:
        if schedule is not None:
            schedule.next_after(datetime(2026, 3, 1, tzinfo=UTC))
