"""Cron expressions as people type them: one text, its dialect, and where it is wrong."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Literal

from .errors import ScheduleError
from .schedules.base import Schedule
from .schedules.cron import cron
from .schedules.crontab import crontab

Dialect = Literal["cron", "celery"]

_PLACE = re.compile(r"\(at characters? ([0-9]+)(?:-([0-9]+))?")
# In the order of the text; Celery's messages count from the start of a field.
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


def read_expression(
    text: str,
    *,
    dialect: Dialect = "cron",
    tz: str | tzinfo | None = None,
    name: str | None = None,
) -> Schedule:
    """Return the schedule of a cron expression.

    Args:
        text: five fields, or six with seconds first in the `cron` dialect.
        dialect: `cron`, or `celery` for `crontab.from_string`.
        tz: whose wall clock is read; an IANA name or a zone.
        name: the entry's name, by which `H` is settled; of the `cron` dialect only.

    Raises:
        ScheduleError: the text cannot be understood.
    """
    if dialect == "celery":
        return crontab.from_string(text, tz=tz)
    return cron(text, tz=tz, name=name)


def pointer(text: str, error: ScheduleError) -> tuple[str, str] | None:
    """Return an expression and a line of carets that stands under the place of its error.

    Args:
        text: as it was given.
        error: what `read_expression` raised; it names the place.

    Returns:
        Two lines; None where the message names no place.

    >>> line = "0 61 * * *"
    >>> try:
    ...     read_expression(line)
    ... except ScheduleError as error:
    ...     pointer(line, error)
    ('0 61 * * *', '  ^^')
    """
    message = str(error)
    match = _PLACE.search(message)
    if match is None:
        return None
    shown = " ".join(text.split())
    start = _field_start(shown, message, match.end())
    first, end = start + int(match[1]) - 1, start + int(match[2] or match[1])
    safe = [_printable(char) for char in shown]
    before, width = sum(map(len, safe[:first])), sum(map(len, safe[first:end]))
    return "".join(safe), " " * before + "^" * max(width, 1)


def _field_start(text: str, message: str, end: int) -> int:
    """Return where the field starts whose own characters a message of Celery's dialect counts."""
    name = message.partition("=")[0]
    if message[end:].startswith(" of ") or name not in _FIELDS:
        return 0
    words = list(re.finditer(r"\S+", text))
    index = _FIELDS.index(name)
    return words[index].start() if index < len(words) else 0


def _printable(char: str) -> str:
    return char if char.isprintable() else repr(char)[1:-1]
