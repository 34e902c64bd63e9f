"""Finding what serves a kombu transport, among what is installed: adapters, and claims of runs."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from .broker import Broker
from .errors import ConfigError
from .run_claims import RunClaims

#: Where adapters register, by the name of kombu's transport: `memory`, `redis`, ...
GROUP = "periodic.brokers"
#: Where stores of claims of runs register, by the same names.
RUN_CLAIMS_GROUP = "periodic.guards"

#: The adapter that serves every transport without one of its own.
FALLBACK = "kombu"

#: What each transport needs that not every installation has.
_NEEDS = {
    **dict.fromkeys(("redis", "rediss", "sentinel"), "periodic-celery[redis]"),
    **dict.fromkeys(("amqp", "amqps", "pyamqp"), "periodic-celery[rabbitmq]"),
    **dict.fromkeys(("sqs", "SQS"), "kombu[sqs]"),
    **dict.fromkeys(("sqla", "sqlalchemy"), "kombu[sqlalchemy]"),
    "azureservicebus": "kombu[azureservicebus]",
    "azurestoragequeues": "kombu[azurestoragequeues]",
    "confluentkafka": "kombu[confluentkafka]",
    "consul": "kombu[consul]",
    "etcd": "kombu[etcd]",
    "gcpubsub": "kombu[gcpubsub]",
    "kafka": "kombu[confluentkafka]",
    "mongodb": "kombu[mongodb]",
    "qpid": "kombu[qpid]",
    "zookeeper": "kombu[zookeeper]",
}


def find_adapter(transport: str) -> type[Broker]:
    """Return the adapter class that serves a kombu transport.

    Args:
        transport: the name of the transport, a broker URL's scheme: `memory`, `redis`, `amqp`, ...

    Raises:
        ConfigError: no installed adapter serves it, or what it needs is not installed.
    """
    installed = _installed(GROUP)
    point = installed.get(transport) or installed.get(FALLBACK)
    if point is None:
        raise ConfigError(
            f"no broker adapter serves {transport!r} (installed: {_names(installed)}); "
            f"{_advice(transport)}, or name a class in the setting periodic: "
            "{'adapter': 'package.module:Class'}"
        )
    return cast("type[Broker]", _load(point, transport, Broker, "a Broker class"))


def find_run_claims(transport: str) -> type[RunClaims]:
    """Return the class that keeps claims of runs on a kombu transport.

    Args:
        transport: the name of the transport, a URL's scheme: `memory`, `redis`, ...

    Raises:
        ConfigError: no installed class does, or what it needs is not installed.
    """
    installed = _installed(RUN_CLAIMS_GROUP)
    point = installed.get(transport)
    if point is None:
        raise ConfigError(
            f"runs cannot be claimed on {transport!r} (installed: {_names(installed)}); give the "
            "URL of a place where they can, such as periodic: {'guard': 'redis://localhost/0'}"
        )
    return cast("type[RunClaims]", _load(point, transport, RunClaims, "a RunClaims class"))


def transport_of(connection: Any) -> str:
    """Return the name by which what serves a connection is found.

    Args:
        connection: a `kombu.Connection`; it is not connected.
    """
    name = connection.transport_cls
    if isinstance(name, str) and name.isidentifier():
        return name
    # A transport given as a class or a dotted path: its driver's name is the nearest word.
    return str(connection.transport.driver_type)


def transport_error(what: str, setting: str, transport: str, error: Exception) -> ConfigError:
    """Return the error that says why kombu cannot use a transport, and what to install.

    Args:
        what: how the message begins, such as "the broker".
        setting: what names the transport, such as "broker_url".
        transport: a URL's scheme; "" where it is not known.
        error: what kombu raised.
    """
    # The text of a KeyError is its message in quotes.
    reason = error.args[0] if isinstance(error, KeyError) and error.args else error
    if isinstance(error, ImportError):
        advice = f"another transport, or {_advice(transport)}"
    else:
        advice = (
            "a transport that kombu knows (adapters are installed for "
            f"{_names(_installed(GROUP))}); for Redis, pip install 'periodic-celery[redis]', for "
            "RabbitMQ, pip install 'periodic-celery[rabbitmq]'"
        )
    return ConfigError(f"{what} cannot be used: {reason}; set {setting} to {advice}")


def _installed(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def _names(installed: dict[str, EntryPoint]) -> str:
    return ", ".join(sorted(installed)) or "none"


def _advice(transport: str) -> str:
    needed = _NEEDS.get(transport)
    if needed is not None:
        return f"pip install '{needed}'"
    return "pip install periodic-celery and the transport's own driver"


def _load(point: EntryPoint, transport: str, kind: type[Any], what: str) -> type[Any]:
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{point.value}, which serves {transport!r}, cannot be loaded: {error}; "
            f"{_advice(point.name if point.name != FALLBACK else transport)}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"the entry point {point.group}:{point.name} names {found!r}, not {what}")
    return found
