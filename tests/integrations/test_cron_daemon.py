"""When a system's cron runs a line: held against cronsim, and told night by night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cronsim import CronSim

from periodic import cron, interval
from periodic.clock import to_utc, to_zone
from periodic.integrations.cron_daemon import daemon_runs
from periodic.integrations.holding_against import hold_against
from periodic.schedules.zones import settle

NEW_YORK = "America/New_York"
DAY = timedelta(days=1)


def runs(expression: str, day: datetime, tz: str = NEW_YORK) -> list[str]:
    """Return when cron runs a line in the day from an instant on, in UTC."""
    found = daemon_runs(cron(expression, tz=tz), day, day + DAY)
    return [f"{at:%H:%M}" for at in found]


SPRING = datetime(2026, 3, 8, tzinfo=UTC)
AUTUMN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "day", "expected"),
    [
        ("30 2 * * *", SPRING, ["07:00"]),
        ("0,30 2 * * *", SPRING, ["07:00", "07:00"]),
        ("0 2,3 * * *", SPRING, ["07:00", "07:00"]),
        ("*/15 2 * * *", SPRING, []),
        ("30 1,3 * * *", SPRING, ["06:30", "07:30"]),
        ("30 1 * * *", AUTUMN, ["05:30"]),
        ("*/30 1 * * *", AUTUMN, ["05:00", "05:30", "06:00", "06:30"]),
        ("0 2 * * *", AUTUMN, ["07:00"]),
    ],
)
def test_a_night_in_which_the_clock_changes(
    expression: str, day: datetime, expected: list[str]
) -> None:
    """Fixed lines are made up for, once a minute; those with a star run by the clock alone."""
    assert expected == runs(expression, day)


def test_a_large_leap_is_no_daylight_saving() -> None:
    """Samoa left out a day in 2011: nothing of it is made up for."""
    start = datetime(2011, 12, 30, 9, 0, tzinfo=UTC)

    assert ["23:30"] == runs("30 13 * * *", start, "Pacific/Apia")


@pytest.mark.parametrize(
    "zone", [NEW_YORK, "Europe/London", "Antarctica/Troll", "Africa/Cairo", "Asia/Tokyo"]
)
@pytest.mark.parametrize(
    "expression",
    [
        *("30 2 * * *", "0 3 * * *", "*/15 2 * * *", "5 */2 * * *", "0,30 2 * * *"),
        *("0 0 1 * mon", "30 1 * * *", "0 1-3 * * *", "*/30 0-4 * * *", "0 0 */2 * 0"),
    ],
)
def test_cronsim_agrees(zone: str, expression: str) -> None:
    """Another program that follows Debian's cron names the same instants for a year."""
    start = datetime(2027, 1, 10, tzinfo=UTC)
    end = start + timedelta(days=366)
    expected: list[datetime] = []
    for at in CronSim(expression, to_zone(start - timedelta(seconds=1), settle(zone))):
        if to_utc(at) >= end:
            break
        expected.append(to_utc(at))

    assert sorted(set(expected)) == sorted(set(daemon_runs(cron(expression, tz=zone), start, end)))


def test_what_only_one_runs_is_found() -> None:
    """On a day on which the other alone runs, too, however often ours does."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    ours = cron("* 0-22 * * mon-sat", tz="UTC")
    extra = datetime(2026, 9, 6, 23, 30, tzinfo=UTC)  # a Sunday

    def theirs(low: datetime, high: datetime) -> list[datetime]:
        found: list[Any] = [*ours.between(low, high), *([extra] if low <= extra < high else [])]
        return sorted(found)

    found = hold_against(ours, theirs, start, start + timedelta(days=366))

    assert ([], [extra]) == (found.here, found.there)
    assert "it runs otherwise in the coming year: in X alone at 2026-09-06" in found.sentence("X")


def test_two_grids_within_a_second_are_one() -> None:
    """A source that counts in fractions is no other; one that is seconds away is."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    ours = interval(hours=6, anchor=start)
    near = interval(hours=6, anchor=start + timedelta(seconds=0.9))
    far = interval(hours=6, anchor=start + timedelta(seconds=7))
    span = (start, start + timedelta(days=2))

    assert not hold_against(ours, lambda a, b: [*near.between(a, b)], *span)
    found = hold_against(ours, lambda a, b: [*far.between(a, b)], *span)
    assert (8, 8) == (len(found.here), len(found.there))
    assert "and 5 more" in found.sentence("X")
