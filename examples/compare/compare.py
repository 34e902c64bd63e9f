"""Celery's own beat and `periodic` through the same nights, outages and restarts, side by side.

    pip install 'periodic-celery[celery]' time-machine
    python examples/compare/compare.py

Both are driven by a virtual clock: Celery's `Scheduler.tick` with the machine's time set by
time-machine, `periodic` by its own simulation. Nothing is sent; what would be sent is counted and
held against what the schedule says. The numbers are measured each time, none is written down. The
entry of `periodic` makes up for what it misses (`catch_up="all"`); Celery has no such choice.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import celery.schedules
import time_machine
from celery import Celery
from celery.beat import Scheduler, SchedulingError

from periodic import Entry, crontab
from periodic.simulation import Kill, Outage, simulate

#: A beat that sends more than this in one scenario has run away, and is stopped.
RUNAWAY = 1000
_SPIN = timedelta(milliseconds=1)
_EARLY = timedelta(seconds=1)  # Celery's beat wakes 10 ms early


@dataclass(frozen=True)
class Scenario:
    """What both beats go through.

    Args:
        title: what it is about.
        cron: minute and hour of the one entry.
        tz: whose clock is read.
        start: aware.
        end: aware.
        faults: outages, and kills that come back: a restart.
        beats: how many run at once.
    """

    title: str
    cron: tuple[str, str]
    tz: str
    start: datetime
    end: datetime
    faults: Sequence[Outage | Kill] = ()
    beats: int = 1


@dataclass
class Count:
    """What became of the expected runs."""

    expected: int
    sent: int
    missing: int
    doubled: int
    runaway: bool = False

    def cells(self) -> str:
        """Return the numbers as cells of a table."""
        more = f"more than {RUNAWAY}" if self.runaway else str(self.sent)
        return f"{more} | {self.missing} | {self.doubled}"


class Recorder(Scheduler):
    """Celery's scheduler, its last step replaced: what it sends is noted, or fails."""

    producer = None

    def __init__(self, app: Celery, send: Callable[[], None]) -> None:
        self._send = send
        super().__init__(app)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> None:  # noqa: ARG002, FBT001, FBT002  # Celery's signature
        """Note it, or fail."""
        self._send()


@dataclass
class Process:
    """One of Celery's beats: when it ticks next, and what it remembers over a restart."""

    scheduler: Recorder | None = None
    tick_at: datetime | None = None
    memory: dict[str, Any] = field(default_factory=dict)

    def stop(self) -> None:
        """Be killed; what the last tick has kept stays, as in `PersistentScheduler`'s file."""
        self.scheduler = self.tick_at = None

    def tick(self) -> None:
        """Tick once."""
        if self.scheduler is None:
            return
        wait = self.scheduler.tick()
        # It spins through the last 10 ms before a run, and while it spins time passes.
        self.tick_at = now() + max(timedelta(seconds=wait or 0), _SPIN)
        self.memory = {name: each.last_run_at for name, each in self.scheduler.schedule.items()}


def now() -> datetime:
    """Return the machine's time, which time-machine sets."""
    return datetime.now(UTC)


