"""The crontab against the oracle: random expressions around every change of the listed zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest

from periodic.schedules import crontab

from . import expressions
from .oracle import Rule, Span, changes

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

#: The zones that must be right, with years of their history where the present says little.
ZONES = [
    ("America/New_York", 2020, 2030),
    ("Europe/London", 2020, 2030),
    ("Australia/Lord_Howe", 2020, 2030),
    ("Antarctica/Troll", 2020, 2030),
    ("Africa/Cairo", 2020, 2030),
    ("America/Santiago", 2020, 2030),
    ("America/Sao_Paulo", 2009, 2019),
    ("Europe/Dublin", 2020, 2030),
    ("Africa/Casablanca", 2020, 2030),
    ("Pacific/Apia", 2009, 2021),
    ("Asia/Kathmandu", 1985, 1987),
    ("America/St_Johns", 2005, 2011),
    ("UTC", 2020, 2021),
]
PER_ZONE = 130


@cache
def spans(zone: str, first: int, last: int) -> list[Span]:
    """Return the days around each change; any days where the zone has none."""
    info = ZoneInfo(zone)
    found = changes(info, first, last) or [datetime(first, 3, 1, tzinfo=UTC)]
    around = timedelta(hours=30)
    return [Span(info, at - around, at + around) for at in found]


def check(zone: str, given: dict[str, object], rule: Rule, span: Span) -> None:
    """Compare the instants both ways, the readings and their folds."""
    info = ZoneInfo(zone)
    schedule = crontab(**given, tz=zone)
    expected = [info.fromutc(at.replace(tzinfo=info)) for at in span.runs(rule)]

    found = list(schedule.between(span.start, span.end))
    back = span.end
    backward = []
    while (at := schedule.previous_before(back)) is not None and at >= span.start:
        backward.append(at)
        back = at

    # As texts, because two datetimes of one zone compare equal whatever their fold.
    texts = [f"{at.isoformat()} {at.fold}" for at in expected]
    assert texts == [f"{at.isoformat()} {at.fold}" for at in found], schedule
    assert texts == [f"{at.isoformat()} {at.fold}" for at in reversed(backward)], schedule


@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
def test_crontab_agrees_with_the_oracle(zone: str, first: int, last: int) -> None:
    """Around clock changes a random crontab runs exactly when the definition says, both ways."""
    random = Random(f"{zone} {first}")
    for _ in range(PER_ZONE):
        given, rule = expressions.crontab(random)
        check(zone, given, rule, random.choice(spans(zone, first, last)))


@pytest.mark.parametrize(("zone", "first", "last"), ZONES, ids=[zone for zone, _, _ in ZONES])
@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"minute": "*/15"}, ({0, 15, 30, 45}, range(24), False)),
        ({"minute": 30}, ({30}, range(24), False)),
        ({"minute": 0, "hour": "*/2"}, ({0}, range(0, 24, 2), False)),
        ({"minute": 0, "hour": "0-23"}, ({0}, range(24), True)),
        ({"minute": "0-59/20", "hour": [0, 1, 2, 3]}, ({0, 20, 40}, range(4), True)),
    ],
    ids=["quarters", "hourly", "every 2 hours", "fixed hours", "fixed nights"],
)
def test_common_crontabs_agree_at_every_change(
    zone: str, first: int, last: int, given: dict[str, object], rule: tuple
) -> None:
    """The everyday schedules are right at every single change of the listed years."""
    minutes, hours, fixed = rule
    whole = Rule(
        frozenset(minutes),
        frozenset(hours),
        frozenset(range(7)),
        frozenset(range(1, 32)),
        frozenset(range(1, 13)),
        fixed=fixed,
    )
    for span in spans(zone, first, last):
        check(zone, given, whole, span)
