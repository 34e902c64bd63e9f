"""What one tick costs with 100 and with 100,000 entries, of which one is due.

The promise: a tick costs O(due x log n), never O(n), so the ratio stays under 2. Celery's own
scheduler does the same work beside it, with a sender that sends nothing, at sizes it can finish.
Usage: python benchmarks/tick.py
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from periodic import (
    Adoption,
    Beat,
    Broker,
    Cursor,
    Dispatch,
    Entry,
    ManualClock,
    MemoryCursors,
    Outcome,
    Status,
    crontab,
    interval,
)

START = datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)
ROUNDS = 15
TICKS = 200


class NullBroker(Broker):
    """Keeps cursors and throws messages away, so that the beat alone is measured."""

    def __init__(self) -> None:
        self._cursors = MemoryCursors()

    @classmethod
    def open(cls, *_: Any, **__: Any) -> NullBroker:
        """Make one; there is nothing to connect to."""
        return cls()

    def adopt(self, adoptions: Iterable[Adoption]) -> dict[str, datetime]:
        """Keep cursors in memory."""
        with self._cursors.step("bench") as table:
            return table.adopt(adoptions)

    def dispatch(self, batch: Sequence[Dispatch]) -> list[Outcome]:
        """Move the cursors and enqueue nothing."""
        with self._cursors.step("bench") as table:
            for each in batch:
                at = each.occurrence.fire_time
                table.set(each.occurrence.entry, Cursor(at, each.fingerprint))
        return [Outcome(d.occurrence, Status.DISPATCHED, d.occurrence.fire_time) for d in batch]

    def forget(self, names: Iterable[str]) -> None:
        """Forget nothing: the plan is all that is measured."""

    def close(self) -> None:
        """Hold nothing."""


class Nothing:
    """A message without content."""

    def publish(self, _: Any) -> None:
        """Publish nothing."""


def beat_with(size: int) -> tuple[Beat, ManualClock]:
    """Return a beat with `size` entries: one due each second, the others once a day."""
    clock = ManualClock(START)
    nothing = Nothing()
    beat = Beat(NullBroker(), lambda *_: nothing, namespace="bench", clock=clock)
    for n in range(size - 1):
        # Spread over the day, none of them inside the measured span of the afternoon.
        schedule = crontab(minute=n % 60, hour=(n // 60) % 11)
        beat.put(Entry(name=f"daily-{n}", task="t", schedule=schedule))
    beat.put(Entry(name="each-second", task="t", schedule=interval(seconds=1)))
    beat.tick()
    return beat, clock


def celery_with(size: int) -> Callable[[], None]:
    """Return one measured step of Celery's scheduler with `size` entries, one of them due."""
    from celery import Celery  # noqa: PLC0415  # the peer is optional
    from celery.beat import Scheduler  # noqa: PLC0415
    from celery.schedules import crontab as celery_crontab  # noqa: PLC0415

    class Silent(Scheduler):  # type: ignore[misc]  # celery's base is untyped
        def apply_async(self, *_: Any, **__: Any) -> None:
            return

    app = Celery("bench", broker="memory://", set_as_current=False)
    app.conf.result_expires = None
    far = (datetime.now(UTC) + timedelta(hours=12)).hour
    app.conf.beat_schedule = {
        f"daily-{n}": {"task": "t", "schedule": celery_crontab(minute=n % 60, hour=far)}
        for n in range(size - 1)
    } | {"each-moment": {"task": "t", "schedule": timedelta(microseconds=1)}}
    scheduler = Silent(app)
    scheduler.tick()

    def step() -> None:
        scheduler.tick()

    return step


def microseconds(step: Callable[[], object], times: int) -> float:
    """Return the mean cost of a step."""
    started = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - started) / times * 1e6


def main() -> int:
    """Print the table and exit 1 when the promise does not hold."""
    sizes = (100, 100_000)
    beats = {size: beat_with(size) for size in sizes}
    costs: dict[int, list[float]] = {size: [] for size in sizes}

    def step(beat: Beat, clock: ManualClock) -> None:
        clock.advance(timedelta(seconds=1))
        beat.tick()

    for _ in range(ROUNDS):  # interleaved, so that a busy machine slows both alike
        for size, (beat, clock) in beats.items():
            costs[size].append(microseconds(lambda b=beat, c=clock: step(b, c), TICKS))
    ratios = [large / small for small, large in zip(*costs.values(), strict=True)]
    ratio = statistics.median(ratios)
    print(f"{'entries':>9} {'periodic, one due':>20}")
    for size in sizes:
        print(f"{size:>9,} {statistics.median(costs[size]):>17.1f} us")
    print(f"ratio {ratio:.2f} (min {min(ratios):.2f}, max {max(ratios):.2f}); promised: under 2")
    for size in (100, 1_000, 10_000):
        cost = microseconds(celery_with(size), 20 if size < 10_000 else 3)
        print(f"{size:>9,} {cost:>17.1f} us  celery beat, one due")
    return 0 if ratio < 2 else 1


if __name__ == "__main__":
    sys.exit(main())
