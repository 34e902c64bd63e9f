"""The part of the contract of clocks about the server's: a beat that differs from it holds back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from .beats import make_entry, render_plainly, take_up
from .clocks import ManualClockDriver, WallClock
from .contract import NAMESPACE, MakeBroker, needs
from .ticking import ahead_of, count, due_at, fire_times, let_tick, once, told

if TYPE_CHECKING:
    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=365)
#: What two calls to a server may take.
_CALLS = timedelta(seconds=1)


class SkewPromises:
    """A beat whose clock is not the server's claims nothing; `ClockContract` has these."""

    @needs("SERVER_TIME")
    def test_the_time_of_the_server_is_in_utc_and_passes(
        self, core: Core, make_broker: MakeBroker
    ) -> None:
        """`now()` is aware, in UTC, and later after a while."""
        with ManualClockDriver(core) as clock:
            broker = make_broker(clock.core_clock)
            before = broker.now()
            clock.advance(clock.units(1))  # the server of an adapter in this process
            wall, waits = WallClock(core), 0
            while broker.now() <= before and waits < 150:
                wall.advance(wall.units(0.05))
                waits += 1

            assert before.utcoffset() == timedelta(0)
            assert before < broker.now() < before + _HOUR

    @needs("CROSS_PROCESS")
    @needs("SERVER_TIME")
    def test_beats_are_told_one_time_whatever_their_own(
        self, core: Core, make_broker: MakeBroker
    ) -> None:
        """The server's clock is one: a beat that is a year ahead hears the same as the others."""
        with ManualClockDriver(core) as clock:
            ahead = ahead_of(clock.core_clock, _YEAR)
            first, second = make_broker(clock.core_clock), make_broker(ahead)

            assert abs(second.now() - first.now()) < _CALLS

    @needs("SERVER_TIME")
    @pytest.mark.parametrize(
        "apart",
        [_YEAR, -_YEAR, 5 * _SECOND, -5 * _SECOND],
        ids=["a-year-ahead", "a-year-behind", "5-s-ahead", "5-s-behind"],
    )
    def test_a_beat_whose_clock_is_wrong_claims_nothing_and_says_why(
        self,
        core: Core,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        caplog: pytest.LogCaptureFixture,
        apart: timedelta,
    ) -> None:
        """More than 2 s from the server's: SKEWED, one line in the log, until they agree again."""
        with ManualClockDriver(core) as clock:
            broker = make_broker(clock.core_clock)
            now = broker.now()
            entry = due_at(core, clock, broker, "job", now)
            wrong = core.ManualClock(now + apart)
            beat = core.Beat(broker, render_plainly, namespace=NAMESPACE, clock=wrong)
            take_up(beat, entry)
            wrong.advance(_SECOND)
            beat.tick()
            status = beat.status()
            sent = enqueued()
            wrong.step(-apart)
            beat.tick()

            assert sent == []
            assert status.state.name == "SKEWED"
            assert ("ahead of" if apart > timedelta(0) else "behind") in status.reason
            assert len(told(caplog, "clock-skew")) == 1
            assert beat.status().state.name == "ACTIVE"
            anchor = now - clock.units(3)
            assert list(count(enqueued(), "job")) == fire_times(entry, anchor, wrong.now())

    @needs("SERVER_TIME")
    @pytest.mark.parametrize("seconds", [-1.0, 1.0])
    def test_a_beat_within_the_allowed_skew_works(
        self, core: Core, make_broker: MakeBroker, enqueued: Enqueued, seconds: float
    ) -> None:
        """Clocks of one time service differ by less than 2 s: nobody is held up for that."""
        with ManualClockDriver(core) as clock:
            broker = make_broker(clock.core_clock)
            now = broker.now()
            entry = due_at(core, clock, broker, "job", now)
            own = core.ManualClock(now + timedelta(seconds=seconds))
            beat = core.Beat(broker, render_plainly, namespace=NAMESPACE, clock=own)
            take_up(beat, entry)

            anchor = now - clock.units(3)
            assert beat.status().state.name == "ACTIVE"
            assert list(count(enqueued(), "job")) == fire_times(entry, anchor, own.now())

    @needs("SERVER_TIME")
    def test_a_clock_that_is_wrong_for_a_while_loses_and_doubles_nothing(
        self, core: Core, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A beat that knows better does not even give up what its clock has jumped over."""
        with ManualClockDriver(core) as clock:
            broker = make_broker(clock.core_clock)
            now = broker.now()
            job, late = (due_at(core, clock, broker, name, now) for name in ("job", "late"))
            own = core.ManualClock(now)
            beat = core.Beat(broker, render_plainly, namespace=NAMESPACE, clock=own)
            take_up(beat, job)
            own.step(_HOUR)
            take_up(beat, late)
            own.step(-_HOUR)
            beat.tick()
            received = enqueued()

            due = fire_times(job, now - clock.units(3), now)
            assert count(received, "job") == count(received, "late") == once(due)
            adoption = core.Adoption("job", job.fingerprint, now + _HOUR)
            assert broker.adopt([adoption]) == {"job": datetime.fromisoformat(due[-1])}

    @needs("SERVER_TIME", absent=True)
    def test_the_time_of_the_server_cannot_be_asked(
        self, core: Core, make_broker: MakeBroker
    ) -> None:
        """Asked for what it does not declare, the adapter says so."""
        with pytest.raises(core.NotSupported, match="SERVER_TIME"):
            make_broker().now()

    @needs("SERVER_TIME", absent=True)
    def test_a_beat_that_cannot_ask_goes_by_its_own_clock(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Where nobody tells the time no beat is held up for its clock."""
        entry = make_entry(core, "job", core.interval(clock.units(1)))
        own = clock.core_clock
        beat = core.Beat(make_broker(own), render_plainly, namespace=NAMESPACE, clock=own)
        take_up(beat, entry)
        let_tick(beat, clock, 1)

        assert beat.status().state.name == "ACTIVE"
        assert len(enqueued()) == 1
