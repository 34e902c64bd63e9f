"""`periodic` for Flask: `Periodic()` on an app, and the commands `flask periodic run|list|next`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .extension import Periodic as Periodic
    from .extension import PeriodicState as PeriodicState
    from .extension import state_of as state_of

__all__ = ["Periodic", "PeriodicState", "state_of"]


def __getattr__(name: str) -> Any:
    # Late, because every `flask` command of an environment loads the group in cli.py: that must
    # neither take Celery's import time nor fail where Celery is not installed.
    if name in __all__:
        from . import extension  # noqa: PLC0415

        return getattr(extension, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
