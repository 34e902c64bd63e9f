"""The cron dialect: what each form means, what is equal, what an entry's name settles."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import Entry
from periodic.errors import ScheduleError
from periodic.schedules import Schedule, cron, crontab

#: 2026-01-01 is a Thursday.
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)


def runs(expression: str, count: int = 4, **options: Any) -> list[str]:
    """Return the first runs from 2026 on, in UTC, as short texts."""
    found = islice(cron(expression, tz="UTC", **options).between(START, END), count)
    return [at.strftime("%m-%d %H:%M:%S").removesuffix(":00") for at in found]


def days(fields: str) -> str:
    """Return the dates of midnights in January and February 2026 as numbers."""
    february = datetime(2026, 3, 1, tzinfo=UTC)
    found = list(cron(f"0 0 {fields}", tz="UTC").between(START, february))
    texts = [" ".join(str(at.day) for at in found if at.month == month) for month in (1, 2)]
    return " | ".join(texts)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5/15 0 * * *", ["01-01 00:05", "01-01 00:20", "01-01 00:35", "01-01 00:50"]),
        ("0 5/9 * * *", ["01-01 05:00", "01-01 14:00", "01-01 23:00", "01-02 05:00"]),
        ("0 22-2 * * *", ["01-01 00:00", "01-01 01:00", "01-01 02:00", "01-01 22:00"]),
        ("0 22-4/2 * * *", ["01-01 00:00", "01-01 02:00", "01-01 04:00", "01-01 22:00"]),
        ("0 23-4/2 * * *", ["01-01 01:00", "01-01 03:00", "01-01 23:00", "01-02 01:00"]),
        ("58-1 0 * * *", ["01-01 00:00", "01-01 00:01", "01-01 00:58", "01-01 00:59"]),
        ("0 0 1 nov-feb *", ["01-01 00:00", "02-01 00:00", "11-01 00:00", "12-01 00:00"]),
        ("0 0 1 nov-feb/2 *", ["01-01 00:00", "11-01 00:00"]),
        ("0 0 1 6/3 *", ["06-01 00:00", "09-01 00:00", "12-01 00:00"]),
        ("07 09 * * *", ["01-01 09:07", "01-02 09:07", "01-03 09:07", "01-04 09:07"]),
        ("*/20 * * * * *", ["01-01 00:00", "01-01 00:00:20", "01-01 00:00:40", "01-01 00:01"]),
        ("30 0 9 * * *", ["01-01 09:00:30", "01-02 09:00:30", "01-03 09:00:30", "01-04 09:00:30"]),
        ("55-5/5 0 0 1 1 *", ["01-01 00:00", "01-01 00:00:05", "01-01 00:00:55"]),
        ("@yearly", ["01-01 00:00"]),
        ("@Annually", ["01-01 00:00"]),
        ("@MONTHLY", ["01-01 00:00", "02-01 00:00", "03-01 00:00", "04-01 00:00"]),
        ("@weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00", "01-25 00:00"]),
        (" @daily\n", ["01-01 00:00", "01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("@midnight", ["01-01 00:00", "01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("@hourly", ["01-01 00:00", "01-01 01:00", "01-01 02:00", "01-01 03:00"]),
        (
            "\t0\u00a09 \n * \v*  *\r\n",
            ["01-01 09:00", "01-02 09:00", "01-03 09:00", "01-04 09:00"],
        ),
    ],
)
def test_times(expression: str, expected: list[str]) -> None:
    """Steps, wrap-around ranges, seconds, macros and any white space mean what they say."""
    assert expected == runs(expression)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # plain days of the month, AND all weekdays
        ("1-30/7 * *", "1 8 15 22 29 | 1 8 15 22"),
        ("25/3 * *", "25 28 31 | 25 28"),
        ("30-2 * *", "1 2 30 31 | 1 2"),
        # days of the week in all spellings; 7 is Sunday
        ("* * fri-sun", "2 3 4 9 10 11 16 17 18 23 24 25 30 31 | 1 6 7 8 13 14 15 20 21 22 27 28"),
        ("1-7 * *", "1 2 3 4 5 6 7 | 1 2 3 4 5 6 7"),
        ("*/4 * fri-mon", "5 9 17 25 | 1 9 13 21"),
        ("* * fri-mon/2", "2 4 9 11 16 18 23 25 30 | 1 6 8 13 15 20 22 27"),
        ("* * 7", "4 11 18 25 | 1 8 15 22"),
        ("* * 0", "4 11 18 25 | 1 8 15 22"),
        ("* * SUNDAY", "4 11 18 25 | 1 8 15 22"),
        ("* * Sat-7", "3 4 10 11 17 18 24 25 31 | 1 7 8 14 15 21 22 28"),
        ("* * 7-1", "4 5 11 12 18 19 25 26 | 1 2 8 9 15 16 22 23"),
        ("* * 5/2", "2 4 9 11 16 18 23 25 30 | 1 6 8 13 15 20 22 27"),
        ("* * */5", "2 4 9 11 16 18 23 25 30 | 1 6 8 13 15 20 22 27"),
        # L, L-3, LW, 15W
        ("L * *", "31 | 28"),
        ("l * ?", "31 | 28"),
        ("L-3 * *", "28 | 25"),
        ("L-30 * *", "1 | "),
        ("L,15 * *", "15 31 | 15 28"),
        ("LW * *", "30 | 27"),
        ("15W * *", "15 | 16"),
        ("17w * *", "16 | 17"),
        ("1W * *", "1 | 2"),
        ("31W * *", "30 | "),
        ("28W * *", "28 | 27"),
        ("4W,L-1 * *", "5 30 | 4 27"),
        # 5L, friL, fri#2
        ("* * 5L", "30 | 27"),
        ("* * friL", "30 | 27"),
        ("* * FRIDAYl", "30 | 27"),
        ("* * 7L", "25 | 22"),
        ("* * fri#2", "9 | 13"),
        ("* * 5#2", "9 | 13"),
        ("* * Friday#5", "30 | "),
        ("? * 0#1,7#3", "4 18 | 1 15"),
        ("* * mon,5L", "5 12 19 26 30 | 2 9 16 23 27"),
        # OR: neither begins with a star
        ("13 * fri", "2 9 13 16 23 30 | 6 13 20 27"),
        ("L * fri#1", "2 31 | 6 28"),
        # AND: one of them begins with a star
        ("*/2 * fri", "9 23 | 13 27"),
        ("*/7 * fri#5", " | "),
        ("*,1 * fri", "2 9 16 23 30 | 6 13 20 27"),
        ("13 * */5", " | 13"),
        ("L,15W * */5", " | "),
        ("? * fri", "2 9 16 23 30 | 6 13 20 27"),
    ],
)  # fmt: skip
def test_dates(fields: str, expected: str) -> None:
    """Each form of the date fields means the dates of January and February 2026 listed here."""
    assert expected == days(fields)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 9 * * mon-fri", "0 0 9 * * 1,2,3,4,5"),
        ("@daily", "0 0 * * *"),
        ("0 0 * * 7", "0 0 ? * sun"),
        ("0 0 31 * *", "0 0 31 1,3,5,7,8,10,12 *"),
        ("0 0 1-31 * mon", "0 0 * * *"),
        ("0 0 1,* * mon", "0 0 * * *"),
        ("0 0 * * fri#1,fri#2,fri#3,fri#4,fri#5", "0 0 * * fri"),
        ("0 0 L 4 *", "0 0 30 4 *"),
        ("0 22-2 * * *", "0 22,0,1,2,23 * * *"),
    ],
)
def test_equal_by_meaning(one: str, other: str) -> None:
    """Texts that mean the same make equal schedules, with one hash and fingerprint."""
    a, b = cron(one, tz="Europe/London"), cron(other, tz=ZoneInfo("Europe/London"))

    assert a == b
    assert hash(a) == hash(b)
    assert a.fingerprint() == b.fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 9 * * *", "1 0 9 * * *"),
        ("0 * * * *", "0 0-23 * * *"),  # wildcard and fixed
        ("0 0 13 * fri", "0 0 */13 * fri"),
        ("0 0 L-5 * *", "0 0 5W * *"),
        ("0 0 * * 5L", "0 0 * * fri#5"),
        ("0 0 * * 5L", "0 0 * * fri#4"),
        ("H * * * *", "H H * * *"),
        ("0 0 28 2 *", "0 0 L 2 *"),
    ],
)
def test_unequal_by_meaning(one: str, other: str) -> None:
    """Texts that differ in any year make different schedules."""
    assert cron(one) != cron(other)
    assert cron(one).fingerprint() != cron(other).fingerprint()


def test_options_are_part_of_the_meaning() -> None:
    """Zone, gap and fold options distinguish schedules; a name that settles nothing does not."""
    plain = cron("0 9 * * *", tz="UTC")

    assert plain != cron("0 9 * * *")
    assert plain != cron("0 9 * * *", tz="Europe/London")
    assert plain != cron("0 9 * * *", tz="UTC", on_gap="skip")
    assert plain != cron("0 9 * * *", tz="UTC", on_fold="both")
    assert plain == cron("0 9 * * *", tz="UTC", name="report")


def test_cron_is_never_equal_to_crontab() -> None:
    """The two dialects are different types, even where they say the same."""
    assert cron("* * * * *") != crontab()
    assert crontab() != cron("* * * * *")
    assert 2 == len({crontab(), cron("* * * * *")})
    assert cron("* * * * *").fingerprint() != crontab().fingerprint()


def test_fixed_is_decided_by_minute_and_hour_alone() -> None:
    """Neither seconds nor dates make a schedule wildcard; the text decides, not the numbers."""
    assert cron("0 9 * * *").fixed
    assert cron("* 0 9 * * *").fixed
    assert cron("*/10 0-59 0-23 * * *").fixed
    assert cron("H H * * *").fixed
    assert cron("@daily").fixed
    assert not cron("0 * * * *").fixed
    assert not cron("0 */15 9 * * *").fixed
    assert not cron("*,5 9 * * *").fixed
    assert not cron("@hourly").fixed


def test_attributes_round_trip() -> None:
    """The text keeps its spelling, with single spaces; JSON and pickle give it back."""
    schedule = cron(" 30  2 L-3,15W\t* Fri#2 ", tz="Europe/London", on_gap="shift", on_fold="last")

    assert "30 2 L-3,15W * Fri#2" == schedule.expression
    data = schedule.to_dict()
    assert {
        "kind": "cron",
        "expression": "30 2 L-3,15W * Fri#2",
        "tz": "Europe/London",
        "on_gap": "shift",
        "on_fold": "last",
        "name": None,
    } == data
    for again in (
        Schedule.from_dict(json.loads(json.dumps(data))),
        cron.from_dict({"kind": "cron", **data}),
        pickle.loads(pickle.dumps(schedule)),
        eval(repr(schedule)),  # our own text
    ):
        assert schedule == again
        assert data == again.to_dict()


def test_repr() -> None:
    """The repr is the call, without what has its default."""
    assert "cron('0 9 * * mon-fri')" == repr(cron("0 9  * * mon-fri", name="unused"))
    assert (
        "cron('H 9 * * *', tz='Europe/London', on_gap='skip', on_fold='both', name='report')"
        == repr(cron("H 9 * * *", tz="Europe/London", on_gap="skip", on_fold="both", name="report"))
    )


# ---- H


def test_hash_without_a_name_is_refused_when_it_is_asked() -> None:
    """An H that no name settles has no instants, says so at once, and tells what to do."""
    schedule = cron("H 2 * * *", tz="UTC")

    for ask in (
        lambda: schedule.next_after(START),
        lambda: schedule.previous_before(START),
        lambda: schedule.between(START, END),
    ):
        with pytest.raises(ScheduleError, match=r"'H 2 \* \* \*' has an H and no name"):
            ask()
    assert schedule == cron("h 2 * * *", tz="UTC")
    assert schedule == Schedule.from_dict(schedule.to_dict())
    assert schedule == pickle.loads(pickle.dumps(schedule))
    assert "as 'H 2 * * *' says, with each H settled by the entry's name, UTC" == (
        schedule.describe()
    )


def test_an_entry_gives_its_name() -> None:
    """`H` in an entry's schedule is settled by the entry's name, and stays settled."""
    schedule = cron("H H(0-5) * * *", tz="UTC")
    schedule.app = marker = object()

    entry = Entry(name="report", task="tasks.report", schedule=schedule)

    assert cron("H H(0-5) * * *", tz="UTC", name="report") == entry.schedule
    assert marker is entry.schedule.app
    assert entry.schedule is entry.schedule.named("another")
    assert schedule.name is None


def test_a_name_without_hash_changes_nothing() -> None:
    """Schedules of every kind take a name; only an `H` is settled by it."""
    for schedule in (cron("0 9 * * *"), crontab(minute=0)):
        assert schedule is schedule.named("report")


def test_hash_is_stable() -> None:
    """These numbers never change: another version or machine must run the same minutes."""
    schedule = cron("H H H H H H", tz="UTC", name="report")
    texts = [",".join(map(str, sorted(field.values))) for field in schedule.parsed]

    assert PINNED == " ".join(texts)
    assert schedule == cron(PINNED, tz="UTC")


PINNED = "8 21 8 26 11 0"


def test_hash_spreads_over_its_range() -> None:
    """Many names use all numbers of the range, steps begin anywhere in the first n."""
    names = [f"entry {number}" for number in range(600)]

    def values(text: str, place: int) -> set[frozenset[int]]:
        return {cron(text, name=name).parsed[place].values for name in names}

    assert {frozenset({n}) for n in range(60)} == values("H * * * *", 1)
    assert {frozenset({n}) for n in range(30)} == values("H(0-29) * * * *", 1)
    assert {frozenset({n}) for n in (22, 23, 0, 1)} == values("0 H(22-1) * * *", 2)
    assert {frozenset(range(n, 60, 15)) for n in range(15)} == values("H/15 * * * *", 1)
    assert {frozenset(range(n, 30, 10)) for n in range(10)} == values("H(0-29)/10 * * * *", 1)
    assert {frozenset({n}) for n in range(1, 29)} == values("0 0 H * *", 3)
    assert {frozenset({n}) for n in range(7)} == values("0 0 * * H", 5)
    assert {frozenset({n}) for n in (5, 6, 0)} == values("0 0 * * H(fri-sun)", 5)


def test_hash_is_of_the_field_and_the_name() -> None:
    """Minute and hour are independent, other fields do not shift a field, names count exactly."""
    minute = cron("H * * * *", name="report").parsed.minute.values

    assert minute == cron("H 3 L * fri", name="report").parsed.minute.values
    assert minute <= cron("H/15 * * * *", name="report").parsed.minute.values
    pairs = {tuple(cron("H H * * *", name=str(n)).parsed[1:3]) for n in range(50)}
    assert len(pairs) > 40
    assert minute | {17} == cron("H,17 * * * *", name="report").parsed.minute.values


@pytest.mark.parametrize("name", ["", "  ", 5, b"report"])
def test_a_name_is_a_text(name: Any) -> None:
    """What cannot be an entry's name is refused."""
    with pytest.raises(ScheduleError, match="name="):
        cron("H * * * *", name=name)
    with pytest.raises(ScheduleError, match="name="):
        cron("H * * * *").named(name)


def test_a_settled_day_that_never_comes_is_refused() -> None:
    """A range of days of which some never come is refused for the names that get those."""
    schedule = cron("0 0 H(28-31) 2 *")  # 28 and 29 are possible
    outcomes = set()
    for number in range(40):
        try:
            outcomes.add(min(schedule.named(f"entry {number}").parsed.day_of_month.values))
        except ScheduleError:
            outcomes.add(0)

    assert {28, 29, 0} == outcomes
    with pytest.raises(ScheduleError, match="no date can ever match"):
        cron("0 0 H(30-31) 2 *")
