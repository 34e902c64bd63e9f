"""A beat that stood by takes over: where its entries count from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from periodic import Cursor, Entry, MemoryCursors

MakeEntry = Callable[..., Entry]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class _Lease:
    """Stands in for the contest: says what it is told."""

    leading: bool = False
    others_led_until: datetime | None = None
    beat: str = "standby"
    outage: Exception | None = None

    def start(self, changed: Any, status: Any) -> None:
        """Contend for nothing."""

    def leave(self) -> None:
        """Release nothing."""

    stop = leave

    def stand_aside(self, *, aside: bool) -> None:
        """Take it as it is."""


@pytest.mark.parametrize("copied", [False, True])
def test_a_broker_that_lost_its_cursors_counts_from_when_another_beat_led(
    stage: Any, entry: MakeEntry, *, copied: bool
) -> None:
    """Runs were the other beat's until then; a start long ago, or an old copy, is no reason."""
    job = entry(every=600)
    copy = MemoryCursors()
    if copied:
        with copy.step("test") as table:
            table.set(job.name, Cursor(NOON, job.fingerprint))
    lease = _Lease()
    standby = stage.beat(job, leadership=lease, copy=copy)
    stage.pass_time(standby, minutes=25)  # 12:10 and 12:20 were another's

    lease.leading, lease.others_led_until = True, NOON.replace(minute=24)
    stage.pass_time(standby, minutes=5)

    assert ["12:30:00"] == stage.broker.fire_times(job.name)


def test_what_came_due_after_the_other_beat_was_seen_last_is_run(
    stage: Any, entry: MakeEntry
) -> None:
    """Nothing is lost between its last sign and the take-over."""
    job = entry(every=600)
    lease = _Lease()
    standby = stage.beat(job, leadership=lease)
    stage.pass_time(standby, minutes=25)

    lease.leading, lease.others_led_until = True, NOON.replace(minute=19, second=59)
    stage.pass_time(standby, minutes=1)

    assert ["12:20:00"] == stage.broker.fire_times(job.name)


def test_a_cursor_at_the_broker_counts_whatever_was_seen(stage: Any, entry: MakeEntry) -> None:
    """What the other beat could not dispatch while it led is this one's to dispatch."""
    job = entry(every=600)
    lease = _Lease()
    with stage.broker.cursors.step("test") as table:
        table.set(job.name, Cursor(NOON, job.fingerprint))
    standby = stage.beat(job, leadership=lease)
    stage.pass_time(standby, minutes=10)

    lease.leading, lease.others_led_until = True, NOON.replace(minute=10)
    stage.pass_time(standby, seconds=30)

    assert ["12:10:00"] == stage.broker.fire_times(job.name)
