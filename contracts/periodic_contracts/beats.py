"""Beats for contracts: made on an adapter, driven by a clock from wake to wake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .contract import NAMESPACE
from .messages import ContractMessage

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

Render = Callable[["periodic.Entry", "periodic.Occurrence"], "periodic.Message"]
Observer = Callable[["periodic.Entry", "periodic.Outcome"], None]


def render_plainly(_entry: periodic.Entry, occurrence: periodic.Occurrence) -> ContractMessage:
    """Make the message of an occurrence."""
    return ContractMessage(occurrence)


def ignore(_entry: periodic.Entry, _outcome: periodic.Outcome) -> None:
    """Ask nothing of an outcome."""


def punctual(clock: DrivenClock) -> Observer:
    """Return an observer that demands every dispatch at the very instant of its fire time."""

    def observe(_entry: periodic.Entry, outcome: periodic.Outcome) -> None:
        assert outcome.error is None
        assert clock.now().isoformat() == outcome.occurrence.fire_time.isoformat()

    return observe


def make_beat(
    core: Core,
    clock: DrivenClock,
    broker: periodic.Broker,
    *entries: periodic.Entry,
    render: Render = render_plainly,
    observer: Observer = ignore,
) -> periodic.Beat:
    """Make a beat with entries that it has taken up: its first tick is done."""
    # A server's clock is not driven; `ClockContract` compares it with beats'.
    beat = core.Beat(
        broker,
        render,
        namespace=NAMESPACE,
        clock=clock.core_clock,
        observer=observer,
        max_skew=None,
    )
    return take_up(beat, *entries)


def take_up(beat: periodic.Beat, *entries: periodic.Entry) -> periodic.Beat:
    """Give a beat its entries, and let it tick."""
    for entry in entries:
        beat.put(entry)
    beat.tick()
    return beat


def make_entry(core: Core, name: str, schedule: periodic.Schedule) -> periodic.Entry:
    """Make an entry for the contracts' task."""
    return core.Entry(name=name, task="contracts.task", schedule=schedule)


def run_until(beat: periodic.Beat, clock: DrivenClock, end: datetime) -> None:
    """Let the beat tick at each of its own wakes that comes before `end`."""
    while (wake := beat.tick()) is not None and wake < end:
        assert wake > clock.now(), f"the beat wants to tick again at {wake}, which is not ahead"
        clock.set(wake)
