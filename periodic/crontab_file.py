"""Reads a crontab: entries whose task is the command, for looking at, not for running."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

from .entry import Entry
from .errors import ScheduleError
from .schedules.cron import cron
from .schedules.zones import settle

_SETTING = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_ZONES = ("CRON_TZ", "TZ")
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class CrontabFile:
    """What a crontab says.

    Args:
        entries: one for each line that runs something; the task is the command.
        problems: line, such as "line 3" -> one sentence that says why it has no entry.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


class CrontabLine(NamedTuple):
    """One line of a crontab.

    Args:
        where: such as "line 3".
        expression: when it runs: five fields, or a macro.
        zone: whose clock is read.
        user: whose command it is; "" without that column.
        command: what it runs.
        zone_setting: the setting that named the zone, `CRON_TZ` or `TZ`; "" for none.
        settings: the names of the other settings above it.
        above: the comment directly above it, without its `#`.
        problem: one sentence that says why it cannot be read; "" for a good one.
    """

    where: str
    expression: str = ""
    zone: tzinfo = UTC
    user: str = ""
    command: str = ""
    zone_setting: str = ""
    settings: tuple[str, ...] = ()
    above: str = ""
    problem: str = ""


def read_crontab(text: str, *, tz: tzinfo = UTC, user_column: bool = False) -> CrontabFile:
    r"""Read the text of a crontab.

    `CRON_TZ=` and `TZ=` change the zone of the lines below; other settings are passed over. A
    line's entry is named after its command.

    Args:
        text: as `crontab -l` prints it.
        tz: whose clock is read until a line says otherwise.
        user_column: the sixth field is a user, as in `/etc/crontab`.

    >>> found = read_crontab("# nightly\nCRON_TZ=Europe/London\n30 2 * * * backup.sh --all\n")
    >>> [(entry.name, entry.schedule.describe()) for entry in found.entries]
    [('backup.sh --all', 'at 02:30 every day, Europe/London')]
    """
    found = CrontabFile()
    for line in crontab_lines(text, tz=tz, user_column=user_column):
        if line.problem:
            found.problems[line.where] = line.problem
            continue
        taken = {each.name for each in found.entries}
        name = line.command if line.command not in taken else f"{line.command} ({line.where})"
        try:
            schedule = cron(line.expression, tz=line.zone, name=name)
            found.entries.append(Entry(name=name, task=line.command, schedule=schedule))
        except ScheduleError as error:
            found.problems[line.where] = str(error)
    return found


def crontab_lines(
    text: str, *, tz: tzinfo = UTC, user_column: bool = False
) -> Iterator[CrontabLine]:
    """Yield the lines of a crontab that run something, and those that cannot be read.

    Args:
        text: as `crontab -l` prints it.
        tz: whose clock is read until a line says otherwise.
        user_column: the sixth field is a user, as in `/etc/crontab`.
    """
    zone, named = tz, ""
    settings: tuple[str, ...] = ()
    above = ""
    for number, given in enumerate(text.splitlines(), 1):
        line, comment = given.strip(), above
        above = ""
        where = f"line {number}"
        if not line or line.startswith("#"):
            above = line.removeprefix("#").strip()
            continue
        setting = _SETTING.fullmatch(line)
        try:
            if setting is None:
                yield _line(line, where, zone, user_column=user_column)._replace(
                    zone_setting=named, settings=settings, above=comment
                )
            elif setting[1] in _ZONES:
                settled = settle(setting[2].strip("'\""))
                zone, named = settled or tz, setting[1] if settled is not None else ""
            else:
                settings = (*(each for each in settings if each != setting[1]), setting[1])
        except ScheduleError as error:
            yield CrontabLine(where, problem=str(error))


def _line(line: str, where: str, zone: tzinfo, *, user_column: bool) -> CrontabLine:
    fields = 1 if line.startswith("@") else _FIELDS
    before = fields + user_column
    words = line.split(None, before)
    if len(words) <= before:
        user = ", a user" if user_column else ""
        raise ScheduleError(f"{line!r} has no command; a line is five fields{user} and a command")
    return CrontabLine(
        where,
        expression=" ".join(words[:fields]),
        zone=zone,
        user=words[fields] if user_column else "",
        command=words[-1],
    )
