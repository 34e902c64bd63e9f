"""A pass of the beat is not torn by SIGTERM: the signal is heard when the pass is over."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def deferred_signals(held_back: Callable[[], object]) -> Generator[None, None, None]:
    """Hold back SIGTERM and SIGINT until the block ends; a second one goes through at once.

    Args:
        held_back: called in the signal handler when the first one is held back, so that the
            block can end early.

    Celery's handlers raise SystemExit wherever the main thread happens to be. Between a message
    and its cursor that would send the message again at the next start. Outside of the main
    thread, where no handler can run, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers: dict[int, Any] = {each: signal.getsignal(each) for each in _SIGNALS}
    # Not set from Python, ignored or left to the system: nothing of ours can be torn softly.
    callables: dict[int, Callable[[int, FrameType | None], Any]] = {
        number: handler for number, handler in handlers.items() if callable(handler)
    }

    def hold(number: int, frame: FrameType | None) -> None:
        if held:
            callables[number](number, frame)
        held.append(number)
        held_back()

    for number in callables:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, handler in callables.items():
            signal.signal(number, handler)
    if len(held) == 1:
        signal.raise_signal(held[0])
