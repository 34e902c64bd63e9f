"""What stories about beats are made of, as hypothesis draws it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

#: The entries that are dispatched.
ENTRIES = ("left", "right")
#: The fingerprints that they have, one after another.
VERSIONS = ("0" * 16, "1" * 16)
#: How many beats there are at a time.
BEATS = 2


@dataclass(frozen=True, slots=True)
class Run:
    """A chain of occurrences that a beat dispatches.

    Args:
        entry: whose.
        count: how many.
        off: how far from where the beat knows the entry to stand the chain begins.
        given_up: how many are given up with the last.
        fails: the place of the message that fails, or None.
        late: it fails after kombu took it, where the broker can undo that.
    """

    entry: str
    count: int
    off: int
    given_up: int
    fails: int | None
    late: bool


#: One of the beats.
BEAT = st.integers(0, BEATS - 1)
#: One of the entries.
ENTRY = st.sampled_from(ENTRIES)
#: An instant; few, so that they meet.
NUMBER = st.integers(0, 4)
_RUN = st.builds(
    Run,
    entry=ENTRY,
    count=st.integers(1, 3),
    off=st.sampled_from([0, 0, 0, 0, -1, -2, 1]),
    given_up=st.sampled_from([0, 0, 2]),
    fails=st.sampled_from([None, None, 0, 1]),
    late=st.booleans(),
)
#: A batch: at most one chain of each entry.
RUNS = st.lists(_RUN, min_size=1, max_size=2, unique_by=lambda run: run.entry)
