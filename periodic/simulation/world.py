"""The world of a simulation: undisturbed time, which leaps from event to event, and the beats."""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

from ..beat import MAX_INTERVAL
from ..broker import Dispatch
from ..clock import ManualClock, seconds_until
from ..registry import BeatState
from .broker import Killed, Line
from .faults import ClockStep, Fault, Kill, Moment, Outage
from .happenings import Happening, Note
from .leading import SimulatedLeadership
from .machine import SILENCE, Machine, SimulatedBeat, TellingPlanner
from .overheard import listening, overheard
from .plan import Plan
from .tally import Tally

NAMESPACE = "simulation"
#: How long a disturbed simulation goes on after its end, so that what is late is still sent.
SETTLE: timedelta = timedelta(seconds=60)
_NOTHING = timedelta(0)
#: A beat that has tried in vain for so long waits the longest time between two tries.
_SETTLED = timedelta(seconds=60)
_LONGEST_WAIT = timedelta(seconds=5)
#: What is told otherwise, or says nothing here.
_UNTOLD = frozenset({"missed", "cursor-ahead", None})

# Of what happens at one instant, faults come first, then the contest for the lease, then ticks.
_FAULT, _TURN, _TICK = range(3)


_Event = tuple[datetime, int, float, int, Callable[[], None]]


