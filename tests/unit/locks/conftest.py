"""A manual clock, leases that tell what they are asked, and locks on them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from periodic import Lock, ManualClock

from .watched import NOON, STUCK, TTL, Leases, lock_threads


@pytest.fixture
def clock() -> ManualClock:
    """Return a manual clock at noon."""
    return ManualClock(NOON)


@pytest.fixture
def leases(clock: ManualClock) -> Leases:
    """Return leases that tell what they are asked for."""
    return Leases(clock)


@pytest.fixture
def make(leases: Leases, clock: ManualClock) -> Callable[..., Lock]:
    """Return a maker of locks on one key."""

    def make(**options: Any) -> Lock:
        return Lock(leases, "report", TTL, clock=clock, **options)

    return make


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Whatever happened, no lock leaves a thread behind."""
    before = lock_threads()
    yield
    deadline = time.monotonic() + STUCK
    while (left := lock_threads() - before) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert left == set()


@pytest.fixture(autouse=True)
def warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    """Look at what the log tells an operator."""
    caplog.set_level(logging.WARNING)
