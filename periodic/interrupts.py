"""Raise an exception in another thread, at most once, and never after its time. CPython only."""

from __future__ import annotations

import ctypes
import sys
import threading

from .errors import NotSupported, PeriodicError


class ThreadInterrupt:
    """Interrupts the thread that makes this object, until it is disarmed.

    The thread sees the exception before its next Python bytecode: a call into C that waits (a
    `time.sleep`, a query) ends first. Under gevent or eventlet many tasks share one thread, and
    any of them may be hit: not for them.

    Args:
        kind: what is raised: a subclass of it, made for this object, so that it can be told from
            every other exception.

    Raises:
        NotSupported: this is not CPython.
    """

    def __init__(self, kind: type[PeriodicError]) -> None:
        if sys.implementation.name != "cpython":
            raise NotSupported(
                f"{sys.implementation.name} cannot raise in another thread; "
                "ask `lock.lost` or `lock.check()` in the work instead of interrupt=True"
            )
        self.kind: type[PeriodicError] = _kind_like(kind)
        self._thread = threading.current_thread()
        # Re-entrant: an exception that comes in the middle of `disarm` may leave it locked.
        self._lock = threading.RLock()
        self._armed = True
        self._fired = False

    def fire(self, message: str) -> bool:
        """Raise in the thread, with this message; call it from another thread.

        Returns:
            Whether it was armed: once it has fired, or is disarmed, nothing happens any more.
        """
        with self._lock:
            if not self._armed or not self._thread.is_alive():
                return False
            self._armed = False
            self._fired = True
            self.kind.__doc__ = message
            _raise_in(self._thread, self.kind)
            return True

    def disarm(self) -> None:
        """Let nothing be raised from now on; an exception on its way is taken back.

        It may come here, at any bytecode, and is swallowed: then it is no longer on its way, and
        no second one follows.
        """
        try:
            with self._lock:
                self._armed = False
                if self._fired:
                    _raise_in(self._thread, None)
        except self.kind:
            return


def _kind_like(kind: type[PeriodicError]) -> type[PeriodicError]:
    """Make a subclass that looks like its parent, and is pickled as it."""

    def reduce(error: PeriodicError) -> tuple[type[PeriodicError], tuple[object, ...]]:
        return kind, error.args

    names = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__reduce__": reduce,
    }
    return type(kind.__name__, (kind,), names)


def _raise_in(thread: threading.Thread, kind: type[BaseException] | None) -> None:
    """Put an exception on its way to a thread, or take back what is on its way."""
    given = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), given)
