"""What is dispatched and what is given up: a table, an oracle that walks, and what it costs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import (
    CatchUp,
    CatchUpPolicy,
    Missed,
    Reason,
    Schedule,
    ScheduleError,
    clocked,
    crontab,
    interval,
    window,
)
from periodic.due import MOST_LATE, Found
from periodic.misfires import Rule

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    """Return the instant so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def find(schedule: Schedule, now: datetime, cursor: datetime = NOON, **policy: Any) -> Found:
    """Return what a rule finds for an entry that stands at `cursor`."""
    rule = Rule(schedule, CatchUpPolicy(**policy), policy.get("misfire_threshold") or MINUTE)
    first = rule.after(cursor)
    assert first is not None
    return rule.find(first, now)


HOURLY = interval(hours=1, anchor=NOON)
#: At 15:30: the runs of 13, 14 and 15 o'clock were missed. At 16:00:30 that of 16 is late.
MISSED, SOME_LATE = at(210), at(240.5)


@pytest.mark.parametrize(
    ("policy", "now", "sent", "given_up"),
    [
        ("latest", MISSED, [15], [(13, 14, "policy")]),
        ("latest", SOME_LATE, [16], [(13, 15, "policy")]),
        ("skip", MISSED, [], [(13, 15, "policy")]),
        ("skip", SOME_LATE, [16], [(13, 15, "policy")]),
        ("earliest", MISSED, [13], [(14, 15, "policy")]),
        ("earliest", SOME_LATE, [13, 16], [(14, 15, "policy")]),
        ("all", MISSED, [13, 14, 15], []),
        ("all", SOME_LATE, [13, 14, 15, 16], []),
    ],
)
def test_the_policies(
    policy: CatchUp, now: datetime, sent: list[int], given_up: list[tuple[int, int, str]]
) -> None:
    """Each policy, with and without a run that is late only: hours of the day."""
    found = find(HOURLY, now, catch_up=policy)

    assert sent == [fire_time.hour for fire_time in found.fire_times]
    assert given_up == [(each.first.hour, each.last.hour, each.reason) for each in found.given_up]
    assert len([hour for hour in sent if hour < 16]) == found.caught_up


@pytest.mark.parametrize(
    ("policy", "sent", "given_up"),
    [
        ("latest", [15], [(13, 13, "window"), (14, 14, "policy")]),
        ("skip", [], [(13, 13, "window"), (14, 15, "policy")]),
        ("earliest", [14], [(13, 13, "window"), (15, 15, "policy")]),
        ("all", [14, 15], [(13, 13, "window")]),
    ],
)
def test_the_window(policy: CatchUp, sent: list[int], given_up: list[tuple[int, int, str]]) -> None:
    """What is older than the window is given up first: at 15:30, 90 minutes reach to 14:00."""
    found = find(HOURLY, MISSED, catch_up=policy, catch_up_window=timedelta(minutes=90))

    assert sent == [fire_time.hour for fire_time in found.fire_times]
    assert given_up == [(each.first.hour, each.last.hour, each.reason) for each in found.given_up]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_nothing_within_the_window(policy: CatchUp) -> None:
    """Where the newest missed run is too old for the window, nothing is sent."""
    found = find(HOURLY, MISSED, catch_up=policy, catch_up_window=timedelta(minutes=29))

    assert Found((), 0, (Missed(at(60), at(180), Reason.WINDOW),)) == found


@pytest.mark.parametrize("policy", list(CatchUp))
def test_the_window_never_cuts_what_is_late(policy: CatchUp) -> None:
    """A window shorter than the threshold says nothing about what is late only."""
    found = find(HOURLY, at(60.9), catch_up=policy, catch_up_window=timedelta(seconds=1))

    assert Found((at(60),)) == found


def test_all_sends_the_newest_ones() -> None:
    """Of more than `max_catch_up` missed runs the newest are sent, in order."""
    found = find(HOURLY, MISSED, catch_up=CatchUp.ALL, max_catch_up=2)

    assert (at(120), at(180)) == found.fire_times
    assert (Missed(at(60), at(60), Reason.MAX_CATCH_UP),) == found.given_up


def test_an_own_threshold() -> None:
    """An entry's own threshold says what is late: within two hours, each run."""
    found = find(HOURLY, MISSED, misfire_threshold=timedelta(hours=2))

    assert (at(120), at(180)) == found.fire_times
    assert (Missed(at(60), at(60), Reason.POLICY),) == found.given_up


def test_a_flood_of_late_runs_is_told() -> None:
    """Of very many late runs the newest thousand are sent; the reason for the others is given."""
    fast = interval(milliseconds=1, anchor=NOON)
    found = find(fast, at(0.5))

    assert MOST_LATE == len(found.fire_times)
    assert at(0.5) == found.fire_times[-1]
    (missed,) = found.given_up
    assert Reason.MOST_LATE is missed.reason
    assert timedelta(milliseconds=1) == found.fire_times[0] - missed.last


