"""`simulate`: what a schedule will do, by the real beat, planner and claims."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import ConfigError, Entry, Schedule, cron, crontab, interval
from periodic.simulation import (
    ClockStep,
    Fault,
    How,
    Kill,
    Missed,
    Moment,
    Note,
    NotSent,
    Outage,
    Run,
    Simulation,
    Skipped,
    random_faults,
    simulate,
    world,
)

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(name: str, schedule: Schedule, **fields: Any) -> Entry:
    """Return an entry of a task that is named after it."""
    return Entry(name=name, task=f"shop.{name}", schedule=schedule, **fields)


def hourly(**fields: Any) -> Entry:
    """Return an entry at each full hour of UTC."""
    return entry("hourly", crontab(minute=0, tz="UTC"), **fields)


def at(hour: int, minute: int = 0, second: float = 0) -> datetime:
    """Return a moment of the simulated day, in UTC."""
    return DAY + timedelta(hours=hour, minutes=minute, seconds=second)


def sent(simulation: Simulation) -> list[str]:
    """Return the readings of the runs, in the order in which they were sent."""
    return [f"{run.fire_time:%H:%M}" for run in simulation.runs()]


def events(simulation: Simulation) -> list[tuple[str, int, str]]:
    """Return when what happened to which beat."""
    notes = [each for each in simulation if isinstance(each, Note)]
    return [(f"{note.at:%H:%M:%S}", note.beat, note.event) for note in notes]


def test_each_run_of_the_span_in_order() -> None:
    """The start is included, the end is not; runs of all entries come in order of time."""
    simulation = simulate(
        [hourly(), entry("noon", crontab(minute=30, hour=1, tz="UTC"))], at(0), at(3)
    )

    told = [(run.entry, run.fire_time, run.beat) for run in simulation.runs()]
    assert [
        ("hourly", at(0), 1),
        ("hourly", at(1), 1),
        ("noon", at(1, 30), 1),
        ("hourly", at(2), 1),
    ] == told


def test_a_run_knows_its_local_time_and_why_it_is_then() -> None:
    """A gap that collapses readings is told at the run that stands for them."""
    entries = [entry("report", crontab(minute="30", hour="2,3", tz="America/New_York"))]
    start = datetime(2026, 3, 8, 5, tzinfo=UTC)

    first, second = simulate(entries, start, start + 4 * HOUR).runs()

    assert "2026-03-08T03:00:00-04:00" == first.fire_time.isoformat()
    assert first.effect is not None
    assert "merged" == first.effect.what
    assert "02:30 does not exist that day" in first.reasons[0]
    assert "2026-03-08T03:30:00-04:00" == second.fire_time.isoformat()
    assert () == second.reasons
    assert (
        "Sun 2026-03-08 03:00:00 -04:00 EDT  2026-03-08T07:00:00Z  report  "
        "(02:30 does not exist that day; it runs once, at 03:00 -04:00, the first instant after "
        "the gap.)"
    ) == first.line()


def test_readings_that_a_gap_leaves_out_by_the_schedules_own_rule() -> None:
    """`on_gap="skip"` is told as skipped, not as missed."""
    entries = [entry("report", cron("30 2 * * *", tz="America/New_York", on_gap="skip"))]
    start = datetime(2026, 3, 8, 5, tzinfo=UTC)
    simulation = simulate(entries, start, start + 24 * HOUR)

    (skipped,) = (each for each in simulation if isinstance(each, Skipped))

    assert "report" == skipped.entry
    assert "that run is skipped" in skipped.line()
    assert 1 == simulation.summary.skipped
    assert 0 == simulation.summary.missed


def test_the_second_pass_of_autumn() -> None:
    """A wildcard keeps its pace, and both passes say so."""
    entries = [entry("half", cron("*/30 1 * * *", tz="America/New_York"))]
    start = datetime(2026, 11, 1, 4, tzinfo=UTC)

    runs = list(simulate(entries, start, start + 4 * HOUR).runs())

    assert ["01:00-0400", "01:30-0400", "01:00-0500", "01:30-0500"] == [
        f"{run.fire_time:%H:%M%z}" for run in runs
    ]
    assert {"repeated"} == {run.effect.what for run in runs if run.effect}


def test_an_outage_makes_late_and_misses() -> None:
    """What waited a moment is late; of what was missed, the policy chooses."""
    down = Outage(at(1, 59, 30), at(2, 0, 30))
    longer = Outage(at(3, 30), at(6, 30))
    simulation = simulate([hourly()], at(0), at(8), faults=[down, longer])

    assert [
        ("00:00", How.ON_TIME),
        ("01:00", How.ON_TIME),
        ("02:00", How.LATE),
        ("03:00", How.ON_TIME),
        ("06:00", How.CAUGHT_UP),
        ("07:00", How.ON_TIME),
    ] == [(f"{run.fire_time:%H:%M}", run.how) for run in simulation.runs()]
    (missed,) = (each for each in simulation if isinstance(each, Missed))
    assert ("hourly", at(4), at(5), 2, NotSent.POLICY) == missed
    assert (6, 1, 1, 2) == (
        simulation.summary.runs,
        simulation.summary.late,
        simulation.summary.caught_up,
        simulation.summary.missed,
    )
    assert simulation.summary.sound


def test_an_outage_is_told_as_the_beats_see_it() -> None:
    """Beside the fault itself: when the beat noticed, and when it was over for it."""
    simulation = simulate([hourly()], at(1), at(3), faults=[Outage(at(1, 30), at(2, 0, 2))])

    told = events(simulation)

    assert ("01:30:00", 0, "outage") in told
    assert "broker-unreachable" in [event for _, _, event in told]
    assert ("02:00:02", 0, "outage-over") in told
    assert "broker-reachable" in [event for _, _, event in told]


@pytest.mark.parametrize(
    ("policy", "expected", "missed"),
    [
        ({"catch_up": "skip"}, ["00:00", "06:00"], {NotSent.POLICY: 5}),
        ({"catch_up": "earliest"}, ["00:00", "01:00", "06:00"], {NotSent.POLICY: 4}),
        (
            {"catch_up": "all", "max_catch_up": 2},
            ["00:00", "04:00", "05:00", "06:00"],
            {NotSent.MAX_CATCH_UP: 3},
        ),
        (
            {"catch_up": "all", "catch_up_window": 7200},
            ["00:00", "04:00", "05:00", "06:00"],
            {NotSent.WINDOW: 3},
        ),
    ],
)
def test_each_policy(policy: Any, expected: list[str], missed: dict[NotSent, int]) -> None:
    """Each way to catch up, as the planner does it, with the reason of what is given up."""
    simulation = simulate(
        [hourly(**policy)], at(0), at(7), faults=[Kill(1, at(0, 30), back=at(5, 45))]
    )

    assert expected == sent(simulation)
    told: dict[NotSent, int] = {}
    for each in simulation:
        if isinstance(each, Missed):
            told[each.reason] = told.get(each.reason, 0) + each.number
    assert missed == told


def test_a_beat_that_does_not_come_back() -> None:
    """What nobody sends by the end is unsent, and not called missed."""
    simulation = simulate([hourly()], at(0), at(5), faults=[Kill(1, at(1, 30))])

    assert ["00:00", "01:00"] == sent(simulation)
    assert 3 == simulation.summary.unsent
    assert simulation.summary.sound
    assert ("01:30:00", 1, "killed") in events(simulation)


def test_another_beat_takes_over() -> None:
    """The lease of a killed beat ends, and the one that stood by sends what was due meanwhile."""
    simulation = simulate(
        [entry("minutely", crontab(tz="UTC"))],
        at(0),
        at(0, 10),
        beats=2,
        faults=[Kill(1, at(0, 4, 59.5)), Kill(2, at(0, 8))],
        seed=1,
    )

    runs = list(simulation.runs())
    first = runs[0].beat
    assert (
        list(range(10 if first == 2 else 8))
        == [run.fire_time.minute for run in runs][: 10 if first == 2 else 8]
    )
    assert simulation.summary.sound
    late = [run for run in runs if run.how is How.LATE]
    assert all(run.late <= timedelta(seconds=21) for run in late)


@pytest.mark.parametrize("moment", list(Moment))
def test_a_kill_at_any_moment_loses_and_doubles_nothing(moment: Moment) -> None:
    """Whether the broker had taken the batch or not: each occurrence is sent once."""
    simulation = simulate(
        [entry("minutely", crontab(tz="UTC"), catch_up="all")],
        at(0),
        at(0, 10),
        faults=[Kill(1, at(0, 3, 30), back=at(0, 5, 10), moment=moment)],
    )

    assert [f"00:0{minute}" for minute in range(10)] == sent(simulation)
    assert simulation.summary.sound


def test_two_beats_that_both_work_send_each_run_once() -> None:
    """Claims decide: no duplicates, and both have their share."""
    simulation = simulate(
        [entry("minutely", crontab(tz="UTC"))], at(0), at(2), beats=2, all_active=True
    )

    runs = list(simulation.runs())

    assert 120 == len(runs)
    assert {1, 2} == {run.beat for run in runs}
    assert 0 == simulation.summary.duplicates


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    """The beat waits until its clock reads the next run; the day is an hour longer."""
    simulation = simulate([hourly()], at(0), at(6), faults=[ClockStep(-HOUR, at(3, 30))])

    assert [f"0{hour}:00" for hour in range(6)] == sent(simulation)
    assert simulation.summary.sound
    assert ("03:30:00", 0, "clock-set") in events(simulation)
    assert "clock-step" in [event for _, _, event in events(simulation)]


def test_a_clock_that_is_set_forward_misses() -> None:
    """What the clock jumped over is missed, and its entry's policy decides."""
    simulation = simulate([hourly()], at(0), at(8), faults=[ClockStep(3 * HOUR, at(3, 30))])

    assert ["00:00", "01:00", "02:00", "03:00", "06:00", "07:00"] == sent(simulation)
    assert 2 == simulation.summary.missed


