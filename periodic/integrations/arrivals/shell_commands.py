"""Which task a command of a crontab stands for: `celery call`, or what somebody says of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import click

from ...errors import ConfigError, EntryError

_FOLDER = re.compile(r"cd\s+[^\s;&|<>()$`'\"]+\s*&&\s*")
_OUTPUT = re.compile(r"(?:\s*(?:[12]|&)?>>?\s*(?:&[12]|[^\s;&|<>()$`'\"]+))+\s*")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
#: What a shell does more with than hand it over.
_SHELL = frozenset("$`;&|<>()*?[~{!#")
_IN_QUOTES = frozenset("$`")
#: Options of `celery` before its command that say nothing of the task; all but these take a value.
_FLAGS = frozenset({"-q", "--quiet", "-C", "--no-color", "--skip-checks"})
_VALUED = frozenset({"-A", "--app", "--workdir"})


@dataclass(slots=True)
class Asked:
    """What a command asks for.

    Args:
        task: the registered name.
        args: positional arguments.
        kwargs: keyword arguments.
        options: of `apply_async`.
        notes: what stays behind, one sentence each.
        called: it is `celery call`.
    """

    task: str
    args: list[Any] = field(default_factory=list[Any])
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])
    called: bool = False


def read_table(given: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Return a table of commands, as words, and their tasks.

    Args:
        given: each `COMMAND=TASK`.

    Raises:
        ConfigError: one is no such pair.
    """
    table: dict[tuple[str, ...], str] = {}
    for pair in given:
        command, separator, task = pair.rpartition("=")
        try:
            words = tuple(shlex.split(command))
        except ValueError:
            words = ()
        if not (separator and words and task.strip()):
            raise ConfigError(f"{pair!r} is no COMMAND=TASK, such as '/srv/backup.sh=shop.backup'")
        table[words] = task.strip()
    return table


def read_command(command: str, table: Mapping[tuple[str, ...], str]) -> Asked:
    """Return what a command asks for.

    Args:
        command: the rest of a line, as cron hands it to the shell.
        table: the first words of a command -> the task that does its work.

    Raises:
        EntryError: no task is known for it, or a shell would do more with it than run it.
    """
    notes: list[str] = []
    plain = _unescaped(command)
    folder = _FOLDER.match(plain)
    if folder is not None:
        gone = folder[0].partition("&&")[0].strip()
        notes.append(f"{gone!r} stays behind: a task has its worker's folder")
        plain = plain[folder.end() :]
    output = re.search(_OUTPUT.pattern + r"\Z", plain)
    if output is not None:
        notes.append(f"{output[0].strip()!r} stays behind: a task's output is its worker's log")
        plain = plain[: output.start()]
    words = _words(plain, command)
    settings = _leading(words)
    words = words[len(settings) :]
    others = [each.partition("=")[0] for each in settings if not each.startswith("APP=")]
    if others:
        notes.append(f"{', '.join(others)} stays behind: a task has its worker's environment")
    asked = _call(words) or _mapped(words, table)
    if asked is None:
        first = words[0] if words else command
        raise EntryError(
            f"no task is known for {command!r}; say which with --map {f'{first}=TASK'!r}, or "
            "write the line as `celery call TASK`"
        )
    asked.notes[:0] = notes
    return asked


def _unescaped(command: str) -> str:
    r"""Return a command with `\%` as `%`; cron makes a line's end of a bare one."""
    if re.search(r"(?<!\\)%", command):
        raise EntryError(
            f"{command!r} hands text to its command after a '%'; a task has no standard input"
        )
    return command.replace("\\%", "%")


def _words(plain: str, command: str) -> list[str]:
    quote = ""
    escaped = False
    for char in plain:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            if char == quote:
                quote = ""
            elif quote == '"' and char in _IN_QUOTES:
                raise _needs_shell(command, char)
        elif char in "'\"":
            quote = char
        elif char in _SHELL:
            raise _needs_shell(command, char)
    try:
        return shlex.split(plain)
    except ValueError as error:
        raise EntryError(f"{command!r} is no command: {error}") from None


def _needs_shell(command: str, char: str) -> EntryError:
    return EntryError(
        f"{command!r} needs a shell for its {char!r}, which a task does not have; put it into a "
        "task or a script"
    )


def _leading(words: list[str]) -> list[str]:
    found: list[str] = []
    for word in words:
        if not _SETTING.fullmatch(word):
            break
        found.append(word)
    return found


def _mapped(words: list[str], table: Mapping[tuple[str, ...], str]) -> Asked | None:
    for length in range(len(words), 0, -1):
        task = table.get(tuple(words[:length]))
        if task is None:
            continue
        asked = Asked(task, args=words[length:])
        if asked.args:
            asked.notes.append(f"its words {asked.args} became arguments, each as text")
        return asked
    return None


def _call(words: list[str]) -> Asked | None:
    """Return what `celery call` asks for; None for another command."""
    rest = list(words)
    if not rest:
        return None
    program = PurePosixPath(rest.pop(0)).name
    if re.fullmatch(r"python[0-9.]*", program) and rest[:2] == ["-m", "celery"]:
        del rest[:2]
    elif program != "celery":
        return None
    while rest and rest[0].startswith("-"):
        name, separator, _ = rest.pop(0).partition("=")
        if name in _VALUED:
            if not separator and rest:
                del rest[0]
        elif name not in _FLAGS and not re.fullmatch(r"-A\S+", name):
            raise EntryError(f"`celery {name}` is not understood here; write `celery call TASK`")
    if not rest or rest.pop(0) != "call":
        return None
    try:
        with _CALL.make_context("celery call", rest) as context:
            given = dict(context.params)
    except click.UsageError as error:
        raise EntryError(f"`celery call`: {error.format_message()}") from None
    asked = Asked(given.pop("name"), called=True)
    asked.args = _json("--args", given.pop("args"), list)
    asked.kwargs = _json("--kwargs", given.pop("kwargs"), dict)
    asked.options = {key: value for key, value in given.items() if value is not None}
    return asked


def _json(option: str, text: str, kind: type[Any]) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise EntryError(f"`celery call` {option} is no JSON: {error}") from None
    if not isinstance(value, kind):
        raise EntryError(f"`celery call` {option} is {text}, no JSON of the kind {kind.__name__}")
    return value


#: The options of `celery call` that make sense more than once.
_CALL = click.Command(
    "call",
    params=[
        click.Argument(["name"]),
        click.Option(["-a", "--args"], default="[]"),
        click.Option(["-k", "--kwargs"], default="{}"),
        click.Option(["--countdown"], type=float),
        click.Option(["--expires"], type=float),
        click.Option(["--serializer"]),
        click.Option(["--queue"]),
        click.Option(["--exchange"]),
        click.Option(["--routing-key"]),
    ],
    add_help_option=False,
)
