"""Calendars: dates, weekends, the holidays library, iCalendar files, and chains of them."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from periodic import Calendar, crontab, dates, exclude, weekends
from periodic.errors import ScheduleError

YEAR = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


def excluded(calendar: Calendar, days: list[date] = YEAR) -> list[str]:
    """Return the days that a calendar excludes."""
    return [day.isoformat() for day in days if calendar.excludes(day)]


def test_dates() -> None:
    """Dates as dates or texts, in any order; equal however they were written."""
    calendar = dates("2026-12-26", date(2026, 12, 25), "2026-12-25")

    assert ["2026-12-25", "2026-12-26"] == excluded(calendar)
    assert dates("2026-12-25", "2026-12-26") == calendar
    assert "2026-12-25 and 2026-12-26" == calendar.describe()
    many = dates(*YEAR[:9])
    assert "9 dates from 2026-01-01 to 2026-01-09" == many.describe()


def test_weekends() -> None:
    """Saturday and Sunday, or the days that are named."""
    assert {5, 6} == {date.fromisoformat(day).weekday() for day in excluded(weekends())}
    friday = weekends("Friday", "sat")
    assert {4, 5} == {date.fromisoformat(day).weekday() for day in excluded(friday)}
    assert weekends("sun", "sat") == weekends()
    assert ("weekends", "Fridays and Saturdays") == (weekends().describe(), friday.describe())


def test_a_chain_excludes_what_any_of_it_does() -> None:
    """`base=` adds another calendar's dates; one calendar serves many."""
    company = dates("2026-12-24", name="company days")
    chain = weekends(base=dates("2026-12-25", base=company))

    assert {"2026-12-24", "2026-12-25", "2026-12-26"} <= set(excluded(chain))
    assert excluded(weekends()) == sorted(set(excluded(chain)) - {"2026-12-24", "2026-12-25"})
    assert "weekends, 2026-12-25 and company days" == chain.describe()
    assert company is dates("2026-12-31", base=company).base


MAKERS = {
    "dates": lambda: dates("2026-12-25", "2026-12-26", name="Christmas"),
    "weekends": lambda: weekends("fri", "sat"),
    "chain": lambda: weekends(base=dates("2026-12-25", base=weekends("mon"), name="x")),
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_values(name: str) -> None:
    """JSON, pickle and repr give an equal calendar; the name is no part of its meaning."""
    calendar = MAKERS[name]()
    data = json.loads(json.dumps(calendar.to_dict()))

    for again in (
        Calendar.from_dict(data),
        type(calendar).from_dict(data),
        pickle.loads(pickle.dumps(calendar)),
        eval(repr(calendar)),
    ):
        assert calendar == again
        assert hash(calendar) == hash(again)
        assert calendar.fingerprint() == again.fingerprint()
        assert calendar.describe() == again.describe()
        assert calendar.to_dict() == again.to_dict()
    assert calendar == Calendar.from_dict({**data, "name": "another"})
    with pytest.raises(AttributeError, match="a calendar is immutable; make another one"):
        calendar.name = "x"
    with pytest.raises(AttributeError, match="a calendar is immutable; make another one"):
        del calendar.base


def test_other_dates_are_another_calendar() -> None:
    """One more date changes equality, and the fingerprint of every schedule that uses it."""
    one, two = dates("2026-12-25"), dates("2026-12-25", "2026-12-26")

    assert one != two
    assert one != weekends(base=one)
    assert one.fingerprint() != two.fingerprint()
    assert exclude(crontab(), one).fingerprint() != exclude(crontab(), two).fingerprint()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (dates, "dates(): allowed: one or more dates, such as dates('2026-12-25')"),
        (lambda: dates(None), "dates(None,): allowed: one or more dates"),
        (lambda: dates("25.12.2026"), "dates: day 1='25.12.2026' is not a date; allowed: a"),
        (lambda: dates(datetime(2026, 1, 1)), "is not a date"),
        (lambda: dates("2026-12-25", name=""), "name='' is not a name"),
        (lambda: dates("2026-12-25", base="weekends"), "base='weekends' is not a calendar such as"),
        (lambda: weekends("xyz"), "weekends: 'xyz' is no day of the week; allowed: monday"),
        (lambda: weekends(5), "weekends: 5 is no day of the week"),
        (
            lambda: weekends("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
            "weekends() of all seven days would leave no day",
        ),
        (lambda: Calendar.from_dict({"kind": "date"}), "unknown kind of calendar 'date'; known"),
        (lambda: Calendar.from_dict({}), "unknown kind of calendar None"),
        (
            lambda: dates.from_dict({"kind": "weekends"}),
            "'weekends' is a calendar weekends, not dates",
        ),
        (
            lambda: Calendar.from_dict({"kind": "dates", "dayz": []}),
            "calendar dates has no field 'dayz'; did you mean 'days'?",
        ),
        (lambda: Calendar.from_dict({"kind": "dates", "days": "x"}), "is not a list of dates"),
        (lambda: Calendar.from_dict({"kind": "weekends", "days": 5}), "is not a list of names"),
    ],
)
def test_refused(make: Any, message: str) -> None:
    """What is no calendar is refused with what is allowed."""
    with pytest.raises(ScheduleError) as caught:
        make()

    assert message in str(caught.value)


