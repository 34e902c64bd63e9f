"""Whether beats work, judged by what they say of themselves: pure, on a clock that stands still."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from periodic import BeatState, BeatStatus, BrokerUnreachable
from periodic.integrations import health

NOW = datetime(2026, 3, 8, 9, tzinfo=UTC)


def status(
    beat: str = "web-1:7:ab", state: BeatState = BeatState.ACTIVE, **given: Any
) -> BeatStatus:
    """Return what a beat said 2 s ago; `seen` and `ticked` are seconds before now."""
    seen = NOW - timedelta(seconds=given.pop("seen", 2))
    ticked = NOW - timedelta(seconds=given.pop("ticked", 3))
    return BeatStatus(
        beat=beat,
        host=beat.partition(":")[0],
        pid=7,
        state=state,
        reason=given.pop("reason", ""),
        started_at=NOW - timedelta(hours=1),
        ticked_at=ticked,
        entries=20,
        lag=0.002,
        seen_at=seen,
    )


def sight(*beats: BeatStatus, **given: Any) -> health.Sight:
    """Return a sight of these beats now; in lease mode, led by the first, unless told otherwise."""
    leader = given.pop("leader", beats[0].beat if beats else "")
    return health.Sight("shop", beats, NOW, leader=leader, **given)


def kinds(seen: health.Sight) -> list[str]:
    """Return the kinds of its problems."""
    return [problem.kind for problem in health.problems_of(seen)]


def test_one_beat_that_works_is_health() -> None:
    """Active, seen and ticked lately: no problem, whoever stands by, was killed or has stopped."""
    others = [
        status("web-2:8:cd", BeatState.STANDBY),
        status("web-3:9:ef", BeatState.STOPPED, seen=1000),
        status("web-4:9:01", BeatState.ACTIVE, seen=1000),
        status("web-5:9:02", BeatState.SKEWED, reason="its clock is 9 s ahead"),
    ]
    assert kinds(sight(status(), *others)) == []


@pytest.mark.parametrize(("seconds", "expected"), [(15, []), (15.1, ["silent"])])
def test_a_beat_that_is_silent_for_15_s_does_not_count(seconds: float, expected: list[str]) -> None:
    """Beats speak every 5 s; one that has said nothing for longer than 15 s is gone, or cut off."""
    assert kinds(sight(status(seen=seconds, ticked=seconds + 1))) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(20, []), (20.1, ["stuck"])])
def test_a_beat_that_speaks_but_does_not_tick_does_not_count(
    seconds: float, expected: list[str]
) -> None:
    """The thread that shows the beat lives on where its loop hangs: the last tick tells it."""
    assert kinds(sight(status(seen=0, ticked=seconds))) == expected
    slow = sight(status(seen=0, ticked=seconds), max_interval=timedelta(seconds=60))
    assert kinds(slow) == []


def test_the_tick_is_judged_by_when_the_beat_spoke() -> None:
    """A beat's word may be 15 s old; so long nobody can know of its newer ticks."""
    assert kinds(sight(status(seen=14, ticked=30))) == []


def test_no_beat() -> None:
    """Nobody has shown itself: the sentence names the namespace and says how to start one."""
    [problem] = health.problems_of(sight())
    assert problem.kind == "no-beat"
    assert "'shop'" in problem.text
    assert "celery -A your_app beat -S periodic" in problem.text


def test_all_have_stopped() -> None:
    """A stopped beat is not a lost one: the sentence says which was the last, and since when."""
    stopped = [
        status("web-1:7:ab", BeatState.STOPPED, seen=60),
        status("web-2:8:cd", BeatState.STOPPED, seen=600),
    ]
    [problem] = health.problems_of(sight(*stopped))
    assert problem.kind == "stopped"
    assert "web-1:7:ab" in problem.text
    assert "1 min ago" in problem.text


def test_only_standby() -> None:
    """Who waits for a leader that does not come works for nobody; the holder is named."""
    waiting = [status(each, BeatState.STANDBY) for each in ("web-1:7:ab", "web-2:8:cd")]
    [problem] = health.problems_of(sight(*waiting, leader="web-9:1:ff"))
    assert problem.kind == "standby"
    assert "2 beats stand by" in problem.text
    assert "web-9:1:ff" in problem.text
    [problem] = health.problems_of(sight(*waiting, leader=""))
    assert "nobody holds the lease" in problem.text


@pytest.mark.parametrize("state", [BeatState.SKEWED, BeatState.UNREACHABLE])
def test_a_beat_that_says_why_it_does_not_work(state: BeatState) -> None:
    """Its own reason is the sentence, with its name."""
    [problem] = health.problems_of(sight(status(state=state, reason="the reason")))
    assert problem.kind == str(state)
    assert problem.beat == "web-1:7:ab"
    assert "web-1:7:ab" in problem.text
    assert "the reason" in problem.text


def test_each_problem_has_its_sentence() -> None:
    """Two sick beats are two problems; the silent ones are told together."""
    sick = [
        status("a:1:1", BeatState.SKEWED, reason="skew"),
        status("b:2:2", BeatState.UNREACHABLE, reason="away"),
        status("c:3:3", seen=100),
        status("d:4:4", seen=200),
    ]
    assert kinds(sight(*sick)) == ["skewed", "unreachable", "silent"]


def test_silent_beats_of_an_hour_do_not_hide_who_is_there() -> None:
    """Old instances that were killed are told in one sentence, the latest by name."""
    gone = [status(f"web-{number}:1:{number}", seen=100 * number) for number in (1, 2, 3)]
    [problem] = health.problems_of(sight(*gone))
    assert problem.kind == "silent"
    assert "web-1:1:1" in problem.text
    assert "3 beats" in problem.text


def test_several_leaders_are_a_problem_where_one_leads() -> None:
    """Two beats work though one lease is asked for: some are set to all_active, or are old."""
    two = sight(status("a:1:1"), status("b:2:2"))
    [problem] = health.problems_of(two)
    assert problem.kind == "several-leaders"
    assert "a:1:1" in problem.text
    assert "b:2:2" in problem.text
    assert kinds(replace(two, all_active=True)) == []


def test_who_leads() -> None:
    """With a lease it is the holder; without one, every beat that works."""
    one, two = status("a:1:1"), status("b:2:2", BeatState.STANDBY)
    assert [True, False] == [sight(one, two).leads(each) for each in (one, two)]
    both = sight(one, two, status("c:3:3"), all_active=True, leader="")
    assert [True, False, True] == [both.leads(each) for each in both.beats]


def test_a_broker_that_hangs_is_given_up() -> None:
    """The look ends in bounded time, whatever the user's own socket timeouts are."""
    hung = threading.Event()
    with pytest.raises(BrokerUnreachable, match=r"has not answered within 0\.05 s"):
        health.bounded(lambda: hung.wait(30), 0.05)
    hung.set()


def test_a_bounded_look_returns_and_raises_what_the_look_does() -> None:
    """A result and an error pass through unchanged."""
    assert health.bounded(lambda: 7, 5) == 7
    with pytest.raises(BrokerUnreachable, match="away"):
        health.bounded(_fail, 5)


def _fail() -> None:
    raise BrokerUnreachable("away", state="loading")
