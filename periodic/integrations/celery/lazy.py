"""`BeatLazyFunc`: arguments that are made when the message is made, at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.beat import BeatLazyFunc


def evaluate(value: Any, call: Callable[[BeatLazyFunc], Any] = BeatLazyFunc.__call__) -> Any:
    """Return `value` with every `BeatLazyFunc` in its lists, tuples and dicts replaced.

    Args:
        value: arguments of a task; containers are copied, never changed.
        call: makes the value that stands in for a `BeatLazyFunc`; it is called unless given.
    """
    if isinstance(value, BeatLazyFunc):
        return call(value)
    given: Any = value
    if isinstance(value, dict):
        return {key: evaluate(each, call) for key, each in given.items()}
    if isinstance(value, list):
        return [evaluate(each, call) for each in given]
    if type(value) is tuple:
        return tuple(evaluate(each, call) for each in given)
    return given
