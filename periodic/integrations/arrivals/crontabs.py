"""Entries of a crontab: its lines, with the tasks that their commands stand for."""

from __future__ import annotations

from collections.abc import Mapping

from ...crontab_file import CrontabLine, crontab_lines
from ...errors import EntryError, ScheduleError
from ...schedules import cron
from ..cron_daemon import daemon_runs
from .coming import Coming, Place
from .shell_commands import Asked, read_command

#: A comment directly above a line that names its entry.
NAMED = "entry:"


def from_crontab(
    text: str,
    place: Place,
    *,
    table: Mapping[tuple[str, ...], str],
    user_column: bool = False,
) -> list[Coming]:
    """Read a crontab; a line that cannot come along is named by its number.

    Args:
        text: of the file.
        place: where they arrive; its zone is read until a line says otherwise.
        table: the first words of a command -> the task that does its work.
        user_column: the sixth field is a user, as in `/etc/crontab`.
    """
    found: list[Coming] = []
    for line in crontab_lines(text, tz=place.zone, user_column=user_column):
        taken = {each.name for each in found if not each.problem}
        found.append(_coming(line, taken, place, table))
    return found


def _coming(
    line: CrontabLine, taken: set[str], place: Place, table: Mapping[tuple[str, ...], str]
) -> Coming:
    coming = Coming(line.where, where=line.where, who="cron", problem=line.problem)
    if line.problem:
        return coming
    try:
        asked = read_command(line.command, table)
        coming.name = _name(line, asked, taken)
        schedule = cron(line.expression, tz=line.zone, name=coming.name)
    except (EntryError, ScheduleError) as error:
        coming.problem = str(error)
        return coming
    coming.given = {
        "task": asked.task,
        "schedule": schedule,
        "args": asked.args,
        "kwargs": asked.kwargs,
        "options": asked.options,
    }
    coming.theirs = lambda start, end: daemon_runs(schedule, start, end)
    coming.notes += [*_zone_notes(line, place), *_day_notes(schedule), *asked.notes]
    if line.user:
        coming.notes.append(f"cron ran it as {line.user!r}; a task runs as its worker does")
    if line.settings and not asked.called:
        several = ", ".join(line.settings)
        coming.notes.append(f"{several} of the crontab stays behind: a task has its worker's")
    return coming


def _name(line: CrontabLine, asked: Asked, taken: set[str]) -> str:
    if line.above.startswith(NAMED):
        named = line.above.removeprefix(NAMED).strip()
        if named in taken:
            raise EntryError(f"an entry named {named!r} is above already; names are unique")
        return named
    name = asked.task if asked.called else " ".join(line.command.split())
    return name if name not in taken else f"{name} ({line.where})"


def _zone_notes(line: CrontabLine, place: Place) -> list[str]:
    if not line.zone_setting:
        return [place.zone_note("the crontab")]
    if line.zone_setting == "TZ":
        said = "most crons hand TZ to the command alone and read their own clock"
        return [f"its clock is read in {line.zone}, as TZ says; {said}: write CRON_TZ for a zone"]
    return []


def _day_notes(schedule: cron) -> list[str]:
    days, weekdays = schedule.parsed.day_of_month, schedule.parsed.day_of_week
    if schedule.parsed.either_day:
        said = "its day of the month OR its day of the week is enough, as in cron"
        return [f"{said}; Celery's crontab(...) would want both"]
    if days.given in ("*", "?") or weekdays.given in ("*", "?"):
        return []
    return ["its day of the month AND its day of the week must fit, because one begins with a star"]
