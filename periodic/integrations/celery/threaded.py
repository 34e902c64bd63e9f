"""A Celery worker that shares its process with others: a pool of threads, quick to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.worker import WorkController
from celery.worker.consumer import Consumer

from .worker_guard import guard_worker

logger: logging.Logger = logging.getLogger(__name__)

#: The longest wait for a message before the worker sees that it shall stop, in seconds.
_LOOK = 0.25


class ThreadPool(TaskPool):
    """Celery's pool of threads, whose threads know their app: a process may hold several."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Celery's own executor leaves its threads with the default app, which may be another.
        pool: Any = self  # its stub knows no attributes
        pool.executor.shutdown(wait=False)
        pool.executor = ThreadPoolExecutor(
            pool.limit, thread_name_prefix="periodic-task", initializer=pool.app.set_current
        )

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Run a task in a thread; an error outside of the task itself is logged."""
        result: Any = super().on_apply(*args, **kwargs)
        result.f.add_done_callback(_log_error)
        return result


class QuickConsumer(Consumer):
    """Celery's consumer with shorter waits for messages, so that a stop is seen at once."""

    def connect(self) -> Any:
        """Return the connection, whose `drain_events` waits a fraction of a second."""
        connection: Any = super().connect()
        drain = connection.drain_events

        def drain_shortly(timeout: float | None = None, **kwargs: Any) -> Any:
            return drain(timeout=min(timeout or _LOOK, _LOOK), **kwargs)

        connection.drain_events = drain_shortly
        return connection


def make_worker(app: Celery, *, concurrency: int, ready: Callable[[], None]) -> Any:
    """Make a worker that installs no signal handler and leaves logging alone.

    Args:
        app: the Celery app.
        concurrency: how many tasks run at the same time.
        ready: called when the worker consumes.
    """

    def on_ready(_consumer: Any) -> None:
        ready()

    guard_worker(app)
    return WorkController(
        app=app,
        pool=ThreadPool,
        concurrency=concurrency,
        consumer_cls=QuickConsumer,
        use_eventloop=False,  # there is one event loop to a process, and it may be another's
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=on_ready,
        loglevel=logging.WARNING,
        logfile=None,
    )


def _log_error(future: Future[Any]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        logger.error("a task could not be run: %s", error, exc_info=error)
