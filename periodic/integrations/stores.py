"""From the setting `store` to a store: by the scheme of its URL, or as it was handed in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from ..clock import Clock
from ..errors import ConfigError
from ..store import ScheduleStore

#: Where stores of others register, by the scheme of their URLs.
GROUP = "periodic.schedule_stores"
#: Ours, by scheme: the module, relative to the core so that a copy finds its own, and the class.
_OWN = {
    "memory": ("memory_store", "MemoryStore"),
    "sqlite": ("stores.sql", "SQLStore"),
    "postgresql": ("stores.sql", "SQLStore"),
    "mysql": ("stores.sql", "SQLStore"),
    "mariadb": ("stores.sql", "SQLStore"),
    "redis": ("stores.redis", "RedisStore"),
    "rediss": ("stores.redis", "RedisStore"),
}
_CORE = __name__.rpartition(".")[0].rpartition(".")[0]


def open_store(given: Any, *, namespace: str, clock: Clock | None = None) -> ScheduleStore:
    """Return the store that a setting names; nothing is connected yet.

    Args:
        given: a URL, an `Engine` of SQLAlchemy, a `ScheduleStore`, or a callable that returns one
            of them, such as `lambda: db.engine`.
        namespace: whose records are meant; a store that is handed in has its own.
        clock: says when a record was changed; the machine's unless given.

    Raises:
        ConfigError: it is none of them, or what it needs is not installed.
    """
    if isinstance(given, ScheduleStore):
        return given
    if isinstance(given, str):
        return _class_for(given).open(given, namespace=namespace, clock=clock)
    if hasattr(given, "dialect"):
        return cast(
            "ScheduleStore", _load_own("stores.sql", "SQLStore")(given, namespace, clock=clock)
        )
    if callable(given):
        made = cast("Callable[[], Any]", given)()
        if not callable(made) or isinstance(made, ScheduleStore):
            return open_store(made, namespace=namespace, clock=clock)
    raise ConfigError(
        "the setting periodic['store'] is a URL such as 'sqlite:////srv/shop/schedules.db', an "
        f"Engine of SQLAlchemy or a ScheduleStore, not {given!r}"
    )


def _class_for(url: str) -> type[ScheduleStore]:
    scheme, separator, _ = url.partition("://")
    name = scheme.partition("+")[0].lower()
    if separator and name in _OWN:
        return cast("type[ScheduleStore]", _load_own(*_OWN[name]))
    others = {point.name: point for point in entry_points(group=GROUP)}
    if separator and name in others:
        return cast("type[ScheduleStore]", others[name].load())
    known = ", ".join(sorted({*_OWN, *others}))
    raise ConfigError(
        f"the setting periodic['store'] is a URL with one of the schemes {known}, such as "
        f"'sqlite:////srv/shop/schedules.db', not {_shown(url)}"
    )


def _load_own(module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"{_CORE}.{module}"), name)
    except ImportError as error:
        raise ConfigError(
            f"the store needs what is not installed: {error}; install periodic-celery[sql], or "
            "periodic-celery[redis]"
        ) from error


def _shown(url: str) -> str:
    """Return a URL without what may be a password."""
    scheme, separator, rest = url.partition("://")
    return repr(f"{scheme}{separator}{rest.rpartition('@')[2]}")
