"""An exception in another thread: once, in time, or not at all."""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from periodic import LeaseLost, NotSupported
from periodic.interrupts import ThreadInterrupt

from .watched import STUCK

pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.mark.parametrize("pause", [0, 1, 10, 100])
def test_an_interrupt_and_the_end_of_the_work_may_meet(pause: int) -> None:
    """Fired at any bytecode around the end, it comes before `disarm` returns or not at all."""
    rounds = 500
    fire: SimpleQueue[ThreadInterrupt | None] = SimpleQueue()
    outcomes: SimpleQueue[str] = SimpleQueue()

    def firing() -> None:
        while (interrupt := fire.get()) is not None:
            spin(pause)
            interrupt.fire("lost")

    def working() -> None:
        for number in range(rounds):
            outcomes.put(one_round(fire, number % 50))
        fire.put(None)

    threads = [threading.Thread(target=each) for each in (firing, working)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STUCK * 3)
    seen = [outcomes.get_nowait() for _ in range(outcomes.qsize())]

    assert rounds == len(seen)
    assert "after the end" not in seen


def one_round(fire: SimpleQueue[ThreadInterrupt | None], length: int) -> str:
    """Work for a moment while somebody fires; return when it was felt."""
    outcome = "undisturbed"
    interrupt = ThreadInterrupt(LeaseLost)
    try:
        fire.put(interrupt)
        spin(length)
        interrupt.disarm()
    except LeaseLost:  # also on the way into `disarm`, before its first bytecode
        outcome = "in the work"
        interrupt.disarm()
    try:
        spin(500)
    except LeaseLost:
        outcome = "after the end"
    return outcome


def spin(bytecodes: int) -> None:
    """Let some bytecodes pass."""
    for _ in range(bytecodes):
        pass


def test_an_interrupt_fires_once_and_not_into_a_thread_that_has_ended() -> None:
    """A number that another thread has inherited is left alone."""
    made: list[ThreadInterrupt] = []
    thread = threading.Thread(target=lambda: made.append(ThreadInterrupt(LeaseLost)))
    thread.start()
    thread.join()
    mine = ThreadInterrupt(LeaseLost)
    mine.disarm()

    assert (False, False) == (made[0].fire("lost"), mine.fire("lost"))


def test_another_interpreter_is_told_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only CPython can do is refused when the lock is acquired, not when it is lost."""
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))

    with pytest.raises(NotSupported, match=r"pypy cannot .* ask `lock\.lost` or `lock\.check"):
        ThreadInterrupt(LeaseLost)
