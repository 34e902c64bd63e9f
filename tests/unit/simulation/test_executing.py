"""Tasks run in a simulation: at the instant of the beat that sent them, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from periodic import Entry, Occurrence, crontab
from periodic.simulation import Kill, Moment, Outage, Run, simulate

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURLY = Entry(name="sync", task="shop.sync", schedule=crontab(minute=0), catch_up="all")


def test_a_task_is_told_its_occurrence_and_the_time() -> None:
    """A run that was caught up has its own fire time, and the later instant at which it is sent."""
    told: list[tuple[str, str, str]] = []

    def execute(entry: Entry, occurrence: Occurrence, at: datetime) -> str:
        told.append((entry.task, f"{occurrence.fire_time:%H:%M}", f"{at:%H:%M}"))
        return "done"

    away = Outage(START + timedelta(minutes=30), START + timedelta(hours=2, minutes=30))
    day = simulate([HOURLY], START, START + timedelta(hours=4), faults=[away], execute=execute)
    runs = list(day.runs())

    assert [
        ("shop.sync", "00:00", "00:00"),
        ("shop.sync", "01:00", "02:30"),
        ("shop.sync", "02:00", "02:30"),
        ("shop.sync", "03:00", "03:00"),
    ] == told
    assert ["done"] * 4 == [run.result for run in runs]
    assert ("returned 'done'",) == runs[0].reasons
    assert "'done'" == runs[0].to_dict()["returned"]


def test_what_a_task_raises_is_told() -> None:
    """One failure is one failure: the others run, and the numbers count it."""

    def execute(_entry: Entry, occurrence: Occurrence, _at: datetime) -> None:
        if occurrence.fire_time.hour == 1:
            raise RuntimeError("no paper")

    night = simulate([HOURLY], START, START + timedelta(hours=3), execute=execute)
    runs = list(night.runs())

    assert ["", "RuntimeError: no paper", ""] == [run.error for run in runs]
    assert ("raised RuntimeError: no paper",) == runs[1].reasons
    assert (3, 1) == (night.summary.runs, night.summary.failed)
    assert night.summary.line().endswith(", 1 raised")
    assert 1 == night.summary.to_dict()["failed"]


def test_without_execution_nothing_is_said_of_results() -> None:
    """A simulation that runs no task tells of no result."""
    run = next(iter(simulate([HOURLY], START, START + timedelta(hours=1)).runs()))

    assert not run.executed
    assert "returned" not in run.to_dict()
    assert () == run.reasons


def test_a_killed_beat_runs_nothing_twice() -> None:
    """Beats that die in a dispatch, before or after the broker has taken it, run each task once."""
    ran: list[datetime] = []

    def execute(_entry: Entry, occurrence: Occurrence, _at: datetime) -> Any:
        ran.append(occurrence.fire_time)

    kills = [
        Kill(1, START + timedelta(minutes=50), START + timedelta(hours=2), Moment.AFTER_DISPATCH),
        Kill(1, START + timedelta(hours=3), START + timedelta(hours=4), Moment.BEFORE_DISPATCH),
    ]
    day = simulate(
        [HOURLY], START, START + timedelta(hours=8), beats=2, faults=kills, execute=execute
    )
    happenings = [each for each in day if isinstance(each, Run)]

    assert [START + timedelta(hours=hour) for hour in range(8)] == sorted(ran)
    assert len(happenings) == len(ran)
