"""What asking a schedule costs: ours beside Celery, croniter, cronsim and APScheduler in one run.

The same expressions, zone and instants for everybody; the peers must be installed. Times are the
best of several rounds, in which all take turns, so that a busy machine slows all alike.
Usage: python benchmarks/schedules.py [--each]
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import exp, inf, log
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from celery import Celery
from celery.schedules import crontab as celery_crontab
from croniter import croniter
from cronsim import CronSim

from periodic import cron, crontab

ZONE = ZoneInfo("America/New_York")
#: Everyday expressions that mean the same in all five dialects.
MIX = [
    "* * * * *",
    "*/5 * * * *",
    "*/15 9-17 * * mon-fri",
    "0 * * * *",
    "0 */2 * * *",
    "15,45 6,18 * * *",
    "30 2 * * *",
    "0 9 * * mon-fri",
    "0 12 * * sun",
    "0 0 1 * *",
    "30 6 1 1,4,7,10 *",
    "0 0 29 2 *",
]
START = datetime(2026, 1, 5, 0, 0, tzinfo=ZONE)
YEARS = 6
ROUNDS = 5
#: Questions per expression and round; steps of a chain; fires of a span at most.
ASKED, STEPS, FIRES = 60, 150, 600
#: The promises: how many times faster than the fastest peer.
PROMISED = {"fresh": 8.0, "again": 8.0, "chain": 10.0, "between": 40.0}
YEAR_SECONDS = 0.3
#: How long a job is repeated at least in each round, in seconds.
SHORTEST = 0.003

Ask = Callable[[datetime], Any]


@dataclass(frozen=True)
class Peer:
    """How one package is asked.

    Args:
        make: returns, for an expression, a question to a schedule that exists; where a package
            binds a schedule to its start, the question makes it.
        chain: yields fire times from a start, each asked for after the one before.
    """

    make: Callable[[str], Ask]
    chain: Callable[[str, datetime], Iterator[Any]]


def by_asking(make: Callable[[str], Ask]) -> Callable[[str, datetime], Iterator[Any]]:
    """Return a chain for packages that answer one question at a time."""

    def chain(text: str, at: datetime) -> Iterator[Any]:
        ask = make(text)
        while True:
            at = ask(at)
            yield at

    return chain


def celery_ask(text: str) -> Ask:
    """Return Celery's quickest way to the next instant: fewer steps than `is_due` takes."""
    minute, hour, day, month, weekday = text.split()
    schedule = celery_crontab(minute, hour, weekday, day, month, app=APP, nowfun=lambda: START)

    def ask(at: datetime) -> Any:
        last, delta, _ = schedule.remaining_delta(at)
        return last + delta

    return ask


def apscheduler_ask(text: str) -> Ask:
    """Return APScheduler's question; it wants the previous fire time besides."""
    trigger = CronTrigger.from_crontab(text, timezone=ZONE)
    return lambda at: trigger.get_next_fire_time(None, at)


def apscheduler_chain(text: str, at: datetime) -> Iterator[Any]:
    """Return APScheduler's chain."""
    trigger = CronTrigger.from_crontab(text, timezone=ZONE)
    while True:
        at = trigger.get_next_fire_time(at, at)
        yield at


def croniter_chain(text: str, at: datetime) -> Iterator[Any]:
    """Return croniter's chain."""
    times = croniter(text, at)
    while True:
        yield times.get_next(datetime)


def our_cron(text: str) -> Ask:
    """Return the question to a `cron`."""
    return cron(text, tz=ZONE).next_after


def our_crontab(text: str) -> Ask:
    """Return the question to a `crontab`, whose dialect is Celery's."""
    return crontab.from_string(text, tz=ZONE).next_after


APP = Celery("bench", broker="memory://", set_as_current=False)
APP.conf.update(timezone="America/New_York")
OURS = {
    "periodic cron": Peer(our_cron, by_asking(our_cron)),
    "periodic crontab": Peer(our_crontab, by_asking(our_crontab)),
}
PEERS = {
    "celery": Peer(celery_ask, by_asking(celery_ask)),
    "croniter": Peer(lambda text: lambda at: croniter(text, at).get_next(datetime), croniter_chain),
    "cronsim": Peer(lambda text: lambda at: next(CronSim(text, at)), CronSim),
    "apscheduler": Peer(apscheduler_ask, apscheduler_chain),
}
ALL = OURS | PEERS

