"""The grid of `interval`, and `clocked`."""

from __future__ import annotations

from datetime import MAXYEAR, UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from periodic.errors import ScheduleError
from periodic.schedules import clocked, interval

NEW_YORK = ZoneInfo("America/New_York")


def test_the_grid_starts_at_the_epoch() -> None:
    """Every process computes the same instants, whenever it was started."""
    every = interval(minutes=90)
    at = datetime(2026, 3, 8, 6, 59, 30, tzinfo=UTC)

    after, before = every.next_after(at), every.previous_before(at)

    assert after is not None
    assert before is not None
    assert timedelta(0) == (after - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=90)
    assert timedelta(minutes=90) == after - before
    assert before < at < after


def test_an_anchor_moves_the_grid() -> None:
    """The anchor is a point of the grid, both ways in time."""
    every = interval(hours=6, anchor=datetime(2026, 3, 8, 1, 15, tzinfo=NEW_YORK))

    found = every.between(
        datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 8, 18, 15, tzinfo=UTC)
    )

    assert ["00:15", "06:15", "12:15"] == [f"{at:%H:%M}" for at in found]


def test_strictly_after_and_before() -> None:
    """A point of the grid is not its own next or previous one."""
    every = interval(timedelta(milliseconds=250), tz="UTC")
    at = datetime(2026, 3, 8, 12, tzinfo=UTC)

    assert at + timedelta(milliseconds=250) == every.next_after(at)
    assert at - timedelta(milliseconds=250) == every.previous_before(at)
    assert at == every.next_after(at - timedelta(microseconds=1))
    assert at == every.previous_before(at + timedelta(microseconds=1))


def test_clock_changes_have_no_effect() -> None:
    """An hour is an hour of elapsed time; only the written offset changes."""
    found = interval(hours=1, tz="America/New_York").between(
        datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC)
    )

    assert ["00:00-0400", "01:00-0400", "01:00-0500", "02:00-0500"] == [
        f"{at:%H:%M%z}" for at in found
    ]


def test_frozen_in_the_repeated_hour() -> None:
    """Under a frozen clock the second pass keeps its fold."""
    with freeze_time(datetime(2026, 11, 1, 6, 10, tzinfo=UTC)):
        found = interval(hours=1, tz=NEW_YORK).next_after(datetime(2026, 11, 1, 5, tzinfo=UTC))

    assert found is not None
    assert ("2026-11-01T01:00:00-05:00", 1) == (found.isoformat(), found.fold)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (interval(300), interval(minutes=5)),
        (interval(timedelta(minutes=5)), interval(seconds=300)),
        (interval(0.25), interval(milliseconds=250)),
        (interval(300, anchor=datetime(2026, 1, 1, tzinfo=UTC)), interval(300)),
    ],
)
def test_the_same_grid_is_equal(one: interval, other: interval) -> None:
    """Equal is what yields the same instants, however it was written."""
    assert one == other
    assert hash(one) == hash(other)
    assert one.fingerprint() == other.fingerprint()


