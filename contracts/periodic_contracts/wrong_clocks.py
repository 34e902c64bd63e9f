"""The contract of clocks that are wrong: set back, set forward, or apart from one another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from .beats import make_beat, make_entry, render_plainly, take_up
from .clocks import ManualClockDriver
from .contract import NAMESPACE, Contract, MakeBroker
from .skew import SkewPromises
from .ticking import ahead_of, count, fire_times, let_tick, once, told

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=365)
#: How late an occurrence may be and still be late, not missed.
_MISFIRE_THRESHOLD = timedelta(seconds=60)


class ClockContract(SkewPromises, Contract):
    """A wrong clock repeats nothing, and loses no more than it jumped over."""

    # -- set back --------------------------------------------------------------------------------

    @pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
    def test_a_clock_set_back_repeats_nothing_and_stalls_nothing(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        restarted: bool,  # noqa: FBT001  # pytest's parameter
    ) -> None:
        """What was dispatched does not fire again; right after it the interval goes on."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        start = clock.now()
        let_tick(beat, clock, 3)
        clock.set(clock.now() - clock.units(2))
        if restarted:
            beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        beat.tick()
        let_tick(beat, clock, 4)

        assert count(enqueued(), "job") == once(fire_times(entry, start, clock.now()))

    def test_a_clock_set_back_holds_up_no_other_entry(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """What was not dispatched yet fires at its instant; what is new counts from now."""
        often, rare, new = (
            make_entry(core, name, core.interval(clock.units(every)))
            for name, every in (("often", 1), ("rare", 4), ("new", 1))
        )
        start = clock.now()
        beat = make_beat(core, clock, make_broker(clock.core_clock), often, rare)
        let_tick(beat, clock, 3)
        clock.set(start + clock.units(1))
        before = clock.now()
        take_up(beat, new)
        let_tick(beat, clock, 4)
        received = enqueued()

        assert count(received, "rare") == once(fire_times(rare, start, clock.now()))
        assert count(received, "new") == once(fire_times(new, before, clock.now()))

    # -- set forward -----------------------------------------------------------------------------

    def test_what_a_clock_set_forward_jumped_over_is_a_misfire(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Late ones run, all of them; of missed ones the latest, where nothing newer is due."""
        often = make_entry(core, "often", core.interval(clock.units(1)))
        hourly = make_entry(core, "hourly", core.interval(_HOUR))
        start = clock.now()
        beat = make_beat(core, clock, make_broker(clock.core_clock), often, hourly)
        clock.set(start + 3.5 * _HOUR)
        beat.tick()
        received = enqueued()

        late = clock.now() - _MISFIRE_THRESHOLD - _MICROSECOND
        (*_, latest) = fire_times(hourly, start, clock.now())
        assert count(received, "often") == once(fire_times(often, late, clock.now()))
        assert count(received, "hourly") == {latest: 1}

    @pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
    def test_a_clock_set_forward_and_right_again_doubles_nothing(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        restarted: bool,  # noqa: FBT001  # pytest's parameter
    ) -> None:
        """What the wrong clock sent is not sent again; after its instant all goes on."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        start = clock.now()
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        wrong = start + clock.units(30)
        clock.set(wrong)
        beat.tick()
        clock.set(start)
        if restarted:
            beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        beat.tick()
        let_tick(beat, clock, 33)
        counted = count(enqueued(), "job")

        afterwards = fire_times(entry, wrong, clock.now())
        assert set(counted.values()) == {1}
        assert len(afterwards) == 3
        assert [at for at in counted if at > wrong.isoformat()] == afterwards

    def test_a_restart_after_a_clock_was_ahead_says_which_entries_wait(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A cursor that lies in the future is no silence that nobody can explain."""
        job = make_entry(core, "job", core.interval(clock.units(1)))
        other = make_entry(core, "other", core.interval(clock.units(1)))
        start = clock.now()
        beat = make_beat(core, clock, make_broker(clock.core_clock), job)
        clock.set(start + _YEAR)
        beat.tick()
        clock.set(start)
        caplog.clear()
        make_beat(core, clock, make_broker(clock.core_clock), job, other)

        (record,) = told(caplog, "cursor-ahead")
        assert record.__dict__["entries"] == ["job"]
        assert str(start.year + 1) in record.getMessage()

    @pytest.mark.parametrize(
        "by", [_HOUR, -_HOUR, 2.5 * _SECOND], ids=["an-hour-on", "an-hour-back", "2.5-s-on"]
    )
    def test_a_step_of_the_clock_is_counted_and_told_once(
        self, core: Core, make_broker: MakeBroker, caplog: pytest.LogCaptureFixture, by: timedelta
    ) -> None:
        """Over 2 s, in either direction; less is what time services do all day."""
        with ManualClockDriver(core) as clock:
            manual = cast("periodic.ManualClock", clock.core_clock)
            beat = make_beat(core, clock, make_broker(manual))
            manual.step(by)
            beat.tick()
            beat.tick()
            manual.step(1.5 * _SECOND)
            clock.advance(_HOUR)
            beat.tick()

        assert beat.clock_steps == 1
        assert [each.__dict__["seconds"] for each in told(caplog, "clock-step")] == [
            by.total_seconds()
        ]

    # -- apart -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("seconds", [0.3, 1.9, 30.0])
    def test_beats_whose_clocks_are_apart_lose_and_double_nothing(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        seconds: float,
    ) -> None:
        """Two beats, one ahead of the other: each occurrence once, whichever comes first."""
        entries = [
            make_entry(core, "often", core.interval(clock.units(1))),
            make_entry(core, "rare", core.interval(clock.units(3))),
        ]
        start = clock.now()
        right = make_beat(core, clock, make_broker(clock.core_clock), *entries)
        ahead = ahead_of(clock.core_clock, timedelta(seconds=seconds))
        early = core.Beat(
            make_broker(ahead), render_plainly, namespace=NAMESPACE, clock=ahead, max_skew=None
        )
        take_up(early, *entries)
        for number in range(20):
            clock.advance(clock.units(0.2))
            first, second = (right, early) if number % 3 else (early, right)
            first.tick()
            second.tick()

        received = enqueued()
        for entry in entries:
            times = fire_times(entry, start, ahead.now())
            assert count(received, entry.name) == once(times)