#: A job does one expression's share of a work and returns how many answers it got.
Job = Callable[[], int]
Answers = dict[tuple[str, str], int]


def instants() -> list[datetime]:
    """Return random instants of some years, in the zone, where peers want them."""
    random = Random(3)
    seconds = (random.randrange(YEARS * 365 * 86_400) for _ in range(ASKED))
    start = START.astimezone(UTC)
    return [(start + timedelta(seconds=second)).astimezone(ZONE) for second in seconds]


def fresh(peer: Peer, text: str) -> Job:
    """Make the schedule from its text, then ask it once."""
    questions = instants()

    def job() -> int:
        for at in questions:
            peer.make(text)(at)
        return len(questions)

    return job


def again(peer: Peer, text: str) -> Job:
    """Ask a schedule that exists about unrelated instants."""
    questions = instants()
    ask = peer.make(text)

    def job() -> int:
        for at in questions:
            ask(at)
        return len(questions)

    return job


def chain(peer: Peer, text: str) -> Job:
    """Ask for the next one, and the next after that; within forty years."""
    far = START.replace(year=START.year + 40)
    count = sum(
        1 for _, _ in zip(range(STEPS), cron(text, tz=ZONE).between(START, far), strict=False)
    )

    def job() -> int:
        deque(islice(peer.chain(text, START), count), maxlen=0)
        return count

    return job


def span_end(text: str) -> datetime:
    """Return the end of a span with `FIRES` fires, or forty years from its start."""
    far = START.replace(year=START.year + 40)
    fires = cron(text, tz=ZONE).between(START, far)
    return list(islice(fires, FIRES))[-1]


def between(name: str, peer: Peer, text: str) -> Job:
    """Take all fires of a span: a chain for the peers, which know no spans."""
    end = span_end(text)

    def ours() -> int:
        schedule = (
            cron(text, tz=ZONE) if name == "periodic cron" else crontab.from_string(text, tz=ZONE)
        )
        return len(list(schedule.between(START, end)))

    def theirs() -> int:
        found: list[Any] = []
        for at in peer.chain(text, START):
            if at >= end:
                break
            found.append(at)
        return len(found)

    return ours if name in OURS else theirs


def cold(peer: Peer, _text: str) -> Job:
    """Make schedules from texts that nobody has seen before, then ask each once."""
    random = Random(5)

    def job() -> int:
        for _ in range(ASKED):
            minutes = sorted(random.sample(range(60), 3))
            hours = sorted(random.sample(range(24), 2))
            text = f"{minutes[0]},{minutes[1]},{minutes[2]} {hours[0]}-{hours[1]} * * mon-fri"
            peer.make(text)(START)
        return ASKED

    return job


def measure(jobs: dict[tuple[str, str], Job]) -> tuple[dict[tuple[str, str], float], Answers]:
    """Return the best time per answer, in microseconds, of each job, and how many they gave."""
    best: dict[tuple[str, str], float] = {}
    counts: Answers = {}
    gc.disable()
    for _ in range(ROUNDS):
        for key, job in jobs.items():
            # A job of some microseconds would measure the caches of the processor.
            answers, start = 0, time.perf_counter()
            while (taken := time.perf_counter() - start) < SHORTEST:
                counts[key] = job()
                answers += counts[key]
            best[key] = min(best.get(key, inf), taken / answers * 1e6)
        gc.collect()
    gc.enable()
    return best, counts


