"""Beside cronsim and croniter: the same instants where the rules agree, and a list where not.

Expressions are random, in the part of the dialect that all three read. Days without a clock change
must agree with both; the nights of changes must agree with cronsim where both follow Debian. Each
known disagreement is an example below, with who is right and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim, CronSimError

from periodic import to_utc
from periodic.schedules import cron

from .oracle import changes
from .test_oracle import ZONES

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

EXPRESSIONS = 150
STEPS = 25
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def ours(text: str, at: datetime) -> Iterator[datetime]:
    """Yield what we say after an instant."""
    schedule = cron(text, tz=at.tzinfo)
    found = schedule.next_after(at)
    while found is not None:
        yield found
        found = schedule.next_after(found)


def cronsim(text: str, at: datetime) -> Iterator[datetime]:
    """Yield what cronsim says after an instant."""
    return CronSim(text, at)


def croniters(text: str, at: datetime) -> Iterator[datetime]:
    """Yield what croniter says after an instant, with Debian's rule for the two day fields."""
    # Its own default is OR unless a field *is* a star; Debian asks whether one begins with it.
    _, _, day, _, weekday = text.split()
    either = not (day.startswith("*") or weekday.startswith("*"))
    times = croniter(text, at, day_or=either)
    while True:
        yield times.get_next(datetime)


def field(random: Random, low: int, high: int, names: list[str]) -> str:
    """Return a field that all dialects read alike: no names in lists, no wrap-around."""
    kind = random.choice(["star", "star", "one", "list", "range", "step", "stepped"])
    first, last = sorted(random.sample(range(low, high + 1), 2))
    if kind == "star":
        return "*"
    if kind == "one":
        return names[first - low] if names and random.random() < 0.5 else str(first)
    if kind == "list":
        return ",".join(str(n) for n in sorted(random.sample(range(low, high + 1), 3)))
    if kind == "range":
        return f"{first}-{last}"
    if kind == "step":
        return f"*/{random.randint(2, max(2, (high - low) // 2))}"
    return f"{first}-{last}/{random.randint(1, max(1, last - first))}"


def expression(random: Random) -> str:
    """Return five fields; dates that come every year."""
    return " ".join(
        [
            field(random, 0, 59, []),
            field(random, 0, 23, []),
            field(random, 1, 28, []),
            field(random, 1, 12, MONTHS),
            field(random, 0, 6, WEEKDAYS),
        ]
    )


def shown(instants: Iterator[datetime], count: int) -> list[str]:
    """Return the first instants in ISO 8601."""
    return [at.isoformat() for at in islice(instants, count)]


