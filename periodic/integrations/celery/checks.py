"""What can be known of a message before it is due: its arguments fit the task and can be sent."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import EncodeError
from kombu.serialization import dumps

from ...entry import Entry
from ...errors import EntryError
from .lazy import evaluate


def check_arguments(app: Celery, entry: Entry, *, plain: bool = False) -> bool:
    """Refuse arguments that the task does not take or that its serializer cannot write.

    A `BeatLazyFunc` is not called; what it will return cannot be checked.

    Args:
        app: whose task, if it is registered here, and whose serializer count.
        entry: as it was read.
        plain: its arguments come from JSON, so they can be written as JSON.

    Returns:
        Whether other values of the same arguments could be refused.

    Raises:
        EntryError: the message names the serializer, or the argument.
    """
    task: Any = app.tasks.get(entry.task)
    _check_signature(task, entry)
    serializer = entry.options.get("serializer") or getattr(task, "serializer", None)
    if serializer is None:
        conf: Any = app.conf
        serializer = conf.task_serializer
    if plain and serializer == "json":
        return False
    if getattr(task, "_dump_pydantic_arguments", None) is not None:
        return False  # Celery turns models into plain values when it sends them
    values = evaluate([list(entry.args), dict(entry.kwargs)], lambda _: None)
    try:
        dumps(values, serializer)
    except (EncodeError, TypeError, ValueError) as error:
        raise EntryError(
            f"its arguments cannot be sent as {serializer}: {error}; "
            "use plain values, or name another serializer in 'options'"
        ) from error
    return True


def _check_signature(task: Any, entry: Entry) -> None:
    header = getattr(task, "__header__", None)
    if header is None or not getattr(task, "typing", False) or entry.task.startswith("celery."):
        return
    try:
        header(*entry.args, **entry.kwargs)
    except TypeError as error:
        raise EntryError(f"its arguments do not fit the task {entry.task!r}: {error}") from error
