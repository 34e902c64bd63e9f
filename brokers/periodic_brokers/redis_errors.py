"""What a Redis server, or the way to it, can say: one state and one sentence for each."""

from __future__ import annotations

import re
from typing import Any

from kombu.exceptions import OperationalError
from redis import SSLConnection, exceptions

from periodic import BrokerUnreachable

#: What the client raises; `translated` understands each of them.
ERRORS: tuple[type[Exception], ...] = (exceptions.RedisError, OperationalError, OSError)

#: The first word of a server's refusal: the state, and the sentence's middle.
_WORDS: dict[str, tuple[str, str]] = {
    "LOADING": ("loading", "is starting and still reads its data"),
    "READONLY": (
        "read-only",
        "is a replica that takes no writes; connect to the master, or through Sentinel",
    ),
    "OOM": (
        "out-of-memory",
        "has no memory left; raise its maxmemory, and let it evict nothing (noeviction)",
    ),
    "NOAUTH": ("refused", "wants a password; put user and password into the broker's URL"),
    "WRONGPASS": ("refused", "refuses this user or password"),
    "NOPERM": (
        "refused",
        "does not allow this user to do it; its ACL must allow the keys and channels of the prefix",
    ),
    "WRONGTYPE": ("wrong-type", "keeps something else under {key}; look what wrote it"),
    "MASTERDOWN": ("no-master", "is a replica that has lost its master"),
    "NOMASTER": (
        "no-master",
        "(a sentinel) knows no master of this name; is master_name right, is a replica promoted?",
    ),
    "NOREPLICAS": ("no-replicas", "takes no writes, because too few replicas follow it"),
    "MISCONF": ("cannot-save", "takes no writes, because it cannot save its data to disk"),
    "BUSY": ("busy", "runs a script that does not end"),
    "CLUSTERDOWN": ("cluster-down", "is part of a cluster that is down"),
    **dict.fromkeys(
        ("MOVED", "ASK", "CROSSSLOT", "TRYAGAIN"),
        ("cluster", "is a node of a Redis Cluster, for which kombu has no transport"),
    ),
}

#: The client takes the first word away where it has a class for it.
_CLASSES: dict[str, str] = {
    "BusyLoadingError": "LOADING",
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
    "AuthorizationError": "NOPERM",
    "NoPermissionError": "NOPERM",
    "MasterDownError": "MASTERDOWN",
    "MasterNotFoundError": "NOMASTER",
    "ClusterDownError": "CLUSTERDOWN",
    "MovedError": "MOVED",
    "AskError": "ASK",
    "ClusterCrossSlotError": "CROSSSLOT",
    "TryAgainError": "TRYAGAIN",
}

# Before Redis 7 an error inside a script has the word in the middle of its text.
_WORD = re.compile(rf"(?<![A-Z])({'|'.join(_WORDS)})(?![A-Z])")
#: How Redis 7 puts a NOPERM inside a script.
_NOT_ALLOWED = "The user executing the script can't"


def translated(error: Exception, uri: str, key: str = "") -> BrokerUnreachable:
    """Return what an error of the client means.

    Args:
        error: one of `ERRORS`.
        uri: of the server, for the message; without a password.
        key: what was asked for, for the message; "" where it is not known.

    Returns:
        The error to raise from it; its `state` is "unreachable" where no server answered, "error"
        where one gave an answer that is not foreseen, and else names the cause.
    """
    state, middle = _meaning(error)
    middle = middle.replace("{key}", f"the key {key!r}" if key else "a key of ours")
    return BrokerUnreachable(f"Redis at {uri} {middle}: {error}", state=state)


def address(client: Any) -> str:
    """Return where a `redis.Redis` connects to, as a URI without user and password."""
    pool = client.connection_pool
    given: dict[str, Any] = pool.connection_kwargs
    database = given.get("db") or 0
    if service := getattr(pool, "service_name", None):
        return f"sentinel://{service}/{database}"
    if path := given.get("path"):
        return f"redis+socket://{path}?virtual_host={database}"
    scheme = "rediss" if issubclass(pool.connection_class, SSLConnection) else "redis"
    return f"{scheme}://{given.get('host') or 'localhost'}:{given.get('port') or 6379}/{database}"


def _meaning(error: BaseException) -> tuple[str, str]:
    if isinstance(error, OperationalError) and error.__cause__ is not None:
        return _meaning(error.__cause__)  # kombu's wrapping has no class for each state
    for kind in type(error).__mro__:
        if kind.__name__ in _CLASSES:
            return _WORDS[_CLASSES[kind.__name__]]
    text = str(error)
    if found := _WORD.search(text):
        return _WORDS[found[1]]
    if _NOT_ALLOWED in text:
        return _WORDS["NOPERM"]
    if isinstance(error, exceptions.ResponseError):
        return "error", "cannot do it"
    return "unreachable", "does not answer"
