"""Two rules held against each other over a time: the instants at which only one of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from ..clock import iso_utc, to_utc
from ..clock_changes import clock_changes
from ..schedules import Schedule, interval

#: A year with no more runs than this is compared whole.
_FEW = 500
_AROUND = timedelta(hours=30)
#: Two runs that are less apart are one: a source counts in fractions of a second.
_SAME = timedelta(seconds=1)
_DAY = timedelta(days=1)
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison has found, in order.

    Args:
        here: instants at which only ours runs, in UTC.
        there: instants at which only the other runs, in UTC; twice where it runs twice.
        at_changes: all of them are near a change of the clock.
    """

    here: Sequence[datetime]
    there: Sequence[datetime]
    at_changes: bool

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.here or self.there)

    def sentence(self, who: str) -> str:
        """Return it in words; "" where nothing differs.

        Args:
            who: the other's name, such as `Celery`.
        """
        if not self:
            return ""
        told = [
            f"{whose} {', '.join(map(iso_utc, runs[:_TOLD]))}"
            + (f" and {len(runs) - _TOLD} more" if len(runs) > _TOLD else "")
            for whose, runs in (("here alone at", self.here), (f"in {who} alone at", self.there))
            if runs
        ]
        where = "where the clock changes it" if self.at_changes else "it"
        return f"{where} runs otherwise in the coming year: {'; '.join(told)}"


def hold_against(
    schedule: Schedule,
    theirs: Callable[[datetime, datetime], Sequence[datetime]],
    start: datetime,
    end: datetime,
    *,
    whole: bool = False,
) -> Found:
    """Compare a schedule of ours with when another runs.

    Where ours has more than 500 runs and the other is slow to ask, the first 30 hours, those
    around each change of its clock and the beginning of each day are compared.

    Args:
        schedule: its zone settled.
        theirs: returns the other's instants in `[start, end)`, in order.
        start: aware; included.
        end: aware; not included.
        whole: compare every instant, however many there are.
    """
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    here: list[datetime] = []
    there: list[datetime] = []
    for low, high in [(start, end)] if whole else _spans(schedule, start, end):
        # What is a second apart may lie on both sides of an edge.
        ours = [*map(to_utc, schedule.between(low - _SAME, high + _SAME))]
        others = [*map(to_utc, theirs(low - _SAME, high + _SAME))]
        alone, others_alone = _sort_out(ours, others)
        here += [at for at in alone if low <= at < high]
        there += [at for at in others_alone if low <= at < high]
    around = clock_changes(schedule.tz or UTC, start - _AROUND, end + _AROUND)
    changes = [change.at for change in around]
    near = all(any(abs(at - change) <= _AROUND for change in changes) for at in (*here, *there))
    return Found(here, there, near)


def _sort_out(
    ours: list[datetime], others: list[datetime]
) -> tuple[list[datetime], list[datetime]]:
    """Return what has no partner in the other list, of both."""
    here: list[datetime] = []
    there: list[datetime] = []
    i = j = 0
    while i < len(ours) and j < len(others):
        apart = others[j] - ours[i]
        if apart >= _SAME:
            here.append(ours[i])
        elif apart <= -_SAME:
            there.append(others[j])
        i += apart > -_SAME
        j += apart < _SAME
    return here + ours[i:], there + others[j:]


def _spans(
    schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is compared, in order; spans do not overlap."""
    if len(list(islice(schedule.between(start, end), _FEW + 1))) <= _FEW:
        yield start, end
        return
    wanted = [(start, start + _AROUND)]
    if not isinstance(schedule, interval):  # whose grid is the same on all days
        changes = clock_changes(schedule.tz or UTC, start, end)
        wanted += [(change.at - _AROUND, change.at + _AROUND) for change in changes]
        wanted += _beginnings(schedule, start, end)
    done = start
    for low, high in sorted(wanted):
        if min(high, end) > max(low, done):
            yield max(low, done), min(high, end)
            done = min(high, end)


def _beginnings(
    schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield each day up to its first run, so that a day on which only one runs is found."""
    day = start
    while day < end:
        following = min(day + _DAY, end)
        run = schedule.next_after(day - datetime.resolution)
        yield day, following if run is None else min(to_utc(run) + _SAME, following)
        day = following
