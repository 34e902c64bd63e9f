"""Faults, moments and lengths of time as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from periodic import ConfigError
from periodic.simulation import ClockStep, Kill, Outage
from periodic.simulation.notation import (
    read_clock,
    read_duration,
    read_kill,
    read_length,
    read_moment,
    read_outage,
    read_span,
)

BERLIN = ZoneInfo("Europe/Berlin")
#: Noon in Berlin.
NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)


def at(text: str) -> datetime:
    """Return an instant of March 2026 in UTC: day, then time."""
    return datetime.fromisoformat(f"2026-03-{text}+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("20m", timedelta(minutes=20)),
        ("20 min", timedelta(minutes=20)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_lengths(text: str, expected: timedelta) -> None:
    """Units may be joined; a bare number is seconds."""
    assert expected == read_length(text)


@pytest.mark.parametrize("text", ["", "soon", "-5m", "5y", "1h x", "9" * 400])
def test_no_lengths(text: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(ConfigError, match="no length of time; write it as 90s"):
        read_length(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:00", "02T13:00"),
        ("12:00", "02T11:00"),
        ("11:59", "03T10:59"),
        ("9:30", "03T08:30"),
        ("14:00:30", "02T13:00:30"),
        ("2026-03-29T03:30", "29T01:30"),
        ("2026-03-29T03:30Z", "29T03:30"),
        ("2026-03-29", "28T23:00"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    """A time of the day is the next one by the zone's clock; ISO 8601 is what it says."""
    assert at(expected) == read_moment(text, NOON, BERLIN)


@pytest.mark.parametrize("text", ["", "25:00", "noon", "2026-13-01"])
def test_no_moments(text: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(ConfigError, match="is no moment; write it as 14:00"):
        read_moment(text, NOON, BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:00-15:00", ("02T13:00", "02T14:00")),
        ("23:30-00:30", ("02T22:30", "02T23:30")),
        ("14:00+30m", ("02T13:00", "02T13:30")),
        ("2026-03-03T00:00/2026-03-04T00:00", ("02T23:00", "03T23:00")),
        ("2026-03-03T00:00+00:00/01:30", ("03T00:00", "03T00:30")),
        ("2026-03-03T00:00+00:00+1h", ("03T00:00", "03T01:00")),
    ],
)
def test_spans(text: str, expected: tuple[str, str]) -> None:
    """Two times of the day, a time and a length, or two moments with a slash between."""
    assert (at(expected[0]), at(expected[1])) == read_span(text, NOON, BERLIN)


def test_kills() -> None:
    """For good, or until the beat is back."""
    assert Kill(2, at("02T13:00")) == read_kill("2@14:00", NOON, BERLIN)
    assert Kill(1, at("02T13:00"), at("02T13:05")) == read_kill("1@14:00-14:05", NOON, BERLIN)
    assert Kill(1, at("02T13:00"), at("02T13:00:30")) == read_kill("1@14:00+30s", NOON, BERLIN)


def test_outages() -> None:
    """`broker@` may be left out; nothing else goes away."""
    expected = Outage(at("02T13:00"), at("02T14:00"))
    assert expected == read_outage("broker@14:00-15:00", NOON, BERLIN)
    assert expected == read_outage("14:00-15:00", NOON, BERLIN)
    with pytest.raises(ConfigError, match="only the broker goes away"):
        read_outage("store@14:00-15:00", NOON, BERLIN)


def test_clocks() -> None:
    """Every clock, or that of one beat, forward and back."""
    hour = timedelta(hours=1)
    assert ClockStep(-hour, at("02T13:00")) == read_clock("-1h@14:00", NOON, BERLIN)
    assert ClockStep(hour, at("02T13:00"), 2) == read_clock("2:+1h@14:00", NOON, BERLIN)


def test_durations() -> None:
    """A name, which may hold an equals sign, and a length."""
    assert ("report", timedelta(minutes=20)) == read_duration("report=20m")
    assert ("a=b", timedelta(seconds=5)) == read_duration("a=b=5s")


@pytest.mark.parametrize("text", ["2", "beat@12:00", "@12:00", "2@"])
def test_no_kills(text: str) -> None:
    """The message says how to write it."""
    with pytest.raises(ConfigError, match="write the number of the beat and when"):
        read_kill(text, NOON, BERLIN)


@pytest.mark.parametrize("text", ["1h@14:00", "-1h", "-1h@", "2:@14:00"])
def test_no_clocks(text: str) -> None:
    """The message says how to write it."""
    with pytest.raises(ConfigError, match="write how far and when"):
        read_clock(text, NOON, BERLIN)


@pytest.mark.parametrize("text", ["report", "=5s"])
def test_no_durations(text: str) -> None:
    """The message says how to write it."""
    with pytest.raises(ConfigError, match="name of an entry or a task"):
        read_duration(text)
