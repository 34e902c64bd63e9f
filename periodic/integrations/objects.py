"""What `MODULE:NAME` names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from ..errors import ConfigError


def mapping_at(path: str) -> Mapping[str, Any]:
    """Return the mapping that `MODULE:NAME` names; NAME may have dots.

    Args:
        path: the module is imported, from the working directory too.

    Raises:
        ConfigError: there is no such thing, or it is no mapping.
    """
    found = named_object(path)
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path!r} is {found!r}; give a mapping of entry names to entries")
    return cast("Mapping[str, Any]", found)


def named_object(path: str) -> Any:
    """Return whatever `MODULE:NAME` names; NAME may have dots.

    Args:
        path: the module is imported, from the working directory too.

    Raises:
        ConfigError: there is no such thing.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ConfigError(f"{path!r} names nothing; write MODULE:NAME, as shop.config:BEAT")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be found: {error}") from error
    return found
