"""Governments change their clocks: schedules that exist follow zone data that is replaced."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import Entry
from periodic.schedules import (
    calendar_interval,
    cron,
    crontab,
    dates,
    exclude,
    interval,
    union,
    window,
)
from periodic.schedules.base import Schedule
from periodic.schedules.zones import ZoneWatch, renew_zones

NAME = "Europe/Freeland"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Data:
    """The zone data of a machine, with one country that changes its mind."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self.file.parent.mkdir(parents=True)

    def be_like(self, zone: str) -> None:
        """Replace the country's file by another zone's, as a package manager does."""
        fresh = self.file.with_name("Freeland.new")
        fresh.write_bytes(files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes())
        fresh.replace(self.file)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Data]:
    """Zone data that the test may replace: at first the country keeps London's clock."""
    machine = Data(tmp_path)
    machine.be_like("Europe/London")
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    renew_zones()  # an earlier test may have named the country
    try:
        yield machine
    finally:
        zoneinfo.reset_tzpath()
        renew_zones()


@pytest.mark.parametrize(
    "schedule",
    [
        lambda: crontab(minute=0, hour=9, tz=NAME),
        lambda: cron("0 9 * * *", tz=NAME),
        lambda: crontab(minute=0, hour=9).in_zone(ZoneInfo(NAME)),
        lambda: calendar_interval(days=1, at="09:00", tz=NAME),
        lambda: union(crontab(minute=0, hour=9), tz=NAME),
        lambda: exclude(crontab(minute=0, hour=9, tz=NAME), dates("2026-07-04")),
        lambda: exclude(
            crontab(minute=0, hour=9, tz=NAME), dates("2026-06-30"), "next_business_day"
        ),
        lambda: window(crontab(minute=0, hour=9, tz=NAME), start=NOON - timedelta(days=9)),
    ],
    ids=[
        *("crontab", "cron", "settled later", "calendar_interval"),
        *("union", "exclude", "moved", "window"),
    ],
)
def test_existing_schedules_follow_new_rules(data: Data, schedule: Any) -> None:
    """After renewal a schedule made before answers by the new rules, in every way of asking."""
    nine: Schedule = schedule()
    after, before = nine.next_after(NOON), nine.previous_before(NOON)
    assert ["2026-07-02T09:00:00+01:00", "2026-07-01T09:00:00+01:00"] == [
        str_of(after),
        str_of(before),
    ]

    data.be_like("Asia/Tokyo")
    renew_zones()

    assert "2026-07-02T09:00:00+09:00" == str_of(nine.next_after(NOON))
    assert "2026-07-01T09:00:00+09:00" == str_of(nine.previous_before(NOON))
    assert ["2026-07-02T09:00:00+09:00"] == [
        at.isoformat() for at in nine.between(NOON, NOON + timedelta(days=1))
    ]
    assert "2026-07-02T09:00:00+09:00" == str_of(schedule().next_after(NOON))


def test_a_question_with_an_old_instant(data: Data) -> None:
    """An instant that was answered by the old rules is still the instant that it was."""
    nine = crontab(minute=0, hour=9, tz=NAME)
    old = nine.next_after(NOON)
    assert old is not None
    data.be_like("Asia/Tokyo")
    renew_zones()

    # 2 July, 08:00 UTC, is 17:00 in Tokyo.
    assert "2026-07-03T09:00:00+09:00" == str_of(nine.next_after(old))
    assert "2026-07-02T09:00:00+09:00" == str_of(nine.previous_before(old))


def test_intervals_are_written_by_the_new_rules(data: Data) -> None:
    """The grid of an interval stays; its instants are written in the new offset."""
    hourly = interval(hours=1, tz=NAME)
    assert "2026-07-01T14:00:00+01:00" == str_of(hourly.next_after(NOON))

    data.be_like("Asia/Tokyo")
    renew_zones()

    assert "2026-07-01T22:00:00+09:00" == str_of(hourly.next_after(NOON))
    assert ZoneInfo(NAME) is hourly.tz


def test_equality_and_hash_outlive_the_rules(data: Data) -> None:
    """A schedule means a zone's name, so old and new ones are equal."""
    old = crontab(minute=0, hour=9, tz=NAME)
    number = hash(old)
    data.be_like("Asia/Tokyo")
    renew_zones()
    new = crontab(minute=0, hour=9, tz=NAME)

    assert old == new
    assert number == hash(new)
    assert old.fingerprint() == new.fingerprint()


def test_data_that_is_gone_keeps_the_rules(data: Data, caplog: pytest.LogCaptureFixture) -> None:
    """A machine that loses a zone's file goes on by the rules that it read, and says so."""
    nine = crontab(minute=0, hour=9, tz=NAME)
    data.file.unlink()

    assert ZoneWatch().look(0.0) is False
    renew_zones()

    assert "2026-07-02T09:00:00+01:00" == str_of(nine.next_after(NOON))
    assert [f"time zone {NAME} cannot be read again"] == [
        record.getMessage().partition(" and ")[0] for record in caplog.records
    ]


def test_a_watch_sees_replaced_files_once_and_not_too_often(data: Data) -> None:
    """A look within the minute does nothing; the next one renews, and then there is peace."""
    nine = crontab(minute=0, hour=9, tz=NAME)
    watch = ZoneWatch()
    assert watch.look(1000.0) is False
    data.be_like("Asia/Tokyo")

    assert watch.look(1059.9) is False
    assert "2026-07-02T09:00:00+01:00" == str_of(nine.next_after(NOON))
    assert watch.look(1060.0) is True
    assert "2026-07-02T09:00:00+09:00" == str_of(nine.next_after(NOON))
    assert watch.look(1120.0) is False


def test_a_change_between_reading_and_the_first_look(data: Data) -> None:
    """What counts is the file that the rules are from, not the one that a watch saw first."""
    nine = crontab(minute=0, hour=9, tz=NAME)
    data.be_like("Asia/Tokyo")

    assert ZoneWatch().look(0.0) is True
    assert "2026-07-02T09:00:00+09:00" == str_of(nine.next_after(NOON))


def test_a_running_beat_plans_anew(data: Data, stage: Any) -> None:
    """A beat that runs while zone data is replaced wakes for the new instants."""
    nine = crontab(minute=0, hour=9, tz=NAME)
    beat = stage.beat(Entry(name="report", task="t", schedule=nine))
    assert datetime(2026, 3, 3, 9, tzinfo=UTC) == beat.tick()

    data.be_like("Asia/Tokyo")
    stage.clock.advance(timedelta(minutes=1))

    assert datetime(2026, 3, 3, 0, tzinfo=UTC) == beat.tick()


def str_of(at: datetime | None) -> str | None:
    """Return an instant as ISO text."""
    return None if at is None else at.isoformat()
