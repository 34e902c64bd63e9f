"""Explanations: what clock changes do to a schedule, and what may not be meant so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from periodic import (
    Schedule,
    calendar_interval,
    clocked,
    cron,
    crontab,
    interval,
    to_utc,
    union,
)
from periodic.clock_changes import ClockChange, clock_changes, offset, reading
from periodic.effects import Effect, effect_on
from periodic.errors import ScheduleError
from periodic.explain import explain

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"


def changes_of(zone: str, year: int = 2026) -> list[ClockChange]:
    """Return the clock changes of a year."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    return list(clock_changes(ZoneInfo(zone), start, datetime(year + 1, 1, 1, tzinfo=UTC)))


def effects(schedule: Schedule, year: int = 2026) -> list[Effect]:
    """Return what the clock changes of a year do to a schedule."""
    return list(explain(schedule, start=START, year=year).effects)


def notes(schedule: Schedule, year: int = 2026) -> str:
    """Return the notes as one text."""
    return "\n".join(explain(schedule, start=START, year=year).notes)


CHANGES = [
    (NEW_YORK, 2026, ["2026-03-08T07:00 -05:00 -04:00", "2026-11-01T06:00 -04:00 -05:00"]),
    (
        "Australia/Lord_Howe",
        2026,
        ["2026-04-04T15:00 +11:00 +10:30", "2026-10-03T15:30 +10:30 +11:00"],
    ),
    (
        "Antarctica/Troll",
        2026,
        ["2026-03-29T01:00 +00:00 +02:00", "2026-10-25T01:00 +02:00 +00:00"],
    ),
    ("Europe/Dublin", 2026, ["2026-03-29T01:00 +00:00 +01:00", "2026-10-25T01:00 +01:00 +00:00"]),
    (
        "Pacific/Apia",
        2011,
        [
            "2011-04-02T14:00 -10:00 -11:00",
            "2011-09-24T14:00 -11:00 -10:00",
            "2011-12-30T10:00 -10:00 +14:00",
        ],
    ),
    ("Asia/Kathmandu", 1986, []),
    ("Asia/Kathmandu", 1985, ["1985-12-31T18:30 +05:30 +05:45"]),
    ("UTC", 2026, []),
]


@pytest.mark.parametrize(("zone", "year", "expected"), CHANGES)
def test_clock_changes_of_a_year(zone: str, year: int, expected: list[str]) -> None:
    """Each change of a year is found, to the second, with the offsets before and after."""
    found = [
        f"{change.at:%Y-%m-%dT%H:%M} {offset(change.before)} {offset(change.after)}"
        for change in changes_of(zone, year)
    ]

    assert expected == found
    assert all(change.at.second == change.at.microsecond == 0 for change in changes_of(zone, year))


def test_change_at_the_edge_belongs_to_one_span() -> None:
    """A span holds a change at its start and not one at its end."""
    zone = ZoneInfo(NEW_YORK)
    at = datetime(2026, 3, 8, 7, tzinfo=UTC)
    hour = timedelta(hours=1)

    assert [at] == [change.at for change in clock_changes(zone, at, at + hour)]
    assert [] == list(clock_changes(zone, at - hour, at))
    assert [] == list(clock_changes(zone, at + timedelta(seconds=1), at + hour))