def test_a_beat_whose_clock_is_wrong_does_not_claim() -> None:
    """It says why; a beat that is right goes on where both are active."""
    simulation = simulate(
        [hourly()],
        at(0),
        at(4),
        beats=2,
        all_active=True,
        faults=[ClockStep(HOUR, at(1, 30), beat=1)],
    )

    assert ["00:00", "01:00", "02:00", "03:00"] == sent(simulation)
    assert {2} == {run.beat for run in simulation.runs() if run.fire_time > at(1, 30)}
    assert (1, "clock-skew") in [(beat, event) for _, beat, event in events(simulation)]


def test_runs_that_overlap() -> None:
    """A run that is sent while its entry's last one still goes; by entry, or by task."""
    every = entry("sync", interval(minutes=10))
    simulation = simulate([every], at(0), at(1), durations={"shop.sync": timedelta(minutes=15)})

    overlapping = [run for run in simulation.runs() if run.overlaps]

    assert 5 == len(overlapping) == simulation.summary.overlapping
    assert ("its previous run is still going",) == overlapping[0].reasons


def test_a_long_quiet_time_is_leapt_over() -> None:
    """A year of one run a month takes no more steps than runs, with leases as without."""
    monthly = entry("monthly", crontab(minute=0, hour=9, day_of_month=1, tz="UTC"))
    faults: list[Fault] = [Kill(1, datetime(2026, 6, 1, 8, 59, 58, tzinfo=UTC))]
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

    runs = list(simulate([monthly], *year, beats=2, faults=faults).runs())

    assert list(range(1, 13)) == [run.fire_time.month for run in runs]
    assert all(run.late <= timedelta(seconds=21) for run in runs)


