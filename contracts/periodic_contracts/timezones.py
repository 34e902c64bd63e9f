"""The contract of time zones: the zones that must be right are, under every clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from .beats import make_beat, make_entry, punctual, run_until
from .contract import Contract, MakeBroker
from .nights import ANY_REPEATED, REPEATED, ZONES, Crontab, Night, backward, forward, in_zone

if TYPE_CHECKING:
    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received


class TimezoneContract(Contract):
    """Instants and wall clocks are converted without losing the fold, in every listed zone."""

    @pytest.fixture
    def crontab(self, core: Core) -> Crontab:
        """What makes the schedules: the core's `crontab`, unless a subclass proves its own."""
        return core.crontab

    @pytest.mark.parametrize("zone", REPEATED)
    def test_the_repeated_hour_is_read_with_its_offset(
        self, core: Core, clock: DrivenClock, zone: str
    ) -> None:
        """The present reads the same twice in autumn; each pass keeps its own offset."""
        second, first = REPEATED[zone]
        for reading in (first, second):
            clock.set(reading)

            assert core.to_zone(clock.now(), ZoneInfo(zone)).isoformat() == reading

    @pytest.mark.parametrize("zone", REPEATED)
    def test_an_instant_survives_the_way_through_a_zone(
        self, core: Core, clock: DrivenClock, zone: str
    ) -> None:
        """To a zone and back is the same instant, minute by minute, through the fold."""
        second, first = (datetime.fromisoformat(reading) for reading in REPEATED[zone])
        clock.set(second)
        at, end = core.to_utc(first) - timedelta(hours=3), core.to_utc(second) + timedelta(hours=3)
        while at < end:
            assert core.to_utc(core.to_zone(at, ZoneInfo(zone))) == at
            at += timedelta(minutes=5)

    @pytest.mark.parametrize("night", ZONES, ids=str)
    def test_next_after_yields_the_runs_of_the_zone(
        self, core: Core, clock: DrivenClock, crontab: Crontab, night: Night
    ) -> None:
        """Walking forward over the zone's change yields each run once, with its offset."""
        clock.set(REPEATED.get(night.zone, ANY_REPEATED)[0])

        assert list(night.runs) == forward(core, night.schedule(crontab), night.window)

    @pytest.mark.parametrize("night", ZONES, ids=str)
    def test_previous_before_yields_the_same_runs_backwards(
        self, core: Core, clock: DrivenClock, crontab: Crontab, night: Night
    ) -> None:
        """Walking backward over the zone's change yields the runs of walking forward."""
        clock.set(REPEATED.get(night.zone, ANY_REPEATED)[0])

        assert list(night.runs[::-1]) == backward(core, night.schedule(crontab), night.window)

    @pytest.mark.parametrize("night", ZONES, ids=str)
    def test_a_beat_enqueues_the_runs_of_the_zone(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Callable[[], list[Received]],
        crontab: Crontab,
        night: Night,
    ) -> None:
        """A beat whose clock passes the zone's change enqueues each run once, at its instant."""
        start, end = (core.to_utc(datetime.fromisoformat(text)) for text in night.window)
        clock.set(start - timedelta(microseconds=1))
        entry = make_entry(core, "night", night.schedule(crontab))
        broker = make_broker(clock.core_clock)
        beat = make_beat(core, clock, broker, entry, observer=punctual(clock))
        run_until(beat, clock, end)

        fire_times = [message.fire_time for message in enqueued()]
        assert list(night.runs) == in_zone(core, sorted(fire_times), night.zone)
