"""Clocks and the one conversion between zones."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from periodic import ManualClock, SystemClock, Wake, to_utc, to_zone
from periodic.clock import seconds_until

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_to_utc_honours_fold() -> None:
    """The two passes of a repeated reading are an hour apart in UTC."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)

    assert "2026-11-01T05:30:00+00:00" == to_utc(first).isoformat()
    assert "2026-11-01T06:30:00+00:00" == to_utc(first.replace(fold=1)).isoformat()


def test_to_zone_sets_fold() -> None:
    """An instant in the second pass becomes a reading with fold 1."""
    second = to_zone(datetime(2026, 11, 1, 6, 30, tzinfo=UTC), NEW_YORK)

    assert "2026-11-01T01:30:00-05:00" == second.isoformat()
    assert 1 == second.fold


def test_to_zone_takes_any_zone() -> None:
    """Instants may come in any zone, fixed offsets too."""
    instant = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))

    assert "2026-07-01T02:15:00-04:00" == to_zone(instant, NEW_YORK).isoformat()


def test_naive_is_refused() -> None:
    """A naive datetime is a ValueError that says what to pass instead."""
    with pytest.raises(ValueError, match="naive and names no instant; pass an aware datetime"):
        to_utc(datetime(2026, 3, 2))  # the very thing that is refused


def test_the_system_clock_is_aware_utc() -> None:
    """`now` is aware and in UTC; `monotonic` grows."""
    clock = SystemClock()
    before = clock.monotonic()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic() >= before


def test_system_wait_reaches_its_deadline() -> None:
    """Without a wake the wait ends at the deadline and says that nothing woke it."""
    clock = SystemClock()
    deadline = clock.monotonic() + 0.05

    assert clock.wait_until(deadline, Wake()) is False
    assert clock.monotonic() >= deadline


def test_a_wake_set_before_the_wait_counts() -> None:
    """A wake that came just before the wait is not lost."""
    wake = Wake()
    wake.set()

    assert SystemClock().wait_until(math.inf, wake) is True


def test_a_cleared_wake_does_not_end_the_next_wait() -> None:
    """`clear` forgets; a left-over token only makes the wait look again."""
    wake = Wake()
    wake.set()
    wake.clear()

    clock = SystemClock()
    assert clock.wait_until(clock.monotonic() + 0.02, wake) is False


def test_a_wake_from_another_thread() -> None:
    """A long wait ends as soon as another thread sets the wake."""
    wake = Wake()
    threading.Timer(0.05, wake.set).start()
    started = time.monotonic()

    assert SystemClock().wait_until(started + 60, wake) is True
    assert time.monotonic() - started < 5


def test_a_manual_clock_stands_still() -> None:
    """Only `advance` and `step` move it."""
    clock = ManualClock(NOON)

    assert NOON == clock.now() == clock.now()
    assert 0 == clock.monotonic()


def test_advance_moves_both_and_step_the_wall_alone() -> None:
    """Passing time moves wall and monotonic clock; setting the clock moves the wall alone."""
    clock = ManualClock(NOON)
    clock.advance(timedelta(seconds=90))
    clock.step(timedelta(hours=-1))

    assert NOON + timedelta(seconds=90, hours=-1) == clock.now()
    assert 90 == clock.monotonic()


def test_time_does_not_pass_backwards() -> None:
    """A negative advance is refused and the message names `step`."""
    with pytest.raises(ValueError, match=r"use step\(\)"):
        ManualClock(NOON).advance(timedelta(seconds=-1))


def test_advance_ends_a_manual_wait() -> None:
    """A thread that waits on a manual clock goes on when the clock reaches its deadline."""
    clock, wake, results = ManualClock(NOON), Wake(), list[bool]()
    thread = threading.Thread(target=lambda: results.append(clock.wait_until(10, wake)))
    thread.start()
    clock.advance(timedelta(seconds=9))
    thread.join(0.05)
    assert thread.is_alive()

    clock.advance_to(NOON + timedelta(seconds=10))
    thread.join(5)

    assert [False] == results


def test_seconds_until_is_bounded() -> None:
    """The distance to an instant is never negative and never over the bound."""
    clock = ManualClock(NOON)

    assert 5 == seconds_until(NOON + timedelta(seconds=5), clock)
    assert 0 == seconds_until(NOON - timedelta(seconds=5), clock)
    assert 3 == seconds_until(NOON + timedelta(seconds=5), clock, at_most=3)
    assert 300 == seconds_until(None, clock, at_most=300)
