"""The run at the start: how the cursor of an entry says that it is owed, and since when.

A cursor is an instant, and every place that keeps cursors can keep one of long ago: while the run
is owed the cursor stands so many years before it that no beat can have stood there. Whoever
dispatches the run moves the cursor from there, as any other, so that it is dispatched once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .clock import to_utc

#: The calendar repeats itself in 400 years: day, month and weekday of the run can be read off.
_LONG = timedelta(days=4 * 146_097)
#: Cursors before this owe a run.
_OWED_BEFORE = datetime(1000, 1, 1, tzinfo=UTC)
_FIRST, _END = datetime(1601, 1, 1, tzinfo=UTC), datetime(2599, 12, 31, tzinfo=UTC)


def start_run(anchor: datetime) -> datetime | None:
    """Return the second in which counting starts, in UTC; None where the year is not of our time.

    Args:
        anchor: the instant after which occurrences count; aware.

    >>> start_run(datetime(2026, 3, 2, 12, 0, 7, 250_000, tzinfo=UTC)).isoformat()
    '2026-03-02T12:00:07+00:00'
    """
    anchor = to_utc(anchor)
    if not _FIRST <= anchor < _END:
        return None
    # What counts begins a microsecond later.
    return (anchor + datetime.resolution).replace(microsecond=0)


def owing(anchor: datetime) -> datetime | None:
    """Return a cursor that owes the run at the start, in UTC; None where there is no such run.

    Args:
        anchor: the instant after which occurrences count; aware.

    >>> owing(datetime(2026, 3, 2, 12, 0, 7, 250_000, tzinfo=UTC)).isoformat()
    '0426-03-02T12:00:07+00:00'
    """
    start = start_run(anchor)
    return None if start is None else start - _LONG


def owed(cursor: datetime) -> datetime | None:
    """Return the run at the start that a cursor (UTC) owes, in UTC; None for any other cursor."""
    return cursor + _LONG if cursor < _OWED_BEFORE else None
