"""The contract of crontab: every reading of the wall clock counts as SEMANTICS says, all year."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .beats import make_beat, make_entry, punctual, run_until
from .contract import Contract, MakeBroker
from .nights import (
    ANY_REPEATED,
    FIXED,
    FROM_INSIDE,
    OPTIONS,
    WILDCARD,
    Crontab,
    Night,
    backward,
    forward,
    in_zone,
)

if TYPE_CHECKING:
    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

_NIGHTS = (*FIXED, *WILDCARD, *OPTIONS, *FROM_INSIDE)
_NEW_YORK = "America/New_York"


class CrontabContract(Contract):
    """Crontab schedules yield the right instants, and beats enqueue exactly those.

    Every question is asked while the clock stands in the repeated hour of autumn.
    """

    @pytest.fixture
    def crontab(self, core: Core) -> Crontab:
        """What makes the schedules: the core's `crontab`, unless a subclass proves its own."""
        return core.crontab

    @pytest.mark.parametrize("night", _NIGHTS, ids=str)
    def test_next_after_yields_the_runs_of_the_night(
        self, core: Core, clock: DrivenClock, crontab: Crontab, night: Night
    ) -> None:
        """Walking forward over a clock change yields each run once, with its offset."""
        clock.set(ANY_REPEATED[0])

        assert list(night.runs) == forward(core, night.schedule(crontab), night.window)

    @pytest.mark.parametrize("night", _NIGHTS, ids=str)
    def test_previous_before_yields_the_same_runs_backwards(
        self, core: Core, clock: DrivenClock, crontab: Crontab, night: Night
    ) -> None:
        """Walking backward over a clock change yields the runs of walking forward."""
        clock.set(ANY_REPEATED[0])

        assert list(night.runs[::-1]) == backward(core, night.schedule(crontab), night.window)

    @pytest.mark.parametrize("night", _NIGHTS, ids=str)
    def test_a_beat_enqueues_the_runs_of_the_night(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Callable[[], list[Received]],
        crontab: Crontab,
        night: Night,
    ) -> None:
        """A beat whose clock passes a clock change enqueues each run once, at its instant."""
        start, end = (core.to_utc(datetime.fromisoformat(text)) for text in night.window)
        clock.set(start - timedelta(microseconds=1))
        entry = make_entry(core, "night", night.schedule(crontab))
        broker = make_broker(clock.core_clock)
        beat = make_beat(core, clock, broker, entry, observer=punctual(clock))
        run_until(beat, clock, end)

        fire_times = [message.fire_time for message in enqueued()]
        assert list(night.runs) == in_zone(core, sorted(fire_times), night.zone)

    def test_a_run_from_the_present_in_the_repeated_hour_is_the_next_one(
        self, clock: DrivenClock, crontab: Crontab
    ) -> None:
        """What comes next is right when the present is the second pass of a repeated hour."""
        clock.set("2026-11-01T01:35:00-05:00")
        following = crontab("*/15", tz=_NEW_YORK).next_after(clock.now())

        assert following is not None
        assert following.isoformat() == "2026-11-01T01:45:00-05:00"
        before = crontab("*/15", tz=_NEW_YORK).previous_before(clock.now())
        assert before is not None
        assert before.isoformat() == "2026-11-01T01:30:00-05:00"

    def test_a_restart_in_the_repeated_hour_repeats_no_fixed_run(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Callable[[], list[Received]],
        crontab: Crontab,
    ) -> None:
        """A beat that starts again in the second pass does not run a fixed reading again."""
        entry = make_entry(core, "once", crontab(30, 1, tz=_NEW_YORK))
        clock.set("2026-11-01T01:00:00-04:00")
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        run_until(beat, clock, datetime.fromisoformat("2026-11-01T01:45:00-04:00"))
        clock.set("2026-11-01T01:15:00-05:00")
        beat = make_beat(core, clock, make_broker(clock.core_clock), entry)
        run_until(beat, clock, datetime.fromisoformat("2026-11-01T03:00:00-05:00"))

        assert [message.fire_time for message in enqueued()] == ["2026-11-01T05:30:00+00:00"]

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"minute": "*/5"}, id="wildcard"),
            pytest.param({"minute": 30, "hour": "1,2"}, id="fixed"),
        ],
    )
    def test_next_is_strictly_after_and_previous_strictly_before(
        self, core: Core, clock: DrivenClock, crontab: Crontab, fields: dict[str, Any]
    ) -> None:
        """An instant that is itself a run is neither its own next nor its own previous one."""
        clock.set(ANY_REPEATED[0])
        schedule = crontab(**fields, tz=_NEW_YORK)
        run = schedule.next_after(clock.now())

        assert run is not None
        after, before = schedule.next_after(run), schedule.previous_before(run)
        assert after is not None
        assert before is not None
        assert core.to_utc(before) < core.to_utc(run) < core.to_utc(after)
        assert schedule.previous_before(after) == run
        assert schedule.next_after(before) == run

    def test_naive_datetimes_are_refused(self, clock: DrivenClock, crontab: Crontab) -> None:
        """A naive datetime names no instant: `ValueError`, not a guess."""
        naive = clock.now().replace(tzinfo=None)
        for question in (crontab(0).next_after, crontab(0).previous_before):
            with pytest.raises(ValueError, match="naive"):
                question(naive)

    def test_day_of_month_and_day_of_week_must_both_match(
        self, core: Core, clock: DrivenClock, crontab: Crontab
    ) -> None:
        """Day of month AND day of week, as Celery: Friday the 13th, not every Friday."""
        clock.set(ANY_REPEATED[0])
        schedule = crontab(0, 9, "fri", 13, tz=_NEW_YORK)

        assert forward(
            core, schedule, ("2026-01-01T00:00:00-05:00", "2027-01-01T00:00:00-05:00")
        ) == [
            "2026-02-13T09:00:00-05:00",
            "2026-03-13T09:00:00-04:00",
            "2026-11-13T09:00:00-05:00",
        ]

    def test_leap_days_are_found(self, clock: DrivenClock, crontab: Crontab) -> None:
        """29 February comes every fourth year, and the search crosses 2100."""
        clock.set(ANY_REPEATED[0])
        schedule = crontab(0, 0, "*", 29, 2, tz="UTC")
        following = schedule.next_after(clock.now())
        beyond = schedule.next_after(datetime.fromisoformat("2096-03-01T00:00:00+00:00"))

        assert following is not None
        assert beyond is not None
        assert following.isoformat() == "2028-02-29T00:00:00+00:00"
        assert beyond.isoformat() == "2104-02-29T00:00:00+00:00"

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"minute": 0, "day_of_month": 30, "month_of_year": 2}, id="30-february"),
            pytest.param({"minute": 0, "day_of_month": 31, "month_of_year": "4,6"}, id="31-june"),
            pytest.param({"minute": 60}, id="minute-60"),
            pytest.param({"minute": "jan"}, id="minute-jan"),
            pytest.param({"minute": 0, "hour": "1-"}, id="open-range"),
            pytest.param({"minute": 0, "hour": []}, id="empty"),
        ],
    )
    def test_what_can_never_match_is_refused_when_it_is_made(
        self, crontab: Crontab, fields: dict[str, Any]
    ) -> None:
        """A field that makes no sense and a date that never comes are `ValueError` at once."""
        with pytest.raises(ValueError, match=r"\S"):
            crontab(**fields)

    def test_schedules_are_values(self, core: Core, clock: DrivenClock, crontab: Crontab) -> None:
        """Equal by meaning, hashable, picklable, and the same after a round trip through JSON."""
        clock.set(ANY_REPEATED[0])
        schedule = crontab("*/15", "9-17", "mon-fri", tz="Europe/London", on_gap="skip")

        same = crontab("*/15", "9-17", "1-5", tz="Europe/London", on_gap="skip")

        assert schedule == same
        assert hash(schedule) == hash(same)
        assert schedule != crontab("*/15", "9-17", "mon-fri", tz="Europe/London")
        assert schedule != crontab("*/15", "9-17", "mon-fri", tz="UTC", on_gap="skip")
        assert pickle.loads(pickle.dumps(schedule)) == schedule  # noqa: S301  # our own
        stored = json.loads(json.dumps(schedule.to_dict()))
        assert core.Schedule.from_dict(stored) == schedule
        assert core.Schedule.from_dict(stored).fingerprint() == schedule.fingerprint()

    def test_a_range_is_not_a_star(self, crontab: Crontab) -> None:
        """Fixed and wildcard differ by text, so `hour="*"` and `hour="0-23"` are not equal."""
        assert crontab(0, "*", tz=_NEW_YORK) != crontab(0, "0-23", tz=_NEW_YORK)
        assert crontab(0, "*").fingerprint() != crontab(0, "0-23").fingerprint()
