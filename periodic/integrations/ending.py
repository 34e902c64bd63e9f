"""What the commands that change entries share: how they find the app, and how they end."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from ..errors import (
    DuplicateEntry,
    PeriodicError,
    StaleVersion,
    StoreUnreachable,
    UnknownEntry,
)
from ..live import Schedules

#: Finds the entries of the app that a command is for; may raise `PeriodicError`.
Find = Callable[[click.Context], Schedules]

who_option: Callable[[Any], Any] = click.option(
    "--who", help="Who does it, for the audit; the user of the system if not given."
)


class _Unknown(click.ClickException):
    exit_code = 3


class _Conflict(click.ClickException):
    exit_code = 4


class _Unreachable(click.ClickException):
    exit_code = 5


#: How a command ends, by what went wrong; 1 is everything else, 2 a wrong command line.
_ENDS: Mapping[type[PeriodicError], type[click.ClickException]] = {
    UnknownEntry: _Unknown,
    StaleVersion: _Conflict,
    DuplicateEntry: _Conflict,
    StoreUnreachable: _Unreachable,
}


@contextmanager
def ending() -> Generator[None]:
    """Let what periodic raises on purpose end a command with its sentence and its status."""
    try:
        yield
    except PeriodicError as error:
        ends = (end for cls, end in _ENDS.items() if isinstance(error, cls))
        raise next(ends, click.ClickException)(str(error)) from error


def found(find: Find, who: str | None = None, *, via: str = "cli") -> Schedules:
    """Return the entries of the app, changed by somebody: the system's user unless given."""
    return find(click.get_current_context()).by(_user() if who is None else who, via=via)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no user of this number
        return ""
