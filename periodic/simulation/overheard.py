"""What simulated beats log, taken out of the log: it is told by the simulation, at its own time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from .. import clock_watch, leadership, outcomes, retries, roster, skew

_LOGGERS = tuple(each.logger for each in (clock_watch, leadership, outcomes, retries, roster, skew))
Hear = Callable[[logging.LogRecord], None]
_HEARS: ContextVar[Hear | None] = ContextVar("hears", default=None)
_LOCK = threading.Lock()


class _Overhear(logging.Filter):
    """Takes the records of simulated beats; others pass if their logger would let them."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self.logger = logger
        self.level = logger.level
        self.listeners = 0

    def filter(self, record: logging.LogRecord) -> bool:
        hear = _HEARS.get()
        if hear is not None:
            hear(record)
            return False
        parent = self.logger.parent
        level = self.level or (parent.getEffectiveLevel() if parent is not None else 0)
        return record.levelno >= level


_OVERHEARS = [_Overhear(each) for each in _LOGGERS]


@contextmanager
def listening() -> Generator[None]:
    """Let the loggers of the beat's modules hand out what they log at any level."""
    with _LOCK:
        for each in _OVERHEARS:
            each.listeners += 1
            if each.listeners == 1:
                each.level = each.logger.level
                each.logger.addFilter(each)
                each.logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        with _LOCK:
            for each in _OVERHEARS:
                each.listeners -= 1
                if each.listeners == 0:
                    each.logger.setLevel(each.level)
                    each.logger.removeFilter(each)


class overheard:  # noqa: N801  # it reads as a word, as `suppress` does
    """Hands what the beat's modules log in this thread to `hear`, and keeps it out of the log.

    Args:
        hear: told each record.
    """

    __slots__ = ("_before", "_hear")

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._before: Hear | None = None

    def __enter__(self) -> None:
        self._before = _HEARS.get()
        _HEARS.set(self._hear)

    def __exit__(self, *_: object) -> None:
        _HEARS.set(self._before)
