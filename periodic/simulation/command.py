"""`simulate` as a command: what was typed, and how a simulation is printed; for every front."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from ..clock import to_utc, to_zone
from ..entry import Entry
from ..errors import ConfigError
from .faults import Fault, Outage, random_faults
from .happenings import Happening, Missed, Run
from .notation import (
    read_clock,
    read_duration,
    read_kill,
    read_length,
    read_moment,
    read_outage,
)
from .plan import Execute
from .simulate import Simulation, simulate

#: What `--help` says of each option that every front has.
HELP: dict[str, str] = {
    "from": "Where to begin (included): 2026-03-29, 2026-03-29T00:30; now unless given.",
    "to": "Where to end (not included): a moment, or a length such as 12h or 7d; 1d unless given.",
    "tz": "Whose clock is read and shown; each entry's own is shown unless given.",
    "beats": "How many beats run at once.",
    "kill": "A beat dies: 2@12:00 for good, 2@12:00-12:05 or 2@12:00+30s until it is back.",
    "outage": "The broker is away: broker@10:00-11:00 or broker@10:00+30m.",
    "clock": "Clocks are set: -1h@14:00 all of them, 2:-1h@14:00 that of beat 2.",
    "duration": "How long an entry or a task runs, to see what overlaps: report=20m.",
    "random-kills": "So many kills more, at random.",
    "random-outages": "So many outages more, at random.",
    "seed": "Of what is chosen at random: the same seed tells the same story.",
    "all-active": "Every beat works and claims decide; else one leads and the others stand by.",
    "execute": "Run each task here, with the clock at its instant; what it does, it does.",
    "json": "One JSON object on each line instead of text.",
    "quiet": "The numbers alone.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed, as text.

    Args:
        start: a moment, or None for now.
        end: a moment, a length from `start` on, or None for a day.
        beats: how many.
        kills: as in `read_kill`.
        outages: as in `read_outage`.
        clocks: as in `read_clock`.
        durations: as in `read_duration`.
        random_kills: how many more, at random.
        random_outages: how many more, at random.
        seed: of what is random.
        all_active: no beat leads.
    """

    start: str | None = None
    end: str | None = None
    beats: int = 1
    kills: Sequence[str] = ()
    outages: Sequence[str] = ()
    clocks: Sequence[str] = ()
    durations: Sequence[str] = ()
    random_kills: int = 0
    random_outages: int = 0
    seed: int = 0
    all_active: bool = False


def simulation_of(
    entries: Iterable[Entry],
    typed: Typed,
    *,
    zone: tzinfo,
    now: datetime,
    execute: Execute | None = None,
) -> Simulation:
    """Make the simulation that was typed.

    Args:
        entries: whose runs.
        typed: what was typed.
        zone: of moments without an offset.
        now: the present; aware.
        execute: runs tasks; none unless given.

    Raises:
        ConfigError: something that was typed cannot be understood.
    """
    start, end = span_of(typed.start, typed.end, zone, now)
    faults: list[Fault] = [read_kill(each, start, zone) for each in typed.kills]
    faults += [read_outage(each, start, zone) for each in typed.outages]
    faults += [read_clock(each, start, zone) for each in typed.clocks]
    for fault in faults:
        at = fault.start if isinstance(fault, Outage) else fault.at
        if not start <= at < end:
            raise ConfigError(
                f"{fault} is outside of the simulation, {start.isoformat()} to {end.isoformat()}"
            )
    faults += random_faults(
        typed.seed,
        start,
        end,
        beats=typed.beats,
        kills=typed.random_kills,
        outages=typed.random_outages,
    )
    found = list(entries)
    durations = dict(read_duration(each) for each in typed.durations)
    known = {name for entry in found for name in (entry.name, entry.task)}
    for name in durations:
        if name not in known:
            raise ConfigError(f"--duration {name!r} is the name of neither an entry nor a task")
    return simulate(
        found,
        start,
        end,
        beats=typed.beats,
        faults=faults,
        durations=durations,
        seed=typed.seed,
        all_active=typed.all_active,
        execute=execute,
    )


def span_of(
    start: str | None, end: str | None, zone: tzinfo, now: datetime, *, default: str = "1d"
) -> tuple[datetime, datetime]:
    """Return the span that was typed, in UTC.

    Args:
        start: a moment, or None for now.
        end: a moment, a length from `start` on, or None for `default`.
        zone: of moments without an offset.
        now: the present; aware.
        default: a length.

    Raises:
        ConfigError: a moment cannot be understood, or the end is not after the start.
    """
    present = to_utc(now).replace(microsecond=0)
    first = present if start is None else read_moment(start, present, zone)
    last = _end(default if end is None else end, first, zone)
    if last <= first:
        raise ConfigError(
            f"it ends after it begins, {first.isoformat()}, not at {last.isoformat()}"
        )
    return first, last


def tell(
    simulation: Simulation,
    say: Callable[[str], None],
    *,
    zone: tzinfo | None = None,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Run a simulation and print each happening as it comes, then the numbers.

    Args:
        simulation: it is run once.
        say: prints one line.
        zone: whose clock is shown; each schedule's own when None.
        as_json: one JSON object a line.
        quiet: the numbers alone.

    Returns:
        The exit status: 0, or 1 if a run was lost or sent twice, or a schedule or a task failed.
    """
    for happening in simulation:
        if not quiet:
            shown = happening if zone is None else _in_zone(happening, zone)
            say(_json(shown.to_dict()) if as_json else shown.line())
    summary = simulation.summary
    if as_json:
        say(_json(summary.to_dict()))
    else:
        for name, why in summary.set_aside.items():
            say(f"{name}: its schedule failed: {why}")
        say(summary.line())
    return 0 if summary.sound and not summary.set_aside and not summary.failed else 1


def _in_zone(happening: Happening, zone: tzinfo) -> Happening:
    if isinstance(happening, Run):
        return happening._replace(fire_time=to_zone(happening.fire_time, zone))
    if isinstance(happening, Missed):
        first, last = to_zone(happening.first, zone), to_zone(happening.last, zone)
        return happening._replace(first=first, last=last)
    return happening


def _end(text: str, start: datetime, zone: tzinfo) -> datetime:
    try:
        length = read_length(text.removeprefix("+"))
    except ConfigError:
        return read_moment(text, start, zone)
    try:
        return start + length
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _json(data: dict[str, object]) -> str:
    return json.dumps(data, ensure_ascii=False)
