"""What a Flask app's config says about Celery and about periodic, read once and checked."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches
from typing import Any, cast

from celery.app import defaults
from celery.app.defaults import SETTING_KEYS

from ...errors import ConfigError
from ..celery.entries import checked_schedule

logger: logging.Logger = logging.getLogger(__name__)

#: The key of the mapping with Celery's own settings, as in Flask's documentation.
CELERY = "CELERY"
#: The key of the mapping with the settings of periodic.
PERIODIC = "PERIODIC"

#: The broker where none is named: the memory of this process. kombu warns where no host is named.
EMBEDDED_BROKER = "memory://localhost/"

#: What people write for a setting, after the arguments of `Celery(...)`.
_ALIASES = {"broker": "broker_url", "backend": "result_backend", "results": "result_backend"}
#: Celery's names of before version 4, which it does not mix with those of today.
_OLD_NAMES: Mapping[str, str] = vars(defaults).get("_TO_NEW_KEY", {})  # no public table
#: How like a setting's name a key must be to be refused, or to be told; 1 is the name itself.
#: Keys of the user's own are legal.
_IS_MEANT = 0.9
_LOOKS_LIKE = 0.8

_PREFIX = "CELERY_"
_BROKERS = ("broker_url", "broker_read_url", "broker_write_url", "broker_host")

#: How often the embedded worker looks for messages in memory, in seconds.
_POLLING_INTERVAL = 0.05


def celery_settings(config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return Celery's settings from `CELERY` and from single `CELERY_...` keys.

    Where none of them, nor Celery's own environment variable, names a broker, messages live in
    the memory of this process: the embedded default.

    Args:
        config: a Flask app's config.
        namespace: names the default queue of the embedded default, because the queues in memory
            are one set for the whole process, however many apps it holds.

    Raises:
        ConfigError: `CELERY` is no mapping, one of its keys looks like a setting of Celery that
            is written otherwise, or one setting is given twice and differently.
    """
    settings: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for key, value in _mapping(config, CELERY).items():
        # Environment variables come in upper case on some systems: BROKER_URL is broker_url.
        name = key.lower() if key.lower() in SETTING_KEYS else _own_key(key)
        _merge(settings, origin, name, value, f"{CELERY}[{key!r}]")
    for key, value in config.items():
        if not key.startswith(_PREFIX):
            continue
        name = key.removeprefix(_PREFIX).lower()
        if name in SETTING_KEYS:
            _merge(settings, origin, name, value, key)
        else:
            logger.warning(
                "%s is no setting of Celery and is not used%s", key, _nearest_setting(name)
            )
    if not any(settings.get(name) for name in _BROKERS) and not _broker_in_environment():
        _set_embedded_default(settings, namespace)
    checked_schedule(settings.get("beat_schedule"), origin.get("beat_schedule", "beat_schedule"))
    return settings


def periodic_settings(config: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the mapping `PERIODIC` with its keys in lower case, every one of them known.

    Args:
        config: a Flask app's config.
        known: the keys that are allowed.

    Raises:
        ConfigError: `PERIODIC` is no mapping, a key is unknown, or one setting is given twice
            and differently.
    """
    allowed = sorted(known)
    settings: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for key, value in _mapping(config, PERIODIC).items():
        name = key.lower()
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            raise ConfigError(
                f"{PERIODIC}[{key!r}] is no setting of periodic; "
                f"known: {', '.join(allowed)}{_did_you_mean(near)}"
            )
        _merge(settings, origin, name, value, f"{PERIODIC}[{key!r}]")
    return settings


def checked_entries(entries: Any, where: str) -> dict[str, dict[str, Any]]:
    """Return entries in the form of Celery's `beat_schedule`: name -> mapping.

    Only the form is checked here; what is wrong inside one entry is that entry's problem and
    leaves the others alone.

    Args:
        entries: what the config gives.
        where: how messages name the place.

    Raises:
        ConfigError: it is no mapping of names to mappings.
    """
    if not isinstance(entries, Mapping):
        raise ConfigError(
            f"{where} is {entries!r}; give a mapping of entry names to entries, such as "
            "{'report': {'task': 'shop.report', 'schedule': 60}}"
        )
    given = cast("Any", entries)
    for name, entry in given.items():
        if not isinstance(name, str) or not isinstance(entry, Mapping):
            raise ConfigError(
                f"{where}[{name!r}] is {entry!r}; give a mapping with 'task' and 'schedule', "
                "such as {'task': 'shop.report', 'schedule': 60}"
            )
    return {name: dict(entry) for name, entry in given.items()}


def _mapping(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    if value is None:
        return {}
    if not _has_string_keys(value):
        raise ConfigError(
            f"app.config[{key!r}] is {value!r}; give a mapping with string keys, "
            f"or environment variables FLASK_{key}__... read by app.config.from_prefixed_env()"
        )
    return cast("Mapping[str, Any]", value)


def _has_string_keys(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(key, str) for key in cast("Any", value))


def _merge(
    settings: dict[str, Any], origin: dict[str, str], name: str, value: Any, where: str
) -> None:
    if name in settings and settings[name] != value:
        raise ConfigError(
            f"{origin[name]} is {settings[name]!r} and {where} is {value!r}: "
            "they are one setting; keep one of them"
        )
    settings[name] = value
    origin[name] = where


def _own_key(key: str) -> str:
    """Return a key of `CELERY` that is the user's own; refuse one that Celery would not read."""
    name = key.lower()
    plain = name.removeprefix("celery_")
    meant = _ALIASES.get(plain) or _OLD_NAMES.get(key.upper())
    if meant is None and plain in SETTING_KEYS:
        meant = plain
    near = get_close_matches(plain, SETTING_KEYS, n=1, cutoff=_LOOKS_LIKE)
    if meant is None and near and SequenceMatcher(None, plain, near[0]).ratio() >= _IS_MEANT:
        meant = near[0]
    if meant is not None:
        raise ConfigError(
            f"{CELERY}[{key!r}] is not how Celery writes a setting; did you mean {meant!r}?"
        )
    if near:
        logger.warning("%s[%r] is no setting of Celery; did you mean %r?", CELERY, key, near[0])
    return key


def _set_embedded_default(settings: dict[str, Any], namespace: str) -> None:
    settings["broker_url"] = EMBEDDED_BROKER
    if not settings.get("task_default_queue") and not settings.get("task_queues"):
        own: Any = settings.get("periodic")
        named = own.get("namespace") if isinstance(own, Mapping) else None
        settings["task_default_queue"] = named or namespace
    if not settings.get("result_backend") and not os.environ.get("CELERY_RESULT_BACKEND"):
        settings["result_backend"] = "cache+memory://"
    options: Mapping[str, Any] = settings.get("broker_transport_options") or {}
    settings["broker_transport_options"] = {"polling_interval": _POLLING_INTERVAL, **options}


def _broker_in_environment() -> bool:
    names = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
    return any(os.environ.get(name) for name in names)


def _nearest_setting(name: str) -> str:
    near = get_close_matches(name, SETTING_KEYS, n=1)
    return _did_you_mean([_PREFIX + one.upper() for one in near])


def _did_you_mean(near: list[str]) -> str:
    return f"; did you mean {near[0]!r}?" if near else ""
