"""The contract of the beat: starts, restarts, edits and bad entries on an adapter's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from .beats import make_beat, make_entry, render_plainly
from .contract import NAMESPACE, Contract, MakeBroker
from .messages import ContractMessage
from .racing import KilledError, kill, refuse

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

_MICROSECOND = timedelta(microseconds=1)


class BeatContract(Contract):
    """A beat on this adapter runs what came due since the last one, and nothing from before."""

    def test_a_first_start_fires_nothing_from_before(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Counting starts with the first beat; the occurrence after that is the first."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        started = clock.now()
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)

        assert enqueued() == []
        clock.advance(clock.units(1))
        beat.tick()
        (message,) = enqueued()
        assert datetime.fromisoformat(message.fire_time) > started

    def test_a_restart_fires_what_came_due_in_between(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A beat that comes back soon is late, not forgetful: each occurrence, once."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        broker = make_broker(clock.core_clock)
        beat = make_beat(core, clock, broker, entry)
        start = clock.now()
        clock.advance(clock.units(1))
        beat.tick()
        broker.close()
        clock.advance(clock.units(3))
        make_beat(core, clock, make_broker(clock.core_clock), entry)

        expected = [
            core.to_utc(at).isoformat()
            for at in entry.schedule.between(start, clock.now() + _MICROSECOND)
            if at > start
        ]
        assert sorted(message.fire_time for message in enqueued()) == expected
        assert len(expected) == 4

    def test_an_edit_while_no_beat_ran_is_no_misfire(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Another schedule under the same name fires nothing from before the new beat."""
        broker = make_broker(clock.core_clock)
        make_beat(core, clock, broker, make_entry(core, "job", core.interval(clock.units(1))))
        broker.close()
        clock.advance(clock.units(6))
        edited = make_entry(core, "job", core.interval(clock.units(2)))
        beat = make_beat(core, clock, make_broker(clock.core_clock), edited)
        restarted = clock.now()

        assert enqueued() == []
        clock.advance(clock.units(2))
        beat.tick()
        (message,) = enqueued()
        assert datetime.fromisoformat(message.fire_time) > restarted

    def test_an_edit_of_a_running_beat_is_no_misfire(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A changed schedule counts from the change, whatever came due under the old one."""
        beat = make_beat(
            core,
            clock,
            make_broker(clock.core_clock),
            make_entry(core, "job", core.interval(clock.units(4))),
        )
        clock.advance(clock.units(3))
        changed = clock.now()
        beat.put(make_entry(core, "job", core.interval(clock.units(1))))
        beat.tick()

        assert enqueued() == []
        clock.advance(clock.units(1))
        beat.tick()
        (message,) = enqueued()
        assert datetime.fromisoformat(message.fire_time) > changed

    def test_a_clock_set_back_repeats_nothing(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """What was enqueued stays enqueued once when the wall clock lives through it again."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        clock.advance(clock.units(3))
        beat.tick()
        clock.set(clock.now() - clock.units(2))
        for _ in range(3):
            beat.tick()
            clock.advance(clock.units(1))
        beat.tick()
        counted = Counter(message.id for message in enqueued())

        assert set(counted.values()) == {1}
        assert len(counted) == 4

    def test_a_failing_entry_holds_up_no_other(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """One entry's message fails at each try: the beat runs the others as if it were not."""
        every = core.interval(clock.units(1))
        entries = [make_entry(core, name, every) for name in ("good", "bad", "fine")]

        def render(entry: periodic.Entry, occurrence: periodic.Occurrence) -> ContractMessage:
            if entry.name == "bad":
                return ContractMessage(occurrence, before=refuse)
            return ContractMessage(occurrence)

        beat = make_beat(core, clock, make_broker(clock.core_clock), *entries, render=render)
        for _ in range(3):
            clock.advance(clock.units(1))
            beat.tick()

        assert Counter(message.entry for message in enqueued()) == {"good": 3, "fine": 3}

    # -- the run at the start ----------------------------------------------------------------------

    def test_an_entry_that_asks_for_it_runs_at_its_first_start_alone(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """In the second in which counting starts; no restart and no edit makes another run."""
        start = clock.now()
        broker = make_broker(clock.core_clock)
        beat = make_beat(core, clock, broker, _quiet(core, start))
        until = clock.now()
        clock.advance(clock.units(1))
        beat.tick()
        beat.put(_quiet(core, start, days=2))
        beat.tick()
        broker.close()
        clock.advance(clock.units(1))
        make_beat(core, clock, make_broker(clock.core_clock), _quiet(core, start, days=2))

        (message,) = enqueued()
        run = core.Occurrence(NAMESPACE, "job", datetime.fromisoformat(message.fire_time))
        assert message.id == run.id
        assert start.replace(microsecond=0) <= run.fire_time <= until
        assert run.fire_time.microsecond == 0

    def test_an_entry_that_was_counted_before_has_no_start(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """An entry that comes to ask for it later has been started already."""
        start = clock.now()
        broker = make_broker(clock.core_clock)
        make_beat(core, clock, broker, _quiet(core, start, run_on_start=False))
        broker.close()
        clock.advance(clock.units(1))
        make_beat(core, clock, make_broker(clock.core_clock), _quiet(core, start))

        assert enqueued() == []

    def test_beats_that_start_together_run_the_start_once(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Each has a second of its own in mind; the one that was adopted first counts for all."""
        start = clock.now()
        beats: list[periodic.Beat] = []
        for _ in range(3):
            own = clock.core_clock
            broker = make_broker(own)
            beat = core.Beat(broker, render_plainly, namespace=NAMESPACE, clock=own, max_skew=None)
            beat.put(_quiet(core, start))
            beats.append(beat)
            clock.advance(clock.units(1))
        for beat in (beats[1], beats[0], beats[2]) * 2:
            beat.tick()

        assert len(enqueued()) == 1

    def test_a_start_whose_beat_was_killed_is_run_by_the_next(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Adopted and not yet dispatched: another beat, later, runs that same occurrence."""

        def render(_entry: periodic.Entry, _occurrence: periodic.Occurrence) -> ContractMessage:
            kill()
            raise AssertionError

        start = clock.now()
        broker = make_broker(clock.core_clock)
        with pytest.raises(KilledError):
            make_beat(core, clock, broker, _quiet(core, start), render=render)
        killed = clock.now()
        broker.close()
        clock.advance(clock.units(30))
        for _ in range(2):
            beat = make_beat(core, clock, make_broker(clock.core_clock), _quiet(core, start))
            beat.tick()

        (message,) = enqueued()
        assert datetime.fromisoformat(message.fire_time) <= killed

    def test_an_entry_that_was_forgotten_starts_again(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Removed, and put again when its cursor is gone: it is counted for the first time."""
        entry = _quiet(core, clock.now())
        broker = make_broker(clock.core_clock)
        make_beat(core, clock, broker, entry)
        broker.forget(["job"])
        clock.advance(clock.units(1))
        make_beat(core, clock, make_broker(clock.core_clock), entry)

        assert len({message.id for message in enqueued()}) == 2


def _quiet(
    core: Core, start: datetime, *, days: int = 1, run_on_start: bool = True
) -> periodic.Entry:
    """Make an entry whose schedule has nothing for half a day from `start` on."""
    schedule = core.interval(days=days, anchor=start - timedelta(hours=12))
    return core.Entry(
        name="job", task="contracts.task", schedule=schedule, run_on_start=run_on_start
    )
