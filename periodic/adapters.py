"""Finding the broker adapter for a transport, among those that are installed."""

from __future__ import annotations

from importlib.metadata import entry_points

from .broker import Broker
from .errors import ConfigError

#: Where adapters register, by the name of kombu's transport: `memory`, `redis`, ...
GROUP = "periodic.brokers"

#: The adapter that serves every transport without one of its own.
FALLBACK = "kombu"


def find_adapter(transport: str) -> type[Broker]:
    """Return the adapter class that serves a kombu transport.

    Args:
        transport: the name of the transport, a broker URL's scheme: `memory`, `redis`, `amqp`, ...

    Raises:
        ConfigError: no installed adapter serves it.
    """
    installed = {point.name: point for point in entry_points(group=GROUP)}
    point = installed.get(transport) or installed.get(FALLBACK)
    if point is None:
        names = ", ".join(sorted(installed)) or "none"
        raise ConfigError(
            f"no broker adapter serves {transport!r} (installed: {names}); "
            "install periodic-celery, or name a class in the setting periodic: "
            "{'adapter': 'package.module:Class'}"
        )
    adapter = point.load()
    if not (isinstance(adapter, type) and issubclass(adapter, Broker)):
        raise ConfigError(
            f"the entry point {GROUP}:{point.name} names {adapter!r}, not a Broker class"
        )
    return adapter