def test_other_grids_are_not_equal() -> None:
    """Another pace, another anchor or another zone is another schedule."""
    five = interval(minutes=5)

    assert five != interval(minutes=6)
    assert five != interval(minutes=5, anchor=datetime(2026, 1, 1, 0, 1, tzinfo=UTC))
    assert five != interval(minutes=5, tz="UTC")
    assert five != timedelta(minutes=5)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (interval(minutes=5), "every 5 minutes"),
        (interval(days=1), "every day"),
        (interval(weeks=1), "every 7 days"),
        (interval(seconds=1), "every second"),
        (interval(hours=1), "every hour"),
        (interval(minutes=90), "every 1 hour 30 minutes"),
        (interval(0.25), "every 0.25 seconds"),
        (interval(seconds=1.5), "every 1.5 seconds"),
        (interval(days=1, hours=1, minutes=1, seconds=1), "every 1 day 1 hour 1 minute 1 second"),
        (
            interval(minutes=5, anchor=datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
            "every 5 minutes, counted from 2026-01-01T00:01:00+00:00",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_describe(schedule: interval, words: str) -> None:
    """An interval reads as a sentence."""
    assert words == schedule.describe()


@pytest.mark.parametrize(
    ("positional", "keywords", "message"),
    [
        ([], {}, "interval() is not a time to wait; it must be more than zero"),
        ([0], {}, "interval of 0:00:00 is not a time to wait"),
        ([-5], {}, "is not a time to wait"),
        ([], {"minutes": -1}, "is not a time to wait"),
        ([1e-9], {}, "interval of 0:00:00 is not a time to wait"),
        ([60], {"minutes": 1}, "interval(60, ...) also got minutes; give one time"),
        (["60"], {}, "interval every='60' is not a number"),
        ([True], {}, "interval every=True is not a number"),
        ([], {"minutes": "5"}, "interval minutes='5' is not a number"),
        ([float("nan")], {}, "interval cannot be nan"),
        ([float("inf")], {}, "interval cannot be inf"),
        ([], {"days": 10**12}, "interval cannot be {'days': 1000000000000}"),
        ([5], {"anchor": datetime(2026, 1, 1)}, "names no instant; pass an aware datetime"),
        ([5], {"anchor": "2026-01-01"}, "anchor='2026-01-01' names no instant"),
    ],
    ids=str,
)
def test_refused_intervals(positional: list[Any], keywords: dict[str, Any], message: str) -> None:
    """What is not a positive time is refused with what to write instead."""
    with pytest.raises(ScheduleError) as caught:
        interval(*positional, **keywords)

    assert message in str(caught.value)


def test_the_ends_of_time() -> None:
    """Beyond the range of datetime there is no instant, and no OverflowError."""
    week = interval(weeks=1, tz="Pacific/Apia")
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))

    assert week.next_after(last) is None
    assert week.previous_before(first) is None
    assert interval(days=999_999_999).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None
    before = week.previous_before(last)
    assert before is None or before.year == MAXYEAR


def test_naive_datetimes_are_refused() -> None:
    """A naive datetime names no instant."""
    noon = datetime(2026, 3, 8, 12)

    for schedule in (interval(5), clocked(noon.replace(tzinfo=UTC))):
        with pytest.raises(ValueError, match="naive"):
            schedule.next_after(noon)
        with pytest.raises(ValueError, match="naive"):
            schedule.previous_before(noon)


def test_clocked_runs_once() -> None:
    """One instant: the next before it, the previous after it, and nothing else."""
    at = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1)
    once = clocked(at)
    tick = timedelta(microseconds=1)
    instant = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)

    assert "America/New_York" == str(once.tz)
    assert once.next_after(instant) is None
    assert once.previous_before(instant) is None
    found = once.next_after(instant - tick)
    assert found is not None
    assert ("2026-11-01T01:30:00-05:00", 1) == (found.isoformat(), found.fold)
    assert found == once.previous_before(instant + tick)
    assert [found] == list(once.between(instant, instant + tick))
    assert [] == list(once.between(instant - tick, instant))


def test_clocked_tells_the_passes_apart() -> None:
    """The two passes of a repeated reading are two schedules, though datetimes compare equal."""
    at = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)

    assert clocked(at) != clocked(at.replace(fold=1))
    assert clocked(at).fingerprint() != clocked(at.replace(fold=1)).fingerprint()


def test_clocked_zone() -> None:
    """An offset names no zone: such an instant is written in the zone that is settled later."""
    once = clocked(datetime(2026, 3, 8, 9, tzinfo=timezone(timedelta(hours=2))))

    assert once.tz is None
    assert "once at 2026-03-08T07:00:00+00:00" == once.describe()
    london = once.in_zone(ZoneInfo("Europe/Paris"))
    assert "once at 2026-03-08T08:00:00+01:00, Europe/Paris" == london.describe()


def test_clocked_refuses_what_its_zone_cannot_write() -> None:
    """The last hour in UTC has no reading in a zone east of it."""
    with pytest.raises(ScheduleError, match="outside of the years 1 to 9999"):
        clocked(datetime.max.replace(tzinfo=UTC), tz="Asia/Kathmandu")


@pytest.mark.parametrize("at", [datetime(2026, 1, 1), "2026-01-01", None, 5])
def test_clocked_refuses_what_names_no_instant(at: Any) -> None:
    """A naive datetime, and what is no datetime at all."""
    with pytest.raises(ScheduleError, match=r"^at=.* names no instant; pass an aware datetime"):
        clocked(at)
