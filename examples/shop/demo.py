"""Run the shop, watch it, and prove that each task that was due has run exactly once.

`python demo.py` runs until Ctrl-C; `python demo.py --for 20` stops by itself after 20 seconds and
ends with status 0 only if every run was right. What was due is computed from the schedules alone;
what ran is read from the table into which the tasks write.
"""

from __future__ import annotations

import argparse
import logging
import sqlite3
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from periodic import Entry, SystemClock, Wake, crontab, interval, to_utc
from periodic.errors import PeriodicError
from periodic.integrations.celery import load_entries
from periodic.integrations.console import entry_rows, local, print_entries, print_table, relative
from periodic.integrations.flask.serve import Serving, stop_signals
from shop import create_app
from shop.tasks import catalogue

#: Seconds between two looks at the table of runs.
LOOK = 0.1
#: Seconds between two orders of the demo's one customer.
CUSTOMER = 2.5
#: How long the last runs may take, in seconds.
PATIENCE = 5.0
#: How long a second copy of a run may take to show itself, in seconds.
SETTLE = 0.5

clock = SystemClock()


@dataclass(frozen=True)
class Span:
    """What the demo answers for.

    Args:
        before: when worker and beat were told to start; aware.
        after: when they had started; aware. An occurrence between the two may run or not.
        end: the first instant that no longer counts; aware.
    """

    before: datetime
    after: datetime
    end: datetime


@dataclass
class Verdict:
    """What was due of one entry, and what ran.

    Args:
        entry: which.
        due: how many runs were due; a chain has one for each of its tasks.
        ran: how many runs there were.
        wrong: one sentence for each run that is missing, doubled or was never due.
    """

    entry: Entry
    due: int = 0
    ran: int = 0
    wrong: list[str] = field(default_factory=list)


def demo_entries() -> dict[str, Any]:
    """Return entries that are due within seconds; the shop's own wait for their hour."""
    return {
        "low-stock-mails-now": {
            "task": "shop.low_stock_mails",
            "schedule": interval(seconds=4),
            "args": ["buyer@shop.example"],
            "kwargs": {"below": 5},
            "options": {"queue": "mail", "priority": 7, "expires": 300},
        },
        "sales-report-now": {"task": "shop.sales_report", "schedule": crontab(tz="Europe/London")},
    }


def make_app(folder: Path, **config: Any) -> Any:
    """Return the shop with its database in `folder` and the demo's entries."""
    sale = clock.now() + timedelta(seconds=3)
    app = create_app(
        {
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
            "SHOP_SALE_STARTS": sale.isoformat(timespec="seconds"),
            "PERIODIC": {
                "namespace": "shop-demo",
                "timezone": "Europe/London",
                "entries": demo_entries(),
            },
            **config,
        }
    )
    celery = app.extensions["celery"]
    celery.add_periodic_task(interval(seconds=7), catalogue(celery), name="refresh-catalogue-now")
    return app


def judge(entry: Entry, runs: Iterable[tuple[str, str]], span: Span) -> Verdict:
    """Compare the runs of one entry with what its schedule says.

    Args:
        entry: whose runs.
        runs: (fire time in ISO 8601, name of the task) of each run.
        span: what counts.
    """
    steps = steps_of(entry)
    counted = Counter((to_utc(datetime.fromisoformat(at)), task) for at, task in runs)
    counted = Counter({run: count for run, count in counted.items() if run[0] < span.end})
    maybe = {to_utc(at) for at in entry.schedule.between(span.before, span.after)}
    due = {to_utc(at) for at in entry.schedule.between(span.after, span.end)}
    due |= {at for at, _ in counted if at in maybe}
    expected = {(at, step) for at in due for step in steps}
    verdict = Verdict(entry, due=len(expected), ran=counted.total())
    for at, step in sorted(expected | counted.keys()):
        count = counted[at, step]
        if (at, step) not in expected:
            problem = "ran although it was not due"
        elif count != 1:
            problem = "did not run" if count == 0 else f"ran {count} times"
        else:
            continue
        verdict.wrong.append(f"{entry.name}: {step} of {at:%H:%M:%S} UTC {problem}")
    return verdict


def steps_of(entry: Entry) -> list[str]:
    """Return the names of the tasks that one occurrence runs: a chain has several."""
    if entry.task == "celery.chain":
        return [step["task"] for step in entry.kwargs["tasks"]]
    return [entry.task]


def read_runs(path: str, after: int = 0) -> list[sqlite3.Row]:
    """Return the rows of the table of runs with an id above `after`."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM runs WHERE id > ? ORDER BY id"
        return connection.execute(query, (after,)).fetchall()


def verdicts(entries: Iterable[Entry], path: str, span: Span) -> list[Verdict]:
    """Judge every entry by the table of runs."""
    runs = read_runs(path)
    return [
        judge(
            entry,
            [(run["fire_time"], run["task"]) for run in runs if run["entry"] == entry.name],
            span,
        )
        for entry in entries
    ]


class Teller:
    """Prints each new run once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._last = 0

    def tell(self) -> None:
        """Print what ran since the last call."""
        for run in read_runs(self._path, self._last):
            self._last = run["id"]
            ran_at = datetime.fromisoformat(run["ran_at"])
            late = "" if run["fire_time"] is None else _late(run["fire_time"], ran_at)
            step = run["task"].removeprefix("shop.")
            print(f"{ran_at:%H:%M:%S}  {run['entry']:<22}  {step:<16}  {late:>8}  {run['said']}")
            sys.stdout.flush()


