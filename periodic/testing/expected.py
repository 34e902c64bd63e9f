"""What a schedule is expected to do: its instants asserted, and its runs as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby, islice

from ..clock import to_utc, to_zone
from ..clock_changes import offset
from ..entry import Entry
from ..explain import run_line
from ..schedules.base import Schedule

# More runs of one day than this are told by the first, the last and their number.
_MOST_TIMES = 8
# More runs than this are not listed in a message.
_MOST_TOLD = 10

Moment = datetime | str


def assert_fires(
    schedule: Schedule, *, between: tuple[Moment, Moment], at: Iterable[Moment]
) -> None:
    """Assert that a schedule has exactly these instants in a span.

    Args:
        schedule: its zone is that of moments without an offset; UTC where it has none.
        between: the span: start, included, and end, not included.
        at: the instants, in any order: aware datetimes, or text in ISO 8601.

    Raises:
        AssertionError: an instant is missing, or one is too many; each is named.

    >>> from periodic import crontab
    >>> assert_fires(
    ...     crontab(minute=30, hour=2, tz="America/New_York"),
    ...     between=("2026-03-07", "2026-03-10"),
    ...     at=["2026-03-07T02:30", "2026-03-08T03:00", "2026-03-09T02:30"],
    ... )
    """
    zone = schedule.tz or UTC
    start, end = (moment(each, zone) for each in between)
    expected = {moment(each, zone) for each in at}
    actual = {to_utc(run) for run in islice(schedule.between(start, end), len(expected) + 1000)}
    missing, surplus = sorted(expected - actual), sorted(actual - expected)
    if missing or surplus:
        raise AssertionError(
            "\n".join(
                [
                    f"{schedule.describe()}: other runs than expected",
                    *listed("does not run", missing, zone),
                    *listed("runs, too", surplus, zone),
                ]
            )
        )


def moment(given: Moment, zone: tzinfo = UTC) -> datetime:
    """Return an instant in UTC.

    Args:
        given: an aware datetime, or text in ISO 8601; without an offset it is a reading of the
            zone's clock.
        zone: whose clock is read.

    Raises:
        ValueError: the text is no moment, or a datetime is naive.
    """
    if isinstance(given, str):
        given = datetime.fromisoformat(given)
        if given.tzinfo is None:
            given = given.replace(tzinfo=zone)
    return to_utc(given)


def runs_text(
    entries: Iterable[Entry], start: Moment, end: Moment, *, tz: tzinfo | None = None
) -> str:
    """Return all runs of a span as text that reviews well: a line for each entry and day.

    Args:
        entries: whose runs; a disabled one has none.
        start: included; without an offset it is a reading of `tz`.
        end: not included.
        tz: whose days and times are shown; each schedule's own unless given, UTC without one.

    >>> from datetime import UTC, datetime
    >>> from periodic import Entry, crontab
    >>> report = crontab(minute=30, hour="2,14", tz="Europe/Berlin")
    >>> entry = Entry(name="report", task="shop.report", schedule=report)
    >>> print(runs_text([entry], "2026-03-28", "2026-03-30T12:00"), end="")
    Sat 2026-03-28  report  02:30 14:30 (+01:00)
    Sun 2026-03-29  report  03:00 14:30 (+02:00)
    Mon 2026-03-30  report  02:30 (+02:00)
    """
    lines: list[tuple[date, str, str]] = []
    for entry in entries:
        if entry.enabled:
            lines.extend(_days_of(entry, start, end, tz))
    return "".join(f"{line}\n" for _, _, line in sorted(lines))


def _days_of(
    entry: Entry, start: Moment, end: Moment, tz: tzinfo | None
) -> Iterator[tuple[date, str, str]]:
    zone = tz or entry.schedule.tz or UTC
    first, last = moment(start, zone), moment(end, zone)
    runs = (to_zone(run, zone) for run in entry.schedule.between(first, last))
    for day, group in groupby(runs, lambda run: run.date()):
        told = f"{day:%a} {day}  {entry.name}  {_times(list(group))}"
        yield day, entry.name, told


def _times(runs: list[datetime]) -> str:
    parts: list[str] = []
    for shift, group in groupby(runs, lambda run: run.utcoffset()):
        readings = [f"{run:%H:%M:%S}" if run.second else f"{run:%H:%M}" for run in group]
        if len(readings) > _MOST_TIMES:
            readings = [f"{readings[0]} ... {readings[-1]}, {len(readings)} runs"]
        parts.append(f"{' '.join(readings)} ({offset(shift or timedelta(0))})")
    return " ".join(parts)


def listed(what: str, instants: Sequence[datetime], zone: tzinfo) -> Iterator[str]:
    """Yield a line for each instant, for a message; not for all of very many.

    Args:
        what: is said of each.
        instants: aware.
        zone: whose clock is read.
    """
    for at in instants[:_MOST_TOLD]:
        yield f"  {what}: {run_line(to_zone(at, zone))}"
    if len(instants) > _MOST_TOLD:
        yield f"  and {len(instants) - _MOST_TOLD} more"
