"""What an app's settings say about the guard in front of its runs, and where its claims are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, cast

from celery import Celery
from kombu import Connection

from ...adapters import find_run_claims, transport_error, transport_of
from ...clock import SystemClock
from ...errors import ConfigError
from ...run_claims import RunClaims
from ...run_guard import LEASE, REMEMBER, GuardOutage

#: What the mapping may hold about the guard, and what each value may be.
GUARD_KEYS = {
    "guard": "True (claims are kept on the broker), or the URL of where they are kept, such as "
    "'redis://localhost/0' or 'memory://'; False for no guard",
    "guard_outage": "'run' (runs go on unguarded) or 'wait', for when nobody keeps their claims",
    "guard_lease": "a number of seconds of at least 1, or a timedelta",
    "guard_remember": "a number of seconds above twice guard_lease, or a timedelta",
    "guard_options": "a mapping of kombu's transport options for the URL in guard",
    "guard_store": "a RunClaims class, or its dotted path 'package.module:Class'",
}

_SHORTEST_LEASE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What the guard is to do.

    Args:
        url: where claims are kept; "" is the app's own broker.
        outage: what becomes of runs while nobody answers there.
        lease: how long a run whose worker died keeps a second copy waiting.
        remember: how long a run is known after it ended.
        options: kombu's transport options for the URL.
        store: the class that keeps claims; None lets the transport choose.
    """

    url: str = ""
    outage: GuardOutage = GuardOutage.RUN
    lease: timedelta = LEASE
    remember: timedelta = REMEMBER
    options: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    store: type[RunClaims] | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> GuardSettings | None:
        """Read the app's mapping; None where no guard is asked for.

        Raises:
            ConfigError: a value is of the wrong type, or says something about no guard.
        """
        guard = given.get("guard")
        if guard is None or guard is False:
            idle = [key for key in GUARD_KEYS if key != "guard" and given.get(key) is not None]
            if guard is None and idle:
                raise ConfigError(
                    f"the setting periodic[{idle[0]!r}] is given and there is no guard; "
                    "set periodic['guard'] to True or to a URL"
                )
            return None
        if guard is not True and not (isinstance(guard, str) and "://" in guard):
            raise _wrong("guard", guard)
        lease = _time("guard_lease", given.get("guard_lease"), LEASE)
        remember = _time("guard_remember", given.get("guard_remember"), REMEMBER)
        if lease < _SHORTEST_LEASE:
            raise _wrong("guard_lease", given.get("guard_lease"))
        if remember <= 2 * lease:
            raise _wrong("guard_remember", given.get("guard_remember", remember))
        options = given.get("guard_options")
        if options is not None and (guard is True or not isinstance(options, Mapping)):
            raise _wrong("guard_options", options)
        return cls(
            url="" if guard is True else guard,
            outage=_outage(given.get("guard_outage")),
            lease=lease,
            remember=remember,
            options=dict(cast("Mapping[str, Any]", options or {})),
            store=_store(given.get("guard_store")),
        )


def store_class(app: Celery, settings: GuardSettings) -> type[RunClaims]:
    """Return the class that keeps an app's claims; nothing is connected.

    Raises:
        ConfigError: claims cannot be kept there, or what it needs is not installed.
    """
    return settings.store or find_run_claims(transport_of(_connection(app, settings)))


def open_store(app: Celery, settings: GuardSettings, namespace: str) -> RunClaims:
    """Open an app's claims; no connection is established yet.

    Raises:
        ConfigError: claims cannot be kept there, or what it needs is not installed.
    """
    return store_class(app, settings).open(
        _connection(app, settings),
        namespace=namespace,
        remember=settings.remember,
        clock=SystemClock(),
    )


def place_of(app: Celery, settings: GuardSettings) -> str:
    """Return where an app's claims are kept, in words or as a URI without a password."""
    connection = _connection(app, settings)
    if transport_of(connection) == "memory":
        return "this process's memory"
    return str(connection.as_uri())


def _connection(app: Celery, settings: GuardSettings) -> Any:
    scheme = settings.url.partition("://")[0].partition("+")[0]
    try:
        connection: Any = (
            Connection(settings.url, transport_options=dict(settings.options))
            if settings.url
            else app.connection_for_write()
        )
        connection.get_transport_cls()
    except (KeyError, ImportError, AttributeError, ValueError) as error:
        setting = "periodic['guard']" if settings.url else "broker_url"
        raise transport_error("the guard", setting, scheme, error) from error
    return connection


def _wrong(key: str, value: object) -> ConfigError:
    return ConfigError(f"the setting periodic[{key!r}] is {GUARD_KEYS[key]}, not {value!r}")


def _time(key: str, value: object, default: timedelta) -> timedelta:
    if value is None:
        return default
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(key, value)
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):  # infinite, not a number, or longer than a timedelta
        raise _wrong(key, value) from None


def _outage(value: object) -> GuardOutage:
    if value is None:
        return GuardOutage.RUN
    try:
        return GuardOutage(str(value))
    except ValueError:
        raise _wrong("guard_outage", value) from None


def _store(value: object) -> type[RunClaims] | None:
    if value is None:
        return None
    found = load_path("guard_store", value) if isinstance(value, str) else value
    if not (isinstance(found, type) and issubclass(found, RunClaims)):
        raise _wrong("guard_store", value)
    return found


def load_path(key: str, path: str) -> object:
    """Return what a dotted path in the settings names.

    Args:
        key: of the mapping `periodic`, for messages.
        path: `package.module:Class`.

    Raises:
        ConfigError: it is no such path, or cannot be loaded.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise ConfigError(
            f"the setting periodic[{key!r}] is a class or its dotted path "
            f"'package.module:Class', not {path!r}"
        )
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the setting periodic[{key!r}] names {path!r}, which cannot be loaded: {error}"
        ) from error
