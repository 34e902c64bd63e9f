"""The contract of the beat: starts, restarts, edits and bad entries on an adapter's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .beats import make_beat, make_entry
from .contract import Contract, MakeBroker
from .messages import ContractMessage
from .racing import refuse

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
