"""Faults, moments and lengths of time as they are typed on a command line."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo

from ..clock import to_utc, to_zone
from ..errors import ConfigError
from .faults import ClockStep, Kill, Outage

_DAY = timedelta(days=1)
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = r"\d+(?:\.\d+)?\s*(?:ms|min|[smhdw])"
_LENGTH = re.compile(rf"(?:{_PART}\s*)+")
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?"
_TIMES = re.compile(rf"({_TIME})-({_TIME})")
_CLOCK = re.compile(r"(?:(\d+):)?([+-])([^@]+)@(.+)")
_TIME_ONLY = re.compile(_TIME)


def read_length(text: str) -> timedelta:
    """Return a length of time: `90s`, `20m`, `1h30m`, `2d`, or a bare number of seconds.

    Args:
        text: units are ms, s, m (or min), h, d and w.

    Raises:
        ConfigError: it is no length of time.

    >>> read_length("1h30m")
    datetime.timedelta(seconds=5400)
    """
    given = text.strip()
    try:
        if re.fullmatch(r"\d+(?:\.\d+)?", given):
            return timedelta(seconds=float(given))
        if _LENGTH.fullmatch(given):
            parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|min|[smhdw])", given)
            return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError:
        pass
    raise ConfigError(f"{text!r} is no length of time; write it as 90s, 20m, 1h30m or 2d")


def read_moment(text: str, after: datetime, zone: tzinfo) -> datetime:
    """Return a moment: ISO 8601, or a time of the day, which is the first one from `after` on.

    Args:
        text: without an offset it is a reading of the zone's clock.
        after: aware.
        zone: whose clock is read.

    Returns:
        The instant in UTC.

    Raises:
        ConfigError: it is no moment.
    """
    given = text.strip()
    try:
        if _TIME_ONLY.fullmatch(given):
            reading = time.fromisoformat(given if given.index(":") > 1 else f"0{given}")
            local = to_zone(after, zone)
            at = datetime.combine(local.date(), reading, zone)
            if to_utc(at) < to_utc(after):
                at = datetime.combine(local.date() + _DAY, reading, zone)
            return to_utc(at)
        at = datetime.fromisoformat(given)
        return to_utc(at if at.tzinfo is not None else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{text!r} is no moment; write it as 14:00, 2026-03-29, 2026-03-29T00:30 or "
            "2026-03-29T00:30+00:00"
        ) from None


def read_span(text: str, after: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return a span of time: `10:00-11:00`, `10:00+30m`, or two moments with a slash between.

    Args:
        text: what was typed.
        after: times of the day are the first ones from then on; aware.
        zone: whose clock is read.

    Raises:
        ConfigError: it is no span.
    """
    times = _TIMES.fullmatch(text.strip())
    first, slash, last = text.partition("/")
    if times is not None:
        first, slash, last = times[1], "-", times[2]
    if slash:
        start = read_moment(first, after, zone)
        return start, read_moment(last, start, zone)
    # An offset from UTC has a plus, too; a length of time ends with a unit.
    first, plus, length = text.rpartition("+")
    if plus and _LENGTH.fullmatch(length.strip()):
        start = read_moment(first, after, zone)
        return start, start + read_length(length)
    raise ConfigError(
        f"{text!r} is no span of time; write it as 10:00-11:00, 10:00+30m or "
        "2026-03-29T10:00/2026-03-29T11:00"
    )


def read_kill(text: str, after: datetime, zone: tzinfo) -> Kill:
    """Return a kill: `2@12:00` for good, `2@12:00-12:05` or `2@12:00+30s` until it is back.

    Args:
        text: the number of the beat and when.
        after: times of the day are the first ones from then on; aware.
        zone: whose clock is read.

    Raises:
        ConfigError: it is no kill.
    """
    beat, _, when = text.partition("@")
    if not (when and beat.strip().isdigit()):
        raise ConfigError(
            f"--kill {text!r}: write the number of the beat and when, "
            "as 2@12:00, 2@12:00-12:05 or 2@12:00+30s"
        )
    try:
        start, back = read_span(when, after, zone)
    except ConfigError:
        return Kill(int(beat), read_moment(when, after, zone))
    return Kill(int(beat), start, back)


def read_outage(text: str, after: datetime, zone: tzinfo) -> Outage:
    """Return an outage of the broker: `broker@10:00-11:00`, or the span alone.

    Args:
        text: what was typed.
        after: times of the day are the first ones from then on; aware.
        zone: whose clock is read.

    Raises:
        ConfigError: it is no outage.
    """
    what, at, when = text.rpartition("@")
    if at and what.strip() != "broker":
        raise ConfigError(f"--outage {text!r}: only the broker goes away: broker@10:00-11:00")
    return Outage(*read_span(when, after, zone))


def read_clock(text: str, after: datetime, zone: tzinfo) -> ClockStep:
    """Return a clock that is set: `-1h@14:00` every clock, `2:-1h@14:00` that of beat 2.

    Args:
        text: what was typed.
        after: times of the day are the first ones from then on; aware.
        zone: whose clock is read.

    Raises:
        ConfigError: it is no such thing.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"--clock {text!r}: write how far and when, as -1h@14:00, +90s@14:00, "
            "or 2:-1h@14:00 for the clock of beat 2 alone"
        )
    beat, sign, length, when = match.groups()
    by = read_length(length)
    at = read_moment(when, after, zone)
    return ClockStep(-by if sign == "-" else by, at, int(beat) if beat else None)


def read_duration(text: str) -> tuple[str, timedelta]:
    """Return how long an entry or a task runs: `report=20m`.

    Args:
        text: a name and a length of time.

    Raises:
        ConfigError: one of the two is missing.
    """
    name, equals, length = text.rpartition("=")
    if not (equals and name.strip()):
        raise ConfigError(
            f"--duration {text!r}: write the name of an entry or a task and how long it runs, "
            "as report=20m"
        )
    return name.strip(), read_length(length)