def test_the_lease_is_held_through_the_quiet_time() -> None:
    """Leaping over renewals lets nobody else lead: one beat sends all."""
    simulation = simulate([hourly()], at(0), at(23), beats=3)

    assert 1 == len({run.beat for run in simulation.runs()})
    assert 1 == [event for *_, event in events(simulation)].count("beat-leads")


def test_one_seed_tells_one_story() -> None:
    """Three beats, kills and outages at random: twice the same, and another seed another one."""

    def story(seed: int) -> list[str]:
        faults = random_faults(seed, at(0), at(6), beats=3, kills=20, outages=5)
        entries = [
            entry("minutely", crontab(tz="UTC"), catch_up="all", max_catch_up=100),
            entry("seconds", interval(seconds=20), catch_up="all", max_catch_up=1000),
        ]
        simulation = simulate(entries, at(0), at(6), beats=3, faults=faults, seed=seed)
        told = [each.line() for each in simulation]
        assert simulation.summary.sound
        assert 0 == simulation.summary.missed
        assert 360 + 1080 == simulation.summary.runs + simulation.summary.unsent
        return told

    first = story(7)
    assert first == story(7)
    assert first != story(8)


def test_nothing_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A simulated outage is nobody's alarm; the beats' words are told by the simulation alone."""
    with caplog.at_level(logging.DEBUG):
        list(simulate([hourly()], at(0), at(3), beats=2, faults=[Outage(at(0, 30), at(2))]))

    assert [] == [record.getMessage() for record in caplog.records]


def test_a_schedule_that_fails_is_set_aside() -> None:
    """Somebody's schedule may raise; the others are simulated."""

    class Broken(type(interval(1))):  # type: ignore[misc]
        kind = "broken in a simulation"

        def next_after(self, at: datetime) -> datetime | None:
            raise RuntimeError("no idea")

        def _between(self, start: datetime, end: datetime) -> Any:
            raise RuntimeError("no idea")

    simulation = simulate([hourly(), entry("broken", Broken(seconds=5))], at(0), at(2))

    assert ["00:00", "01:00"] == sent(simulation)
    assert {"broken": "no idea"} == simulation.summary.set_aside


