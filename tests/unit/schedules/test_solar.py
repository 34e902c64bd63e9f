"""The sun: real places, polar places, and Celery's own answers."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from periodic.errors import ScheduleError
from periodic.schedules import solar

pytest.importorskip("ephem", reason="ephem (the extra `solar`) is not installed")

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
EVENTS = [
    "dawn_astronomical",
    "dawn_nautical",
    "dawn_civil",
    "sunrise",
    "solar_noon",
    "sunset",
    "dusk_civil",
    "dusk_nautical",
    "dusk_astronomical",
]


def test_midsummer_in_london() -> None:
    """London's longest day: sunrise at 04:43 and sunset at 21:21, give or take a minute."""
    midsummer = datetime(2026, 6, 21, tzinfo=UTC)
    for event, clock in (("sunrise", "04:43"), ("sunset", "21:21")):
        found = solar(event, 51.5, -0.12, tz="Europe/London").next_after(midsummer)

        assert found is not None
        expected = datetime.fromisoformat(f"2026-06-21T{clock}:30+01:00")
        assert abs(found - expected) <= timedelta(minutes=1)
        assert "Europe/London" == str(found.tzinfo)
        assert 0 == found.microsecond


def test_the_day_in_order() -> None:
    """Dawns, sunrise, noon, sunset and dusks come in their order."""
    march = datetime(2026, 3, 8, tzinfo=UTC)
    found = [solar(event, 40.7, 0).next_after(march) for event in EVENTS]

    assert found == sorted(at for at in found if at is not None)


def test_an_offset_moves_every_event() -> None:
    """An hour before sunset is an hour before sunset, and the search is not confused by it."""
    plain = solar("sunset", 51.48, 0)
    for hours in (-1, 1, -30):
        moved = solar("sunset", 51.48, 0, offset=timedelta(hours=hours))
        expected = [
            at + timedelta(hours=hours) for at in plain.between(YEAR, YEAR.replace(month=2))
        ]
        span = (YEAR + timedelta(hours=hours), YEAR.replace(month=2) + timedelta(hours=hours))
        assert expected == list(moved.between(*span))


def test_polar_night_and_day_have_no_events() -> None:
    """Longyearbyen has no sunrise from late October to February, nor in the summer."""
    found = list(solar("sunrise", 78.2, 15.6).between(YEAR, NEXT_YEAR))
    months = {at.month for at in found}

    assert {2, 3, 4, 8, 9, 10} == months
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert 1 == sum(gap > timedelta(days=100) for gap in gaps)
    assert min(gaps) > timedelta(hours=22)


@pytest.mark.parametrize("latitude", [90, -90])
def test_the_poles_have_one_sunrise_a_year(latitude: int) -> None:
    """At a pole the sun rises once and sets once a year, at the equinoxes."""
    sunrise = list(solar("sunrise", latitude, 0).between(YEAR, NEXT_YEAR))
    sunset = list(solar("sunset", latitude, 0).between(YEAR, NEXT_YEAR))

    assert [3 if latitude > 0 else 9] == [at.month for at in sunrise]
    assert [9 if latitude > 0 else 3] == [at.month for at in sunset]


@pytest.mark.parametrize("latitude", [88, 89.5, 89.99, -89])
@pytest.mark.parametrize("event", ["sunrise", "dusk_civil"])
def test_no_event_twice_near_the_poles(latitude: float, event: str) -> None:
    """Next to a pole events are rare, and hours apart: none is found twice."""
    found = list(solar(event, latitude, 10).between(YEAR, NEXT_YEAR))

    assert found
    for earlier, later in pairwise(found):
        assert later - earlier > timedelta(hours=12)


def test_an_event_that_never_comes_ends_the_search() -> None:
    """Where the sun is always over the horizon of an event there is None, soon."""
    quito = solar("dawn_astronomical", 0, -78)
    assert quito.next_after(YEAR) is not None
    # At the pole the sun is never 18 degrees down and rising but once a year.
    pole = solar("dawn_astronomical", 90, 0)
    started = time.perf_counter()
    assert 1 == len(list(pole.between(YEAR, NEXT_YEAR)))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(("lat", "lon"), [(51.5, -0.1), (69.6, 18.9), (-33.9, 151.2), (0, 180)])