def test_long_chains_are_refused() -> None:
    """A chain is bounded, in code and in data."""
    chain: Calendar = weekends()
    for _ in range(15):
        chain = weekends(base=chain)
    assert chain == Calendar.from_dict(chain.to_dict())
    with pytest.raises(ScheduleError, match="a chain of more than 16 calendars"):
        weekends(base=chain)


class TestHolidays:
    """Public holidays, by the library `holidays`."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("holidays", reason="holidays (the extra `holidays`) is not installed")

    def test_a_country_and_a_region(self) -> None:
        """Bavaria has Epiphany and Corpus Christi on top of Germany's holidays."""
        from periodic import country_holidays

        country, region = country_holidays("DE"), country_holidays("DE", "BY")

        assert [
            "2026-01-01",
            "2026-04-03",
            "2026-04-06",
            "2026-05-01",
            "2026-05-14",
            "2026-05-25",
            "2026-10-03",
            "2026-12-25",
            "2026-12-26",
        ] == excluded(country)
        assert {"2026-01-06", "2026-06-04", "2026-11-01"} == set(excluded(region)) - set(
            excluded(country)
        )
        assert "public holidays in DE-BY" == region.describe()

    def test_observed_days(self) -> None:
        """4 July 2026 is a Saturday: the Friday before is off, also across the year's end."""
        from periodic import country_holidays

        assert "2026-07-03" in excluded(country_holidays("US"))
        assert "2026-07-03" not in excluded(country_holidays("US", observed=False))
        assert country_holidays("US").excludes(date(2021, 12, 31))  # for 1 January 2022

    def test_years_that_the_library_does_not_know(self) -> None:
        """Far years have no holidays, no error and no warning."""
        from periodic import country_holidays

        calendar = country_holidays("IN")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not calendar.excludes(date(9999, 12, 31))
            assert not calendar.excludes(date(1, 1, 1))
            assert calendar.excludes(date(2090, 8, 15))
            assert calendar.fingerprint()

    def test_values(self) -> None:
        """It is a value; a new release's dates change the fingerprint alone."""
        from periodic import country_holidays

        calendar = country_holidays(
            "DE", "BY", categories=["public", "catholic"], name="off", base=weekends()
        )
        data = json.loads(json.dumps(calendar.to_dict()))

        for again in (
            Calendar.from_dict(data),
            pickle.loads(pickle.dumps(calendar)),
            eval(repr(calendar)),
        ):
            assert calendar == again
            assert calendar.fingerprint() == again.fingerprint()
        assert calendar != country_holidays("DE", "BY", base=weekends())
        assert country_holidays("DE", observed=False) == eval(
            repr(country_holidays("DE", observed=False))
        )

    def test_a_new_release_changes_the_fingerprint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the library knows another holiday, entries that use it are seen as edited."""
        from periodic import country_holidays
        from periodic.schedules import holiday_calendars

        before = exclude(crontab(), country_holidays("CH", "BE")).fingerprint()
        found = holiday_calendars._found
        holiday_calendars._digest.cache_clear()
        monkeypatch.setattr(holiday_calendars, "_found", lambda *a: found(*a) | {739_999})
        after = exclude(crontab(), country_holidays("CH", "BE")).fingerprint()
        holiday_calendars._digest.cache_clear()

        assert before != after

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (("XX",), "country_holidays: country='XX' is unknown; "),
            (("Germany",), "did you mean 'GE'"),
            ((5,), "country=5 is unknown; allowed: codes of two letters"),
            (("DE", "XX"), "country_holidays: DE has no subdiv='XX'; allowed: None, BB, BE"),
        ],
    )
    def test_refused(self, given: Any, message: str) -> None:
        """What the library does not know is refused with what it knows."""
        from periodic import country_holidays

        with pytest.raises(ScheduleError) as caught:
            country_holidays(*given)

        assert message in str(caught.value)

    def test_refused_options(self) -> None:
        """Categories and observed are checked by name."""
        from periodic import country_holidays

        with pytest.raises(ScheduleError, match="allowed for DE: catholic, public"):
            country_holidays("DE", categories="bank")
        with pytest.raises(ScheduleError, match=r"categories=\[\]; allowed for DE"):
            country_holidays("DE", categories=[])
        with pytest.raises(ScheduleError, match="observed='yes'; allowed: True, False"):
            country_holidays("DE", observed="yes")


def test_without_the_library_holidays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `holidays` is missing, the error names the extra to install."""
    from periodic import country_holidays

    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ScheduleError, match=r'pip install "periodic-celery\[holidays\]"'):
        country_holidays("DE")