@dataclass(frozen=True)
class Result:
    """A work's times in microseconds and counts of answers, by name and expression."""

    work: str
    times: dict[tuple[str, str], float]
    counts: Answers
    texts: list[str]

    def mean(self, name: str) -> float:
        """Return the mean over all answers."""
        keys = [(name, text) for text in self.texts]
        total = sum(self.times[key] * self.counts[key] for key in keys)
        return total / sum(self.counts[key] for key in keys)

    def alike(self) -> float:
        """Return the ratio where each expression counts alike, however many answers it has."""
        sums = {name: sum(self.times[name, text] for text in self.texts) for name in ALL}
        return min(sums[name] for name in PEERS) / max(sums[name] for name in OURS)

    def fastest_peer(self) -> str:
        """Return the peer with the lowest mean."""
        return min(PEERS, key=self.mean)

    def ratio(self) -> float:
        """Return the fastest peer's mean by ours, the slower of the two."""
        return self.mean(self.fastest_peer()) / max(map(self.mean, OURS))

    def ratios(self) -> dict[str, float]:
        """Return, by expression, the time of the peer that is best at it by ours."""
        return {
            text: min(self.times[name, text] for name in PEERS)
            / max(self.times[name, text] for name in OURS)
            for text in self.texts
        }

    def row(self) -> str:
        """Return a line of the table."""
        ratios = self.ratios().values()
        typical = exp(sum(map(log, ratios)) / len(self.texts))
        cells = [f"{self.mean(name):.2f}" for name in ALL]
        return (
            f"| {self.work} | {' | '.join(cells)} | {self.fastest_peer()} | {self.ratio():.1f} "
            f"| {self.alike():.1f} | {typical:.1f} | {min(ratios):.1f} |"
        )

    def broken(self) -> list[str]:
        """Return the promises that do not hold."""
        promised = PROMISED.get(self.work)
        if promised is None:
            return []
        found = []
        if self.ratio() < promised:
            found.append(f"{self.work}: {self.ratio():.1f} times, promised are {promised:g}")
        found += [
            f"{self.work}: {text!r} is slower than the best peer ({ratio:.2f})"
            for text, ratio in self.ratios().items()
            if ratio < 1
        ]
        return found


def run(work: str) -> Result:
    """Measure one work."""
    texts = MIX if work != "cold" else ["new texts"]
    jobs: dict[tuple[str, str], Job] = {}
    for text in texts:
        for name, peer in ALL.items():
            if work == "between":
                jobs[name, text] = between(name, peer, text)
            else:
                jobs[name, text] = {"fresh": fresh, "again": again, "chain": chain, "cold": cold}[
                    work
                ](peer, text)
    return Result(work, *measure(jobs), texts)


def a_year() -> tuple[float, float]:
    """Return the seconds of a year of `* * * * *`: ours, and cronsim's by its first week."""
    start = datetime(2026, 1, 1, tzinfo=ZONE)
    best = peer = inf
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        fires = sum(1 for _ in cron("* * * * *", tz=ZONE).between(start, start.replace(year=2027)))
        best = min(best, time.perf_counter() - begin)
        assert fires == 525_600
        begin = time.perf_counter()
        deque(islice(CronSim("* * * * *", start), 7 * 1440), maxlen=0)
        peer = min(peer, (time.perf_counter() - begin) / (7 * 1440) * 525_600)
    return best, peer


def main() -> int:
    """Print the table and what does not hold."""
    names = " | ".join(ALL)
    print(f"| µs per answer | {names} | fastest peer | times | alike | typical | least |")
    print("|---" * (len(ALL) + 6) + "|")
    broken: list[str] = []
    for work in ("fresh", "again", "chain", "between", "cold"):
        result = run(work)
        print(result.row(), flush=True)
        broken += result.broken()
        if "--each" in sys.argv:
            for text in result.texts:
                cells = " | ".join(f"{result.times[name, text]:.2f}" for name in ALL)
                print(f"| `{text}` | {cells} | | | | | {result.ratios()[text]:.1f} |")
    ours, theirs = a_year()
    print(f"\nA year of `* * * * *`, 525,600 fires: {ours:.3f} s; cronsim {theirs:.2f} s.")
    if ours >= YEAR_SECONDS:
        broken.append(f"a year takes {ours:.3f} s, promised are {YEAR_SECONDS} s")
    for line in broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
