"""What simulated beats log, taken out of the log: it is told by the simulation, at its own time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from .. import beat, clock_watch, leadership, retries, roster, skew

_LOGGERS = tuple(each.logger for each in (beat, clock_watch, leadership, retries, roster, skew))
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


@contextmanager
def overheard(hear: Hear) -> Generator[None]:
    """Hand what the beat's modules log in this thread to `hear`, and keep it out of the log."""
    token = _HEARS.set(hear)
    try:
        yield
    finally:
        _HEARS.reset(token)
