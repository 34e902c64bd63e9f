"""Broker adapters for `periodic`: each registers under the entry point group `periodic.brokers`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from kombu import Connection

from periodic import (
    Broker,
    Clock,
    ConfigError,
    CursorStore,
    FileCursors,
    SystemClock,
    find_adapter,
    transport_error,
    transport_of,
)

#: Where cursors are kept: a file, or what makes a store of them.
Cursors = str | os.PathLike[str] | Callable[[], CursorStore]


def connect(
    url: str | Connection,
    *,
    namespace: str,
    clock: Clock | None = None,
    cursors: Cursors | None = None,
    **options: Any,
) -> Broker:
    """Return the adapter that serves a broker; no connection is established before it is needed.

    The scheme chooses among the adapters that are installed; those of third parties register
    under the entry point group `periodic.brokers`. A transport without an adapter of its own has
    the generic one, which sends at least once.

    Args:
        url: of the broker, as Celery's `broker_url`, or a `kombu.Connection`, which is cloned.
        namespace: whose cursors, claims and leases these are: an app's `periodic["namespace"]`,
            by default its name.
        clock: the machine's unless given.
        cursors: where cursors are kept, for a broker that cannot keep them itself: the path of a
            file, or a callable that returns a `CursorStore`.
        **options: further arguments of `kombu.Connection`, such as `transport_options` or `ssl`.

    Raises:
        ConfigError: kombu knows no such transport, what it needs is not installed, or the broker
            keeps no cursors and `cursors` is not given. The message says what to install.

    >>> from periodic_brokers import connect
    >>> broker = connect("memory://", namespace="shop")
    >>> type(broker).__name__
    'MemoryBroker'
    >>> broker.close()
    """
    connection = _connection(url, options)
    adapter = find_adapter(transport_of(connection))
    return adapter.open(
        connection,
        namespace=namespace,
        clock=clock if clock is not None else SystemClock(),
        cursors=_cursors(adapter, cursors),
    )


def _connection(url: str | Connection, options: dict[str, Any]) -> Connection:
    if isinstance(url, Connection):
        if options:
            raise ConfigError(
                f"a Connection is given, and {', '.join(sorted(options))} besides; give it to the "
                "Connection, or give a URL"
            )
        return url
    scheme = url.partition("://")[0].partition("+")[0] if "://" in url else ""
    if not scheme:
        raise ConfigError(
            f"{url!r} names no transport; give a URL with a scheme, such as 'redis://localhost/0'"
        )
    try:
        connection = Connection(url, **options)
        connection.get_transport_cls()
    except (KeyError, ImportError, AttributeError, ValueError) as error:
        raise transport_error(f"the broker {scheme}://", "the URL", scheme, error) from error
    return connection


def _cursors(adapter: type[Broker], given: Cursors | None) -> Callable[[], CursorStore]:
    if given is None:

        def missing() -> CursorStore:
            raise ConfigError(
                f"{adapter.__name__} keeps no cursors on its broker; say where they are kept: "
                "connect(url, ..., cursors='/var/lib/shop/beat.cursors')"
            )

        return missing
    if callable(given):
        return given
    path = os.fspath(given)
    return lambda: FileCursors(path)
