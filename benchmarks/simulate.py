"""A year of 1,000 mixed entries, simulated: how long, how much memory, and whether it is the truth.

    nox -s bench -- benchmarks/simulate.py [--days 365]

Seconds are the processor's: nothing here waits. Fails where a promise does not hold: the year
through the real planner and beat under 60 s and 400 MB; the same year listed without executing, at
least 500,000 runs a second, equal to the real path on a sample; and with 3 beats, 50 kills and 10
outages no run lost or doubled, and the same story twice.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from periodic import Entry, Schedule, calendar_interval, cron, crontab, interval
from periodic.simulation import Summary, random_faults, runs, simulate

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London")
ENTRIES = 1000
MOST_SECONDS, MOST_MEGABYTES, LEAST_LISTED = 60, 400, 500_000
JANUARY = {"anchor": "2026-01-31"}
KILLS, OUTAGES, BEATS = 50, 10, 3


def schedule(number: int) -> Schedule:
    """Return one of a mix as apps have it: most daily, some hourly, few each quarter of an hour."""
    zone = ZONES[number % len(ZONES)]
    kind, minute, hour = number % 100, number * 7 % 60, number * 11 % 24
    mix: list[tuple[int, Callable[[], Schedule]]] = [
        (1, lambda: crontab(minute="*/15", tz=zone)),
        (6, lambda: crontab(minute=minute, tz=zone)),
        (12, lambda: interval(hours=6)),
        (67, lambda: crontab(minute=minute, hour=hour, tz=zone)),
        (82, lambda: cron(f"{minute} {hour} * * mon-fri", tz=zone)),
        (92, lambda: crontab(minute=minute, hour=hour, day_of_week=number % 7, tz=zone)),
        (97, lambda: cron(f"{minute} {hour} LW * *", tz=zone)),
        (100, lambda: calendar_interval(months=1, at=f"{hour:02}:{minute:02}", tz=zone, **JANUARY)),
    ]
    return next(make() for up_to, make in mix if kind < up_to)


def mixed() -> list[Entry]:
    """Return the entries; all make up for what they miss."""
    return [
        Entry(
            name=f"entry-{number}",
            task=f"shop.task_{number % 50}",
            schedule=schedule(number),
            catch_up="all",
            max_catch_up=10_000,
        )
        for number in range(ENTRIES)
    ]


def megabytes() -> float:
    """Return the most memory that this process has had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024 if sys.platform != "darwin" else most / 1024 / 1024


def story(entries: list[Entry], end: datetime) -> tuple[str, Summary, float]:
    """Return a digest of all that happens under faults, the numbers and the seconds."""
    faults = random_faults(1, START, end, beats=BEATS, kills=KILLS, outages=OUTAGES)
    simulation = simulate(entries, START, end, beats=BEATS, faults=faults, seed=1)
    digest, begin = hashlib.sha256(), time.process_time()
    for happening in simulation:
        digest.update(str(happening).encode())
    return digest.hexdigest(), simulation.summary, time.process_time() - begin


def main() -> None:
    """Measure, print a table and hold the promises against it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=365)
    days = parser.parse_args().days
    entries, end = mixed(), START + timedelta(days=days)
    print(f"{ENTRIES} mixed entries, {days} days, Python {sys.version.split()[0]}\n")
    print("| what | runs | seconds | runs a second | MB |")
    print("|---|---|---|---|---|")

    def row(what: str, count: int, seconds: float) -> None:
        rate = count / seconds
        print(f"| {what} | {count:,} | {seconds:.1f} | {rate:,.0f} | {megabytes():.0f} |")

    begin = time.process_time()
    listed = sum(1 for _ in runs(entries, START, end))
    listing = time.process_time() - begin
    row("listed without executing", listed, listing)

    begin = time.process_time()
    simulation = simulate(entries, START, end)
    sent = sum(1 for _ in simulation.runs())
    real = time.process_time() - begin
    row("the real planner and beat", sent, real)
    most = megabytes()

    first = story(entries, end)
    row(f"{BEATS} beats, {KILLS} kills, {OUTAGES} outages", first[1].runs, first[2])
    second = story(entries, end)
    row("the same again", second[1].runs, second[2])
    print(f"\n{first[1].line()}")

    week = START + timedelta(days=85), START + timedelta(days=92)
    sample = sorted((run.fire_time, run.entry) for run in simulate(entries, *week).runs())
    assert sample == sorted((at, entry.name) for at, entry in runs(entries, *week))
    assert listed == sent == first[1].runs + first[1].unsent
    assert first[1].sound
    assert first[1].missed == 0
    assert first[0] == second[0], "one seed told two stories"
    assert listed / listing >= LEAST_LISTED, f"{listed / listing:,.0f} listed a second"
    assert real < MOST_SECONDS * days / 365, f"{real:.1f} s"
    assert most < MOST_MEGABYTES, f"{most:.0f} MB"
    print("all promises hold")


if __name__ == "__main__":
    main()
