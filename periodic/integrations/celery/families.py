"""Which messages of an entry are alike but for a few headers, so that they are rendered once.

Whatever may decide anew for each message rules that out: a receiver of Celery's publish signals, a
router that is code, a task with an `apply_async` of its own, arguments that are made at the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import Celery, Task, signals
from celery.app.amqp import AMQP
from celery.app.routes import MapRoute
from celery.beat import BeatLazyFunc

from ...entry import Entry
from .canvas import KINDS
from .lazy import evaluate

#: Options that count from the dispatch, and the header that each becomes.
_RELATIVE = {"expires": "expires", "countdown": "eta"}


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Family:
    """What the messages of one entry share: an object that lives until the entry is edited.

    Args:
        moments: (header, how long after the dispatch) for each header that is such a moment.
    """

    moments: tuple[tuple[str, timedelta], ...] = ()


def family_of(app: Celery, entry: Entry) -> Family | None:
    """Return a new family for an entry, or None where each message must be made by itself.

    Args:
        app: the Celery app, finalized.
        entry: what runs.
    """
    conf: Any = app.conf
    celery: Any = app
    task: Any = app.tasks.get(entry.task)
    if (
        entry.task in KINDS
        or conf.task_always_eager
        or conf.task_send_sent_event
        or type(app).send_task is not Celery.send_task
        or type(celery.amqp) is not AMQP
        or (task is not None and type(task).apply_async is not Task.apply_async)
        or any(not isinstance(route, MapRoute) for route in celery.amqp.routes or ())
        or _is_made_at_the_time([entry.args, entry.kwargs])
    ):
        return None
    moments: list[tuple[str, timedelta]] = []
    for option, header in _RELATIVE.items():
        # A task may bring its own `expires`, as an attribute.
        value = entry.options.get(option, getattr(task, option, None) if task else None)
        if isinstance(value, timedelta):
            moments.append((header, value))
        elif isinstance(value, int | float):
            moments.append((header, timedelta(seconds=value)))
        elif option == "expires" and value is not None:
            return None  # the seconds that are left are in the message too, others each time
    return Family(tuple(moments))


def listened_to() -> bool:
    """Tell whether anybody listens to Celery's publish signals, which may change a message."""
    return bool(
        signals.before_task_publish.receivers
        or signals.after_task_publish.receivers
        or signals.task_sent.receivers
    )


def _is_made_at_the_time(arguments: Any) -> bool:
    found: list[BeatLazyFunc] = []
    plain: Any = [dict(each) if isinstance(each, Mapping) else list(each) for each in arguments]
    evaluate(plain, found.append)
    return bool(found)
