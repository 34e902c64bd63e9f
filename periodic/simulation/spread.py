"""Offsets that flatten the herd: which entries to move by how many minutes, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from ..clock import to_utc
from ..entry import Entry
from ..errors import ScheduleError
from ..schedules.base import Schedule

_MINUTE = timedelta(minutes=1)
_HOUR = 60
#: An entry with more runs than this in the span is left where it is: its load is everywhere.
_MOST_RUNS = 50_000
_SHADES = " ░▒▓█"
_WHOLE = "*"


class Offset(NamedTuple):
    """An entry that moves.

    Args:
        entry: its name.
        minutes: by how much; below zero is earlier.
        before: its schedule.
        after: the schedule that is proposed.
    """

    entry: str
    minutes: int
    before: Schedule
    after: Schedule

    def line(self) -> str:
        """Return it as one line of text."""
        return f"{self.entry}: {self.minutes:+d} min, {self.after!r}"


@dataclass(frozen=True, slots=True)
class Herd:
    """How many runs there are at once.

    Args:
        minutes: minute of the hour, in UTC -> runs of the span.
        most: the most runs that begin within one minute.
        at: when that is first; UTC, or None without any run.
    """

    minutes: Counter[int]
    most: int = 0
    at: datetime | None = None

    def line(self) -> str:
        """Return the minutes of the hour as shades: the darker, the more."""
        top = max(self.minutes.values(), default=0)
        levels = len(_SHADES) - 1
        shades = (
            _SHADES[-(-self.minutes[each] * levels // top) if self.minutes[each] else 0]
            for each in range(_HOUR)
        )
        return f"|{''.join(shades)}| at most {self.most} at once"


@dataclass(frozen=True, slots=True)
class Spread:
    """A proposal.

    Args:
        before: the herd as it is.
        after: the herd with the offsets.
        offsets: who moves.
    """

    before: Herd
    after: Herd
    offsets: tuple[Offset, ...]

    def told(self) -> str:
        """Return it in one sentence."""
        if not self.offsets:
            return f"At most {self.before.most} runs begin within one minute; nothing to move."
        return (
            f"At most {self.before.most} runs begin within one minute; with {len(self.offsets)} "
            f"entries moved it is {self.after.most}."
        )

    def lines(self) -> Iterator[str]:
        """Yield it as lines of text."""
        yield "minutes of the hour, and the most runs that begin within one minute"
        yield f"        {''.join(f'{each:<10}' for each in range(0, _HOUR, 10)).rstrip()}"
        yield f"before {self.before.line()}"
        if self.offsets:
            yield f"after  {self.after.line()}"
            for each in self.offsets:
                yield each.line()
        yield self.told()


def spread(entries: Iterable[Entry], start: datetime, end: datetime) -> Spread:
    """Propose offsets that flatten the herd.

    An entry stays in its hour: a fixed minute becomes another one, `*/15` becomes `4-59/15`, an
    interval gets an anchor. Each proposal is proved: over the span the new schedule has the old
    one's runs, that much later or earlier. What cannot be moved so stays, and counts.

    Args:
        entries: a disabled one has no runs.
        start: included; aware.
        end: not included; aware. The span has at least a typical day; a week is better.

    >>> from datetime import UTC
    >>> from periodic import crontab
    >>> daily = crontab(minute=0, hour=9, tz="UTC")
    >>> herd = [Entry(name=name, task="x", schedule=daily) for name in ("a", "b", "c")]
    >>> day = datetime(2026, 3, 2, tzinfo=UTC)
    >>> found = spread(herd, day, day + timedelta(days=1))
    >>> found.before.most, found.after.most, [each.minutes for each in found.offsets]
    (3, 1, [1, 2])
    """
    first, last = to_utc(start), to_utc(end)
    load: Counter[int] = Counter()
    movable: list[tuple[Entry, list[int]]] = []
    for entry in entries:
        if entry.enabled:
            runs = [(to_utc(run) - first) // _MINUTE for run in entry.schedule.between(first, last)]
            load.update(runs)
            if 0 < len(runs) < _MOST_RUNS and entry.schedule.kind in _KINDS:
                movable.append((entry, runs))
    before = _herd(load, first)
    offsets: list[Offset] = []
    # Those with most runs have the fewest places to go to, so they choose first.
    for entry, runs in sorted(movable, key=lambda item: -len(item[1])):
        if max(load[run] for run in runs) > 1:
            moved = _moved(entry, runs, load, first, last)
            if moved is not None:
                offsets.append(moved)
    return Spread(before, _herd(load, first), tuple(offsets))


def _moved(
    entry: Entry, runs: list[int], load: Counter[int], first: datetime, last: datetime
) -> Offset | None:
    """Move an entry to where the fewest others are; None where it stays."""
    load.subtract(runs)

    def crowd(by: int) -> tuple[int, int]:
        others = [load[run + by] for run in runs]
        return max(others), sum(others)

    stay = crowd(0)
    # The nearest of equally good places; later rather than earlier.
    places = sorted(_room(entry.schedule, runs), key=lambda by: (*crowd(by), abs(by), -by))
    for by in places:
        if crowd(by) >= stay:
            break
        after = _shifted(entry, by, first, last)
        if after is not None:
            load.update(run + by for run in runs)
            return Offset(entry.name, by, entry.schedule, after)
    load.update(runs)
    return None


def _room(schedule: Schedule, runs: list[int]) -> range:
    """Return by how many minutes a schedule may move: within its hour, and its own pace."""
    pace = min((later - earlier for earlier, later in pairwise(runs)), default=_HOUR)
    if schedule.kind == "interval" or pace < _HOUR:
        return range(max(min(pace, _HOUR), 1))
    minute = runs[0] % _HOUR
    return range(-minute, _HOUR - minute)


def _shifted(entry: Entry, by: int, first: datetime, last: datetime) -> Schedule | None:
    """Return the schedule so much later, where it can say that and its runs prove it."""
    old, delta = entry.schedule, by * _MINUTE
    try:
        data = _KINDS[old.kind](old.to_dict(), by)
        if data is None:
            return None
        new = Schedule.from_dict(data).named(entry.name)
    except (ScheduleError, ValueError, KeyError, NotImplementedError):
        return None
    expected = [to_utc(run) + delta for run in old.between(first, last)]
    actual = [
        to_utc(run)
        for run in new.between(first + min(delta, -delta), last + max(delta, -delta))
        if first + delta <= to_utc(run) < last + delta
    ]
    return new if expected == actual else None


_Data = dict[str, Any]


def _crontab(data: _Data, by: int) -> _Data | None:
    minute = _minute(data["minute"], by)
    return None if minute is None else {**data, "minute": minute}


def _cron(data: _Data, by: int) -> _Data | None:
    words = str(data["expression"]).split()
    if len(words) != 5:  # noqa: PLR2004  # five fields; with seconds it is not moved
        return None
    minute = _minute(words[0], by)
    return None if minute is None else {**data, "expression": " ".join([minute, *words[1:]])}


def _interval(data: _Data, by: int) -> _Data:
    start = data["anchor"] or "1970-01-01T00:00:00+00:00"
    return {**data, "anchor": (datetime.fromisoformat(start) + by * _MINUTE).isoformat()}


def _calendar(data: _Data, by: int) -> _Data:
    hour, minute, second = (int(each) for each in str(data["at"]).split(":"))
    return {**data, "at": f"{hour:02}:{minute + by:02}:{second:02}"}


_KINDS: dict[str, Callable[[_Data, int], _Data | None]] = {
    "crontab": _crontab,
    "cron": _cron,
    "interval": _interval,
    "calendar_interval": _calendar,
}


def _minute(field: object, by: int) -> str | None:
    """Return a minute field so much later; None where that cannot be said in a few words."""
    text = str(field).strip()
    if text.isdigit():
        return str(int(text) + by)
    start, slash, step = text.partition("/")
    if slash and start == _WHOLE and step.isdigit() and _HOUR % int(step) == 0:
        return f"{by}-59/{step}" if 0 < by < int(step) else None
    if all(part.strip().isdigit() for part in text.split(",")):
        return ",".join(str(int(part) + by) for part in text.split(","))
    return None


def _herd(load: Counter[int], first: datetime) -> Herd:
    minutes: Counter[int] = Counter()
    most, at = 0, None
    for minute, number in load.items():
        if number:
            minutes[(first + minute * _MINUTE).minute] += number
            if number > most or (number == most and at is not None and minute < at):
                most, at = number, minute
    return Herd(minutes, most, None if at is None else first + at * _MINUTE)
