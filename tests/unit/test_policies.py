"""What an entry may say about the occurrences that were missed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from periodic import CatchUp, CatchUpPolicy, Entry, EntryError

MakeEntry = Callable[..., Entry]


def test_the_defaults(entry: MakeEntry) -> None:
    """Unless told otherwise: the latest, however old, ten for `all`, the beat's threshold."""
    job = entry()

    assert CatchUp.LATEST is job.catch_up
    assert job.catch_up_window is None
    assert 10 == job.max_catch_up
    assert job.misfire_threshold is None
    assert CatchUpPolicy() == job.catch_up_policy


@pytest.mark.parametrize("given", ["skip", "SKIP", "Skip"])
def test_a_word_in_any_case_is_the_policy(entry: MakeEntry, given: str) -> None:
    """The policy may be given as text; the entry holds the member."""
    job = entry(catch_up=given)

    assert CatchUp.SKIP is job.catch_up
    assert entry(catch_up=CatchUp.SKIP) == job


def test_the_policy_of_an_entry(entry: MakeEntry) -> None:
    """The four fields come as one value too, which can be hashed and pickled."""
    job = entry(
        catch_up="all",
        catch_up_window=timedelta(hours=2),
        max_catch_up=3,
        misfire_threshold=timedelta(seconds=5),
    )

    expected = CatchUpPolicy(CatchUp.ALL, timedelta(hours=2), 3, timedelta(seconds=5))
    assert expected == job.catch_up_policy
    assert 1 == len({expected, pickle.loads(pickle.dumps(expected))})


def test_times_may_be_given_in_seconds(entry: MakeEntry) -> None:
    """A number of seconds is as good as a timedelta; the entry holds the timedelta."""
    job = entry(catch_up_window=5400, misfire_threshold=0.5)

    assert timedelta(minutes=90) == job.catch_up_window
    assert timedelta(milliseconds=500) == job.misfire_threshold


def test_a_policy_is_no_part_of_the_fingerprint(entry: MakeEntry) -> None:
    """Who asks for more catch-up after an outage gets it: the cursor stays believed."""
    assert entry().fingerprint == entry(catch_up="all", max_catch_up=99).fingerprint


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("catch_up", "lates", "one of 'latest', 'skip', 'earliest' and 'all', not 'lates'; did"),
        ("catch_up", "lates", "did you mean 'latest'?"),
        ("catch_up", "EARLYEST", "not 'EARLYEST'; did you mean 'earliest'?"),
        ("catch_up", "zzz", "one of 'latest', 'skip', 'earliest' and 'all', not 'zzz'"),
        ("catch_up", None, "not None"),
        ("catch_up", True, "not True"),
        ("catch_up", [], "not []"),
        ("catch_up_window", "60", "a timedelta or a number of seconds, above zero, or None for no"),
        ("catch_up_window", True, "limit, not True"),
        ("catch_up_window", 0, "not 0"),
        ("catch_up_window", float("nan"), "not nan"),
        ("catch_up_window", float("inf"), "not inf"),
        ("catch_up_window", 1e300, "not 1e+300"),
        ("catch_up_window", timedelta(0), "above zero"),
        ("catch_up_window", timedelta(seconds=-1), "above zero"),
        ("max_catch_up", 0, "a whole number from 1 to 10000, not 0"),
        ("max_catch_up", 10_001, "not 10001"),
        ("max_catch_up", True, "not True"),
        ("max_catch_up", 2.0, "not 2.0"),
        ("max_catch_up", None, "not None"),
        ("misfire_threshold", "60", "above zero, or None for the beat's own, not '60'"),
        ("misfire_threshold", timedelta(0), "above zero"),
    ],
)
def test_what_is_not_allowed_is_refused(
    entry: MakeEntry, field: str, value: Any, sentence: str
) -> None:
    """The message names the entry and the field, what was given and what is allowed."""
    with pytest.raises(EntryError) as caught:
        entry("report", **{field: value})

    message = str(caught.value)
    assert message.startswith(f"entry 'report': {field} is ")
    assert sentence in message
