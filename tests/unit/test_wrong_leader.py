"""A beat that leads and whose clock is set wrong: it claims nothing, and keeps nobody from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from periodic import Entry, crontab
from periodic.simulation import ClockStep, simulate

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_leader_whose_clock_is_wrong_lets_another_lead() -> None:
    """Of two beats the one that leads is an hour ahead from 01:30 on: every run is sent, once."""
    hourly = Entry(name="hourly", task="shop.work", schedule=crontab(minute=0, tz="UTC"))
    for wrong in (1, 2):
        story = simulate(
            [hourly],
            DAY,
            DAY + 6 * HOUR,
            beats=2,
            faults=[ClockStep(HOUR, DAY + 1.5 * HOUR, beat=wrong)],
        )
        told = [each.line() for each in story]
        summary = story.summary

        assert 6 == summary.runs, told
        assert (0, 0, 0) == (summary.duplicates, summary.lost, summary.unsent), told
