"""The options of `add` and `set`: an entry's definition as words of a command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import click

from ..errors import ScheduleError
from ..expressions import Dialect, pointer, read_expression

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_EVERY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)")

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--task", help="The registered name of the task."),
    click.option("--cron", metavar="EXPR", help="When, as five fields: '0 9 * * mon-fri'."),
    click.option("--every", metavar="TIME", help="When, as a time: 90, 90s, 5m, 2h, 1d."),
    click.option("--schedule", metavar="JSON", help="When, as the data of any schedule."),
    click.option(
        "--dialect",
        type=click.Choice(["cron", "celery"]),
        default="cron",
        show_default=True,
        help="How --cron is read: as Debian's cron, or as Celery's crontab.",
    ),
    click.option("--tz", metavar="ZONE", help="Whose clock is read; the app's unless given."),
    click.option("--args", metavar="JSON", help="Positional arguments: '[1, \"a\"]'."),
    click.option("--kwargs", metavar="JSON", help="Keyword arguments: '{\"days\": 7}'."),
    click.option(
        "--options", metavar="JSON", help='Options of apply_async: \'{"queue": "mail"}\'.'
    ),
    click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="KEY=VALUE",
        help="A policy, such as catch_up=skip; may be repeated.",
    ),
    click.option(
        "--run-on-start/--no-run-on-start",
        "run_on_start",
        default=None,
        help="Also run in the second in which it is counted for the first time.",
    ),
    click.option(
        "--enabled/--disabled", "enabled", default=None, help="A disabled entry has no runs."
    ),
)


def definition_options(command: F) -> F:
    """Give a command the options of a definition; `read_definition` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_definition(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `Schedules.put` that the options name.

    Args:
        name: the entry's, by which `H` is settled.
        given: what click read; None is not given.

    Raises:
        UsageError: an option cannot be understood.
    """
    found: dict[str, Any] = {
        key: given[key] for key in ("task", "run_on_start", "enabled") if given.get(key) is not None
    }
    ways = [key for key in ("cron", "every", "schedule") if given.get(key) is not None]
    if len(ways) > 1:
        raise click.UsageError(f"--{ways[0]} and --{ways[1]} both say when; keep one of them")
    if ways:
        found["schedule"] = _WHEN[ways[0]](given[ways[0]], name, given["dialect"])
    if given.get("tz") is not None:
        found["tz"] = given["tz"]
    for key, kind in (("args", list), ("kwargs", dict), ("options", dict)):
        if given.get(key) is not None:
            found[key] = _json(f"--{key}", given[key], kind)
    for policy in given.get("policies") or ():
        key, separator, value = str(policy).partition("=")
        if not separator:
            raise click.BadParameter(
                f"{policy!r} is no KEY=VALUE, such as catch_up=skip", param_hint="'--policy'"
            )
        found[key.strip().replace("-", "_")] = _value(value.strip())
    return found


def _cron(text: str, name: str, dialect: str) -> Any:
    try:
        return read_expression(text, dialect=cast("Dialect", dialect), name=name)
    except ScheduleError as error:
        place = "".join(f"\n  {line}" for line in pointer(text, error) or ())
        raise click.BadParameter(f"{error}{place}", param_hint="'--cron'") from None


def _every(text: str, _name: str, _dialect: str) -> float:
    match = _EVERY.fullmatch(text.strip().lower())
    unit = match[2] or "s" if match else ""
    if match is None or unit not in _UNITS:
        raise click.BadParameter(
            f"{text!r} is no time such as 90, 90s, 5m, 2h or 1d", param_hint="'--every'"
        )
    return float(match[1]) * _UNITS[unit]


def _data(text: str, _name: str, _dialect: str) -> Any:
    return _json("--schedule", text, dict)


_WHEN: Mapping[str, Callable[[str, str, str], Any]] = {
    "cron": _cron,
    "every": _every,
    "schedule": _data,
}
_WORDS: Mapping[type[Any], str] = {
    list: "list, such as '[1, \"a\"]'",
    dict: "mapping, such as '{\"days\": 7}'",
}


def _json(option: str, text: str, kind: type[Any]) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON: {error}", param_hint=repr(option)) from None
    if not isinstance(value, kind):
        raise click.BadParameter(f"{text!r} is no {_WORDS[kind]}", param_hint=repr(option))
    return value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
