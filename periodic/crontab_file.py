"""Reads a crontab: entries whose task is the command, for looking at, not for running."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

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
    zone = tz
    for number, given in enumerate(text.splitlines(), 1):
        line = given.strip()
        where = f"line {number}"
        if not line or line.startswith("#"):
            continue
        setting = _SETTING.fullmatch(line)
        try:
            if setting is not None:
                if setting[1] in _ZONES:
                    zone = settle(setting[2].strip("'\"")) or tz
                continue
            taken = {each.name for each in found.entries}
            entry = _entry(line, where, zone, taken, columns=_FIELDS + user_column)
        except ScheduleError as error:
            found.problems[where] = str(error)
        else:
            found.entries.append(entry)
    return found


def _entry(line: str, where: str, zone: tzinfo, taken: set[str], *, columns: int) -> Entry:
    fields = 1 if line.startswith("@") else _FIELDS
    before = columns - _FIELDS + fields
    words = line.split(None, before)
    if len(words) <= before:
        user = ", a user" if columns > _FIELDS else ""
        raise ScheduleError(f"{line!r} has no command; a line is five fields{user} and a command")
    command = words[-1]
    name = command if command not in taken else f"{command} ({where})"
    schedule = cron(" ".join(words[:fields]), tz=zone, name=name)
    return Entry(name=name, task=command, schedule=schedule)
