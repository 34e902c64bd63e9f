"""The registry of beats on a Redis server: one hash, a field for each beat."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis

from periodic import BeatRegistry, BeatStatus

from .redis_errors import ERRORS, translated

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def server_time(client: redis.Redis) -> datetime:
    """Return the time of a server: aware, UTC."""
    seconds, microseconds = client.time()
    return _EPOCH + timedelta(seconds=seconds, microseconds=microseconds)


class RedisRegistry(BeatRegistry):
    """Beats of one namespace, by the server's clock.

    Args:
        client: a Redis client; used from any thread.
        key: of the hash.
        uri: of the server, for messages; without a password.
    """

    def __init__(self, client: redis.Redis, key: str, uri: str) -> None:
        self._client = client
        self._key = key
        self._uri = uri

    def announce(self, status: BeatStatus) -> None:
        """Show a beat, and forget those that were silent for long."""
        try:
            now = server_time(self._client)
            word = json.dumps(status.seen(now).to_dict())
            self._client.hset(self._key, status.beat, word)
            silent = [
                each.beat
                for each in self._read()
                if each.seen_at is not None and now - each.seen_at > self.remembered
            ]
            if silent:
                self._client.hdel(self._key, *silent)
        except ERRORS as error:
            raise translated(error, self._uri, self._key) from error

    def beats(self) -> list[BeatStatus]:
        """Return all that are remembered, the newest word first."""
        try:
            return sorted(self._read(), key=lambda each: each.seen_at or _EPOCH, reverse=True)
        except ERRORS as error:
            raise translated(error, self._uri, self._key) from error

    def now(self) -> datetime:
        """Return the server's time."""
        try:
            return server_time(self._client)
        except ERRORS as error:
            raise translated(error, self._uri, self._key) from error

    def _read(self) -> list[BeatStatus]:
        kept = cast("dict[Any, bytes | str]", self._client.hgetall(self._key))
        found: list[BeatStatus] = []
        for word in kept.values():
            # One that cannot be read is a later version's, which will forget it.
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                found.append(BeatStatus.from_dict(json.loads(word)))
        return found