def test_a_disabled_entry_has_no_runs() -> None:
    """It is neither sent nor missed."""
    simulation = simulate([hourly(enabled=False)], at(0), at(5))

    assert [] == list(simulation)


def test_all_is_ready_for_json() -> None:
    """Each happening and the summary say what they are."""
    simulation = simulate(
        [hourly(), entry("gap", cron("30 2 * * *", tz="Europe/Berlin", on_gap="skip"))],
        datetime(2026, 3, 28, 22, tzinfo=UTC),
        datetime(2026, 3, 29, 8, tzinfo=UTC),
        faults=[
            Outage(
                datetime(2026, 3, 29, 2, 30, tzinfo=UTC), datetime(2026, 3, 29, 5, 30, tzinfo=UTC)
            )
        ],
    )

    kinds = {each.to_dict()["what"] for each in simulation}

    assert {"run", "missed", "skipped", "note"} == kinds
    assert "summary" == simulation.summary.to_dict()["what"]
    assert 8 == simulation.summary.to_dict()["runs"]


def test_what_makes_no_simulation_is_refused() -> None:
    """An end before the start, two entries of one name, and faults of nobody."""
    with pytest.raises(ConfigError, match="ends after it begins"):
        simulate([], at(1), at(1))
    with pytest.raises(ConfigError, match="two entries are named 'hourly'"):
        simulate([hourly(), hourly()], at(0), at(1))
    with pytest.raises(ConfigError, match="there is no beat 3"):
        simulate([], at(0), at(1), beats=2, faults=[Kill(3, at(0))])
    with pytest.raises(ConfigError, match="at least 1 beat"):
        simulate([], at(0), at(1), beats=0)
    with pytest.raises(ConfigError, match="is back after it began"):
        Kill(1, at(1), back=at(1))
    with pytest.raises(ConfigError, match="an outage ends after it began"):
        Outage(at(2), at(1))


