"""Python's cycle collector, put off while it would look through what is only just being made."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager


class _WithoutCollector(AbstractContextManager[None]):
    """A class, because each tick makes two: `contextmanager` would take five times as long."""

    __slots__ = ("_was_on",)

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_on:
            gc.enable()


def without_collector() -> AbstractContextManager[None]:
    """Put off Python's cycle collector: a pass of it takes as long as hundreds of dispatches."""
    return _WithoutCollector()


#: From how many entries on a pass of the collector would be noticed.
MANY: int = 10_000


def keep(count: int) -> None:
    """Take all there is out of the collector's sight, after so many entries have been made.

    They stay as long as the beat does, and each full pass would look through all of them for a
    good part of a second. What is in no cycle is freed as before.

    Args:
        count: of entries; a few are not worth it.
    """
    if count >= MANY:
        gc.freeze()
