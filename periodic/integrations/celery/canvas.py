"""Chains, groups and chords as entries.

Celery stores such an entry under the name of a task (`celery.chain`) that no worker can run;
here the signature is made anew for each occurrence and applied.

The occurrence's id becomes the id of the first task and the root id of all; the ids of the others
follow from it, so an occurrence that is sent twice has the same ids twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from celery import Celery
from celery.canvas import Signature

#: Celery's task names that stand for a canvas, and the kind of signature each is.
KINDS = {"celery.chain": "chain", "celery.group": "group", "celery.chord": "chord"}


def publish_canvas(
    app: Celery,
    task: str,
    kwargs: dict[str, Any],
    options: dict[str, Any],
    first_id: str,
    producer: Any,
) -> None:
    """Publish a chain, group or chord for one occurrence.

    Args:
        app: the Celery app.
        task: one of `KINDS`.
        kwargs: the signature's, in containers of its own: ids and headers are written there.
        options: of `apply_async`; their headers go to every task.
        first_id: the occurrence's id.
        producer: a kombu producer.
    """
    definition = {
        "task": task,
        "args": (),
        "kwargs": kwargs,
        "options": {},
        "subtask_type": KINDS[task],
        "immutable": False,
    }
    headers = options.pop("headers")
    for place, leaf in enumerate(_leaves(definition)):
        own = leaf["options"] = dict(leaf.get("options") or {})
        own["task_id"] = first_id if place == 0 else _nth_id(first_id, place)
        own["headers"] = {**(own.get("headers") or {}), **headers}
    signature: Any = Signature.from_dict(definition, app=app)
    signature.apply_async(producer=producer, root_id=first_id, **options)


def _nth_id(first_id: str, place: int) -> str:
    return str(uuid.uuid5(uuid.UUID(first_id), str(place)))


def _leaves(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a signature, depth first, in the order of its steps."""
    kind, kwargs = definition.get("subtask_type"), definition.get("kwargs") or {}
    if kind in ("chain", "group"):
        for each in kwargs["tasks"]:
            yield from _leaves(each)
    elif kind == "chord":
        header = kwargs["header"]
        for each in header if isinstance(header, list | tuple) else [header]:
            yield from _leaves(each)
        yield from _leaves(kwargs["body"])
    else:
        yield definition