@pytest.mark.parametrize("peer", [cronsim, croniters])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_same_instants_where_the_clock_never_changes(peer, zone: str) -> None:
    """In a zone without clock changes every expression yields the peer's instants."""
    random = Random(zone)
    for _ in range(EXPRESSIONS):
        text = expression(random)
        at = datetime(2020, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(
            minutes=random.randrange(5 * 525_600)
        )
        assert shown(peer(text, at), STEPS) == shown(ours(text, at), STEPS), (text, at)


@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
def test_same_instants_as_cronsim_on_calm_days(zone: str, first: int, last: int) -> None:
    """Between two clock changes, in every listed zone, cronsim's instants are ours."""
    random = Random(f"calm {zone}")
    info = ZoneInfo(zone)
    quiet = 0
    for at in changes(info, first, last) or [datetime(first, 3, 1, tzinfo=UTC)]:
        start = info.fromutc((at + timedelta(days=3)).replace(tzinfo=info))
        end = start + timedelta(days=18)
        if end.utcoffset() != start.utcoffset():
            continue
        quiet += 1
        for _ in range(12):
            text = expression(random)
            theirs = [each for each in islice(cronsim(text, start), STEPS) if each < end]
            mine = [each for each in islice(ours(text, start), STEPS) if each < end]
            assert [each.isoformat() for each in theirs] == [each.isoformat() for each in mine], (
                text
            )
    assert quiet


def nightly(random: Random, *, stars: bool) -> str:
    """Return an expression for every day, drawn from the hours in which clocks change."""

    def one(low: int, high: int) -> str:
        kind = random.choice(["one", "one", "list", "range"])
        first, last = sorted(random.sample(range(low, high + 1), 2))
        return {"one": f"{first}", "list": f"{first},{last}", "range": f"{first}-{last}"}[kind]

    minute, hour = one(0, 59), one(0, random.choice([4, 4, 23]))
    if stars:
        minute, hour = random.choice([(f"*/{random.choice([7, 15, 20, 30])}", hour), (minute, "*")])
    return f"{minute} {hour} * * *"


@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
def test_same_instants_as_cronsim_in_nights_of_changes(zone: str, first: int, last: int) -> None:
    """Fixed schedules agree with cronsim at every change, wildcards where there is no gap."""
    random = Random(f"night {zone}")
    info = ZoneInfo(zone)
    for at in changes(info, first, last):
        start = info.fromutc((at - timedelta(hours=20)).replace(tzinfo=info))
        after = info.fromutc((at + timedelta(hours=20)).replace(tzinfo=info))
        # Of these two folds the table below knows more.
        whole_hours = zone not in ("Australia/Lord_Howe", "America/St_Johns")
        is_fold = whole_hours and after.utcoffset() < start.utcoffset()
        for _ in range(8):
            text = nightly(random, stars=is_fold and random.random() < 0.5)
            theirs, mine = shown(cronsim(text, start), STEPS), shown(ours(text, start), STEPS)
            assert theirs == mine, (text, start)


NEW_YORK = "America/New_York"
SAME = "as ours"
REFUSED = "refused"

#: Expression, zone, start, our first runs, cronsim's, croniter's, who is right and why.
DISAGREEMENTS = [
    (
        "*/15 2 * * *",
        NEW_YORK,
        "2026-03-08T00:00",
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"],
        ["2026-03-09T02:00:00-04:00", "2026-03-09T02:15:00-04:00"],
        SAME,
        "ours: the gap swallowed every run of that night; one makes up for them (Debian: none)",
    ),
    (
        "0 */2 * * *",
        NEW_YORK,
        "2026-03-08T00:30",
        ["2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"],
        ["2026-03-08T04:00:00-04:00", "2026-03-08T06:00:00-04:00"],
        SAME,
        "ours: 02:00 never came and 03:00, its instant, has no run of its own (Debian: none)",
    ),
    (
        "30 1 * * *",
        NEW_YORK,
        "2026-11-01T00:00",
        ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
        SAME,
        ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"],
        "ours and Debian: a fixed time means once a day; croniter runs it in both passes",
    ),
    (
        "0 0-3 * * *",
        NEW_YORK,
        "2026-11-01T00:30",
        ["2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00"],
        SAME,
        ["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"],
        "ours and Debian: hours that are written out are fixed; croniter repeats 01:00",
    ),
    (
        "30 23 * * *",
        "America/St_Johns",
        "2006-10-28T00:00",
        ["2006-10-28T23:30:00-02:30", "2006-10-29T23:30:00-03:30"],
        SAME,
        ["2006-10-28T23:30:00-02:30", "2006-10-28T23:30:00-03:30"],
        "ours and Debian: the same where the clock goes back over midnight",
    ),
    (
        "*/30 3 * * *",
        "Australia/Lord_Howe",
        "2021-04-03T09:00",
        ["2021-04-04T03:00:00+10:30", "2021-04-04T03:30:00+10:30"],
        ["2021-04-04T03:30:00+10:30", "2021-04-05T03:00:00+10:30"],
        SAME,
        "ours: the clock went back by half an hour before that; cronsim's steps of an hour miss it",
    ),
    (
        "*/7 0 * * *",
        "America/St_Johns",
        "2005-10-29T07:30",
        ["2005-10-30T00:00:00-02:30", "2005-10-30T00:00:00-03:30"],
        ["2005-10-30T00:00:00-02:30", "2005-10-30T00:00:00-02:30"],
        SAME,
        "ours: time goes on; cronsim goes back to the first pass over midnight",
    ),
    (
        "0 30 2 * * *",
        NEW_YORK,
        "2026-03-08T00:00",
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
        ["2026-03-09T02:30:00-04:00", "2026-03-10T02:30:00-04:00"],
        SAME,
        "ours: a field for seconds is no reason to lose a night; cronsim minds gaps in five fields",
    ),
    (
        "0 30 1 * * *",
        NEW_YORK,
        "2026-11-01T00:00",
        ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
        ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"],
        ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"],
        "ours: nor to run twice",
    ),
    (
        "0 0 */10 * mon",
        "UTC",
        "2026-03-08T00:00",
        ["2026-05-11T00:00:00+00:00", "2026-06-01T00:00:00+00:00"],
        SAME,
        ["2026-03-09T00:00:00+00:00", "2026-03-11T00:00:00+00:00"],
        "ours and Debian: a day field that begins with a star makes it AND; croniter says OR",
    ),
    (
        "0 22-2 * * *",
        "UTC",
        "2026-03-08T12:00",
        ["2026-03-08T22:00:00+00:00", "2026-03-08T23:00:00+00:00"],
        REFUSED,
        SAME,
        "ours: a range over midnight has one meaning; Debian and cronsim refuse it",
    ),
    (
        "*/61 * * * *",
        "UTC",
        "2026-03-08T00:00",
        REFUSED,
        ["2026-03-08T01:00:00+00:00", "2026-03-08T02:00:00+00:00"],
        ["2026-03-08T01:00:00+00:00", "2026-03-08T02:00:00+00:00"],
        "ours: who writes every 61 minutes does not mean every hour",
    ),
    (
        "0 0 L-3 * *",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-28T00:00:00+00:00", "2026-04-27T00:00:00+00:00"],
        REFUSED,
        REFUSED,
        "a matter of dialect: Quartz has it",
    ),
    (
        "0 0 15W * *",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-16T00:00:00+00:00", "2026-04-15T00:00:00+00:00"],
        REFUSED,
        SAME,
        "a matter of dialect: Quartz has it",
    ),
    (
        "0 0 LW * *",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-31T00:00:00+00:00", "2026-04-30T00:00:00+00:00"],
        SAME,
        REFUSED,
        "a matter of dialect: Quartz has it",
    ),
    (
        "0 0 * * 5L",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-27T00:00:00+00:00", "2026-04-24T00:00:00+00:00"],
        SAME,
        REFUSED,
        "a matter of dialect: croniter writes L5, which we and cronsim refuse",
    ),
    (
        "0 0 * * monday",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-09T00:00:00+00:00", "2026-03-16T00:00:00+00:00"],
        REFUSED,
        REFUSED,
        "ours: a full name has one meaning",
    ),
    (
        "0 0 ? * mon",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-09T00:00:00+00:00", "2026-03-16T00:00:00+00:00"],
        REFUSED,
        SAME,
        "a matter of dialect: Quartz has it",
    ),
    (
        "0 0 30 2 *",
        "UTC",
        "2026-03-08T00:00",
        REFUSED,
        REFUSED,
        REFUSED,
        "all: but croniter only when it is asked, after a search",
    ),
    (
        "@daily",
        "UTC",
        "2026-03-08T00:00",
        ["2026-03-09T00:00:00+00:00", "2026-03-10T00:00:00+00:00"],
        REFUSED,
        SAME,
        "ours and Debian: cronsim leaves macros to others",
    ),
]


def answer(peer, text: str, at: datetime) -> object:
    """Return the first two instants, or that the text is refused."""
    try:
        return shown(peer(text, at), 2)
    except (ValueError, CronSimError):  # croniter's and our errors are ValueErrors
        return REFUSED


def croniter_itself(text: str, at: datetime) -> Iterator[datetime]:
    """Yield what croniter says by its own rules; seconds come first in ours."""
    times = croniter(text, at, second_at_beginning=True)
    while True:
        yield times.get_next(datetime)


@pytest.mark.parametrize(
    ("text", "zone", "start", "mine", "cronsims", "croniters_", "_why"),
    DISAGREEMENTS,
    ids=[text for text, *_ in DISAGREEMENTS],
)
def test_known_disagreements(
    text: str, zone: str, start: str, mine: object, cronsims: object, croniters_: object, _why: str
) -> None:
    """Every known disagreement is as the table says; a peer that changes its mind shows up here."""
    at = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))

    assert mine == answer(ours, text, at)
    assert (mine if cronsims == SAME else cronsims) == answer(cronsim, text, at)
    assert (mine if croniters_ == SAME else croniters_) == answer(croniter_itself, text, at)


def test_no_peer_is_needed_to_be_right_about_instants() -> None:
    """What is compared as text is the same instants, too: offsets are never wrong for a reading."""
    info = ZoneInfo(NEW_YORK)
    at = datetime(2026, 10, 31, tzinfo=info)
    for mine, theirs in islice(
        zip(ours("*/20 * * * *", at), cronsim("*/20 * * * *", at), strict=False), 200
    ):
        assert to_utc(theirs) == to_utc(mine)
        assert theirs.fold == mine.fold
