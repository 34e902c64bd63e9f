"""Which occurrence a running task belongs to."""

from __future__ import annotations

from typing import Any

from celery import current_task

from ...entry import Occurrence
from .settings import Settings


def current_occurrence() -> Occurrence | None:
    """Return the occurrence for which the running task was sent.

    Returns:
        The occurrence, also in a retry and in each task of a chain, group or chord; None
        outside of a task and in a task that no beat of `periodic` sent.
    """
    task: Any = current_task
    if not task:
        return None
    headers = task.request.headers
    return Occurrence.from_headers(Settings.of(task.app).namespace, headers) if headers else None
