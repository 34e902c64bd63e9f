"""Holds what the beats sent against what each schedule says, independently of the planner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby

from ..clock import to_utc, to_zone
from ..clock_changes import clock_changes
from ..due import Due
from ..due import Missed as GivenUp
from ..effects import Effect, effect_on
from ..entry import Entry
from ..planner import MISFIRE_THRESHOLD
from ..schedules.base import Schedule
from ..start_runs import start_run
from .happenings import Happening, How, Missed, NotSent, Run, Skipped, Summary

#: A run that was sent so soon after its instant is on time.
ON_TIME: timedelta = timedelta(seconds=1)
_DAY = timedelta(days=1)
#: What a clock change does that a run of then is to be told with.
_TOLD = frozenset({"merged", "moved", "once", "repeated"})

_Effects = dict[datetime, Effect]


class _Watch:
    """One entry: what is expected next, and what was sent last."""

    __slots__ = (
        "busy_until",
        "duration",
        "effects",
        "entry",
        "given_up",
        "last",
        "runs",
        "threshold",
        "upcoming",
        "upcoming_utc",
    )

    def __init__(
        self, entry: Entry, runs: Iterator[datetime], effects: _Effects, duration: timedelta | None
    ) -> None:
        self.entry = entry
        self.runs = runs
        self.effects = effects
        self.duration = duration
        self.threshold = entry.misfire_threshold or MISFIRE_THRESHOLD
        self.given_up: list[GivenUp] = []
        self.last: datetime | None = None
        self.busy_until: datetime | None = None
        self.upcoming: datetime | None = None
        self.upcoming_utc: datetime | None = None
        self.step()

    def step(self) -> None:
        self.upcoming = next(self.runs, None)
        self.upcoming_utc = None if self.upcoming is None else to_utc(self.upcoming)


class Tally:
    """Takes what was sent and given up, and tells runs and what did not run.

    Args:
        entries: what is simulated.
        start: occurrences from then on count; UTC.
        end: occurrences before it count; UTC.
        durations: name of an entry or a task -> how long it runs.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        start: datetime,
        end: datetime,
        durations: Mapping[str, timedelta],
    ) -> None:
        self.summary: Summary = Summary()
        self._start, self._end = start, end
        #: When entries run that ask for a run at the start.
        self._began = start_run(start - datetime.resolution)
        self._effects: dict[Schedule, _Effects] = {}
        #: What clock changes leave out and was not told yet, the last first.
        self.skips: list[Skipped] = []
        self._watches: dict[str, _Watch] = {}
        for entry in entries:
            self._watch(entry, durations)
        self.skips.sort(key=lambda each: (each.effect.change.at, each.entry), reverse=True)

    def _watch(self, entry: Entry, durations: Mapping[str, timedelta]) -> None:
        if not entry.enabled:
            return
        duration = durations.get(entry.name, durations.get(entry.task))
        try:
            runs = self._expected(entry)
            effects = self._effects_on(entry)
            self._watches[entry.name] = _Watch(entry, runs, effects, duration)
        except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
            self.summary.set_aside[entry.name] = str(error)

    def _expected(self, entry: Entry) -> Iterator[datetime]:
        start = self._began if entry.run_on_start else None
        if start is None:
            return entry.schedule.between(self._start, self._end)
        # No beat has seen it before: the simulation begins with its run.
        runs = entry.schedule.between(start + datetime.resolution, self._end)
        return chain([to_zone(start, entry.schedule.tz or UTC)], runs)

    def _effects_on(self, entry: Entry) -> _Effects:
        schedule = entry.schedule
        found = self._effects.get(schedule)
        if found is None:
            found = self._effects[schedule] = {}
            for effect in _effects(schedule, self._start, self._end):
                if effect.what in _TOLD:
                    found.update((to_utc(run), effect) for run in _touched(effect))
                elif effect.what == "skipped":
                    found[effect.change.at] = effect
        skipped = (each for each in found.values() if each.what == "skipped")
        self.skips.extend(Skipped(entry.name, each) for each in skipped)
        return found

    # -- in the course of the simulation ---------------------------------------------------------

    def given_up(self, due: Due) -> None:
        """Take note of what the planner gives up; it counts when a later occurrence is sent."""
        watch = self._watches[due.entry.name]
        first = due.given_up[0].first
        # What is looked at again after a failure takes the place of what was said before.
        watch.given_up = [each for each in watch.given_up if each.last < first]
        watch.given_up.extend(due.given_up)

    def skips_until(self, at: datetime) -> Iterator[Skipped]:
        """Yield what clock changes before `at` (UTC) left out."""
        while self.skips and self.skips[-1].effect.change.at < at:
            skip = self.skips.pop()
            self.summary.skipped += len(skip.effect.readings)
            yield skip

    def sent(
        self,
        name: str,
        fire_time: datetime,
        beat: int,
        read: datetime,
        now: datetime,
        tell: Callable[[Happening], None],
    ) -> None:
        """Take one occurrence that the broker took.

        Args:
            name: the entry's.
            fire_time: UTC.
            beat: which one sent it.
            read: what its clock read; UTC.
            now: the undisturbed time; UTC.
            tell: told what was missed before it, and the run.
        """
        watch = self._watches[name]
        began = self._began if watch.entry.run_on_start else None
        if not (began or self._start) <= fire_time < self._end:
            return
        duplicate = watch.last is not None and fire_time <= watch.last
        local: datetime | None = None
        if duplicate:
            self.summary.duplicates += 1
        else:
            if watch.upcoming_utc is not None and watch.upcoming_utc < fire_time:
                for missed in self._missed(watch, fire_time, NotSent.LOST):
                    tell(missed)
            if watch.upcoming_utc == fire_time:
                local = watch.upcoming
                watch.step()
            else:
                self.summary.unexpected += 1
            watch.last = fire_time
        self.summary.runs += 1
        late = read - fire_time
        how = How.ON_TIME if late <= ON_TIME else self._late(watch, late)
        overlaps = watch.duration is not None and self._overlaps(watch, watch.duration, now)
        effect = watch.effects.get(fire_time) if watch.effects else None
        tell(Run(name, local or fire_time, read, beat, how, late, effect, overlaps, duplicate))

    def _late(self, watch: _Watch, late: timedelta) -> How:
        self.summary.latest = max(self.summary.latest, late)
        if late <= watch.threshold:
            self.summary.late += 1
            return How.LATE
        self.summary.caught_up += 1
        return How.CAUGHT_UP

    def _overlaps(self, watch: _Watch, duration: timedelta, now: datetime) -> bool:
        until, ends = watch.busy_until, now + duration
        watch.busy_until = ends if until is None else max(ends, until)
        if until is None or now >= until:
            return False
        self.summary.overlapping += 1
        return True

    def close(self, now: datetime) -> Iterator[Happening]:
        """Yield what is left when the simulation ends."""
        yield from self.skips_until(self._end)
        for watch in self._watches.values():
            yield from self._missed(watch, min(now, self._end), NotSent.UNSENT)

    def _missed(self, watch: _Watch, until: datetime, otherwise: NotSent) -> Iterator[Missed]:
        """Yield what was expected before `until` and not sent."""
        given_up = watch.given_up

        def reason(at: datetime) -> NotSent:
            utc = to_utc(at)
            for each in given_up:
                if each.first <= utc <= each.last:
                    return NotSent(str(each.reason))
            return otherwise

        def holes() -> Iterator[datetime]:
            while watch.upcoming is not None and watch.upcoming_utc is not None:
                if watch.upcoming_utc >= until:
                    return
                yield watch.upcoming
                watch.step()

        for why, group in groupby(holes(), reason):
            together = list(group)
            self._count(why, len(together))
            yield Missed(watch.entry.name, together[0], together[-1], len(together), why)
        watch.given_up = [each for each in given_up if each.last > until]

    def _count(self, why: NotSent, count: int) -> None:
        if why is NotSent.UNSENT:
            self.summary.unsent += count
        elif why is NotSent.LOST:
            self.summary.lost += count
        else:
            self.summary.missed += count


def _effects(schedule: Schedule, start: datetime, end: datetime) -> Iterator[Effect]:
    if schedule.tz is None or schedule.kind in ("interval", "clocked", "solar"):
        return
    first = start.replace(microsecond=0) - _DAY
    for change in clock_changes(schedule.tz, first, end.replace(microsecond=0) + _DAY):
        yield effect_on(schedule, change)


def _touched(effect: Effect) -> Iterable[datetime]:
    if effect.what in ("merged", "moved"):
        return effect.runs
    change = effect.change
    readings = set(effect.readings)
    return [run for run in effect.runs if run.replace(tzinfo=None, fold=0) in readings] or [
        run for run in effect.runs if abs(to_utc(run) - change.at) <= change.size
    ]
