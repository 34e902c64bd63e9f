"""Arguments as they may be shown: what looks like a secret is hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: What stands where a secret was.
HIDDEN = "***"
_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|pwd$|secret|token|credential|authorization|api.?key|private.?key|cookie",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+(?=@)")


def masked(value: Any) -> Any:
    """Return JSON-ready data with `***` for values whose key says that they are secret.

    Passwords in URLs are hidden, too.

    >>> masked({"user": "maria", "password": "x", "url": "amqp://maria:x@host"})
    {'user': 'maria', 'password': '***', 'url': 'amqp://maria:***@host'}
    """
    if isinstance(value, Mapping):
        given: Mapping[Any, Any] = value
        return {
            key: HIDDEN if _SECRET.search(str(key)) and each is not None else masked(each)
            for key, each in given.items()
        }
    if isinstance(value, str):
        return _IN_URL.sub(rf"\1:{HIDDEN}", value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        several: Sequence[Any] = value
        return [masked(each) for each in several]
    return value
