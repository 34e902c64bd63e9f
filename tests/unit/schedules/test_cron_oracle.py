"""Both dialects against the oracle: random expressions around every change of the listed zones.

`PERIODIC_ORACLE=100000` says how many expressions of each dialect; without it, some thousands.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from periodic.errors import ScheduleError
from periodic.schedules import cron, crontab

from . import cron_expressions, expressions
from .cron_oracle import CronRule
from .oracle import Rules, Span, changes
from .test_oracle import ZONES

#: Long walks over pure Python, the same on every interpreter.
pytestmark = pytest.mark.thorough

USUAL = 2_000
COUNT = int(os.environ.get("PERIODIC_ORACLE", USUAL))
STEPS = 30
NO_DATE = "no date can ever match"


@cache
def spans() -> list[tuple[str, Span]]:
    """Return the hours around each change of each zone; any hours where a zone has none."""
    found = []
    for zone, first, last in ZONES:
        info = ZoneInfo(zone)
        for at in changes(info, first, last) or [datetime(first, 3, 1, tzinfo=UTC)]:
            # A gap of a day moves readings a day on.
            after = timedelta(hours=30 if zone == "Pacific/Apia" else 9)
            found.append((zone, Span(info, at - timedelta(hours=14), at + after)))
    return found


def made(zone: str, text: str, options: dict[str, str], rule: CronRule) -> cron | None:
    """Return the schedule; None if it is refused because no date matches, and none does."""
    try:
        return cron(text, tz=zone, **options)
    except ScheduleError as error:
        if NO_DATE not in str(error):
            raise
    days = (date.fromordinal(n) for n in range(730_120, 730_120 + 28 * 366))  # from 2000 on
    assert not any(rule.on(day) for day in days), text
    return None


def readings(instants: Iterable[datetime | None]) -> list[tuple[datetime, int]]:
    """Return readings with their folds: two datetimes of one zone are equal whatever their fold."""
    return [(at.replace(tzinfo=None), at.fold) for at in instants if at is not None]


def difference(
    random: Random, zone: str, schedule: cron | crontab, rule: Rules, span: Span
) -> str | None:
    """Compare the instants of a span, their readings and folds; then single steps both ways."""
    info = ZoneInfo(zone)
    runs = span.runs(rule)
    expected = readings(info.fromutc(at.replace(tzinfo=info)) for at in runs)
    found = readings(schedule.between(span.start, span.end))
    if expected != found:
        return f"{schedule}: between {span.start} and {span.end}: {expected} != {found}"

    minute, second = random.choice(span.walk)[0], random.choice([0, 0, random.randrange(60)])
    start = minute + timedelta(seconds=second)
    index = bisect_right(runs, start)
    chain, at = [], start
    for _ in expected[index : index + STEPS]:
        at = schedule.next_after(at)
        chain.append(at)
    if expected[index : index + STEPS] != readings(chain):
        return f"{schedule}: after {start}: {expected[index:]} != {readings(chain)}"

    index = bisect_left(runs, start)
    chain, at = [], start
    for _ in expected[max(index - STEPS, 0) : index]:
        at = schedule.previous_before(at)
        chain.append(at)
    if expected[max(index - STEPS, 0) : index] != readings(chain[::-1]):
        return f"{schedule}: before {start}: {expected[:index]} != {readings(chain[::-1])}"
    return None


def dates_differ(random: Random, schedule: cron, rule: CronRule) -> str | None:
    """Compare the dates of 25 runs with a walk through the days, in UTC."""
    start = date(1973, 1, 1) + timedelta(days=random.randrange(127 * 365))
    hour, minute, second = min(rule.hours), min(rule.minutes), min(rule.seconds)
    daily = cron(
        " ".join([f"{second} {minute} {hour}", *schedule.expression.split()[-3:]]), tz="UTC"
    )
    at = datetime(start.year, start.month, start.day, tzinfo=UTC)
    found = [run.date() for run in islice(daily.between(at, at + timedelta(days=15_000)), 25)]
    walk = (start + timedelta(days=n) for n in range(15_000))
    expected = list(islice((day for day in walk if rule.on(day)), 25))
    return None if expected == found else f"{daily} from {start}: {expected} != {found}"


@pytest.mark.timeout(60 if COUNT <= USUAL else 0)
def test_cron_agrees_with_the_oracle() -> None:
    """A random expression runs exactly when the definition says, both ways, at every change."""
    random = Random(2026)
    cases = spans()
    differences: list[str] = []
    refused = 0
    for number in range(COUNT):
        zone, span = cases[number % len(cases)]
        middle = span.walk[len(span.walk) // 2][1].date()
        text, options, rule = cron_expressions.cron(random, middle)
        schedule = made(zone, text, options, rule)
        if schedule is None:
            refused += 1
            continue
        found = difference(random, zone, schedule, rule, span)
        if found is None and number % 10 == 0:
            found = dates_differ(random, schedule, rule)
        if found is not None:
            differences.append(found)

    changed = f"{len({zone for zone, _ in cases})} zones, {len(cases)} clock changes"
    print(
        f"cron: {COUNT:,} random expressions: {len(differences)} differences "
        f"({changed}, {refused} with dates that never come, refused)"
    )
    assert not differences, differences[0]
    assert refused < COUNT / 20


@pytest.mark.timeout(60 if COUNT <= USUAL else 0)
def test_crontab_agrees_with_the_oracle_at_every_change() -> None:
    """So does a random crontab in Celery's dialect."""
    random = Random(2030)
    cases = spans()
    differences: list[str] = []
    for number in range(COUNT):
        zone, span = cases[number % len(cases)]
        given_fields, rule = expressions.crontab(random)
        schedule = crontab(**given_fields, tz=zone)
        found = difference(random, zone, schedule, rule, span)
        if found is not None:
            differences.append(found)

    changed = f"{len({zone for zone, _ in cases})} zones, {len(cases)} clock changes"
    print(f"crontab: {COUNT:,} random expressions: {len(differences)} differences ({changed})")
    assert not differences, differences[0]