class World:
    """Runs a plan once.

    Args:
        plan: what is simulated.
        tally: what becomes of it.
    """

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self._plan = plan
        self._tally = tally
        self._random = Random(plan.seed)  # noqa: S311  # no secret
        self._now = plan.start - datetime.resolution
        self._clock = ManualClock(self._now)  # the broker's
        self._broker = plan.open_broker(self._clock, NAMESPACE)
        self._machines = [Machine(number + 1) for number in range(plan.beats)]
        # Turns for the lease wait by themselves: how long it is calm until the next other event
        # is asked at each of them.
        self._events: list[_Event] = []
        self._turns: list[_Event] = []
        self._numbers = count()
        self._told: deque[Happening] = deque()
        self._outages: list[Outage] = []
        self._cut_at = plan.start
        # A beat that is alone and undisturbed always leads.
        self._contested = not plan.all_active and (plan.beats > 1 or bool(plan.faults))
        #: Whether clocks are ever apart.
        self._apart = any(isinstance(each, ClockStep) and each.beat for each in plan.faults)
        self._settle = SETTLE if plan.faults else _NOTHING

    def run(self) -> Iterator[Happening]:
        """Yield what happens, until the broker's clock reads the end."""
        with listening():
            yield from self._run()

    def _run(self) -> Iterator[Happening]:
        for fault in self._plan.faults:
            self._plan_fault(fault)
        for machine in self._machines:
            self._start(machine)
        self._advance(self._plan.start)
        for machine in self._machines:
            self._tick_at(machine, self._now)
        try:
            while (following := self._next_event()) is not None:
                at, kind, _, _, act = following
                self._advance(at)
                if kind == _TICK and self._tally.skips:
                    self._told.extend(self._tally.skips_until(at))
                act()
                while self._told:
                    yield self._told.popleft()
            yield from self._tally.close(self._plan.end)
            for machine in self._machines:
                if machine.beat is not None:
                    errors = machine.beat.planner.set_aside.items()
                    self._tally.summary.set_aside.update((name, str(why)) for name, why in errors)
        finally:
            self._broker.close()

    # -- time ------------------------------------------------------------------------------------

    def _next_event(self) -> _Event | None:
        """Take what happens next, if that is before the end."""
        heaps = [heap for heap in (self._events, self._turns) if heap]
        if not heaps:
            return None
        first = min(heaps, key=lambda heap: heap[0])
        return heapq.heappop(first) if first[0][0] < self._end() else None

    def _end(self) -> datetime:
        """Return when the broker's clock reads the end, in undisturbed time."""
        return self._plan.end + self._settle - (self._clock.now() - self._now)

    def _advance(self, to: datetime) -> None:
        by = to - self._now
        if by > _NOTHING:
            self._now = to
            self._clock.advance(by)
            for machine in self._machines:
                if machine.clock is not None:
                    machine.clock.advance(by)

    def _at(self, at: datetime, kind: int, act: Callable[[], None]) -> None:
        # Several beats act in an order that only the seed decides.
        tie = self._random.random() if len(self._machines) > 1 and kind != _FAULT else 0.0
        heap = self._turns if kind == _TURN else self._events
        heapq.heappush(heap, (at, kind, tie, next(self._numbers), act))

    def _calm(self) -> timedelta:
        """Return how long no beat ticks and nothing goes wrong."""
        return (self._events[0][0] if self._events else self._end()) - self._now

    # -- beats -----------------------------------------------------------------------------------

    def _start(self, machine: Machine) -> None:
        clock = machine.clock = ManualClock(self._now + machine.offset)
        line = machine.line = Line(self._broker, lambda taken: self._sent(machine, taken))
        line.cut = bool(self._outages)
        if self._contested:
            machine.leadership = SimulatedLeadership(
                line,
                beat=f"beat-{machine.number}",
                clock=clock,
                changed=lambda: self._changed(machine),
            )
        machine.beat = SimulatedBeat(
            line,
            lambda _entry, _occurrence: SILENCE,
            namespace=NAMESPACE,
            clock=clock,
            planner=TellingPlanner(self._tally.given_up),
            leadership=machine.leadership,
        )
        machine.beat.replace(self._plan.entries)

    def _tick_at(self, machine: Machine, at: datetime | None) -> None:
        machine.tick_at = at
        if at is not None:
            self._at(at, _TICK, lambda: self._tick(machine, at))

    def _turn_at(self, machine: Machine, at: datetime) -> None:
        machine.turn_at = at
        self._at(at, _TURN, lambda: self._turn(machine, at))

    def _tick(self, machine: Machine, at: datetime) -> None:
        beat, clock = machine.beat, machine.clock
        if beat is None or clock is None or machine.tick_at != at:
            return
        machine.tick_at, machine.ticked_at = None, at
        try:
            with overheard(lambda record: self._hear(machine, record)):
                wake = beat.tick()
        except Killed:
            self._die(machine)
            return
        if machine.tick_at is not None:  # something has changed meanwhile
            return
        # A beat whose clock is wrong looks each second, and sees nothing new until one is set.
        skewed = self._apart and beat.status().state is BeatState.SKEWED
        if wake is not None and not skewed:
            after = timedelta(seconds=seconds_until(wake, clock))
            self._tick_at(machine, self._during_outage(self._now + after))

    def _turn(self, machine: Machine, at: datetime) -> None:
        leadership = machine.leadership
        if leadership is None or machine.turn_at != at:
            return
        with overheard(lambda record: self._hear(machine, record)):
            after = leadership.contend(self._calm())
        after = max(after, datetime.resolution)
        self._turn_at(machine, self._during_outage(self._now + after))

    def _changed(self, machine: Machine) -> None:
        """Let a beat look at once: it leads now, or does not any more, or has just started."""
        if machine.turn_at is None:
            self._turn_at(machine, self._now)
        elif machine.tick_at != self._now:
            self._tick_at(machine, self._now)

    def _sent(self, machine: Machine, taken: list[Dispatch]) -> None:
        read = self._now + machine.offset
        for dispatch in taken:
            run = dispatch.occurrence
            self._tally.sent(
                run.entry, run.fire_time, machine.number, read, self._now, self._told.append
            )

    def _hear(self, machine: Machine, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event not in _UNTOLD:
            self._note(machine.number, str(event), record.getMessage())

    def _note(self, beat: int, event: str, text: str) -> None:
        self._told.append(Note(self._now, beat, event, text))

    # -- faults ----------------------------------------------------------------------------------

    def _plan_fault(self, fault: Fault) -> None:
        if isinstance(fault, Kill):
            machine, moment = self._machines[fault.beat - 1], fault.moment
            self._at(fault.at, _FAULT, lambda: self._kill(machine, moment))
            if fault.back is not None:
                self._at(fault.back, _FAULT, lambda: self._come_back(machine))
        elif isinstance(fault, Outage):
            self._at(fault.start, _FAULT, lambda: self._cut(fault))
            self._at(fault.end, _FAULT, lambda: self._mend(fault))
        else:
            step: ClockStep = fault
            self._at(step.at, _FAULT, lambda: self._set_clock(step))

    def _kill(self, machine: Machine, moment: Moment) -> None:
        if machine.beat is None or machine.line is None:
            return
        if moment is Moment.IDLE:
            self._die(machine)
        else:
            machine.line.strike = moment

    def _die(self, machine: Machine) -> None:
        strike = machine.line.strike if machine.line is not None else None
        machine.clock = machine.line = machine.beat = machine.leadership = None
        machine.tick_at = machine.turn_at = machine.ticked_at = None
        when = "" if strike is None else f" ({strike.replace('_', ' ')})"
        self._note(machine.number, "killed", f"killed{when}")

    def _come_back(self, machine: Machine) -> None:
        if machine.beat is not None:
            if machine.line is not None:
                machine.line.strike = None  # it found nothing to dispatch in time
            return
        self._note(machine.number, "started", "started again")
        self._start(machine)
        self._tick_at(machine, self._now)

    def _cut(self, outage: Outage) -> None:
        self._outages.append(outage)
        if len(self._outages) == 1:
            self._cut_at = self._now
            self._note(0, "outage", "the broker is away")
            self._cut_lines(cut=True)

    def _mend(self, outage: Outage) -> None:
        self._outages.remove(outage)
        if not self._outages:
            self._note(0, "outage-over", "the broker is back")
            self._cut_lines(cut=False)

    def _cut_lines(self, *, cut: bool) -> None:
        for machine in self._machines:
            if machine.line is not None:
                machine.line.cut = cut

    def _during_outage(self, at: datetime) -> datetime:
        """Leap over tries that fail like those before, each after the longest wait."""
        if not self._outages or at < self._cut_at + _SETTLED:
            return at
        until = min(max(each.end for each in self._outages), self._next_fault()) - _SETTLED
        return at + max((until - at) // _LONGEST_WAIT, 0) * _LONGEST_WAIT

    def _next_fault(self) -> datetime:
        return min((at for at, kind, *_ in self._events if kind == _FAULT), default=self._end())

    def _set_clock(self, step: ClockStep) -> None:
        machines = self._machines if step.beat is None else [self._machines[step.beat - 1]]
        whose = "every clock" if step.beat is None else "its clock"
        seconds = step.by.total_seconds()
        self._note(step.beat or 0, "clock-set", f"{whose} is set by {seconds:+g} s")
        if step.beat is None:
            self._clock.step(step.by)
        for machine in machines:
            machine.offset += step.by
            if machine.clock is not None:
                machine.clock.step(step.by)
                self._wake_by_interval(machine)

    def _wake_by_interval(self, machine: Machine) -> None:
        """Let a beat look when its sleep is over: between two looks it slept that long at most."""
        since = _NOTHING if machine.ticked_at is None else self._now - machine.ticked_at
        at = self._now + -since % MAX_INTERVAL
        if machine.tick_at is None or at < machine.tick_at:
            self._tick_at(machine, at)
