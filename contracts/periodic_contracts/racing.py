"""What goes wrong with beats, played on purpose: killed in the middle, racing in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .beats import make_beat, make_entry
from .claims import Claims, statuses
from .contract import NAMESPACE, MakeBroker

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: Seconds after which a thread that does not come back is stuck.
_STUCK = 20.0
#: Seconds within which another thread's claim would have come through if nothing held it back.
_HELD_BACK = 0.25

_MICROSECOND = timedelta(microseconds=1)


class CannotBePublishedError(Exception):
    """Stands for whatever a message's own code raises."""


def refuse() -> None:
    """Raise as a message's own code may."""
    raise CannotBePublishedError("this message cannot be published")


class KilledError(BaseException):
    """A beat that is killed handles nothing any more."""


def kill() -> None:
    """Die as a process does that is killed."""
    raise KilledError


def kill_in_the_second_of_three(claims: Claims, broker: periodic.Broker, moment: str) -> None:
    """Kill a broker's beat before or after it publishes the second of three messages."""
    claims.adopt(broker)
    dying: dict[str, Any] = {moment: kill}
    with pytest.raises(KilledError):
        broker.dispatch([claims.dispatch(1), claims.dispatch(2, **dying), claims.dispatch(3)])


Dispatching = Callable[[], "list[periodic.Outcome]"]


def overtaken(
    first: Callable[[Callable[[], None]], list[periodic.Outcome]], second: Dispatching
) -> list[str]:
    """Let a second beat dispatch in another thread while the first is in the middle of it.

    Args:
        first: dispatches, and calls what it is given in the middle.
        second: dispatches.

    Returns:
        What became of the dispatches of both, sorted.
    """
    rivals: list[Future[list[periodic.Outcome]]] = []
    with ThreadPoolExecutor(1) as pool:

        def overtake() -> None:
            rivals.append(pool.submit(second))
            wait(rivals, _HELD_BACK)

        outcomes = [*first(overtake), *rivals[0].result(_STUCK)]
    return sorted(statuses(outcomes))


def race(core: Core, clock: DrivenClock, make_broker: MakeBroker) -> list[str]:
    """Let three beats tick at the same time, 20 times; return the ids that are to be enqueued."""
    beats, entries, instants = 3, 5, 20
    # On a whole unit, so that what is due at each step is one instant of the grid.
    every = core.interval(clock.units(1))
    names = [f"job-{number}" for number in range(entries)]
    start = clock.now()
    racers = [
        make_beat(
            core,
            clock,
            make_broker(clock.core_clock),
            *(make_entry(core, name, every) for name in names),
        )
        for _ in range(beats)
    ]
    line = threading.Barrier(beats + 1)
    errors: list[BaseException] = []

    def ticks(beat: periodic.Beat) -> None:
        try:
            for _ in range(instants):
                line.wait(_STUCK)
                beat.tick()
                line.wait(_STUCK)
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            errors.append(error)
            line.abort()

    threads = [threading.Thread(target=ticks, args=[beat]) for beat in racers]
    for thread in threads:
        thread.start()
    try:
        for _ in range(instants):
            clock.advance(clock.units(1))
            line.wait(_STUCK)
            line.wait(_STUCK)
    except threading.BrokenBarrierError as error:
        errors.append(error)
    for thread in threads:
        thread.join(_STUCK)
    assert errors == []
    fire_times = [at for at in every.between(start, clock.now() + _MICROSECOND) if at > start]
    return sorted(core.Occurrence(NAMESPACE, name, at).id for name in names for at in fire_times)


def at_once(work: Callable[[int, int], str], threads: int, rounds: int) -> list[list[str]]:
    """Call `work(thread, round)` in all threads at the same moment, round after round.

    Returns:
        For each round what the threads were told.
    """
    line = threading.Barrier(threads)

    def call(number: int, turn: int) -> str:
        line.wait(_STUCK)
        return work(number, turn)

    with ThreadPoolExecutor(threads) as pool:
        return [list(pool.map(call, range(threads), [turn] * threads)) for turn in range(rounds)]


def contend(
    stores: Sequence[periodic.LeaseStore], key: str, ttl: timedelta, rounds: int
) -> list[list[periodic.Lease]]:
    """Let an owner in each store claim one key at the same moment, and the winners release it.

    Returns:
        For each round the leases that were won.
    """
    line = threading.Barrier(len(stores))

    def claim(number: int, store: periodic.LeaseStore) -> periodic.Lease | None:
        line.wait(_STUCK)
        return store.claim(key, f"owner-{number}", ttl)

    won: list[list[periodic.Lease]] = []
    with ThreadPoolExecutor(len(stores)) as pool:
        for _ in range(rounds):
            leases = list(pool.map(claim, range(len(stores)), stores))
            won.append([lease for lease in leases if lease is not None])
            for lease in won[-1]:
                stores[0].release(lease)
    return won
