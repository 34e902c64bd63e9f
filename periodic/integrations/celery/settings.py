"""The settings of one Celery app: its `periodic` mapping, else Celery's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from celery import Celery

from ...adapters import find_adapter, transport_error, transport_of
from ...beat import MAX_INTERVAL
from ...broker import Broker
from ...errors import ConfigError, EntryError, ScheduleError
from ...policies import ALLOWED, CatchUpPolicy
from ...schedules.zones import settle
from ...store import ScheduleStore
from .guarding import GUARD_KEYS, GuardSettings, load_path

#: The one key of Celery's configuration that belongs to this package.
KEY = "periodic"
#: What the mapping may hold, and what each value may be.
KEYS = {
    "namespace": "a non-empty string",
    "max_interval": "a number of seconds above 0, or a timedelta",
    "adapter": "a Broker class, or its dotted path 'package.module:Class'",
    "cursors": "the path of a file",
    "timezone": "the IANA name of a time zone, such as 'Europe/London'",
    **ALLOWED,
    "all_active": "True (every beat works, claims decide) or False (one leads, others stand by)",
    **GUARD_KEYS,
    "store": "the URL of a store, an Engine of SQLAlchemy or a ScheduleStore",
}
#: Keys that others read from the same mapping.
FOREIGN_KEYS = frozenset({"entries"})
#: The namespace of an app that was given no name.
NAMELESS = "celery"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a Celery app's configuration says about its beat.

    Args:
        namespace: separates applications that share a broker.
        max_interval: the longest sleep between two ticks.
        timezone: the zone of schedules that name none.
        cursors: the file that keeps cursors where the broker cannot, and a copy where it can.
        cursors_given: somebody named that file.
        adapter: the broker adapter that is asked for; None lets the transport choose.
        catch_up: what is done about missed occurrences where an entry does not say it.
        all_active: every beat works; else one leads and the others stand by.
        guard: how workers claim each run before it begins; None where they do not.
        store: where entries are kept that change while beats run; None where there are none.
    """

    namespace: str
    max_interval: timedelta
    timezone: tzinfo
    cursors: Path
    adapter: type[Broker] | None = None
    catch_up: CatchUpPolicy = field(default_factory=CatchUpPolicy)
    all_active: bool = False
    cursors_given: bool = False
    guard: GuardSettings | None = None
    store: Any = None

    @classmethod
    def of(
        cls,
        app: Celery,
        *,
        schedule_filename: str | None = None,
        max_interval: float | None = None,
    ) -> Settings:
        """Read an app's settings; no I/O.

        Args:
            app: its configuration key `periodic` is read, and Celery's own keys for what is
                not set there.
            schedule_filename: overrides `beat_schedule_filename`, as `celery beat -s` does.
            max_interval: overrides every other one, in seconds, as `--max-interval` does.

        Raises:
            ConfigError: a key is unknown or a value is of the wrong type.
        """
        conf: Any = app.conf
        given = _mapping(conf.get(KEY))
        own = given.get("max_interval")
        # Celery's service hands over 0 where nobody gave a number; in the mapping 0 is a mistake.
        longest = MAX_INTERVAL if own is None else _seconds(own)
        others = max_interval or (conf.beat_max_loop_interval if own is None else None)
        filename = schedule_filename or conf.beat_schedule_filename
        return cls(
            namespace=_namespace(given.get("namespace"), app),
            max_interval=_seconds(others) if others else longest,
            timezone=_timezone(given.get("timezone"), app),
            cursors=_path(given.get("cursors"), f"{filename}.cursors"),
            adapter=_adapter(given.get("adapter")),
            catch_up=_catch_up(given),
            all_active=_flag("all_active", given.get("all_active")),
            cursors_given=given.get("cursors") is not None,
            guard=GuardSettings.read(given),
            store=_store(given.get("store")),
        )

    def adapter_for(self, connection: Any) -> type[Broker]:
        """Return the adapter class for a `kombu.Connection`; it is not connected.

        Raises:
            ConfigError: no installed adapter serves its transport.
        """
        if self.adapter is not None:
            return self.adapter
        return find_adapter(transport_of(connection))


