"""Entries as the lines of a crontab; what cron cannot say becomes a comment with its reason."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..definitions import entry_of
from ..entry import Entry
from ..errors import EntryError, PeriodicError
from ..live import Schedules
from ..policies import ALLOWED
from ..records import EntryRecord
from ..schedules import Schedule, cron, crontab, interval
from .arrivals.crontabs import NAMED
from .cron_daemon import daemon_runs
from .holding_against import hold_against

#: How a line's command begins unless somebody says otherwise.
CALL = "celery call"
_OPTIONS = {
    "countdown": "--countdown",
    "expires": "--expires",
    "serializer": "--serializer",
    "queue": "--queue",
    "exchange": "--exchange",
    "routing_key": "--routing-key",
}
#: What every cron reads as ours does; names, wrapped ranges and 5/15 are not among it.
_PART = re.compile(r"\*(?:/\d+)?|\d+|(\d+)-(\d+)(?:/\d+)?")
_FULL = {"day_of_month": frozenset(range(1, 32)), "day_of_week": frozenset(range(7))}
_YEAR = timedelta(days=366)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_HEAD = """\
# Written by `export --format crontab`; `import --from crontab` reads it.
# CRON_TZ is understood by cronie; Debian's cron reads the machine's own clock.
"""


@dataclass(frozen=True, slots=True)
class Crontab:
    """A crontab of entries.

    Args:
        text: of the file.
        left_out: entry -> why it is a comment.
    """

    text: str
    left_out: Mapping[str, str]


def as_crontab(
    schedules: Schedules, records: Iterable[EntryRecord], now: datetime, *, call: str = CALL
) -> Crontab:
    """Return records as a crontab that runs each at the same instants in the coming year.

    Args:
        schedules: whose; knows the code, where records say only what is otherwise than there.
        records: of its store.
        now: when a pause is looked at and the year begins; aware.
        call: the command that sends a task by its name, such as `celery -A shop call`.
    """
    lines: list[str] = []
    left_out: dict[str, str] = {}
    zone = ""
    for record in records:
        line, reason, notes = _line(schedules, record, now, call)
        lines += ["", f"# {NAMED} {record.name}"]
        told = [f"# {note}" for note in notes]
        if reason:
            left_out[record.name] = reason
            told.append(f"# not here: {reason}")
            told += [] if line is None else [f"# CRON_TZ={line[0]}", f"# {line[1]}"]
            lines += told
        elif line is not None:
            lines[-1:-1] = ([f"CRON_TZ={line[0]}"] if line[0] != zone else []) + told
            lines.append(line[1])
            zone = line[0]
    return Crontab(_HEAD + "\n".join(lines) + "\n", left_out)


_Line = tuple[str, str]


def _line(
    schedules: Schedules, record: EntryRecord, now: datetime, call: str
) -> tuple[_Line | None, str, list[str]]:
    """Return the zone and the line, why it must be a comment, and what else is to be known."""
    rules = schedules.rules
    code = rules.code() if rules.code is not None else {}
    try:
        entry = entry_of(
            record, now, zone=rules.zone, base=code.get(record.name), defaults=rules.defaults
        )
        expression = expression_of(entry.schedule)
        command = _command(entry, call)
    except PeriodicError as error:
        return None, str(error).removeprefix(f"entry {record.name!r}: "), []
    said = [key for key in ALLOWED if key in record.definition]
    notes = [f"{', '.join(said)}: cron makes up for nothing"] if said else []
    if entry.run_on_start:
        notes.append("run_on_start: cron knows no first start")
    line = (expression.to_dict()["tz"], f"{expression.expression} {command}")
    found = hold_against(
        entry.schedule,
        lambda start, end: daemon_runs(expression, start, end),
        now,
        now + _YEAR,
        whole=True,
    )
    reason = found.sentence("cron")
    if found and _either_day(entry.schedule, expression):
        reason = (
            "cron would run it when its day of the month OR its day of the week fits; it runs when "
            "both do"
        )
    if record.paused(now):
        reason = "it is paused"
    elif not entry.enabled:
        reason = "it is disabled"
    return line, reason, notes


def expression_of(schedule: Schedule) -> cron:
    """Return five fields in the words that every cron knows, in the zone of a schedule.

    They may still mean something else: hold them against the schedule.

    Raises:
        EntryError: there are no such fields.
    """
    if isinstance(schedule, interval):
        return _grid(schedule)
    if isinstance(schedule, crontab):
        given = schedule.to_dict()
        fields = [
            _field(key, given[key], getattr(schedule, key))
            for key in ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        ]
    elif isinstance(schedule, cron):
        parsed = schedule.parsed
        if parsed.second.values != frozenset({0}):
            raise EntryError("cron has no field for seconds")
        if any(field.month_specials or field.week_specials for field in parsed):
            raise EntryError(f"cron has no word for the days of {schedule.expression!r}")
        fields = [_field(each.field.name, each.given, each.values) for each in parsed[1:]]
    else:
        raise EntryError(f"cron has no words for {schedule.describe()!r}")
    return cron(" ".join(fields), tz=schedule.tz or UTC)


def _field(name: str, given: Any, values: frozenset[int]) -> str:
    if values == _FULL.get(name):
        return "*"
    if isinstance(given, str) and all(map(_plain, given.split(","))):
        return given
    return ",".join(map(str, sorted(values)))


def _plain(part: str) -> bool:
    match = _PART.fullmatch(part)
    return match is not None and (match[1] is None or int(match[1]) <= int(match[2]))


def _grid(schedule: interval) -> cron:
    """Return the fields of a grid in UTC, where every day is as another."""
    every, anchor = schedule.every, schedule.anchor
    past = anchor.second or anchor.microsecond or every % _MINUTE
    minute, hour = str(anchor.minute), str(anchor.hour)
    if not past and not _HOUR % every:
        minutes = every // _MINUTE
        fields = f"{_steps(anchor.minute % minutes, minutes, 60)} * * * *"
    elif not past and not _DAY % every and not every % _HOUR:
        hours = every // _HOUR
        fields = f"{minute} {_steps(anchor.hour % hours, hours, 24)} * * *"
    elif not past and every == _WEEK:
        fields = f"{minute} {hour} * * {anchor.isoweekday() % 7}"
    else:
        raise EntryError(f"cron has no words for {schedule.describe()!r}")
    return cron(fields, tz="UTC")


def _steps(first: int, step: int, size: int) -> str:
    if step == 1:
        return "*"
    if not first and step < size:
        return f"*/{step}"
    return ",".join(map(str, range(first, size, step)))


def _either_day(schedule: Schedule, expression: cron) -> bool:
    return isinstance(schedule, crontab) and expression.parsed.either_day


def _command(entry: Entry, call: str) -> str:
    words = [call, shlex.quote(entry.task)]
    if entry.args:
        words.append(f"--args {shlex.quote(json.dumps(list(entry.args)))}")
    if entry.kwargs:
        words.append(f"--kwargs {shlex.quote(json.dumps(dict(entry.kwargs)))}")
    for key, value in entry.options.items():
        if key not in _OPTIONS or not isinstance(value, str | int | float):
            raise EntryError(f"`celery call` has no option for {key}={value!r}")
        words.append(f"{_OPTIONS[key]} {shlex.quote(str(value))}")
    # A bare % ends a command, and hands over the rest as its input.
    return " ".join(words).replace("%", "\\%")