EFFECTS = [
    # schedule, effect in spring, effect in autumn: New York
    (
        cron("30 2 * * *", tz=NEW_YORK),
        (
            "merged: 02:30 does not exist that day; it runs once, at 03:00 -04:00, "
            "the first instant after the gap."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        cron("30 2,3 * * *", tz=NEW_YORK),
        (
            "merged: 02:30 does not exist that day; it runs once, at 03:00 -04:00, "
            "the first instant after the gap."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        cron("0 2,3 * * *", tz=NEW_YORK),
        (
            "merged: 02:00 does not exist that day; it runs together with 03:00 -04:00, "
            "its regular run."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        cron("30 1 * * *", tz=NEW_YORK),
        "none: No run falls into the time that is left out.",
        "once: 01:30 comes twice; only the first pass runs, at 01:30 -04:00.",
    ),
    (
        cron("30 1 * * *", tz=NEW_YORK, on_fold="last"),
        "none: No run falls into the time that is left out.",
        "once: 01:30 comes twice; only the second pass runs, at 01:30 -05:00.",
    ),
    (
        cron("30 1 * * *", tz=NEW_YORK, on_fold="both"),
        "none: No run falls into the time that is left out.",
        "repeated: 01:30 comes twice; both passes run, with -04:00 and with -05:00.",
    ),
    (
        cron("30 1,2 * * *", tz=NEW_YORK, on_gap="shift"),
        "moved: 02:30 does not exist that day; it runs 1 hour later, at 03:30 -04:00.",
        "once: 01:30 comes twice; only the first pass runs, at 01:30 -04:00.",
    ),
    (
        crontab(30, 2, tz=NEW_YORK, on_gap="skip"),
        "skipped: 02:30 does not exist that day; that run is skipped.",
        "none: No run falls into the time that comes twice.",
    ),
    (
        crontab("*/20", tz=NEW_YORK),
        (
            "kept: 02:00, 02:20 and 02:40 do not exist that day; the pace is kept: "
            "01:40 -05:00 is followed by 03:00 -04:00, 20 minutes later."
        ),
        (
            "repeated: 01:00, 01:20 and 01:40 come twice; both passes run, "
            "with -04:00 and with -05:00."
        ),
    ),
    (
        crontab("*/20", 2, tz=NEW_YORK),
        (
            "merged: 02:00, 02:20 and 02:40 do not exist that day; they run once, at 03:00 -04:00, "
            "the first instant after the gap."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        cron("* * * * *", tz=NEW_YORK),
        (
            "kept: 60 readings from 02:00 to 02:59 do not exist that day; the pace is kept: "
            "01:59 -05:00 is followed by 03:00 -04:00, 1 minute later."
        ),
        (
            "repeated: 60 readings from 01:00 to 01:59 come twice; both passes run, "
            "with -04:00 and with -05:00."
        ),
    ),
    (
        cron("*/10 1 * * *", tz=NEW_YORK, on_fold="last"),
        "none: No run falls into the time that is left out.",
        (
            "once: 6 readings from 01:00 to 01:50 come twice; only the second pass runs, "
            "6 times from 01:00 -05:00 to 01:50 -05:00."
        ),
    ),
    (
        cron("30 15 2 * * *", tz=NEW_YORK),
        (
            "merged: 02:15:30 does not exist that day; it runs once, at 03:00:30 -04:00, "
            "the first instant after the gap."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        calendar_interval(days=1, at="02:30", tz=NEW_YORK),
        (
            "merged: 02:30 does not exist that day; it runs once, at 03:00 -04:00, "
            "the first instant after the gap."
        ),
        "none: No run falls into the time that comes twice.",
    ),
    (
        union(crontab(30, 1), crontab(30, 2), tz=NEW_YORK),
        "other: It runs at 03:00 -04:00.",
        "other: It runs at 01:30 -04:00.",
    ),
    (
        union(crontab(30, 12), crontab(30, 13), tz=NEW_YORK),
        "none: No run is near.",
        "none: No run is near.",
    ),
    (
        interval(minutes=7, tz=NEW_YORK),
        "none: It counts elapsed time, so this has no effect.",
        "none: It counts elapsed time, so this has no effect.",
    ),
    (
        clocked(datetime(2026, 3, 8, 7, tzinfo=UTC), tz=NEW_YORK),
        "none: It is one instant, so this has no effect.",
        "none: It is one instant, so this has no effect.",
    ),
]


@pytest.mark.parametrize(("schedule", "spring", "autumn"), EFFECTS)
def test_effects_in_words(schedule: Schedule, spring: str, autumn: str) -> None:
    """Each clock change tells what it does to the schedule, with readings and offsets."""
    assert [spring, autumn] == [f"{each.what}: {each.text}" for each in effects(schedule)]


def test_clock_change_in_words() -> None:
    """The sentence has the date, both readings and both offsets; another date is told."""
    spring, autumn = changes_of(NEW_YORK)
    *_, lost_day = changes_of("Pacific/Apia", 2011)

    assert (
        "Sun 2026-03-08: the clock goes forward from 02:00 (-05:00) to 03:00 (-04:00)."
        == spring.sentence()
    )
    assert (
        "Sun 2026-11-01: the clock goes back from 02:00 (-04:00) to 01:00 (-05:00)."
        == autumn.sentence()
    )
    assert (
        "Fri 2011-12-30: the clock goes forward from 00:00 (-10:00) to 2011-12-31 00:00 (+14:00)."
        == lost_day.sentence()
    )


def test_lost_day() -> None:
    """A day that never was: its run comes at the first instant of the next one."""
    (effect,) = effects(cron("30 4 30 12 *", tz="Pacific/Apia"), 2011)[-1:]

    assert "merged" == effect.what
    assert ["2011-12-31T00:00:00+14:00"] == [run.isoformat() for run in effect.runs]
    assert "at 2011-12-31 00:00 +14:00" in effect.text


ZONES = [
    NEW_YORK,
    "Europe/London",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "America/Santiago",
    "Africa/Casablanca",
    "Africa/Cairo",
]


@pytest.mark.parametrize("zone", ZONES)
def test_effects_agree_with_the_runs(zone: str) -> None:
    """Readings are those that a walk over the minutes finds; each word is true of the runs."""
    random = Random(zone)
    seen: set[str] = set()
    for _ in range(150):
        minute = random.choice(["*", "*/15", "*/7", "30", "0", "0,30", "5-50/9"])
        hour = random.choice(["*", "*/2", "2", "1", "0-23", "1,2,3", "0", "23"])
        options: dict[str, Any] = {
            "on_gap": random.choice(["run", "run", "skip", "shift"]),
            "on_fold": random.choice(["auto", "auto", "first", "last", "both"]),
        }
        schedule = crontab(minute, hour, tz=zone, **options)
        for change in changes_of(zone):
            effect = effect_on(schedule, change)
            seen.add(effect.what)
            _check(schedule, change, effect)
    assert {"none", "merged", "moved", "skipped", "kept", "once", "repeated"} <= seen


def _check(schedule: crontab, change: ClockChange, effect: Effect) -> None:
    """Hold an effect against the schedule's own runs around the change."""
    at, size = change.at, change.size
    low, high = sorted((change.old_reading, change.new_reading))
    concerned: list[datetime] = []
    minute = low
    while minute < high:
        if minute.minute in schedule.minute and minute.hour in schedule.hour:
            concerned.append(minute)
        minute += timedelta(minutes=1)
    runs = [to_utc(run) for run in schedule.between(at - size, at + size)]
    after = [run for run in runs if run >= at]
    told = [to_utc(run) for run in effect.runs]
    assert concerned == list(effect.readings)
    assert set(told) <= set(runs)
    later = [at + (each - low) for each in concerned]
    match effect.what:
        case "none":
            assert not concerned
        case "merged":
            assert change.forward
            assert [at] == told
        case "moved":
            assert later == told
        case "kept":
            assert set(later) <= set(after)
        case "skipped":
            assert schedule.on_gap == "skip"
            assert not set(later) <= set(after) or schedule.fixed
        case "once":
            assert not change.forward
            assert len(told) == len(concerned)
        case "repeated":
            assert not change.forward
            assert len(told) == 2 * len(concerned)
        case _:
            pytest.fail(f"{schedule} {effect}")


NOTES = [
    (
        "0 0 13 * fri",
        (
            "it runs when either matches, as cron. Celery's crontab would want both: "
            "next at Fri 2026-02-13 00:00 +00:00, not at Fri 2026-01-02 00:00 +00:00."
        ),
    ),
    ("0 0 L * fri", "Celery's crontab would want both."),
    ("0 0 */2 * fri", "one begins with a star: so both must match"),
    (
        "*/7 * * * *",
        (
            "from minute 56 to the next hour's minute 0 it is 4 minutes, not 7 minutes. "
            "For an even pace use interval(minutes=7)."
        ),
    ),
    ("0 */5 * * *", "from hour 20 to the next day's hour 0 it is 4 hours, not 5 hours."),
    ("*/59 * * * * *", "the next minute's second 0 it is 1 second, not 59 seconds."),
    ("0 0 */2 * *", "after the 31st comes the 1st. For an even pace use interval(days=2)."),
    ("0 0 * * */2", "is Sunday, Tuesday, Thursday and Saturday, in every week the same."),
    ("0 0 1 */5 *", "is January, June and November, in every year the same."),
    ("* 2 * * *", "it runs 60 times from 02:00 to 02:59. For once an hour write minute 0."),
    ("* 5 2 * * *", "it runs 60 times a minute"),
    ("0 0-23 * * *", "in autumn the hour that comes twice is served once."),
    (
        "0 0 31 * *",
        (
            "There is no day 31 in February, April, June, September and November: no run "
            "then. For the last day of a month write 'L'."
        ),
    ),
    ("0 0 30 1,2 *", "There is no day 30 in February: no run then."),
    ("0 0 29 * *", "February has a day 29 in leap years only."),
    ("0 0 29 2 *", "It never runs in 2026: the next run is Tue 2028-02-29 00:00:00 +00:00 UTC"),
]


@pytest.mark.parametrize(("expression", "note"), NOTES)
def test_notes(expression: str, note: str) -> None:
    """Each trap of the notation is told where it lies, with what it does and what helps."""
    assert note in notes(cron(expression))


@pytest.mark.parametrize(
    "expression",
    [
        "30 2 * * *",
        "*/15 * * * *",
        "0 9 * * mon-fri",
        "0 */6 * * *",
        "*/5 8-17 * * *",
        "0 0 L * *",
        "0 0 1,31 * *",
        "0 0 1 */3 *",
        "@weekly",
        "*/10 * * * * *",
        "0 9 * * fri#2",
        "H H * * *",
    ],
)
def test_no_notes(expression: str) -> None:
    """What is as plain as it looks is left alone."""
    assert "" == notes(cron(expression, name="job"))


CELERY_NOTES = [
    (
        crontab(0, 0, "fri", 13),
        (
            "both must match, as in Celery. cron would run when either matches: "
            "next at Fri 2026-01-02 00:00 +00:00, not at Fri 2026-02-13 00:00 +00:00."
        ),
    ),
    (crontab(hour=2), "it runs 60 times from 02:00 to 02:59"),
    (crontab(hour=[2, 3]), "it runs 60 times from 02:00 to 02:59"),
    (crontab(0, 0, day_of_month=31), "There is no day 31 in February, April"),
    (crontab("*/7"), "For an even pace use interval(minutes=7)."),
]


@pytest.mark.parametrize(("schedule", "note"), CELERY_NOTES)
def test_notes_in_celerys_dialect(schedule: Schedule, note: str) -> None:
    """Celery's crontab has the same traps, and advice that it understands."""
    told = notes(schedule)

    assert note in told
    assert "'L'" not in told


def test_note_on_touched_hours() -> None:
    """A fixed schedule that meets a clock change is told which hours are never touched."""
    note = "changes from 01:00 to 03:00: a time outside of that, or tz='UTC', is never touched."

    assert note in notes(cron("30 2 * * *", tz=NEW_YORK))
    assert "" == notes(cron("30 3 * * *", tz=NEW_YORK))
    assert "" == notes(cron("*/30 * * * *", tz=NEW_YORK))
    assert "from 00:00 to" in notes(cron("30 0 * * *", tz="America/Santiago"))


def test_never_again() -> None:
    """A schedule that is over says so."""
    over = clocked(datetime(2020, 1, 1, tzinfo=UTC))

    explanation = explain(over, start=START)
    assert ("It never runs in 2026: and there is no later run.",) == explanation.notes
    assert () == explanation.runs
    assert "  none" in list(explanation.lines())


def test_start_is_included_and_settles_the_year() -> None:
    """The next runs begin with the start itself; the year is that of its local date."""
    new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    explanation = explain(crontab(30, 8, tz="Asia/Tokyo"), start=new_year, count=2)

    assert 2027 == explanation.year
    assert ["2027-01-01T08:30:00+09:00", "2027-01-02T08:30:00+09:00"] == [
        run.isoformat() for run in explanation.runs
    ]


@pytest.mark.parametrize("year", [1, 9999])
def test_years_at_the_edge_are_refused(year: int) -> None:
    """A year that datetime cannot hold in every zone is refused with what is allowed."""
    with pytest.raises(ScheduleError, match="allowed: 2 to 9998"):
        explain(crontab(), start=START, year=year)


@pytest.mark.parametrize("year", [2, 9998])
def test_first_and_last_year(year: int) -> None:
    """The outermost years can be told."""
    explanation = explain(cron("30 2 * * *", tz=NEW_YORK), start=START, year=year)
    assert year == explanation.year


def test_json() -> None:
    """The explanation is JSON-ready, with instants in ISO 8601."""
    explanation = explain(cron("30 2 * * *", tz=NEW_YORK), start=START, year=2026)
    data = json.loads(json.dumps(explanation.to_dict()))

    assert {"local": "2026-01-01T02:30:00-05:00", "utc": "2026-01-01T07:30:00Z"} == data["runs"][0]
    assert {
        "at": "2026-03-08T07:00:00Z",
        "from": "2026-03-08T02:00:00-05:00",
        "to": "2026-03-08T03:00:00-04:00",
        "effect": "merged",
        "readings": ["2026-03-08T02:30:00"],
        "runs": ["2026-03-08T03:00:00-04:00"],
    } == {key: value for key, value in data["clock_changes"][0].items() if key != "text"}
    assert [NEW_YORK, 2026] == [data["tz"], data["year"]]


def test_readings_show_what_matters() -> None:
    """Seconds and another date are shown where there are any."""
    at = datetime(2026, 3, 8, 2, 30)
    assert "02:30" == reading(at, beside=at)
    assert "02:30:15" == reading(at.replace(second=15))
    assert "2026-03-08 02:30" == reading(at, beside=at + timedelta(days=1))
    assert "-00:44:30" == offset(-timedelta(minutes=44, seconds=30))
