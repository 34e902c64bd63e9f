"""What a clock change does to a schedule, told in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .clock import to_utc
from .clock_changes import ClockChange, offset, reading, utc
from .schedules.base import Schedule
from .schedules.english import length, listed

#: What a clock change does to a schedule:
#: `none`: no reading is concerned; `merged`: what the gap swallows runs at its end;
#: `moved`: it runs as much later as the clock moved; `skipped`: it does not run;
#: `kept`: the pace goes on as if nothing were; `once`: of a repeated reading one pass runs;
#: `repeated`: both run; `other`: none of these, see the runs.
What = Literal["none", "merged", "moved", "skipped", "kept", "once", "repeated", "other"]

# Schedules that read no wall clock.
_TIMELESS = {
    "interval": "It counts elapsed time, so this has no effect.",
    "clocked": "It is one instant, so this has no effect.",
    "solar": "It follows the sun, so this has no effect.",
}
# Schedules whose readings can be had without any clock change: the same in UTC.
_BY_THE_CLOCK = ("crontab", "cron", "calendar_interval", "rrule")
# More readings than this are told by their number.
_MOST_LISTED = 4


@dataclass(frozen=True, slots=True)
class Effect:
    """What one clock change does to a schedule.

    Args:
        change: the clock change.
        what: one word for it.
        readings: the local readings, naive, that are left out or come twice.
        runs: when the schedule runs because of them, in its zone.
        text: the same in words.
    """

    change: ClockChange
    what: What
    readings: tuple[datetime, ...]
    runs: tuple[datetime, ...]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        change = self.change
        return {
            "at": utc(change.at),
            "from": change.old_reading.isoformat() + offset(change.before),
            "to": change.new_reading.isoformat() + offset(change.after),
            "effect": self.what,
            "readings": [each.isoformat() for each in self.readings],
            "runs": [each.isoformat() for each in self.runs],
            "text": f"{change.sentence()} {self.text}",
        }


def effect_on(schedule: Schedule, change: ClockChange) -> Effect:
    """Return what a clock change does to a schedule.

    Args:
        schedule: its zone settled.
        change: of the schedule's zone.
    """
    if schedule.kind in _TIMELESS:
        return Effect(change, "none", (), (), _TIMELESS[schedule.kind])
    nominal = _without_changes(schedule)
    if nominal is None:
        return _plain(schedule, change)
    return (_gap if change.forward else _fold)(schedule, nominal, change)


def _gap(schedule: Schedule, nominal: Schedule, change: ClockChange) -> Effect:
    left_out = _readings(nominal, change.old_reading, change.new_reading)
    if not left_out:
        return Effect(change, "none", (), (), "No run falls into the time that is left out.")
    new = change.new_reading
    runs = list(schedule.between(change.at, change.at + change.size))
    instants = {to_utc(run): run for run in runs}
    own = {change.at + (each - new) for each in _readings(nominal, new, new + change.size)}
    # Each reading's own instant, had the clock not changed.
    later = {change.at + (each - change.old_reading): each for each in left_out}
    many = len(left_out) > 1
    served = all(at in instants for at in later)
    fixed, on_gap = getattr(schedule, "fixed", False), getattr(schedule, "on_gap", "run")
    told: list[datetime] = []
    if on_gap == "run" and instants and (fixed or not served):
        what: What = "merged"
        at = min(instants)  # nothing can run before what the gap has swallowed
        told = [instants[at]]
        when = f"once, at {_run(told[0], change)}, the first instant after the gap"
        if at in own:
            when = f"together with {_run(told[0], change)}, its regular run"
        tail = f"{_they_run(left_out)} {when}"
    elif on_gap == "shift" and (fixed or not own.issuperset(later)):
        what, told = "moved", [instants[at] for at in later if at in instants]
        tail = f"{_they_run(left_out)} {length(change.size)} later, {_runs(told, change)}"
    elif served and not fixed:
        what = "kept"
        tail = f"the pace is kept: {_around(schedule, change)}"
    else:
        what = "skipped"
        tail = "those runs are skipped" if many else "that run is skipped"
    head = f"{_told(left_out, change)} {'do' if many else 'does'} not exist that day"
    return Effect(change, what, tuple(left_out), tuple(told), f"{head}; {tail}.")


def _fold(schedule: Schedule, nominal: Schedule, change: ClockChange) -> Effect:
    twice = _readings(nominal, change.new_reading, change.old_reading)
    if not twice:
        return Effect(change, "none", (), (), "No run falls into the time that comes twice.")
    runs = tuple(schedule.between(change.at - change.size, change.at + change.size))
    first = [run for run in runs if to_utc(run) < change.at]
    second = [run for run in runs if to_utc(run) >= change.at]
    told = _told(twice, change)
    head = f"{told} {'come' if len(twice) > 1 else 'comes'} twice"
    what: What = "repeated" if first and second else "once"
    if what == "repeated":
        tail = f"both passes run, with {offset(change.before)} and with {offset(change.after)}"
    elif first:
        tail = f"only the first pass runs, {_runs(first, change)}"
    else:
        tail = f"only the second pass runs, {_runs(second, change)}"
    return Effect(change, what, tuple(twice), runs, f"{head}; {tail}.")


def _plain(schedule: Schedule, change: ClockChange) -> Effect:
    """Return only when a schedule runs around a change, where its readings cannot be told."""
    start = change.at if change.forward else change.at - change.size
    runs = tuple(schedule.between(start, change.at + change.size))
    if not runs:
        return Effect(change, "none", (), (), "No run is near.")
    return Effect(change, "other", (), runs, f"It runs {_runs(runs, change)}.")


def _without_changes(schedule: Schedule) -> Schedule | None:
    """Return the schedule on a clock that never changes; None where there is no such thing."""
    if schedule.kind not in _BY_THE_CLOCK:
        return None
    return type(schedule).from_dict({**schedule.to_dict(), "tz": "UTC"})


def _readings(nominal: Schedule, start: datetime, end: datetime) -> list[datetime]:
    runs = nominal.between(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    return [run.replace(tzinfo=None) for run in runs]


def _around(schedule: Schedule, change: ClockChange) -> str:
    before = schedule.previous_before(change.at)
    after = schedule.next_after(change.at - datetime.resolution)
    if before is None or after is None:
        return "no run is lost"
    pause = length(to_utc(after) - to_utc(before))
    return f"{_run(before, change)} is followed by {_run(after, change)}, {pause} later"


def _they_run(readings: list[datetime]) -> str:
    return "they run" if len(readings) > 1 else "it runs"


def _told(readings: list[datetime], change: ClockChange) -> str:
    """Return readings in words: a few as a list, more by their number."""
    old = change.old_reading
    shown = [reading(each, beside=old) for each in readings]
    if len(shown) <= _MOST_LISTED:
        return listed(shown)
    return f"{len(shown)} readings from {shown[0]} to {shown[-1]}"


def _runs(runs: Iterable[datetime], change: ClockChange) -> str:
    shown = [_run(each, change) for each in runs]
    if len(shown) <= _MOST_LISTED:
        return f"at {listed(shown)}"
    return f"{len(shown)} times from {shown[0]} to {shown[-1]}"


def _run(run: datetime, change: ClockChange) -> str:
    local = reading(run.replace(tzinfo=None), beside=change.old_reading)
    return f"{local} {offset(run.utcoffset() or timedelta(0))}"