def test_runs_are_values() -> None:
    """Two runs of one simulation are equal to those of the same simulation run again."""
    simulation = simulate([hourly()], at(0), at(3))

    first: list[Run] = list(simulation.runs())
    assert first == list(simulation.runs())


@pytest.mark.parametrize("moment", list(Moment))
def test_leaping_changes_nothing(monkeypatch: pytest.MonkeyPatch, moment: Moment) -> None:
    """Turn by turn, or over the calm at once: the same story, to the microsecond."""
    faults: list[Fault] = [
        Kill(1, at(1, 10, 3.3), back=at(1, 30), moment=moment),
        Outage(at(2, 59, 58), at(3, 20)),
        ClockStep(timedelta(seconds=100), at(4, 0, 1)),
    ]

    def story() -> list[str]:
        simulation = simulate([hourly(), entry("k", interval(seconds=700))], at(0), at(6))
        simulation._plan = replace(simulation._plan, faults=faults)
        return [str(each) for each in simulation]

    leapt = story()
    monkeypatch.setattr(world, "_LONGEST_WAIT", timedelta(days=99))
    monkeypatch.setattr(world.World, "_calm", lambda _self: timedelta(0))
    assert leapt == story()


def test_a_run_at_the_start_begins_the_simulation() -> None:
    """No beat has seen the entries: who asks for it runs at once, beside the schedule's own."""
    entries = [hourly(run_on_start=True), entry("noon", crontab(minute=0, hour=12, tz="UTC"))]
    simulation = simulate(entries, at(10, 30), at(12, 30))

    assert ["10:30", "11:00", "12:00", "12:00"] == sent(simulation)
    assert How.ON_TIME is next(simulation.runs()).how
    assert (4, 0, 0) == (
        simulation.summary.runs,
        simulation.summary.unexpected,
        simulation.summary.lost,
    )
    assert ["10:00", "11:00"] == sent(simulate([hourly(run_on_start=True)], at(10), at(12)))


def test_a_run_at_the_start_in_its_zone_and_within_a_second() -> None:
    """It is told by the schedule's clock; a simulation that begins within a second has it too."""
    begins = at(10) + timedelta(microseconds=500)
    entries = [entry("x", crontab(minute=0, hour=9, tz="America/New_York"), run_on_start=True)]
    simulation = simulate(entries, begins, at(11))

    assert ["2026-03-02T05:00:00-05:00"] == [r.fire_time.isoformat() for r in simulation.runs()]
    assert (1, 0, 0) == (
        simulation.summary.runs,
        simulation.summary.unexpected,
        simulation.summary.unsent,
    )


@pytest.mark.parametrize("moment", [Moment.BEFORE_DISPATCH, Moment.AFTER_DISPATCH])
@pytest.mark.parametrize("catch_up", ["latest", "skip"])
def test_a_run_at_the_start_whose_beat_dies_is_sent_by_the_next(
    moment: Moment, catch_up: str
) -> None:
    """Killed in its first tick: the beat that comes back sends it, once, whatever was missed."""
    kill = Kill(1, at(10), back=at(13, 30), moment=moment)
    simulation = simulate(
        [hourly(run_on_start=True, catch_up=catch_up)], at(10, 0, 0), at(15), faults=[kill]
    )
    summary = simulation.summary

    assert "10:00" == sent(simulation)[0]
    assert (0, 0, 0) == (summary.lost, summary.duplicates, summary.unexpected)
    assert sent(simulation).count("10:00") == 1


@pytest.mark.parametrize("all_active", [False, True])
def test_several_beats_run_a_start_once(*, all_active: bool) -> None:
    """Whoever leads, or all of them: one run."""
    entries = [hourly(run_on_start=True), entry("rare", crontab(0, 9, tz="UTC"), run_on_start=True)]
    simulation = simulate(entries, at(10, 5), at(11, 5), beats=3, all_active=all_active)

    assert ["10:05", "10:05", "11:00"] == sent(simulation)
    assert (0, 0, 0) == (
        simulation.summary.duplicates,
        simulation.summary.unexpected,
        simulation.summary.lost,
    )
