"""Tests of the clocks: one face, whoever keeps the time."""

import time
from datetime import UTC, datetime, timedelta
from queue import Empty

import kombu
import pytest

import periodic
from periodic import ManualClock, SystemClock
from periodic_contracts.clocks import CLOCKS, DRIVEN, START, FrozenClock, WallClock


@pytest.fixture(params=DRIVEN)
def driven(request):
    """Each clock that can be set."""
    with CLOCKS[request.param](periodic) as clock:
        yield clock


def test_a_driven_clock_begins_at_its_start_and_stands_still(driven):
    """The core reads the same instant until the contract moves it."""
    assert driven.now().isoformat() == driven.core_clock.now().isoformat() == START


def test_time_passes_only_when_told(driven):
    """`advance` moves the wall time by exactly what was asked."""
    driven.advance(driven.units(3))

    assert driven.now() - datetime.fromisoformat(START) == driven.units(3) == 3 * driven.unit


@pytest.mark.parametrize("instant", ["2026-11-01T01:30:00-05:00", "2011-12-29T12:00:00-10:00"])
def test_a_clock_can_be_set_forward_and_back(driven, instant):
    """An instant is given with its offset, as text or as a datetime, and read in UTC."""
    driven.set(instant)
    assert driven.now() == datetime.fromisoformat(instant)
    assert driven.now().utcoffset() == timedelta(0)

    driven.set(datetime.fromisoformat(START))
    assert driven.now().isoformat() == START


def test_the_injected_clock_is_the_cores(driven):
    """Under freezegun and time-machine the core's own SystemClock is the one that is proved."""
    expected = ManualClock if driven.name == "manual" else SystemClock

    assert type(driven.core_clock) is expected


def test_time_is_given_back():
    """After a contract the machine's clock is the machine's again."""
    for name in DRIVEN:
        before = datetime.now(UTC)
        with CLOCKS[name](periodic):
            pass

        assert before <= datetime.now(UTC) < before + timedelta(minutes=1)


def test_kombus_time_outs_end_under_freezegun():
    """Modules that wait keep the real clock, or a consumer on a frozen one never comes back."""
    with FrozenClock(periodic), kombu.Connection("memory://") as connection:
        queue = connection.SimpleQueue("nothing-comes")
        with pytest.raises(Empty):
            queue.get(timeout=0.01)
        queue.close()


def test_the_wall_clock_waits_and_cannot_be_set():
    """Units are short on a clock that really passes, and nobody sets it."""
    with WallClock(periodic) as clock:
        before = time.monotonic()
        clock.advance(clock.units(0.1))

        assert isinstance(clock.core_clock, SystemClock)
        assert time.monotonic() - before >= clock.units(0.1).total_seconds()
        assert clock.unit < FrozenClock.unit
        with pytest.raises(NotImplementedError, match="the wall clock cannot be set to 2026"):
            clock.set(START)
