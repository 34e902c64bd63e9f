"""What kombu raises for a connection, and for a channel, as tuples of exception classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from kombu import Connection
from kombu.exceptions import OperationalError


def connection_errors(connection: Connection) -> tuple[type[Exception], ...]:
    """Return what says that a connection is broken or cannot be made.

    Among them what a new connection does not mend by itself, such as a refused password: the broker
    is asked again until somebody mends it.
    """
    return (
        *_classes(connection.connection_errors),
        *_classes(connection.recoverable_connection_errors),
        OperationalError,
        OSError,
    )


def channel_errors(connection: Connection) -> tuple[type[Exception], ...]:
    """Return what the server says of one channel, which it closes; the connection goes on."""
    return _classes(connection.channel_errors)


def _classes(errors: Iterable[Any]) -> tuple[type[Exception], ...]:
    # As what they are; kombu's stub calls them base exceptions.
    return tuple(cast("Iterable[type[Exception]]", errors))
