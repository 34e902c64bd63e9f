"""Spring and autumn twins: what runs in the nights when the clock changes, written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from freezegun import freeze_time

from periodic import to_utc
from periodic.schedules import crontab


def runs(zone: str, start: str, end: str, **given: Any) -> list[str]:
    """Return the instants between two moments as ISO strings with offsets."""
    schedule = crontab(**given, tz=zone)
    span = (datetime.fromisoformat(start), datetime.fromisoformat(end))
    return [at.isoformat() for at in schedule.between(*span)]


SPRING = ("America/New_York", "2026-03-08T01:00-05:00", "2026-03-08T04:30-04:00")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"minute": 30, "hour": 2}, ["03:00"]),
        ({"minute": "0,30", "hour": "2"}, ["03:00"]),
        ({"minute": 30, "hour": "2,3"}, ["03:00", "03:30"]),
        ({"minute": 30, "hour": 3}, ["03:30"]),
        ({"minute": 5}, ["01:05", "03:05", "04:05"]),
        ({"minute": "*/15", "hour": 2}, ["03:00"]),
        ({"minute": 0, "hour": "*/2"}, ["03:00", "04:00"]),
        ({"minute": "*/30"}, ["01:00", "01:30", "03:00", "03:30", "04:00"]),
        ({"minute": 0, "hour": "0-23"}, ["01:00", "03:00", "04:00"]),
        ({"minute": 30, "hour": 2, "on_gap": "skip"}, []),
        ({"minute": "*/15", "hour": 2, "on_gap": "skip"}, []),
        ({"minute": 0, "hour": "*/2", "on_gap": "skip"}, ["04:00"]),
        ({"minute": 30, "hour": 2, "on_gap": "shift"}, ["03:30"]),
        ({"minute": 30, "hour": "2,3", "on_gap": "shift"}, ["03:30"]),
        ({"minute": "*/30", "hour": 2, "on_gap": "shift"}, ["03:00", "03:30"]),
        ({"minute": 30, "hour": 2, "on_fold": "last"}, ["03:00"]),
    ],
    ids=str,
)
def test_spring_in_new_york(given: dict[str, Any], expected: list[str]) -> None:
    """02:00 to 03:00 does not exist: nothing is lost, and nothing runs twice."""
    full = [f"2026-03-08T{at}:00-0{5 if at < '02' else 4}:00" for at in expected]

    assert full == runs(*SPRING, **given)


AUTUMN = ("America/New_York", "2026-11-01T00:30-04:00", "2026-11-01T03:00-05:00")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"minute": 30, "hour": 1}, ["01:30-04:00"]),
        ({"minute": 0, "hour": "1-2"}, ["01:00-04:00", "02:00-05:00"]),
        ({"minute": "0-30/30", "hour": 1}, ["01:00-04:00", "01:30-04:00"]),
        ({"minute": 0}, ["01:00-04:00", "01:00-05:00", "02:00-05:00"]),
        (
            {"minute": "*/30", "hour": 1},
            ["01:00-04:00", "01:30-04:00", "01:00-05:00", "01:30-05:00"],
        ),
        ({"minute": 30, "hour": 1, "on_fold": "last"}, ["01:30-05:00"]),
        ({"minute": 30, "hour": 1, "on_fold": "both"}, ["01:30-04:00", "01:30-05:00"]),
        ({"minute": 0, "on_fold": "first"}, ["01:00-04:00", "02:00-05:00"]),
        ({"minute": 0, "on_fold": "last"}, ["01:00-05:00", "02:00-05:00"]),
        ({"minute": 30, "hour": 1, "on_gap": "skip"}, ["01:30-04:00"]),
    ],
    ids=str,
)
def test_autumn_in_new_york(given: dict[str, Any], expected: list[str]) -> None:
    """01:00 to 02:00 happens twice: fixed readings count once, wildcards keep their pace."""
    full = [f"2026-11-01T{at[:5]}:00{at[5:]}" for at in expected]

    assert full == runs(*AUTUMN, **given)


def test_hours_written_out_are_not_a_star() -> None:
    """Fixed or wildcard is a matter of the text: `0-23` counts a repeated reading once."""
    starred = runs(*AUTUMN, minute="*/30", hour=1)
    written = runs(*AUTUMN, minute="0-59/30", hour=1)

    assert 4 == len(starred)
    assert starred[:2] == written


@pytest.mark.parametrize(
    ("zone", "start", "end", "given", "expected"),
    [
        (
            "Europe/London",
            "2026-03-29T00:00+00:00",
            "2026-03-29T03:00+01:00",
            {"minute": 30, "hour": 1},
            ["2026-03-29T02:00:00+01:00"],
        ),
        (
            "Europe/London",
            "2026-10-25T00:00+01:00",
            "2026-10-25T02:00+00:00",
            {"minute": 30, "hour": "*"},
            [
                "2026-10-25T00:30:00+01:00",
                "2026-10-25T01:30:00+01:00",
                "2026-10-25T01:30:00+00:00",
            ],
        ),
        # Half an hour: 02:00 becomes 02:30, and 02:00 becomes 01:30.
        (
            "Australia/Lord_Howe",
            "2026-10-04T01:00+10:30",
            "2026-10-04T03:00+11:00",
            {"minute": 15, "hour": 2},
            ["2026-10-04T02:30:00+11:00"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:00+11:00",
            "2026-04-05T03:00+10:30",
            {"minute": 45, "hour": 1},
            ["2026-04-05T01:45:00+11:00"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:00+11:00",
            "2026-04-05T02:30+10:30",
            {"minute": "*/15", "hour": 1},
            [
                "2026-04-05T01:00:00+11:00",
                "2026-04-05T01:15:00+11:00",
                "2026-04-05T01:30:00+11:00",
                "2026-04-05T01:45:00+11:00",
                "2026-04-05T01:30:00+10:30",
                "2026-04-05T01:45:00+10:30",
            ],
        ),
        # Two hours: 01:00 becomes 03:00, and 03:00 becomes 01:00.
        (
            "Antarctica/Troll",
            "2026-03-29T00:00+00:00",
            "2026-03-29T04:00+02:00",
            {"minute": 30, "hour": "1,2"},
            ["2026-03-29T03:00:00+02:00"],
        ),
        (
            "Antarctica/Troll",
            "2026-10-25T01:00+02:00",
            "2026-10-25T03:00+00:00",
            {"minute": 0},
            [
                "2026-10-25T01:00:00+02:00",
                "2026-10-25T02:00:00+02:00",
                "2026-10-25T01:00:00+00:00",
                "2026-10-25T02:00:00+00:00",
            ],
        ),
        # Midnight does not exist.
        (
            "Africa/Cairo",
            "2026-04-23T12:00+02:00",
            "2026-04-24T12:00+03:00",
            {"minute": 0, "hour": 0},
            ["2026-04-24T01:00:00+03:00"],
        ),
        (
            "America/Santiago",
            "2026-09-05T12:00-04:00",
            "2026-09-06T12:00-03:00",
            {"minute": 30, "hour": 0},
            ["2026-09-06T01:00:00-03:00"],
        ),
        (
            "America/Sao_Paulo",
            "2018-11-03T12:00-03:00",
            "2018-11-04T12:00-02:00",
            {"minute": 0, "hour": 0, "day_of_week": "sun"},
            ["2018-11-04T01:00:00-02:00"],
        ),
        # 23:00 happens twice, before midnight.
        (
            "America/Sao_Paulo",
            "2018-02-17T12:00-02:00",
            "2018-02-18T12:00-03:00",
            {"minute": 30, "hour": 23, "on_fold": "both"},
            ["2018-02-17T23:30:00-02:00", "2018-02-17T23:30:00-03:00"],
        ),
        # A date begins, ends, and begins again: 00:01 becomes 23:01 of the day before.
        (
            "America/St_Johns",
            "2006-10-28T23:00-02:30",
            "2006-10-29T01:00-03:30",
            {"minute": "*/30"},
            [
                "2006-10-28T23:00:00-02:30",
                "2006-10-28T23:30:00-02:30",
                "2006-10-29T00:00:00-02:30",
                "2006-10-28T23:30:00-03:30",
                "2006-10-29T00:00:00-03:30",
                "2006-10-29T00:30:00-03:30",
            ],
        ),
        # Saving is negative: the clock still goes forward in spring.
        (
            "Europe/Dublin",
            "2026-03-29T00:00+00:00",
            "2026-03-29T03:00+01:00",
            {"minute": "*/20", "hour": 1},
            ["2026-03-29T02:00:00+01:00"],
        ),
        (
            "Africa/Casablanca",
            "2026-02-15T01:00+01:00",
            "2026-02-15T03:30+00:00",
            {"minute": 30},
            [
                "2026-02-15T01:30:00+01:00",
                "2026-02-15T02:30:00+01:00",
                "2026-02-15T02:30:00+00:00",
            ],
        ),
        (
            "Africa/Casablanca",
            "2026-03-22T01:00+00:00",
            "2026-03-22T04:00+01:00",
            {"minute": 30, "hour": 2},
            ["2026-03-22T03:00:00+01:00"],
        ),
        # 30 December 2011 never was.
        (
            "Pacific/Apia",
            "2011-12-29T00:00-10:00",
            "2012-01-01T00:00+14:00",
            {"minute": 0, "hour": 9},
            [
                "2011-12-29T09:00:00-10:00",
                "2011-12-31T00:00:00+14:00",
                "2011-12-31T09:00:00+14:00",
            ],
        ),
        (
            "Pacific/Apia",
            "2011-12-29T00:00-10:00",
            "2012-01-01T00:00+14:00",
            {"minute": "*/20", "hour": 9, "day_of_month": 30},
            ["2011-12-31T00:00:00+14:00"],
        ),
        (
            "Pacific/Apia",
            "2011-12-29T20:00-10:00",
            "2011-12-31T04:00+14:00",
            {"minute": 0, "hour": "*/2"},
            [
                "2011-12-29T20:00:00-10:00",
                "2011-12-29T22:00:00-10:00",
                "2011-12-31T00:00:00+14:00",
                "2011-12-31T02:00:00+14:00",
            ],
        ),
        # No clock change for forty years, and a quarter of an hour in the offset.
        (
            "Asia/Kathmandu",
            "2026-03-08T00:00+05:45",
            "2026-03-09T00:00+05:45",
            {"minute": 30, "hour": 2},
            ["2026-03-08T02:30:00+05:45"],
        ),
        # Local mean time, 44 minutes and 30 seconds behind, ends: 00:00:00 becomes 00:44:30.
        (
            "Africa/Monrovia",
            "1972-01-06T12:00-00:44:30",
            "1972-01-07T12:00+00:00",
            {"minute": 30, "hour": "0,23"},
            ["1972-01-06T23:30:00-00:44:30", "1972-01-07T00:44:30+00:00"],
        ),
        (
            "UTC",
            "2026-03-08T00:00+00:00",
            "2026-03-09T00:00+00:00",
            {"minute": 30, "hour": 2},
            ["2026-03-08T02:30:00+00:00"],
        ),
    ],
)
def test_other_zones(
    zone: str, start: str, end: str, given: dict[str, Any], expected: list[str]
) -> None:
    """Half hours, two hours, midnights, lost days: every kind of change follows the same rules."""
    assert expected == runs(zone, start, end, **given)


def test_a_rare_reading_is_found_again_behind_a_fold() -> None:
    """A date that begins twice: a search for next week's reading does not leap over the fold."""
    rare = crontab("*/60", 0, "sun", tz="America/St_Johns")
    first = datetime.fromisoformat("2006-10-29T00:00-02:30")
    second = datetime.fromisoformat("2006-10-29T00:00-03:30")

    assert "2006-10-29T00:00:00-03:30" == str_or_none(rare.next_after(first))
    assert "2006-10-29T00:00:00-02:30" == str_or_none(rare.previous_before(second))
    assert "2006-11-05T00:00:00-03:30" == str_or_none(rare.next_after(second))
    assert "2006-10-22T00:00:00-02:30" == str_or_none(rare.previous_before(first))


