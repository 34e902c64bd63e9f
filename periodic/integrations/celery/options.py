"""What can be known of an entry's `options` before it is due: `apply_async` will take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from typing import Any

from kombu import Queue

from ...entry import Entry
from ...errors import EntryError

#: Options of `apply_async` and of publishing. Others become properties of the message.
_KNOWN = (
    *("add_to_parent", "app_id", "argsrepr", "chain", "chord", "cluster_id", "compression"),
    *("confirm_timeout", "content_encoding", "content_type", "correlation_id", "countdown"),
    *("declare", "delivery_mode", "eta", "exchange", "exchange_type", "expiration", "expires"),
    *("group_id", "group_index", "headers", "ignore_result", "immediate", "kwargsrepr", "link"),
    *("link_error", "mandatory", "message_id", "origin", "parent_id", "priority", "queue"),
    *("replaced_task_nesting", "reply_to", "result_cls", "retries", "retry", "retry_policy"),
    *("root_id", "route_name", "router", "routing_key", "serializer", "shadow"),
    *("soft_time_limit", "stamped_headers", "task_id", "task_type", "time_limit", "timeout"),
    *("timestamp", "type", "user_id"),
)
#: What the beat gives itself; a second one would break each dispatch.
_OF_THE_BEAT = {
    "args": "give the entry 'args'",
    "kwargs": "give the entry 'kwargs'",
    "producer": "leave it out",
    "publisher": "leave it out",
    "connection": "leave it out",
}
#: How like a known option an unknown one must be to be a slip of the pen; 1 is the same.
_LOOKS_LIKE = 0.8
_HIGHEST_PRIORITY = 255


def check_options(entry: Entry) -> str | None:
    """Refuse options with which no message could be sent.

    Args:
        entry: as it was read.

    Returns:
        One sentence about what runs though it looks wrong; None when nothing does.

    Raises:
        EntryError: an option is of the wrong type, or is a known one misspelt.
    """
    stamps: Any = entry.options.get("stamped_headers") or ()
    for key, value in entry.options.items():
        if key in _OF_THE_BEAT:
            raise EntryError(f"the option {key!r} is the beat's own; {_OF_THE_BEAT[key]}")
        if key not in _KNOWN and key not in stamps:
            near = get_close_matches(key.lower(), _KNOWN, n=1, cutoff=_LOOKS_LIKE)
            if near:
                raise EntryError(f"unknown option {key!r}; did you mean {near[0]!r}?")
        if key in _CHECKS and value is not None:
            fits, allowed = _CHECKS[key]
            if not fits(value):
                raise EntryError(f"the option {key!r} is {allowed}, not {value!r}")
    if entry.options.get("task_id") is not None:
        return (
            f"its task_id {entry.options['task_id']!r} is not used: each occurrence has an id of "
            "its own; leave it out"
        )
    return None


def _is_queue(value: object) -> bool:
    return isinstance(value, Queue) or (isinstance(value, str) and bool(value.strip()))


def _is_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return False
    try:
        timedelta(seconds=value)
    except OverflowError:
        return False
    return True


def _is_moment(value: object) -> bool:
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, datetime)


def _is_expiry(value: object) -> bool:
    return isinstance(value, timedelta) or _is_seconds(value) or _is_moment(value)


def _is_priority(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return 0 <= value <= _HIGHEST_PRIORITY


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


_CHECKS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "queue": (_is_queue, "the name of a queue, or a kombu.Queue"),
    "countdown": (_is_seconds, "a number of seconds"),
    "eta": (_is_moment, "a datetime, or its text in ISO 8601"),
    "expires": (
        _is_expiry,
        "a number of seconds, a timedelta, a datetime, or a datetime's text in ISO 8601",
    ),
    "priority": (_is_priority, f"a whole number from 0 to {_HIGHEST_PRIORITY}"),
    "headers": (_is_mapping, "a mapping"),
    "time_limit": (_is_seconds, "a number of seconds"),
    "soft_time_limit": (_is_seconds, "a number of seconds"),
}
