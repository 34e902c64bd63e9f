"""Entries of a file that `export` has written, or somebody in that form: JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ...cli_simulate import read_text
from ...errors import ConfigError
from .coming import Coming


def from_json(path: Path) -> list[Coming]:
    """Read what `export` has written.

    Raises:
        ConfigError: it is no such file, or a name is there twice.
    """
    try:
        data = json.loads(read_text(str(path)), object_pairs_hook=_once)
    except (OSError, ValueError) as error:
        raise _no_entries(path, error) from error
    return _entries(path, data)


def from_yaml(path: Path) -> list[Coming]:
    """Read what `export --format yaml` has written.

    Raises:
        ConfigError: it is no such file, a name is there twice, or PyYAML is not installed.
    """
    yaml = load_yaml()
    try:
        data = yaml.load(read_text(str(path)), Loader=_strict_loader(yaml))  # a safe one
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _no_entries(path, error) from error
    return _entries(path, _as_json(data))


def load_yaml() -> Any:
    """Return the module of PyYAML.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module("yaml")  # optional
    except ImportError as error:
        raise ConfigError(f"{error}; install periodic-celery[yaml]") from error


def exported(records: Sequence[Any]) -> dict[str, Any]:
    """Return records as JSON-ready data that `from_json` and `from_yaml` read."""
    return {
        "entries": {
            record.name: {
                **record.definition,
                **({} if record.pause is None else {"pause": record.pause.to_dict()}),
            }
            for record in records
        }
    }


def _entries(path: Path, data: Any) -> list[Coming]:
    coming: list[Coming] = []
    try:
        entries: Mapping[str, Mapping[str, Any]] = data["entries"]
        for name, given in entries.items():
            rest = dict(given)
            coming.append(Coming(name, pause=rest.pop("pause", None), given=rest, own=True))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_entries(path, error) from error
    return coming


def _no_entries(path: Path, error: Exception) -> ConfigError:
    said = " ".join(str(error).split()) or type(error).__name__
    return ConfigError(
        f"{str(path)!r} holds no entries as `export` writes them: {type(error).__name__}: {said}"
    )


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice; keep one of them")
        found[key] = value
    return found


def _strict_loader(yaml: Any) -> Any:
    """Return PyYAML's safe loader, which takes the last of two equal keys, made to refuse them."""

    class Strict(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML is optional
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # PyYAML's
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for number, key in enumerate(keys):
                if key in keys[:number]:
                    line = node.value[number][0].start_mark.line + 1
                    raise ValueError(f"line {line}: the key {key!r} is there twice; keep one")
            return cast("dict[Hashable, Any]", super().construct_mapping(node, deep))

    return Strict


def _as_json(value: Any) -> Any:
    """Return YAML's data with moments as text, as JSON has them."""
    if isinstance(value, Mapping):
        found: Mapping[Any, Any] = value
        return {key: _as_json(each) for key, each in found.items()}
    if isinstance(value, list):
        several: list[Any] = value
        return [_as_json(each) for each in several]
    return value.isoformat() if isinstance(value, datetime | date) else value
