"""Entries and their next runs: tables by rich on a terminal, plain text when piped, or JSON.

Knows neither Flask nor Celery, and no clock: the present is handed in as `now`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from ..clock import to_utc, to_zone
from ..entry import Entry
from ..records import Pause

if TYPE_CHECKING:
    from rich.table import Table

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the list of entries.

    Args:
        name: the entry's name.
        schedule: in words; empty for an entry with a problem.
        task: the registered name of the task; empty for an entry with a problem.
        next_run: in the schedule's zone; None when there is none.
        enabled: a disabled entry has no next run.
        problem: one sentence that says why the entry does not run; None when it does.
        note: until when and why it is paused; "" when it is not.
    """

    name: str
    schedule: str
    task: str
    next_run: datetime | None
    enabled: bool = True
    problem: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NextRow:
    """One coming run of an entry.

    Args:
        name: the entry's name.
        at: the fire time, in the schedule's zone.
    """

    name: str
    at: datetime


def entry_rows(
    entries: Iterable[Entry],
    now: datetime,
    problems: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> list[EntryRow]:
    """Return the lines of the list of entries, those with problems last, else in given order.

    Args:
        entries: what is planned.
        now: the present; aware.
        problems: name of an entry that was set aside -> one sentence that says why.
        notes: name of an entry that is paused -> until when and why.
    """
    told, noted = dict(problems or {}), notes or {}
    rows = [_entry_row(entry, now, told.pop(entry.name, None)) for entry in entries]
    rows += [
        EntryRow(name, "", "", None, problem=problem) for name, problem in sorted(told.items())
    ]
    rows = [replace(row, note=noted.get(row.name, "")) for row in rows]
    return sorted(rows, key=lambda row: row.problem is not None)


def next_rows(entries: Iterable[Entry], after: datetime, count: int) -> list[NextRow]:
    """Return the coming runs of the entries together, earliest first.

    Args:
        entries: a disabled one has no runs.
        after: runs strictly after this instant; aware.
        count: at most this many runs of each entry.
    """
    rows = [
        NextRow(entry.name, at)
        for entry in entries
        if entry.enabled
        for at in islice(_after(entry, after), count)
    ]
    return sorted(rows, key=lambda row: to_utc(row.at))


def relative(at: datetime, now: datetime) -> str:
    """Return how far `at` is from `now`, in words, cut to two units.

    >>> from datetime import UTC, datetime
    >>> relative(datetime(2026, 3, 8, 9, 5, tzinfo=UTC), datetime(2026, 3, 8, 9, tzinfo=UTC))
    'in 5 min'
    """
    seconds = (to_utc(at) - to_utc(now)).total_seconds()
    words = duration(abs(seconds))
    if words == "0 s":
        return "now"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def local(at: datetime) -> str:
    """Return an instant as its own wall clock reads, with the weekday and the zone's short name.

    >>> from datetime import datetime
    >>> from zoneinfo import ZoneInfo
    >>> local(datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Europe/London")))
    'Wed 2026-07-01 09:00:00 BST'
    """
    return f"{at:%a} {_digits(at)} {at.tzname()}"


def pause_words(pause: Pause, zone: tzinfo) -> str:
    """Return until when, in a zone, and why an entry is paused.

    >>> from datetime import UTC, datetime
    >>> pause_words(Pause(datetime(2026, 3, 8, tzinfo=UTC), "stocktaking"), UTC)
    'paused until it is resumed (stocktaking)'
    """
    end = "it is resumed" if pause.until is None else local(to_zone(pause.until, zone))
    return f"paused until {end}" + (f" ({pause.note})" if pause.note else "")


def print_entries(
    rows: Sequence[EntryRow], now: datetime, *, stream: TextIO | None = None, as_json: bool = False
) -> None:
    """Print the list of entries and, below it, their problems.

    Args:
        rows: from `entry_rows`.
        now: the present; aware.
        stream: where to; standard output unless given.
        as_json: one JSON list instead of a table.
    """
    out = sys.stdout if stream is None else stream
    if as_json:
        _print_json([_entry_json(row, now) for row in rows], out)
        return
    if not rows:
        out.write("no entries\n")
        return
    print_table(
        ("entry", "schedule", "task", "next run (local)", "next run (UTC)", "relative"),
        [_entry_cells(row, now) for row in rows],
        stream=out,
    )
    for row in rows:
        if row.problem is not None:
            out.write(f"\n{_one_line(row.name)}: {_one_line(row.problem)}\n")


def print_next(
    rows: Sequence[NextRow], now: datetime, *, stream: TextIO | None = None, as_json: bool = False
) -> None:
    """Print coming runs in local time, in UTC and relative to `now`.

    Args:
        rows: from `next_rows`.
        now: the present; aware.
        stream: where to; standard output unless given.
        as_json: one JSON list instead of a table.
    """
    out = sys.stdout if stream is None else stream
    if as_json:
        _print_json([{"entry": row.name, **_instant_json(row.at, now)} for row in rows], out)
        return
    if not rows:
        out.write("no coming runs\n")
        return
    print_table(
        ("entry", "local", "UTC", "relative"),
        [(row.name, local(row.at), _digits(to_utc(row.at)), relative(row.at, now)) for row in rows],
        stream=out,
    )


def print_table(
    header: Sequence[str], lines: Iterable[Sequence[str]], *, stream: TextIO | None = None
) -> None:
    """Print a table: by rich on a terminal if rich is installed, else as aligned plain text.

    Args:
        header: one title for each column.
        lines: the cells, as many in each line as there are titles.
        stream: where to; standard output unless given.
    """
    out = sys.stdout if stream is None else stream
    cells = [[_one_line(cell) for cell in line] for line in lines]
    table = _rich_table(header, cells) if out.isatty() else None
    if table is not None:
        from rich.console import Console  # noqa: PLC0415  # optional, as in _rich_table

        Console(file=out).print(table)
        return
    widths = [max(len(cell) for cell in column) for column in zip(header, *cells, strict=True)]
    for line in [header, *cells]:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.write("  ".join(padded).rstrip() + "\n")


def _rich_table(header: Sequence[str], cells: Iterable[Sequence[str]]) -> Table | None:
    try:
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # optional: plain text does without
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415
    except ImportError:
        return None
    # Narrow terminals: no frame, and a long name goes on in the next line instead of being cut.
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in header:
        table.add_column(title, overflow="fold")
    for line in cells:
        table.add_row(*(Text(cell) for cell in line))  # Text: brackets in names are no markup
    return table


def _entry_row(entry: Entry, now: datetime, problem: str | None) -> EntryRow:
    words, at = "", None
    try:
        words = entry.schedule.describe()
        at = entry.schedule.next_after(now) if entry.enabled and problem is None else None
    except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
        problem = problem or f"its schedule failed: {error}"
    return EntryRow(entry.name, words, entry.task, at, entry.enabled, problem)


def _after(entry: Entry, after: datetime) -> Iterable[datetime]:
    at = entry.schedule.next_after(after)
    while at is not None:
        yield at
        at = entry.schedule.next_after(at)


def _entry_cells(row: EntryRow, now: datetime) -> tuple[str, ...]:
    start = (row.name, row.schedule, row.task)
    if row.next_run is None:
        why = "problem, see below" if row.problem else "never" if row.enabled else "disabled"
        why = row.note or why
        return (*start, why, "", "")
    utc = _digits(to_utc(row.next_run))
    return (*start, local(row.next_run), utc, relative(row.next_run, now))


def _entry_json(row: EntryRow, now: datetime) -> dict[str, Any]:
    return {
        "entry": row.name,
        "schedule": row.schedule,
        "task": row.task,
        "enabled": row.enabled,
        "next_run": None if row.next_run is None else _instant_json(row.next_run, now),
        "problem": row.problem,
        "note": row.note or None,
    }


def _instant_json(at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "local": at.isoformat(),
        "zone": str(at.tzinfo),
        "utc": to_utc(at).isoformat(),
        "seconds": round((to_utc(at) - to_utc(now)).total_seconds(), 3),
        "relative": relative(at, now),
    }


def _print_json(data: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    stream.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _digits(at: datetime) -> str:
    fraction = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction}"


def duration(seconds: float) -> str:
    """Return a length of time in words, cut to two units.

    >>> duration(90)
    '1 min 30 s'
    """
    if seconds < 1:
        # Below a second only tenths tell anything; rounding up would call 0.96 s one second.
        tenths = int(seconds * 10)
        return f"0.{tenths} s" if tenths else "0 s"
    whole = int(seconds)
    for size, unit, smaller, name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            count, rest = whole // size, whole % size // smaller
            return f"{count} {unit} {rest} {name}" if rest else f"{count} {unit}"
    return f"{whole} s"


def _one_line(text: str) -> str:
    """Return text that cannot break the table: what is not printable is shown escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
