"""Stretches of constant offset: cut in blocks that nobody may notice."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest

from periodic.schedules.offsets import Stretches

BLOCK = 2**25
HOUR = 3600
#: A block boundary in 2026 or so, in seconds from the first datetime.
EDGE = 63_900_000_000 // BLOCK * BLOCK


class Jump(tzinfo):
    """A zone whose clock moves once, by `size` seconds, at an instant."""

    def __init__(self, at: int, size: int) -> None:
        self.at, self.size = at, size

    def fromutc(self, dt: datetime) -> datetime:
        """Return the reading at an instant."""
        elapsed = dt.replace(tzinfo=None) - datetime.min
        passed = elapsed >= timedelta(seconds=self.at)
        again = timedelta(seconds=-self.size) if passed else timedelta(0)
        fold = passed and elapsed < timedelta(seconds=self.at) + again
        moved = dt + timedelta(seconds=self.size if passed else 0)
        return moved.replace(fold=int(fold), tzinfo=_Fixed(self.size if passed else 0))

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Refuse: only instants are asked for."""
        raise NotImplementedError


class _Fixed(tzinfo):
    """The offset that a reading was made with."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset."""
        return timedelta(seconds=self.seconds)


@pytest.mark.parametrize("shift", [-5400, -1800, 0, 1800, 5400])
def test_a_fold_at_the_edge_of_a_block(shift: int) -> None:
    """Where the repeated hour reaches from one block into the next, both know of it."""
    at = EDGE + shift
    zone = Jump(at, -HOUR)
    first, last = Stretches(zone, "run", "first"), Stretches(zone, "run", "last")
    for second in range(at - 2 * HOUR, at + 2 * HOUR, 300):
        after = second >= at
        again = at <= second < at + HOUR
        assert again == first.at(second).silent == bool(first.at(second).fold)
        assert (at - HOUR <= second < at) == last.at(second).silent
        assert (-HOUR if after else 0) == first.at(second).offset
        assert first.at(second).start <= second < first.at(second).end


@pytest.mark.parametrize("shift", [-5400, -1800, 0, 1800, 5400])
def test_a_gap_at_the_edge_of_a_block(shift: int) -> None:
    """The end of a gap is told once, and its readings are shifted on both sides of the edge."""
    at = EDGE + shift
    zone = Jump(at, HOUR)
    run, moved = Stretches(zone, "run", "first"), Stretches(zone, "shift", "first")
    gaps = {run.at(second).gap for second in range(at - 2 * HOUR, at + 2 * HOUR, 300)}

    assert {None, (at, at + HOUR)} == gaps
    assert at == run.at(at).start
    assert run.at(at).gap is not None
    for second in range(at - 2 * HOUR, at + 2 * HOUR, 300):
        shifted = at <= second < at + HOUR
        assert (0 if shifted else None) == moved.at(second).ghost
        assert (HOUR if second >= at else 0) == run.at(second).offset
