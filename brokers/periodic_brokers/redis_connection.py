"""The connections of one Redis adapter: opened when first needed, made anew after a failed call."""

from __future__ import annotations

import threading
from typing import Any, cast

import redis
from kombu import Connection

from .capture import CapturingChannel, capturing

#: Seconds after which a server that does not answer counts as unreachable; the user's options win.
_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 2.0, "socket_timeout": 2.0}


class RedisConnection:
    """A channel that captures what kombu would send, and a client on the same pool.

    Any thread may ask for them; the first one opens the connection.

    Args:
        connection: a `kombu.Connection`; it is cloned, not used.
    """

    def __init__(self, connection: Connection) -> None:
        options = {**_TIMEOUTS, **(connection.transport_options or {})}
        self._connection = connection.clone(transport_options=options)
        # Not as an argument of `clone`, where the scheme of `redis+socket://` would win.
        own: Any = self._connection  # its stub knows names of transports alone
        own.transport_cls = capturing(connection.get_transport_cls())
        #: The URL without its password, for messages.
        self.uri: str = connection.as_uri()
        #: What the user's options put in front of every key.
        self.prefix: str = str(options.get("global_keyprefix") or "")
        self._opening = threading.Lock()
        self._failed: Exception | None = None
        self._channel: CapturingChannel | None = None
        self._client: redis.Redis | None = None

    def channel(self) -> CapturingChannel:
        """Return the channel.

        Raises:
            Exception: of kombu, redis-py or the socket; the connection cannot be opened now.
        """
        failed = self._failed
        with self._opening:  # the thread of the lease may be the first
            if self._channel is None:
                if self._failed is not None and self._failed is not failed:
                    raise self._failed  # another thread tried while this one waited
                self._open()
                # The connection was made with a transport whose channels are these.
                self._channel = cast("CapturingChannel", self._connection.channel())
            return self._channel

    def client(self) -> redis.Redis:
        """Return the client.

        Raises:
            Exception: as `channel`.
        """
        if self._client is None:
            # Not kombu's client: its prefix goes to the first key of a script alone.
            self._client = redis.Redis(connection_pool=self.channel().pool)
        return self._client

    def has_raised(self, error: BaseException) -> bool:
        """Tell whether a call to the server has raised this, or what this was made of."""
        channel = self._channel
        seen: BaseException | None = error
        while seen is not None:
            if seen is self._failed or (channel is not None and seen is channel.failed):
                return True
            seen = seen.__cause__ or seen.__context__
        return False

    def disconnect(self) -> None:
        """Give up the idle connections of the pool; those in use are other threads'."""
        if self._channel is not None:
            # That of a failed call is closed already.
            self._channel.pool.disconnect(inuse_connections=False)

    def close(self) -> None:
        """Close all of it."""
        self._channel, self._client = None, None
        self._connection.release()

    def _open(self) -> None:
        try:
            # `connect` would wait two seconds and try again, and no stop would be heard.
            self._connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)
        except Exception as error:
            self._failed = error
            raise