@pytest.mark.parametrize("policy", list(CatchUp))
def test_spans_longer_than_time_itself(policy: CatchUp) -> None:
    """A window or threshold that reaches behind the first instant has no effect or takes all."""
    wide = find(HOURLY, MISSED, catch_up=policy, catch_up_window=timedelta.max)
    late = find(HOURLY, MISSED, catch_up=policy, misfire_threshold=timedelta.max)

    assert find(HOURLY, MISSED, catch_up=policy) == wide
    assert Found((at(60), at(120), at(180))) == late


SCHEDULES = [
    HOURLY,
    interval(seconds=7),
    interval(seconds=45),
    crontab("*/20", "8-17", tz="America/New_York"),
    crontab(30, 2, tz="Europe/London"),
    window(interval(minutes=2), start=NOON - timedelta(hours=2), end=NOON + timedelta(hours=3)),
    clocked(at(5)),
]


def walked(
    schedule: Schedule, first: datetime, now: datetime, threshold: timedelta, policy: CatchUpPolicy
) -> tuple[list[datetime], list[tuple[datetime, Reason]]]:
    """Return what is sent and what is given up by walking through every occurrence."""
    every = list(schedule.between(first, now + datetime.resolution))
    late = [each for each in every if each >= now - threshold]
    missed = [each for each in every if each < now - threshold]
    start = now - policy.catch_up_window if policy.catch_up_window else first
    old = [(each, Reason.WINDOW) for each in missed if each < start]
    young = [each for each in missed if each >= start]
    chosen: list[datetime] = []
    reason = Reason.POLICY
    if policy.catch_up is CatchUp.EARLIEST:
        chosen = young[:1]
    elif policy.catch_up is CatchUp.ALL:
        chosen, reason = young[-policy.max_catch_up :], Reason.MAX_CATCH_UP
    elif policy.catch_up is CatchUp.LATEST and not late:
        chosen = young[-1:]
    return chosen + late, old + [(each, reason) for each in young if each not in chosen]


def test_the_oracle_agrees() -> None:
    """1,000 random outages: the same as walking through every occurrence of each."""
    dice = random.Random(4)
    for _ in range(1000):
        schedule = dice.choice(SCHEDULES)
        rule = Rule(
            schedule,
            CatchUpPolicy(
                dice.choice(list(CatchUp)),
                dice.choice([None, timedelta(minutes=dice.uniform(0.1, 600))]),
                dice.choice([1, 2, 10]),
            ),
            timedelta(seconds=dice.choice([1, 60, 600])),
        )
        first = rule.after(at(dice.uniform(-100, 100)))
        if first is None:
            continue
        now = first + timedelta(minutes=dice.choice([0, 0.5, 1, 1.1, 7, 60, 600, 3000]))
        sent, given_up = walked(schedule, first, now, rule.threshold, rule.policy)

        found = rule.find(first, now)

        assert sent == list(found.fire_times), (rule, first, now)
        assert given_up == [
            (each, missed.reason)
            for missed in found.given_up
            for each in schedule.between(missed.first, missed.last + datetime.resolution)
        ], (rule, first, now)


class Counted(interval):
    """Counts how often it is asked."""

    asked: list[str]

    def next_after(self, at: datetime) -> datetime | None:
        """Answer and count."""
        self.asked.append("next")
        return super().next_after(at)

    def previous_before(self, at: datetime) -> datetime | None:
        """Answer and count."""
        self.asked.append("previous")
        return super().previous_before(at)


@pytest.mark.parametrize("limit", [None, timedelta(seconds=200)], ids=["no window", "window"])
@pytest.mark.parametrize("policy", list(CatchUp))
def test_a_year_costs_what_minutes_cost(policy: CatchUp, limit: timedelta | None) -> None:
    """After an outage of five minutes and after one of a year, the schedule is asked as often."""
    now = NOON + timedelta(days=365, seconds=5)
    asked: list[list[str]] = []
    for outage in (timedelta(minutes=5), timedelta(days=365)):
        schedule = Counted(seconds=10)
        vars(schedule)["asked"] = calls = []
        find(schedule, now, now - outage, catch_up=policy, catch_up_window=limit)
        asked.append(sorted(calls))

    assert asked[0] == asked[1]
    assert len(asked[0]) < 25


def test_a_schedule_that_runs_in_circles_is_refused() -> None:
    """A schedule whose last instant before another is not before it raises; nothing loops."""

    class Standing(interval):
        def previous_before(self, at: datetime) -> datetime | None:
            return at

    with pytest.raises(ScheduleError, match=r"last instant before .* which is not before it"):
        find(Standing(hours=1), MISSED)


def test_a_schedule_that_cannot_look_back_still_runs() -> None:
    """Where a schedule knows no instant before another, the first one that is due counts."""

    class Forward(interval):
        def previous_before(self, at: datetime) -> datetime | None:
            return None

    assert Found((at(60),), 1) == find(Forward(hours=1, anchor=NOON), MISSED)