def ics(*events: str) -> bytes:
    """Return an iCalendar file with these events; each has a UID unless it brings one."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN", "X-WR-CALNAME:School"]
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", *uid, event, "END:VEVENT"]
    return "\n".join([*lines, "END:VCALENDAR", ""]).replace("\n", "\r\n").encode()


class TestFiles:
    """iCalendar files, by the library `icalendar`."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        for library in ("icalendar", "dateutil"):
            pytest.importorskip(
                library, reason=f"{library} (the extra `calendars`) is not installed"
            )

    @pytest.fixture
    def made(self, tmp_path: Path) -> Any:
        """Return a function that makes the calendar of a file with some events."""
        from periodic import ical_file

        def make(*events: str, **given: Any) -> Calendar:
            path = tmp_path / "days.ics"
            path.write_bytes(ics(*events))
            return ical_file(path, **given)

        return make

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ("DTSTART;VALUE=DATE:20261224", ["2026-12-24"]),
            ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", ["2026-12-24"]),
            (
                "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
                ["2026-12-24", "2026-12-25", "2026-12-26"],
            ),
            ("DTSTART;VALUE=DATE:20260105\nDURATION:P2D", ["2026-01-05", "2026-01-06"]),
            (
                "DTSTART;TZID=Europe/Berlin:20260501T000000\nDTEND;TZID=Europe/Berlin:20260502T000000",
                ["2026-05-01"],
            ),
            # Whole days alone: the 2nd is covered from midnight to midnight, its neighbours not.
            ("DTSTART:20260501T120000\nDTEND:20260503T120000", ["2026-05-02"]),
            # The end in another zone is read in the start's: midnight in Berlin.
            (
                "DTSTART;TZID=Europe/Berlin:20260501T000000\nDTEND:20260501T220000Z",
                ["2026-05-01"],
            ),
            (
                "DTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY",
                ["2026-05-01"],
            ),
            (
                (
                    "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;COUNT=4"
                    "\nEXDATE;VALUE=DATE:20260205,20260305\nRDATE;VALUE=DATE:20260710"
                ),
                ["2026-01-05", "2026-04-05", "2026-07-10"],
            ),
            (
                (
                    "DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103"
                    "\nRRULE:FREQ=YEARLY;UNTIL=20261230"
                ),
                ["2026-01-01", "2026-01-02", "2026-12-30", "2026-12-31"],
            ),
            (
                (
                    "DTSTART;TZID=Europe/Berlin:20260501T000000\nDURATION:P1D"
                    "\nRRULE:FREQ=DAILY;UNTIL=20260502T220000Z"
                ),
                ["2026-05-01", "2026-05-02", "2026-05-03"],
            ),
            (
                "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20260331",
                ["2026-01-30", "2026-02-27", "2026-03-27"],
            ),
        ],
    )
    def test_events(self, made: Any, event: str, expected: list[str]) -> None:
        """Days covered from midnight to midnight are excluded, once or again and again."""
        assert expected == excluded(made(event))

    def test_events_that_exclude_nothing(self, made: Any) -> None:
        """Events of some hours and cancelled ones leave their days open."""
        holiday = "DTSTART;VALUE=DATE:20261224"
        meeting = "DTSTART:20260501T120000\nDTEND:20260501T130000"
        moment = "DTSTART:20260501T000000"
        cancelled = "DTSTART;VALUE=DATE:20260502\nSTATUS:CANCELLED"

        assert ["2026-12-24"] == excluded(made(holiday, meeting, moment, cancelled))

    def test_a_moved_occurrence(self, made: Any) -> None:
        """An occurrence with a date of its own replaces the rule's; a cancelled one is none."""
        monthly = "UID:a\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;COUNT=3"
        moved = "UID:a\nRECURRENCE-ID;VALUE=DATE:20260205\nDTSTART;VALUE=DATE:20260210"
        gone = (
            "UID:a\nRECURRENCE-ID;VALUE=DATE:20260305\nDTSTART;VALUE=DATE:20260305"
            "\nSTATUS:CANCELLED"
        )

        assert ["2026-01-05", "2026-02-10"] == excluded(made(gone, monthly, moved))

    def test_values(self, made: Any, tmp_path: Path) -> None:
        """The content travels: JSON, pickle and repr need no file any more."""
        calendar = made(
            "DTSTART;VALUE=DATE:20261224",
            "DTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20270501",
            base=weekends(),
        )
        (tmp_path / "days.ics").unlink()
        data = json.loads(json.dumps(calendar.to_dict()))

        for again in (
            Calendar.from_dict(data),
            type(calendar).from_dict(data),
            pickle.loads(pickle.dumps(calendar)),
            eval(repr(calendar)),
        ):
            assert calendar == again
            assert hash(calendar) == hash(again)
            assert calendar.fingerprint() == again.fingerprint()
            assert data == again.to_dict()
            assert excluded(calendar) == excluded(again)
            assert not again.excludes(date(2027, 5, 1)) or date(2027, 5, 1).weekday() > 4
        assert "School and weekends" == calendar.describe()

    def test_names(self, made: Any) -> None:
        """The calendar's own name, the name that is given, or what it excludes."""
        event = "DTSTART;VALUE=DATE:20261224"

        assert "School" == made(event).describe()
        assert "holidays" == made(event, name="holidays").describe()
        unnamed = Calendar.from_dict({**made(event).to_dict(), "name": None})
        assert "2026-12-24" == unnamed.describe()

    def test_a_changed_file_changes_the_fingerprint(self, made: Any) -> None:
        """A new version of the file is another calendar, and entries see it as an edit."""
        before = made("DTSTART;VALUE=DATE:20261224")
        after = made("DTSTART;VALUE=DATE:20261225")

        assert before != after
        assert exclude(crontab(), before).fingerprint() != exclude(crontab(), after).fingerprint()

    def test_runs_move_over_a_break(self, made: Any) -> None:
        """A break of eleven days and a yearly day, with the weekends in the chain."""
        calendar = made(
            "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20270104",
            "DTSTART;VALUE=DATE:20200104\nRRULE:FREQ=YEARLY",
            base=weekends(),
        )
        nine = exclude(crontab(0, 9, tz="Europe/London"), calendar, "next_business_day")
        found = nine.next_after(datetime(2026, 12, 23, 12, tzinfo=UTC))

        assert found is not None
        assert "2027-01-05T09:00:00+00:00" == found.isoformat()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"hello", "is not an iCalendar file: "),
            (b"", "days.ics'): is not an iCalendar"),
            (b"\xff\xfe\x00", "is not an iCalendar file"),
            (ics(), "no event of a whole day; events of some hours exclude nothing"),
            (ics("DTSTART:20260501T120000"), "no event of a whole day"),
            (ics("SUMMARY:x"), "event 'x': DTSTART is missing"),
            (ics("SUMMARY:x\nDTSTART:tomorrow"), "event 'x': DTSTART: "),
            (
                ics("SUMMARY:x\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20990101"),
                "event 'x': excludes 26663 days; allowed: up to 3660",
            ),
            (
                ics("SUMMARY:x\nDTSTART;VALUE=DATE:20260101\nDTEND:20260102T000000"),
                "event 'x': DTSTART and DTEND are not of one kind",
            ),
            (
                ics("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
                "never fires",
            ),
            (
                ics("SUMMARY:x\nDTSTART:20260101T120000\nDURATION:P3D\nRRULE:FREQ=YEARLY"),
                "event 'x': repeats and does not start at midnight",
            ),
            (
                ics(
                    "SUMMARY:x\nDTSTART;VALUE=DATE:20260101"
                    "\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260101"
                ),
                "event 'x': RECURRENCE-ID with RANGE cannot be read",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_refused_files(self, tmp_path: Path, content: bytes, message: str) -> None:
        """A file that cannot be understood is refused with its name and the event's."""
        from periodic import ical_file

        path = tmp_path / "days.ics"
        path.write_bytes(content)
        with pytest.raises(ScheduleError) as caught:
            ical_file(path)

        assert message in str(caught.value)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """A file that is not there is refused by name."""
        from periodic import ical_file

        with pytest.raises(ScheduleError, match=r"ical_file\('.*gone\.ics'\): cannot be read: "):
            ical_file(tmp_path / "gone.ics")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({}, "there are neither days nor rules"),
            ({"days": "x"}, "days and rules are lists"),
            ({"days": ["x"]}, "day='x' is not a date"),
            ({"days": [None]}, "a day is None"),
            ({"rules": ["x"]}, "'x' is no rule; it has the fields rule, start, length, except"),
            (
                {
                    "rules": [
                        {"rule": "FREQ=DAILY", "start": "2026-01-01", "length": 0, "except": []}
                    ]
                },
                "length=0; allowed: 1 to 3660",
            ),
            (
                {
                    "rules": [
                        {"rule": "FREQ=DAILY", "start": "2026-01-01", "length": 1, "except": 5}
                    ]
                },
                "except=5 is not a list of dates",
            ),
        ],
        ids=str,
    )
    def test_refused_data(self, data: dict[str, Any], message: str) -> None:
        """Data that is no calendar is refused by field."""
        with pytest.raises(ScheduleError) as caught:
            Calendar.from_dict({"kind": "ical_file", **data})

        assert message in str(caught.value)


def test_without_the_library_icalendar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `icalendar` is missing, the error names the extra to install."""
    from periodic import ical_file

    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ScheduleError, match=r'pip install "periodic-celery\[calendars\]"'):
        ical_file("days.ics")