def _late(fire_time: str, ran_at: datetime) -> str:
    return f"+{(ran_at - datetime.fromisoformat(fire_time)).total_seconds():.3f} s"


def shop_once(port: int, product: str) -> str:
    """Buy one packet through the web page, as a customer's browser does; say what came of it."""
    data = urlencode({"product": product}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/orders", data, timeout=5):
            return f"sold one {product}"
    except OSError as error:
        return f"no sale of {product}: {error}"


def watch(app: Any, seconds: float | None, wake: Wake) -> int:
    """Serve the shop, print what happens, and judge it in the end.

    Args:
        app: the shop.
        seconds: how long; None runs until `wake` is set.
        wake: ends the demo early.

    Returns:
        The exit status: 0 only if every run was right.
    """
    celery = app.extensions["celery"]
    path = app.config["SHOP_DATABASE"]
    loaded = load_entries(celery)
    print_entries(entry_rows(loaded.entries, clock.now(), loaded.problems), clock.now())
    before = clock.now()
    serving = Serving(app.wsgi_app, celery, port=0)
    serving.start()
    after = clock.now()
    try:
        print(f"\nthe shop is open at http://127.0.0.1:{serving.port}", end="; ")
        print("Ctrl-C closes it\n" if seconds is None else f"it closes after {seconds:g} s\n")
        print("UTC       entry                   task                  late  what it says")
        teller = Teller(path)
        end = None if seconds is None else after + timedelta(seconds=seconds)
        _look_on(teller, serving, end, wake)
        span = Span(before, after, clock.now() if end is None else min(end, clock.now()))
        result = _wait_for_last(loaded.entries, path, span, teller)
    finally:
        serving.stop()
    return report(result)


def _look_on(teller: Teller, serving: Serving, end: datetime | None, wake: Wake) -> None:
    products = ["Assam", "Earl Grey", "Darjeeling"]
    next_order = clock.monotonic() + CUSTOMER
    while end is None or clock.now() < end:
        if clock.wait_until(clock.monotonic() + LOOK, wake):
            return
        teller.tell()
        if serving.embedded.failed is not None:
            raise PeriodicError(f"worker or beat ended by itself: {serving.embedded.failed}")
        if clock.monotonic() >= next_order:
            next_order += CUSTOMER
            product = products[0]
            products = [*products[1:], product]
            # In a thread of its own: a browser does not wait for our table of runs.
            threading.Thread(target=shop_once, args=(serving.port, product), daemon=True).start()


def _wait_for_last(
    entries: Sequence[Entry], path: str, span: Span, teller: Teller
) -> list[Verdict]:
    """Let what was due at the very end finish, then leave a second copy time to show itself."""
    nobody = Wake()
    deadline = clock.monotonic() + PATIENCE
    while any(one.wrong for one in verdicts(entries, path, span)):
        if clock.wait_until(min(clock.monotonic() + LOOK, deadline), nobody) or (
            clock.monotonic() >= deadline
        ):
            break
    clock.wait_until(clock.monotonic() + SETTLE, nobody)
    teller.tell()
    return verdicts(entries, path, span)


def report(result: Sequence[Verdict]) -> int:
    """Print the table and the sentence that sums it up; return the exit status."""
    now = clock.now()
    print()
    print_table(
        ("entry", "schedule", "due", "ran", "once?", "next run"),
        [
            (
                one.entry.name,
                one.entry.schedule.describe(),
                str(one.due),
                str(one.ran),
                "NO" if one.wrong else "yes" if one.due else "-",
                _next_run(one.entry, now),
            )
            for one in result
        ],
    )
    wrong = [sentence for one in result for sentence in one.wrong]
    due = sum(one.due for one in result)
    print()
    for sentence in wrong:
        print(f"wrong: {sentence}")
    if wrong:
        print(f"{len(wrong)} of {due} runs were not right")
        return 1
    print(f"each of the {due} runs that were due has run exactly once")
    return 0


def _next_run(entry: Entry, now: datetime) -> str:
    at = entry.schedule.next_after(now)
    return "never again" if at is None else f"{local(at)}, {relative(at, now)}"


def _seconds(text: str) -> float | None:
    """Read --for: empty means no limit, as `make demo` passes it on."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= timedelta(days=1).total_seconds():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time to run for; give seconds, above 0 and at most a day"
        )
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(description="Run the shop and check that it runs right.")
    parser.add_argument(
        "--for", dest="seconds", type=_seconds, default=None, help="seconds; until Ctrl-C if empty"
    )
    seconds = parser.parse_args(arguments).seconds
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with (
        stop_signals(Wake()) as wake,
        tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True) as folder,
    ):
        return watch(make_app(Path(folder)), seconds, wake)


if __name__ == "__main__":
    sys.exit(main())
