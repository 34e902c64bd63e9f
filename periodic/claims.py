"""The claim of one occurrence, for brokers that keep their cursors in a table of this process."""

from __future__ import annotations

from collections.abc import Callable

from .broker import Dispatch, Outcome, Status
from .cursors import Cursor, CursorTable

#: Enqueues what was claimed, or is the reason why it cannot be.
Ready = Callable[[], None] | Exception


def claim(table: CursorTable, dispatch: Dispatch, ready: Ready) -> Outcome:
    """Claim, enqueue and move the cursor; the caller has the table to itself.

    Args:
        table: where the entry's cursor stands.
        dispatch: what is claimed.
        ready: called when the claim wins; an exception instead fails the dispatch.
    """
    occurrence = dispatch.occurrence
    cursor = table.stand(occurrence.entry, dispatch.previous)
    if cursor != dispatch.previous:
        return Outcome(occurrence, Status.TAKEN, cursor)
    if isinstance(ready, Exception):
        return Outcome(occurrence, Status.FAILED, cursor, ready)
    ready()
    at = dispatch.cursor
    table.set(occurrence.entry, Cursor(at, dispatch.fingerprint))
    return Outcome(occurrence, Status.DISPATCHED, at)
