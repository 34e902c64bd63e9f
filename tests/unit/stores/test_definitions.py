"""What a definition may hold, and what it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import EntryError, EntryRecord, Pause, ScheduleError, Source, cron, crontab, interval
from periodic.definitions import LONGEST_NAME, MOST_BYTES, entry_of, make_definition

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
GOOD: dict[str, Any] = {"task": "shop.job", "schedule": 60}


def test_a_number_a_timedelta_and_a_schedule_become_its_data() -> None:
    """What `to_dict()` says is what is kept; seconds are the interval grid."""
    expected = interval(seconds=90).to_dict()

    for schedule in (90, 90.0, timedelta(seconds=90), interval(90), expected):
        assert expected == make_definition("job", {"task": "t", "schedule": schedule})["schedule"]


def test_a_zone_settles_a_schedule_that_names_none() -> None:
    """`tz` goes into the schedule; beside another zone it is refused."""
    made = make_definition("job", {**GOOD, "schedule": crontab(hour=9), "tz": "Europe/London"})

    assert "Europe/London" == made["schedule"]["tz"]
    assert "tz" not in made
    with pytest.raises(EntryError, match="already has the zone"):
        make_definition("job", {"schedule": crontab(tz="UTC"), "tz": "Europe/London"})
    with pytest.raises(EntryError, match="tz goes with a schedule"):
        make_definition("job", {"tz": "Europe/London"})


def test_a_task_object_is_as_good_as_its_name() -> None:
    """Whatever has a name that is text stands for it."""

    class Task:
        name = "shop.job"

    assert "shop.job" == make_definition("job", {"task": Task()})["task"]


def test_values_become_plain_ones_of_their_own() -> None:
    """Tuples are lists, timedeltas seconds; the caller's containers are not kept."""
    given = {"args": (1, [2]), "catch_up_window": timedelta(hours=1)}
    made = make_definition("job", given)
    given["args"][1].append(3)

    assert {"args": [1, [2]], "catch_up_window": 3600.0} == made


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"args": [object()]}, "a store keeps JSON"),
        ({"args": [datetime(2026, 1, 1, tzinfo=UTC)]}, "a datetime; a store keeps JSON"),
        ({"kwargs": {"a": {1: 2}}}, "JSON has only text as keys"),
        ({"args": [float("nan")]}, "JSON has no word for"),
        ({"args": [b"x"]}, "a bytes; a store keeps JSON"),
        ({"args": ["\ud800"]}, "half a character"),
        ({"args": ["x" * MOST_BYTES]}, f"more than {MOST_BYTES}"),
        ({"args": 7}, "args is a list or tuple"),
        ({"kwargs": []}, "kwargs is a mapping"),
        ({"task": ""}, "task is the registered name"),
        ({"task": "x" * 256}, "at most 255 printable characters"),
        ({"task": "a\0"}, "at most 255 printable characters"),
        ({"enabled": "yes"}, "enabled is true or false"),
        ({"catch_up": "lates"}, "did you mean 'latest'"),
        ({"catchup": "all"}, "did you mean 'catch_up'"),
        ({"schedule": "0 9 * * *"}, r"write cron\('...'\)"),
        ({"schedule": True}, "schedule is a schedule such as"),
        ({"schedule": {"kind": "cron", "expression": "61 * * * *"}}, "61"),
        ({"schedule": crontab(), "tz": "Europe/Lodnon"}, "Europe/London"),
    ],
)
def test_what_is_refused_is_told(given: dict[str, Any], told: str) -> None:
    """One sentence that names the key, what is allowed, or what was meant."""
    with pytest.raises((EntryError, ScheduleError), match=told):
        make_definition("job", given)


@pytest.mark.parametrize("name", ["", " ", "x" * (LONGEST_NAME + 1), "a\nb", " a", "a\0", 7])
def test_names_that_no_table_could_show_are_refused(name: Any) -> None:
    """Empty, too long, not printable, or with spaces at an end."""
    with pytest.raises(EntryError, match="an entry's name"):
        make_definition(name, GOOD)


def record(**fields: Any) -> EntryRecord:
    """A record of the store that runs each minute."""
    definition = make_definition("job", GOOD) | fields.pop("definition", {})
    return EntryRecord(**{"name": "job", "definition": definition, **fields})


def test_a_record_becomes_an_entry_in_the_zone_of_the_app() -> None:
    """A schedule without a zone reads the app's clock; the app's policies fill what is not said."""
    schedule = {"schedule": crontab(hour=9).to_dict(), "args": [1]}
    defaults = {"catch_up": "skip", "max_catch_up": 3}
    made = entry_of(record(definition=schedule), NOON, zone=LONDON, defaults=defaults)

    assert crontab(hour=9, tz="Europe/London") == made.schedule
    assert ("shop.job", [1], "skip", 3) == (made.task, made.args, made.catch_up, made.max_catch_up)
    assert made.enabled


def test_a_pause_disables_until_its_end() -> None:
    """And then the entry counts from that end on: what is due at that very instant runs."""
    end = NOON + timedelta(hours=1)
    paused = record(pause=Pause(NOON, "", end), since=NOON)

    assert not entry_of(paused, NOON, zone=UTC).enabled
    after = entry_of(paused, end, zone=UTC)
    assert after.enabled
    assert end - datetime.resolution == after.since
    assert not entry_of(record(pause=Pause(NOON)), NOON + timedelta(days=999), zone=UTC).enabled


def test_a_record_of_the_code_changes_what_it_says_and_nothing_else() -> None:
    """Everything else is the code's, today's code, not that of the day of the change."""
    base = entry_of(record(definition={"args": [1]}), NOON, zone=UTC)
    change = EntryRecord(
        name="job", definition={"schedule": cron("0 9 * * *").to_dict()}, source=Source.CODE
    )
    made = entry_of(change, NOON, zone=LONDON, base=base)

    assert ([1], "shop.job") == (made.args, made.task)
    assert cron("0 9 * * *", tz="Europe/London") == made.schedule
    with pytest.raises(EntryError, match="an entry of the code, which is gone"):
        entry_of(change, NOON, zone=UTC)


def test_a_record_that_lacks_something_or_is_spoiled_makes_no_entry() -> None:
    """The sentence says what."""
    with pytest.raises(EntryError, match="has no task"):
        entry_of(EntryRecord(name="job", definition={"args": []}), NOON, zone=UTC)
    with pytest.raises(EntryError, match="its column args is no JSON"):
        entry_of(record(problem="its column args is no JSON"), NOON, zone=UTC)
    with pytest.raises(EntryError, match="unknown key 'colour'"):
        entry_of(record(definition={"colour": 1}), NOON, zone=UTC)


def test_a_value_of_another_type_is_refused_whatever_came_before() -> None:
    """True equals 1 and is no number of seconds; a schedule that was read before is no excuse."""
    good = {"task": "t", "schedule": {"kind": "interval", "every": 1}}
    bad = {"task": "t", "schedule": {"kind": "interval", "every": True}}
    for _ in range(2):
        entry_of(EntryRecord(name="good", definition=good), NOON, zone=LONDON)
        with pytest.raises(ScheduleError, match="True"):
            entry_of(EntryRecord(name="bad", definition=bad), NOON, zone=LONDON)