@pytest.mark.parametrize("freeze", [freeze_time, time_machine.travel], ids=["freezegun", "machine"])
@pytest.mark.parametrize("minute", [10, 40], ids=["before the run", "after the run"])
def test_frozen_in_the_repeated_hour(freeze: Any, minute: int) -> None:
    """While a test stands still in the second pass, schedules still tell the passes apart."""
    with freeze(datetime(2026, 11, 1, 6, minute, tzinfo=UTC)):
        half_past = crontab(minute=30, tz="America/New_York")
        at = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
        second = half_past.next_after(at)
        assert second is not None
        nightly = crontab(minute=30, hour=1, tz="America/New_York")

        assert ("2026-11-01T01:30:00-05:00", 1) == (second.isoformat(), second.fold)
        assert datetime(2026, 11, 1, 6, 30, tzinfo=UTC) == to_utc(second)
        assert "2026-11-01T02:30:00-05:00" == str_or_none(half_past.next_after(second))
        assert "2026-11-01T01:30:00-04:00" == str_or_none(half_past.previous_before(second))
        assert "2026-11-02T01:30:00-05:00" == str_or_none(nightly.next_after(second))
        assert "2026-11-01T01:30:00-04:00" == str_or_none(nightly.previous_before(second))


def str_or_none(at: datetime | None) -> str | None:
    """Return an instant as ISO text."""
    return None if at is None else at.isoformat()


@pytest.mark.parametrize("given", [{"minute": 0}, {"minute": 30, "hour": 2}, {"minute": "*/20"}])
@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_previous_undoes_next(given: dict[str, Any], day: str) -> None:
    """From any moment of a changing night, there and back again ends where it began."""
    schedule = crontab(**given, tz="America/New_York")
    at = datetime.fromisoformat(f"{day}T03:00+00:00")
    for _ in range(150):
        after = schedule.next_after(at)
        assert after is not None
        before = schedule.previous_before(after)
        assert before is not None
        assert to_utc(before) <= at < to_utc(after)
        assert after.isoformat() == str_or_none(schedule.next_after(before))
        at += timedelta(minutes=7, microseconds=1)


def test_microseconds_around_a_run() -> None:
    """Strictly after and strictly before, to the microsecond."""
    schedule = crontab(minute=0, tz="UTC")
    noon = datetime(2026, 3, 8, 12, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    hour = timedelta(hours=1)

    assert noon == schedule.next_after(noon - tick)
    assert noon + hour == schedule.next_after(noon)
    assert noon == schedule.previous_before(noon + tick)
    assert noon - hour == schedule.previous_before(noon)