def connection_to_broker(app: Celery, *, read: bool = False) -> Any:
    """Return a `kombu.Connection` to where an app's messages go, not yet connected.

    Args:
        app: the Celery app.
        read: to where a worker takes messages from, instead.

    Raises:
        ConfigError: kombu knows no such transport, or what the transport needs is not installed.
    """
    try:
        connection: Any = app.connection_for_read() if read else app.connection_for_write()
        connection.get_transport_cls()
    except (KeyError, ImportError, AttributeError, ValueError) as error:
        conf: Any = app.conf
        scheme = str(conf.broker_url or "").partition("://")[0].partition("+")[0]
        raise transport_error("the broker", "broker_url", scheme, error) from error
    return connection


def _mapping(given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"the setting {KEY!r} is a mapping such as {{'namespace': 'shop'}}, not {given!r}"
        )
    mapping: Mapping[Any, Any] = given
    for key in mapping:
        if key not in KEYS and key not in FOREIGN_KEYS:
            near = get_close_matches(str(key).lower(), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(KEYS)}"
            raise ConfigError(f"the setting {KEY!r} has an unknown key {key!r}; {hint}")
    return mapping


def _wrong(key: str, value: object) -> ConfigError:
    return ConfigError(f"the setting {KEY}[{key!r}] is {KEYS[key]}, not {value!r}")


def _namespace(value: object, app: Celery) -> str:
    if value is None:
        main: Any = app.main
        named = isinstance(main, str) and main.strip() and main != "__main__"
        return main if named else NAMELESS
    if not isinstance(value, str) or not value.strip():
        raise _wrong("namespace", value)
    return value


def _seconds(value: object) -> timedelta:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
            raise _wrong("max_interval", value)
        longest = value if isinstance(value, timedelta) else timedelta(seconds=value)
    except (OverflowError, ValueError):  # infinite, not a number, or longer than a timedelta
        raise _wrong("max_interval", value) from None
    if longest <= timedelta(0):
        raise _wrong("max_interval", value)
    return longest


def _timezone(value: object, app: Celery) -> tzinfo:
    conf: Any = app.conf
    given: Any = value if value is not None else conf.get("timezone")
    if given is not None and (not given or not isinstance(given, str | tzinfo)):
        raise _wrong("timezone", given)
    try:
        if isinstance(given, str):
            settle(given)  # refuses an unknown name and offers near ones
        zone: Any = app.timezone if value is None else settle(given)
    except ScheduleError as error:
        raise ConfigError(f"the setting 'timezone' cannot be used: {error}") from None
    return cast("tzinfo", zone)


def _flag(key: str, value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong(key, value)
    return value


def _catch_up(given: Mapping[str, Any]) -> CatchUpPolicy:
    try:
        return CatchUpPolicy(**{key: given[key] for key in ALLOWED if given.get(key) is not None})
    except EntryError as error:
        key, _, rest = str(error).partition(" ")
        raise ConfigError(f"the setting {KEY}[{key!r}] {rest}") from None


def _path(value: object, default: str) -> Path:
    if value is None:
        return Path(default)
    if not isinstance(value, str | Path) or not str(value):
        raise _wrong("cursors", value)
    return Path(value)


def _store(value: object) -> object:
    if value is None or isinstance(value, ScheduleStore) or hasattr(value, "dialect"):
        return value
    if callable(value) or (isinstance(value, str) and "://" in value):
        return value
    raise _wrong("store", value)


def _adapter(value: object) -> type[Broker] | None:
    if value is None:
        return None
    found = load_path("adapter", value) if isinstance(value, str) else value
    if not (isinstance(found, type) and issubclass(found, Broker)):
        raise _wrong("adapter", value)
    return found
