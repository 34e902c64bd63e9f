"""Broadcast queues on transports that keep exchanges in the process, such as Redis.

There a process that only sends does not know that an exchange goes to everybody: Celery declares
the queue of a message, but not a `Broadcast`, and the message would be put into a list that nobody
reads.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.common import Broadcast, maybe_declare
from kombu.transport import virtual


def declare_fanouts(app: Celery, producer: Any) -> None:
    """Make the exchanges of an app's broadcast queues known to the channel that is sent on.

    Args:
        app: the Celery app; its `task_queues` count.
        producer: a kombu producer; on transports whose server keeps the exchanges nothing is done.
    """
    channel = getattr(producer, "channel", None)
    if isinstance(channel, virtual.Channel):
        for queue in app.amqp.queues.values():
            if isinstance(queue, Broadcast):
                maybe_declare(queue.exchange, channel)
