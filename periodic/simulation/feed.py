"""Runs as an iCalendar feed (RFC 5545), for whoever looks at a calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from ..clock import to_utc
from .listing import Listed

_MOST_OCTETS = 75


def ics_lines(
    runs: Iterable[Listed],
    stamp: datetime,
    *,
    durations: Mapping[str, timedelta] | None = None,
    name: str = "periodic",
) -> Iterator[str]:
    r"""Yield a calendar with an event for each run, as lines without their ends.

    Args:
        runs: as `runs` lists them.
        stamp: when the calendar was made; aware.
        durations: name of an entry or a task -> how long it runs; a point in time unless given.
        name: of the calendar.

    >>> from datetime import UTC
    >>> from periodic import Entry, crontab
    >>> from periodic.simulation import runs
    >>> entry = Entry(name="report", task="shop.report", schedule=crontab(minute=0, hour=9))
    >>> day = datetime(2026, 3, 2, tzinfo=UTC)
    >>> print(*list(ics_lines(runs([entry], day, day + timedelta(days=1)), day))[5:11], sep="\n")
    UID:report-20260302T090000Z@periodic
    DTSTAMP:20260302T000000Z
    DTSTART:20260302T090000Z
    SUMMARY:report
    DESCRIPTION:shop.report
    TRANSP:TRANSPARENT
    """
    known = durations or {}
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield "PRODID:-//periodic//EN"
    yield from _folded(f"X-WR-CALNAME:{_escaped(name)}")
    for fire_time, entry in runs:
        at = _instant(fire_time)
        yield "BEGIN:VEVENT"
        yield from _folded(f"UID:{_escaped(entry.name)}-{at}@{_escaped(name)}")
        yield f"DTSTAMP:{_instant(stamp)}"
        yield f"DTSTART:{at}"
        duration = known.get(entry.name, known.get(entry.task))
        if duration is not None:
            yield f"DURATION:PT{int(duration.total_seconds())}S"
        yield from _folded(f"SUMMARY:{_escaped(entry.name)}")
        yield from _folded(f"DESCRIPTION:{_escaped(entry.task)}")
        yield "TRANSP:TRANSPARENT"
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _instant(at: datetime) -> str:
    return f"{to_utc(at):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for char in "\\;,":
        text = text.replace(char, f"\\{char}")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> Iterator[str]:
    """Yield a line as lines of at most 75 octets, none of which breaks a character."""
    part, octets, most = "", 0, _MOST_OCTETS
    for char in line:
        size = len(char.encode())
        if octets + size > most:
            yield part
            part, octets, most = " ", 1, _MOST_OCTETS
        part += char
        octets += size
    yield part
