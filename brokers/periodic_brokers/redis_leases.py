"""Leases on a Redis server: one key each, which the server expires by its own clock.

    <prefix>periodic:<namespace>:lease:<key>  "<token> <owner>", with an end; also a channel
    <prefix>periodic:<namespace>:fence        the newest fencing token of the namespace

Each step is one script. Tokens are at least the server's milliseconds since 1970, so that a server
that has lost its data gives out none a second time. A user under an ACL needs the keys and the
channels of the prefix (`~<prefix>periodic:* &<prefix>periodic:*`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import redis

from periodic import BrokerUnreachable, Lease, LeaseLost, LeaseStore, Wake

from .redis_errors import ERRORS, address, translated

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: When a key ends that somebody has made to stay: when it is deleted.
_NEVER = datetime.max.replace(tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Real time after which a wait looks whether its wake was set.
_SLICE = timedelta(milliseconds=50)
#: How many slices until a wait looks at the key itself: releases that were not announced (an
#: operator's DEL, a server that restarted empty) end it too.
_LOOK = 20
#: Real seconds within which a server answers to SUBSCRIBE.
_SUBSCRIBED = 5.0
#: What PTTL says of a key that is not there.
_FREE = -2


class RedisLeases(LeaseStore):
    """The leases of one namespace on a Redis server; used from any thread.

    Args:
        client: a plain `redis.Redis`. Its `socket_timeout` bounds every call; each wait takes a
            connection of its own from its pool.
        prefix: what every key begins with: kombu's `global_keyprefix`.
        namespace: whose leases these are.
        uri: of the server, for messages, without a password; asked of the client unless given.
    """

    def __init__(
        self, client: redis.Redis, *, prefix: str = "", namespace: str, uri: str | None = None
    ) -> None:
        self._client = client
        self._uri = uri if uri is not None else address(client)
        self._root = f"{prefix}periodic:{namespace}:"

    def claim(self, key: str, owner: str, ttl: timedelta) -> Lease | None:
        """Take a free key, or renew what this owner holds."""
        last = _milliseconds(key, ttl)
        keys = [self._key(key), f"{self._root}fence"]
        token, now = self._run("claim", keys, owner, last)
        if not token:
            return None
        return Lease(key, owner, int(token), _instant(int(now) + last))

    def renew(self, lease: Lease, ttl: timedelta) -> Lease:
        """Let the server expire the key later, unless it has done so."""
        last = _milliseconds(lease.key, ttl)
        held, now = self._run("renew", [self._key(lease.key)], _value(lease), last)
        if not int(held):
            raise LeaseLost(
                f"the lease on {lease.key!r} with token {lease.token} has ended; "
                "stop the work that it guards and claim again"
            )
        return Lease(lease.key, lease.owner, lease.token, _instant(int(now) + last))

    def release(self, lease: Lease) -> bool:
        """Delete the key if it still is this lease's, and publish that it is free."""
        return bool(int(self._run("release", [self._key(lease.key)], _value(lease))))

    def holder(self, key: str) -> Lease | None:
        """Return the lease on a key, if the server has not expired it."""
        held, left, now = self._run("holder", [self._key(key)])
        token, _, owner = _text(held).partition(" ")
        if not token:
            return None
        if not token.isdigit():
            raise BrokerUnreachable(
                f"Redis at {self._uri} keeps under {self._key(key)!r} a text that is no lease; "
                "look what wrote it",
                state="wrong-type",
            )
        ends = _instant(int(now) + int(left)) if int(left) >= 0 else _NEVER
        return Lease(key, owner, int(token), ends)

    def wait_released(self, key: str, timeout: timedelta, wake: Wake) -> None:
        """Listen for the release, at most until the server expires the key."""
        # Slices of real time are counted, because the machine's clock may be frozen.
        slices = max(1, -(-timeout // _SLICE))
        seconds = (min(timeout, _SLICE * slices) / slices).total_seconds()
        with self._edge(), cast("Any", self._client).pubsub() as announcements:
            announcements.subscribe(self._key(key))
            # Until the server has answered a release may go by unheard.
            if announcements.get_message(timeout=_SUBSCRIBED) is None:
                raise TimeoutError(f"no answer to SUBSCRIBE in {_SUBSCRIBED:.0f} s")
            until_look = 0
            for _ in range(slices):
                if wake.is_set():
                    return
                if until_look == 0:
                    until_look = self._slices_until_look(key)
                if until_look == 0 or announcements.get_message(timeout=seconds) is not None:
                    return
                until_look -= 1

    def _slices_until_look(self, key: str) -> int:
        """Return how long a key need not be looked at; 0 when it is free."""
        left: Any = self._client.pttl(self._key(key))
        if left == _FREE:
            return 0
        ends = timedelta(milliseconds=left) // _SLICE + 1 if left >= 0 else _LOOK
        return min(_LOOK, ends)

    def _key(self, key: str) -> str:
        return f"{self._root}lease:{key}"

    def _run(self, script: str, keys: list[str], *arguments: str | int) -> Any:
        with self._edge(keys[0] if len(keys) == 1 else ""):
            return self._client.register_script(_read(script))(keys=keys, args=arguments)

    @contextmanager
    def _edge(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except ERRORS as error:
            raise translated(error, self._uri, key) from error


@cache
def _read(script: str) -> str:
    return Path(__file__).with_name("lua").joinpath(f"lease_{script}.lua").read_text("utf-8")


def _value(lease: Lease) -> str:
    return f"{lease.token} {lease.owner}"


def _milliseconds(key: str, ttl: timedelta) -> int:
    if ttl < _MILLISECOND:
        raise ValueError(
            f"a lease on {key!r} cannot last {ttl!r}; give a timedelta of at least a millisecond, "
            "for example timedelta(seconds=15)"
        )
    return -(-ttl // _MILLISECOND)


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _text(reply: bytes | str) -> str:
    # The user's options may ask for decoded answers.
    return reply if isinstance(reply, str) else reply.decode()
