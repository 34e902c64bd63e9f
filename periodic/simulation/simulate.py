"""`simulate`: what a schedule will do, shown by the beat itself under a clock that leaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ..broker import Broker
from ..clock import Clock, to_utc
from ..entry import Entry, Occurrence
from ..errors import ConfigError
from .broker import SimulatedBroker
from .faults import Fault, check
from .happenings import Happening, Missed, Run, Skipped, Summary
from .plan import Execute, Plan
from .tally import Tally
from .world import NAMESPACE, World


class Simulation:
    """A simulation: iterate to run it; each time it runs anew and tells the same.

    Args:
        plan: what is simulated.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._summary: Summary | None = None

    def __iter__(self) -> Iterator[Happening]:
        """Run, and yield what happens in order of time; what was told is not kept."""
        plan = self._plan
        tally = Tally(plan.entries, plan.start, plan.end, plan.durations)
        if plan.execute is None:
            yield from World(plan, tally).run()
        else:
            yield from _executed(World(plan, tally).run(), plan.entries, plan.execute, tally)
        self._summary = tally.summary

    @property
    def summary(self) -> Summary:
        """The numbers of the last complete run; it is run now if there was none."""
        if self._summary is None:
            for _ in self:
                pass
        if self._summary is None:
            raise AssertionError
        return self._summary

    def runs(self) -> Iterator[Run]:
        """Run, and yield the occurrences that are sent."""
        return (each for each in self if isinstance(each, Run))

    def not_sent(self) -> Iterator[Missed | Skipped]:
        """Run, and yield what is missed or skipped."""
        return (each for each in self if isinstance(each, Missed | Skipped))


def _executed(
    happenings: Iterator[Happening], entries: Sequence[Entry], execute: Execute, tally: Tally
) -> Iterator[Happening]:
    """Run the task of each run when it is told: a second copy runs nothing, as behind the guard."""
    known = {entry.name: entry for entry in entries}
    for each in happenings:
        if not isinstance(each, Run) or each.duplicate:
            yield each
            continue
        occurrence = Occurrence(NAMESPACE, each.entry, each.fire_time)
        try:
            result = execute(known[each.entry], occurrence, each.sent_at)
        except Exception as error:  # noqa: BLE001  # a task is anybody's code
            tally.summary.failed += 1
            yield each._replace(executed=True, error=f"{type(error).__name__}: {error}")
        else:
            yield each._replace(executed=True, result=result)


def simulate(
    entries: Iterable[Entry],
    start: datetime,
    end: datetime,
    *,
    beats: int = 1,
    faults: Sequence[Fault] = (),
    durations: Mapping[str, timedelta] | None = None,
    seed: int = 0,
    all_active: bool = False,
    broker: Callable[[Clock, str], Broker] = SimulatedBroker,
    execute: Execute | None = None,
) -> Simulation:
    """Simulate entries: the real beats, planners and claims, on clocks that leap.

    Args:
        entries: whose runs.
        start: where it begins; included; aware.
        end: where it ends; not included; aware.
        beats: how many run at once.
        faults: what goes wrong, and when.
        durations: name of an entry, or of a task -> how long it runs, to see what overlaps.
        seed: decides which of several beats acts first at one instant.
        all_active: every beat works and claims decide; else one leads and the others stand by.
        broker: makes the broker from its clock and a namespace; the simulation's own unless given.
        execute: runs the task of an entry's occurrence at an instant, what the clock of the beat
            that sent it reads, and returns its result; no task runs unless given.

    Raises:
        ConfigError: the end is not after the start, two entries have one name, or a fault is of
            a beat that does not exist.

    >>> from datetime import UTC, datetime, timedelta
    >>> from periodic import Entry, crontab
    >>> nightly = Entry(
    ...     name="report",
    ...     task="shop.report",
    ...     schedule=crontab(minute=30, hour=2, tz="America/New_York"),
    ... )
    >>> start = datetime(2026, 3, 7, tzinfo=UTC)
    >>> days = simulate([nightly], start, start + timedelta(days=3))
    >>> for run in days.runs():
    ...     print(run.fire_time.isoformat(), run.effect and run.effect.what)
    2026-03-07T02:30:00-05:00 None
    2026-03-08T03:00:00-04:00 merged
    2026-03-09T02:30:00-04:00 None
    >>> days.summary.runs, days.summary.missed
    (3, 0)
    """
    found = list(entries)
    first, last = to_utc(start), to_utc(end)
    if last <= first:
        raise ConfigError(
            f"a simulation ends after it begins, {first.isoformat()}, not at {last.isoformat()}"
        )
    names = [entry.name for entry in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two entries are named {twice!r}; names are unique in a schedule")
    check(faults, beats)
    return Simulation(
        Plan(
            entries=found,
            start=first,
            end=last,
            beats=beats,
            faults=tuple(faults),
            durations=dict(durations or {}),
            seed=seed,
            all_active=all_active,
            open_broker=broker,
            execute=execute,
        )
    )