@given(
    random=st.randoms(use_true_random=False),
    zone=st.sampled_from([zone for zone, _, _ in ZONES]),
    at=st.datetimes(datetime(1973, 1, 2), datetime(2100, 12, 30)),
)
@settings(max_examples=150, deadline=None)
def test_cron_agrees_with_the_oracle_at_any_time(random: Random, zone: str, at: datetime) -> None:
    """From 1973 to 2100 the next and the previous run are those that a walk by minutes finds."""
    at = at.replace(tzinfo=UTC)
    text, options, rule = cron_expressions.cron(random, at.date())
    schedule = made(zone, text, options, rule)
    if schedule is None:
        return
    middle = at.replace(second=0, microsecond=0)
    # A day more on both sides, so that the walk sees what a change in between moves.
    span = Span(ZoneInfo(zone), middle - timedelta(hours=48), middle + timedelta(hours=48))
    runs = span.runs(rule)
    low, high = middle - timedelta(hours=20), middle + timedelta(hours=20)

    after, before = schedule.next_after(at), schedule.previous_before(at)

    assert [run for run in runs if at < run < high][:1] == [
        run for run in [after] if run is not None and run < high
    ], schedule
    assert [run for run in runs if low < run < at][-1:] == [
        run for run in [before] if run is not None and run > low
    ], schedule


@given(
    random=st.randoms(use_true_random=False),
    zone=st.sampled_from([zone for zone, _, _ in ZONES]),
    at=st.datetimes(datetime(1973, 1, 1), datetime(2100, 12, 31)),
)
@settings(max_examples=300, deadline=None)
def test_previous_undoes_next(random: Random, zone: str, at: datetime) -> None:
    """No run lies between an instant, the run after it, and the run before that one."""
    at = at.replace(tzinfo=UTC)
    text, options, rule = cron_expressions.cron(random, at.date())
    schedule = made(zone, text, options, rule)
    if schedule is None:
        return

    after, before = schedule.next_after(at), schedule.previous_before(at)

    assert after is not None
    assert before is not None
    assert before < at < after
    between = schedule.previous_before(after)
    assert between is not None
    assert before.astimezone(UTC) == between.astimezone(UTC) or at == between
    again = schedule.next_after(before)
    assert again is not None
    assert again.astimezone(UTC) == after.astimezone(UTC) or at == again
