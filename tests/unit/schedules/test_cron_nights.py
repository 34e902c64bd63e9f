"""Spring and autumn twins in the cron dialect, five fields and six, written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from freezegun import freeze_time

from periodic.schedules import cron


def runs(zone: str, start: str, end: str, expression: str, **options: Any) -> list[str]:
    """Return the instants between two moments as ISO strings with offsets, walked both ways."""
    schedule = cron(expression, tz=zone, **options)
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    found = [at.isoformat() for at in schedule.between(first, last)]
    back, at = [], last
    while (before := schedule.previous_before(at)) is not None and before >= first:
        back.append(before.isoformat())
        at = before
    assert found == back[::-1]
    return found


SPRING = ("America/New_York", "2026-03-08T01:00-05:00", "2026-03-08T04:30-04:00")


@pytest.mark.parametrize(
    ("expression", "options", "expected"),
    [
        ("30 2 * * *", {}, ["03:00:00"]),
        ("0,30 2 * * *", {}, ["03:00:00"]),
        ("30 2,3 * * *", {}, ["03:00:00", "03:30:00"]),
        ("30 3 * * *", {}, ["03:30:00"]),
        ("5 * * * *", {}, ["01:05:00", "03:05:00", "04:05:00"]),
        ("*/15 2 * * *", {}, ["03:00:00"]),
        ("0 */2 * * *", {}, ["03:00:00", "04:00:00"]),
        ("*/30 * * * *", {}, ["01:00:00", "01:30:00", "03:00:00", "03:30:00", "04:00:00"]),
        ("0 0-23 * * *", {}, ["01:00:00", "03:00:00", "04:00:00"]),
        ("30 2 * * *", {"on_gap": "skip"}, []),
        ("30 2 * * *", {"on_gap": "shift"}, ["03:30:00"]),
        ("0 */2 * * *", {"on_gap": "skip"}, ["04:00:00"]),
        # the swallowed night itself, named by its dates: a Sunday, the second, the 8th
        ("30 2 8 3 *", {}, ["03:00:00"]),
        ("30 2 * * sun#2", {}, ["03:00:00"]),
        ("30 2 13 * sun", {}, ["03:00:00"]),
        ("30 2 */7 * sun", {}, ["03:00:00"]),
        ("30 2 */3 * sun", {}, []),
        ("30 2 8W * *", {}, []),
        # seconds: the first instant after the gap that the seconds field allows
        ("0 30 2 * * *", {}, ["03:00:00"]),
        ("30 30 2 * * *", {}, ["03:00:30"]),
        ("59 59 2 * * *", {}, ["03:00:59"]),
        ("*/20 30 2 * * *", {}, ["03:00:00"]),
        ("40,50 0 2,3 * * *", {}, ["03:00:40", "03:00:50"]),
        ("15,45 59 1-2 * * *", {}, ["01:59:15", "01:59:45", "03:00:15"]),
        ("30 */15 2 * * *", {}, ["03:00:30"]),
        ("30 0 */2 * * *", {}, ["03:00:30", "04:00:30"]),
        ("30 5 * * * *", {}, ["01:05:30", "03:05:30", "04:05:30"]),
        ("30 30 2 * * *", {"on_gap": "skip"}, []),
        ("10,30 30 2 * * *", {"on_gap": "shift"}, ["03:30:10", "03:30:30"]),
    ],
    ids=str,
)
def test_spring_in_new_york(expression: str, options: dict[str, Any], expected: list[str]) -> None:
    """02:00 to 03:00 does not exist: nothing is lost, and nothing runs twice."""
    full = [f"2026-03-08T{at}-0{5 if at < '02' else 4}:00" for at in expected]

    assert full == runs(*SPRING, expression, **options)


AUTUMN = ("America/New_York", "2026-11-01T00:30-04:00", "2026-11-01T03:00-05:00")


@pytest.mark.parametrize(
    ("expression", "options", "expected"),
    [
        ("30 1 * * *", {}, ["01:30:00-04:00"]),
        ("0 1-2 * * *", {}, ["01:00:00-04:00", "02:00:00-05:00"]),
        ("0 * * * *", {}, ["01:00:00-04:00", "01:00:00-05:00", "02:00:00-05:00"]),
        (
            "*/30 1 * * *",
            {},
            ["01:00:00-04:00", "01:30:00-04:00", "01:00:00-05:00", "01:30:00-05:00"],
        ),
        ("30 1 * * *", {"on_fold": "last"}, ["01:30:00-05:00"]),
        ("30 1 * * *", {"on_fold": "both"}, ["01:30:00-04:00", "01:30:00-05:00"]),
        ("0 * * * *", {"on_fold": "first"}, ["01:00:00-04:00", "02:00:00-05:00"]),
        ("30 1 * 11 sun#1", {}, ["01:30:00-04:00"]),
        ("30 1 1W * *", {}, []),
        ("15 30 1 * * *", {}, ["01:30:15-04:00"]),
        ("*/30 30 1 * * *", {}, ["01:30:00-04:00", "01:30:30-04:00"]),
        ("30 0 * * * *", {}, ["01:00:30-04:00", "01:00:30-05:00", "02:00:30-05:00"]),
        (
            "30 */30 1 * * *",
            {},
            ["01:00:30-04:00", "01:30:30-04:00", "01:00:30-05:00", "01:30:30-05:00"],
        ),
        ("15 30 1 * * *", {"on_fold": "last"}, ["01:30:15-05:00"]),
        ("30 0 * * * *", {"on_fold": "last"}, ["01:00:30-05:00", "02:00:30-05:00"]),
    ],
    ids=str,
)
def test_autumn_in_new_york(expression: str, options: dict[str, Any], expected: list[str]) -> None:
    """01:00 to 02:00 happens twice: fixed readings count once, wildcards keep their pace."""
    full = [f"2026-11-01T{at}" for at in expected]

    assert full == runs(*AUTUMN, expression, **options)


@pytest.mark.parametrize(
    ("zone", "start", "end", "expression", "expected"),
    [
        # Half an hour: 02:00 becomes 02:30, and 02:00 becomes 01:30.
        (
            "Australia/Lord_Howe",
            "2026-10-04T01:00+10:30",
            "2026-10-04T03:00+11:00",
            "45 15 2 * * *",
            ["2026-10-04T02:30:45+11:00"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:25+11:00",
            "2026-04-05T02:00+10:30",
            "5 */20 * * * *",
            [
                "2026-04-05T01:40:05+11:00",
                "2026-04-05T01:40:05+10:30",
            ],
        ),
        # Two hours: 01:00 becomes 03:00.
        (
            "Antarctica/Troll",
            "2026-03-29T00:00+00:00",
            "2026-03-29T04:00+02:00",
            "50 30 1,2 * * *",
            ["2026-03-29T03:00:50+02:00"],
        ),
        # Midnight does not exist on the last Friday of April: its run is not lost.
        (
            "Africa/Cairo",
            "2026-04-23T12:00+02:00",
            "2026-04-25T00:00+03:00",
            "@daily",
            ["2026-04-24T01:00:00+03:00"],
        ),
        (
            "Africa/Cairo",
            "2026-04-23T12:00+02:00",
            "2026-04-25T00:00+03:00",
            "20 0 0 * * friL",
            ["2026-04-24T01:00:20+03:00"],
        ),
        # A day that never was, the fifth Friday of its month and the last day but one.
        *(
            (
                "Pacific/Apia",
                "2011-12-29T12:00-10:00",
                "2011-12-31T12:00+14:00",
                expression,
                [expected],
            )
            for expression, expected in [
                ("0 9 30 12 *", "2011-12-31T00:00:00+14:00"),
                ("0 9 L-1 12 *", "2011-12-31T00:00:00+14:00"),
                ("0 9 * * fri#5", "2011-12-31T00:00:00+14:00"),
                ("30 0 9 LW * *", "2011-12-31T00:00:30+14:00"),
            ]
        ),
        # Offsets of seconds: 00:00:00 became 00:44:30.
        (
            "Africa/Monrovia",
            "1972-01-06T12:00+00:00",
            "1972-01-07T12:00+00:00",
            "30 0 * * *",
            ["1972-01-07T00:44:30+00:00"],
        ),
        (
            "Africa/Monrovia",
            "1972-01-06T12:00+00:00",
            "1972-01-07T12:00+00:00",
            "15,25 30 0 * * *",
            ["1972-01-07T00:45:15+00:00"],
        ),
        (
            "Africa/Monrovia",
            "1972-01-06T12:00+00:00",
            "1972-01-07T12:00+00:00",
            "15,40 30 0 * * *",
            ["1972-01-07T00:44:40+00:00"],
        ),
    ],
)
def test_other_zones(zone: str, start: str, end: str, expression: str, expected: list[str]) -> None:
    """Gaps of half an hour, of two hours, of midnight and of a whole day keep their runs."""
    assert expected == runs(zone, start, end, expression)


def test_right_under_a_frozen_clock_in_the_repeated_hour() -> None:
    """A user's freeze_time changes nothing: both passes of 01:30 are told apart."""
    with freeze_time("2026-11-01T05:45:00Z"):
        schedule = cron("30 30 * * * *", tz="America/New_York")
        at = schedule.next_after(datetime(2026, 11, 1, 5, 45, tzinfo=UTC))

        assert at is not None
        assert "2026-11-01T01:30:30-05:00" == at.isoformat()
        assert 1 == at.fold
        before = schedule.previous_before(at)
        assert before is not None
        assert "2026-11-01T01:30:30-04:00" == before.isoformat()
