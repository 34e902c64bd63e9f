"""Everything that Celery publishes for one occurrence goes through the adapter's producer.

Chains, chords and a task's own `apply_async` do not hand on the producer that they are given. What
they then send through the app's own is sent whether or not the claim is won, and again at each try.
Nor do they hand on options: that nothing is tried again here, because the beat does so itself with
back-off and without blocking the other entries, is the producer's to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import Celery

#: The producer of the occurrence that this thread publishes; None outside.
_PRODUCER: ContextVar[Any] = ContextVar("periodic_producer", default=None)
#: The method of an app by which all of Celery finds a producer.
_METHOD = "producer_or_acquire"


@contextmanager
def sending_through(app: Celery, producer: Any) -> Iterator[None]:
    """Let an app use this producer, in this thread, where Celery would take one from its pool.

    Args:
        app: the Celery app; other threads go on as ever.
        producer: a kombu producer, of this thread alone; each of its messages is tried once.
    """
    if _METHOD not in vars(app):
        _redirect(app)
    publish = producer.publish

    def publish_once(*args: Any, **kwargs: Any) -> Any:
        return publish(*args, **{**kwargs, "retry": False})

    producer.publish = publish_once
    token = _PRODUCER.set(producer)
    try:
        yield
    finally:
        _PRODUCER.reset(token)
        producer.publish = publish


def _redirect(app: Any) -> None:
    own = getattr(app, _METHOD)

    def producer_or_acquire(producer: Any = None) -> Any:
        return own(producer if producer is not None else _PRODUCER.get())

    setattr(app, _METHOD, producer_or_acquire)
