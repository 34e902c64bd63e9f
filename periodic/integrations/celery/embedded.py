"""A worker and a beat inside this process: for development, demos and small single-process apps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from celery import Celery

from ...beat import Beat
from ...errors import PeriodicError
from .making import make_beat
from .threaded import make_worker
from .worker_guard import close_guard

logger: logging.Logger = logging.getLogger(__name__)

#: Seconds that a worker may take until it consumes.
START_TIMEOUT = 10.0
#: Seconds between two looks of a worker at an empty queue of this process; kombu's own is 1.
_POLL = 0.05


class Embedded:
    """A Celery worker (a pool of threads) and a beat, each in a daemon thread of this process.

    Gossip, mingle and heartbeats are off: there is nobody to talk to. No signal handler is
    installed and logging is left as it is.

    Args:
        app: the Celery app.
        concurrency: how many tasks run at the same time.
    """

    def __init__(self, app: Celery, *, concurrency: int = 4) -> None:
        self.app = app
        #: The first error that ended one of the threads, or None.
        self.failed: BaseException | None = None
        self._concurrency = concurrency
        self._ready = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._beat: Beat | None = None
        self._worker: Any = None

    @property
    def beat(self) -> Beat | None:
        """The beat, between `start` and `stop`."""
        return self._beat

    @property
    def running(self) -> bool:
        """Whether both threads are alive."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Start both; return when the worker is ready to consume.

        Raises:
            ConfigError: the app's settings are not valid.
            PeriodicError: it is started already, or the worker did not become ready.
        """
        with self._lock:
            if self._threads:
                raise PeriodicError("this worker and beat are started already; stop() them first")
            self._stopping, self.failed = False, None
            self._ready.clear()
            self._beat = make_beat(self.app)
            self._poll_often()
            self._worker = make_worker(
                self.app, concurrency=self._concurrency, ready=self._ready.set
            )
            self._run("periodic-worker", self._run_worker)
            error = self._start_error()
            if error is not None:
                self._end(timeout=1.0)
                raise PeriodicError(f"the embedded worker did not start: {error}")
            _let_others_wait_for_results()
            self._run("periodic-beat", self._run_beat)

    def stop(self, timeout: float = 3.0) -> bool:
        """Stop the beat, then the worker; tasks that run may finish within the timeout.

        Args:
            timeout: the most that this takes, in seconds.

        Returns:
            Whether both threads ended; what did not end dies with the process.
        """
        with self._lock:
            return self._end(timeout)

    def _start_error(self) -> object:
        if not self._ready.wait(START_TIMEOUT):
            return f"it was not ready after {START_TIMEOUT:g} s"
        return self.failed

    def _end(self, timeout: float) -> bool:
        clock = self._beat.clock if self._beat is not None else None
        if clock is None:
            return True
        deadline = clock.monotonic() + timeout
        self._stopping = True
        threads = list(self._threads)
        if self._beat is not None:
            self._beat.stop()
        if self._worker is not None:
            # Joining the pool waits for running tasks: a thread of its own keeps the timeout.
            stopper = threading.Thread(target=self._stop_worker, name="periodic-stop", daemon=True)
            stopper.start()
            threads.append(stopper)
        for thread in threads:
            thread.join(max(deadline - clock.monotonic(), 0.0))
        alive = [thread.name for thread in threads if thread.is_alive()]
        if alive:
            logger.warning(
                "still busy after %g s: %s", timeout, ", ".join(alive), extra={"event": "stop"}
            )
        close_guard(self.app)
        self._threads, self._beat, self._worker = [], None, None
        return not alive

    def _run(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # a thread's end must not go unseen
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        logger.critical(
            "%s ended: %s",
            threading.current_thread().name,
            error,
            exc_info=error,
            extra={"event": "thread-ended"},
        )
        self.failed = self.failed or error  # after the log has it: whoever sees this may end us
        self._ready.set()

    def _run_beat(self) -> None:
        beat = self._beat
        if beat is None:
            return
        self.app.set_current()
        beat.run()

    def _run_worker(self) -> None:
        self.app.set_current()
        worker = self._worker
        worker.start()
        if not self._stopping:
            self._fail(PeriodicError("the worker stopped by itself; the log says why"))

    def _stop_worker(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.stop()

    def _poll_often(self) -> None:
        conf: Any = self.app.conf
        options = dict(conf.broker_transport_options or {})
        if self.app.connection_for_read().transport_cls == "memory":
            options.setdefault("polling_interval", _POLL)
            conf.broker_transport_options = options


def _let_others_wait_for_results() -> None:
    """Let `result.get()` work outside of tasks again.

    A starting worker makes Celery refuse it in the whole process, because a task that waits for
    another can block its pool for ever. This process does other things too: it serves the web.
    """
    # Celery has no public way; its own worker for tests in a thread does the same.
    state: Any = import_module("celery._state")
    state._set_task_join_will_block(False)  # noqa: SLF001, FBT003