@pytest.mark.parametrize("event", ["sunrise", "solar_noon", "dusk_nautical"])
def test_the_instant_does_not_depend_on_the_search(event: str, lat: float, lon: float) -> None:
    """Whatever moment a search starts from, it finds the very same second."""
    schedule = solar(event, lat, lon)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    found = set(schedule.between(june, june + timedelta(days=10)))
    for hours in range(0, 240, 7):
        at = june + timedelta(hours=hours)
        after, before = schedule.next_after(at), schedule.previous_before(at)
        assert after is None or after > june + timedelta(days=10) or after in found
        assert before is None or before < june or before in found


@pytest.mark.parametrize("event", EVENTS)
def test_same_meaning_as_celery(event: str) -> None:
    """Each of the nine events is Celery's, to the second."""
    schedules = pytest.importorskip("celery.schedules", reason="Celery is not installed")
    celery = pytest.importorskip("celery", reason="Celery is not installed")
    app = celery.Celery("sun", set_as_current=False)
    app.conf.timezone = "UTC"
    for lat, lon in [(51.5, -0.1), (64.1, -21.9), (-33.9, 151.2)]:
        ours = solar(event, lat, lon)
        theirs = schedules.solar(event, lat, lon, app=app)
        for month in range(1, 13):
            at = datetime(2026, month, 3, 7, 11, tzinfo=UTC)
            theirs.nowfun = lambda at=at: at
            expected = at + theirs.remaining_estimate(at)
            found = ours.next_after(at)
            assert found is not None
            assert abs(found - expected) < timedelta(seconds=1.5), (lat, lon, month)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("sunrize", 0, 0), "event='sunrize'; allowed: dawn_astronomical, "),
        (("sunrise", 91, 0), "lat=91; allowed: a number from -90 to 90"),
        (("sunrise", 0, -181), "lon=-181; allowed: a number from -180 to 180"),
        (("sunrise", "51", 0), "lat='51'; allowed: a number"),
        (("sunrise", float("nan"), 0), "lat=nan; allowed"),
        (("sunrise", True, 0), "lat=True; allowed"),
    ],
    ids=str,
)
def test_refused_places(given: tuple[Any, ...], message: str) -> None:
    """An unknown event or an impossible place is refused."""
    with pytest.raises(ScheduleError) as caught:
        solar(*given)

    assert message in str(caught.value)


def test_refused_offset() -> None:
    """An offset is a timedelta."""
    with pytest.raises(ScheduleError, match="offset=5 is not a timedelta"):
        solar("sunrise", 0, 0, offset=5)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ephem the error says what to install."""
    monkeypatch.setitem(sys.modules, "ephem", None)

    with pytest.raises(ScheduleError, match=r'pip install "periodic-celery\[solar\]"'):
        solar("sunrise", 51.5, -0.1)


def test_describe() -> None:
    """A solar schedule reads as a phrase."""
    assert "at sunrise at latitude 51.5, longitude -0.1" == solar("sunrise", 51.5, -0.1).describe()
    early = solar("dusk_civil", 51.5, -0.1, offset=timedelta(minutes=-30), tz="Europe/London")
    assert (
        "30 minutes before civil dusk at latitude 51.5, longitude -0.1, Europe/London"
        == early.describe()
    )


def test_the_ends_of_time() -> None:
    """At the first and last datetime there is an answer or None."""
    schedule = solar("solar_noon", 51.5, -0.1)

    first = schedule.next_after(datetime.min.replace(tzinfo=UTC))
    last = schedule.previous_before(datetime.max.replace(tzinfo=UTC))

    assert first is not None
    assert last is not None
    assert (date(1, 1, 1), date(9999, 12, 31)) == (first.date(), last.date())
    assert schedule.next_after(datetime.max.replace(tzinfo=UTC)) is None
    assert schedule.previous_before(datetime.min.replace(tzinfo=UTC)) is None