class CelerysBeats:
    """Celery's beats in one scenario.

    Args:
        scenario: what they go through.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.sent: list[datetime] = []
        self._scenario = scenario
        self._outages = [each for each in scenario.faults if isinstance(each, Outage)]
        self._processes = [Process() for _ in range(scenario.beats)]
        self._events: list[tuple[datetime, Callable[[], None]]] = []
        for each in scenario.faults:
            if isinstance(each, Kill):
                process = self._processes[each.beat - 1]
                self._events.append((each.at, process.stop))
                if each.back is not None:
                    self._events.append((each.back, partial(self._start, process)))
        self._events.sort(key=lambda event: event[0])

    def run(self) -> list[datetime]:
        """Return when they send the entry."""
        with time_machine.travel(self._scenario.start, tick=False) as traveller:
            for process in self._processes:
                self._start(process)
            while len(self.sent) <= RUNAWAY:
                at, act = self._next()
                if at >= self._scenario.end:
                    break
                traveller.move_to(max(at, now()))
                act()
        return self.sent

    def _next(self) -> tuple[datetime, Callable[[], None]]:
        ticks = [(each.tick_at, each.tick) for each in self._processes if each.tick_at is not None]
        coming = [*self._events[:1], *ticks, (self._scenario.end, self._nothing)]
        found = min(coming, key=lambda item: item[0])
        if self._events and found is self._events[0]:
            self._events.pop(0)
        return found

    def _start(self, process: Process) -> None:
        process.scheduler = Recorder(_app(self._scenario), self._send)
        for name, last_run_at in process.memory.items():
            process.scheduler.schedule[name].last_run_at = last_run_at
        process.tick_at = now()

    def _send(self) -> None:
        if any(each.start <= now() < each.end for each in self._outages):
            raise SchedulingError("the broker is away")
        self.sent.append(now())

    def _nothing(self) -> None:
        return


def count(scenario: Scenario, sent: Iterable[datetime], fire_times: Sequence[datetime]) -> Count:
    """Hold what was sent against what the schedule says.

    Args:
        scenario: what they went through.
        sent: when something was sent.
        fire_times: for which run each was sent; for Celery, which does not say, the newest.
    """
    expected = [
        run.astimezone(UTC) for run in _schedule(scenario).between(scenario.start, scenario.end)
    ]
    times = list(sent)
    runs = Counter(fire_times) if fire_times else Counter(_newest(expected, times))
    missing = sum(1 for run in expected if not runs[run])
    doubled = sum(number - 1 for run, number in runs.items() if number > 1)
    strange = sum(number for run, number in runs.items() if run not in set(expected))
    return Count(len(expected), len(times), missing, doubled + strange, len(times) > RUNAWAY)


def _newest(expected: Sequence[datetime], sent: Iterable[datetime]) -> list[datetime]:
    found: list[datetime] = []
    for at in sent:
        index = bisect_right(expected, at + _EARLY) - 1
        found.append(expected[index] if index >= 0 else at)
    return found


def _schedule(scenario: Scenario) -> crontab:
    minute, hour = scenario.cron
    return crontab(minute=minute, hour=hour, tz=scenario.tz)


def _app(scenario: Scenario) -> Celery:
    app = Celery("compare", broker="memory://", set_as_current=False)
    minute, hour = scenario.cron
    app.conf.update(
        timezone=scenario.tz,
        result_expires=None,
        beat_schedule={
            "job": {
                "task": "job",
                "schedule": celery.schedules.crontab(minute=minute, hour=hour, app=app),
            }
        },
    )
    return app


def utc(day: str, time: str) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromisoformat(f"{day}T{time}+00:00")


NIGHT, DAY = "2026-11-01", "2026-03-03"
SCENARIOS = (
    Scenario(
        "autumn night in New York, hourly",
        ("0", "*"),
        "America/New_York",
        utc(NIGHT, "03:30"),
        utc(NIGHT, "09:30"),
    ),
    Scenario(
        "that night, first started at 01:10 EST, every quarter of an hour",
        ("*/15", "*"),
        "America/New_York",
        utc(NIGHT, "06:10"),
        utc(NIGHT, "09:30"),
    ),
    Scenario(
        "broker away for three hours, every 20 minutes",
        ("*/20", "*"),
        "UTC",
        utc(DAY, "08:10"),
        utc(DAY, "18:10"),
        (Outage(utc(DAY, "10:30"), utc(DAY, "13:30")),),
    ),
    Scenario("two beats, hourly", ("0", "*"), "UTC", utc(DAY, "00:30"), utc(DAY, "23:30"), beats=2),
    Scenario(
        "killed for an hour, every 20 minutes",
        ("*/20", "*"),
        "UTC",
        utc(DAY, "08:10"),
        utc(DAY, "18:10"),
        (Kill(1, utc(DAY, "11:05"), utc(DAY, "12:05")),),
    ),
)


def compare(scenario: Scenario) -> tuple[Count, Count]:
    """Return what became of the runs by Celery's beat, and by ours."""
    theirs = count(scenario, CelerysBeats(scenario).run(), [])
    entry = Entry(name="job", task="job", schedule=_schedule(scenario), catch_up="all")
    story = simulate(
        [entry],
        scenario.start,
        scenario.end,
        beats=scenario.beats,
        faults=list(scenario.faults),
    )
    runs = list(story.runs())
    fire_times = [run.fire_time.astimezone(UTC) for run in runs]
    return theirs, count(scenario, [run.sent_at for run in runs], fire_times)


def main() -> None:
    """Print the table."""
    logging.disable(logging.CRITICAL)
    print("| | | Celery's beat | | | periodic | | |")
    print("|---|---|---|---|---|---|---|---|")
    print("| | expected | sent | missing | doubled | sent | missing | doubled |")
    for scenario in SCENARIOS:
        theirs, ours = compare(scenario)
        print(f"| {scenario.title} | {ours.expected} | {theirs.cells()} | {ours.cells()} |")


if __name__ == "__main__":
    main()
