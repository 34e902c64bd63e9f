"""`solar`: sunrise, sunset, noon and the three twilights of a place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from math import inf, isfinite
from typing import Any, ClassVar, NamedTuple

from ..errors import ScheduleError
from .english import length
from .instants import DAY, MICROSECOND, ORIGIN, from_origin, since_origin
from .value import Value

#: How many days a search looks at: no event stays away for longer than a polar night or day.
_SEARCH_DAYS = 400
# ephem counts days from 1899-12-31 12:00 UTC.
_EPHEM_ORIGIN = (datetime(1899, 12, 31, 12, tzinfo=UTC) - ORIGIN) // timedelta(seconds=1)
_HOUR = 1 / 24


class _Event(NamedTuple):
    """How an event is seen: the sun's altitude that it marks, in degrees, and which way it goes.

    Args:
        horizon: the altitude in ephem's notation.
        rising: up (True), down (False), or at its highest (None).
        centre: whether the sun's centre counts, else its upper limb.
    """

    horizon: str
    rising: bool | None
    centre: bool


# Celery's nine events with Celery's horizons.
_EVENTS = {
    "dawn_astronomical": _Event("-18", rising=True, centre=True),
    "dawn_nautical": _Event("-12", rising=True, centre=True),
    "dawn_civil": _Event("-6", rising=True, centre=True),
    "sunrise": _Event("-0:34", rising=True, centre=False),
    "solar_noon": _Event("0", rising=None, centre=False),
    "sunset": _Event("-0:34", rising=False, centre=False),
    "dusk_civil": _Event("-6", rising=False, centre=True),
    "dusk_nautical": _Event("-12", rising=False, centre=True),
    "dusk_astronomical": _Event("-18", rising=False, centre=True),
}


class solar(Value):  # noqa: N801  # Celery's name
    """An event of the sun at a place, on each day that has it, to the second.

    A day runs from one lowest point of the sun to the next; it has the event once or not at all,
    so a polar night has no sunrise.

    Args:
        event: `dawn_astronomical`, `dawn_nautical`, `dawn_civil`, `sunrise`, `solar_noon`,
            `sunset`, `dusk_civil`, `dusk_nautical` or `dusk_astronomical`.
        lat: latitude in degrees, -90 to 90, north is positive.
        lon: longitude in degrees, -180 to 180, east is positive.
        offset: how much later than the event; negative is earlier.
        tz: the zone in which the instants are written; an IANA name or a ZoneInfo.
        nowfun, app: what Celery hands over or sets later; no part of the schedule's meaning.

    Raises:
        ScheduleError: an argument is not valid, or the library `ephem` is missing.
    """

    kind: ClassVar[str] = "solar"
    _fields: ClassVar[tuple[str, ...]] = ("event", "lat", "lon", "offset", "tz")
    _required: ClassVar[tuple[str, ...]] = ("event", "lat", "lon")

    event: str
    lat: float
    lon: float
    offset: timedelta

    def __init__(
        self,
        event: str,
        lat: float,
        lon: float,
        *,
        offset: timedelta | None = None,
        tz: str | tzinfo | None = None,
        nowfun: Callable[[], datetime] | None = None,
        app: Any = None,
    ) -> None:
        if event not in _EVENTS:
            raise ScheduleError(f"event={event!r}; allowed: {', '.join(_EVENTS)}")
        _check_degrees("lat", lat, 90)
        _check_degrees("lon", lon, 180)
        _check_offset(offset)
        _ephem()
        self._set(event=event, lat=lat, lon=lon, offset=offset or timedelta(0))
        self._set_zone(tz)
        self._set_celery(app, nowfun)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first event strictly after `at` (aware); None if none in 400 days."""
        elapsed = since_origin(at) - self.offset
        first = self._day(elapsed) - 1
        for day in range(first, first + _SEARCH_DAYS):
            found = _moment(self.event, self.lat, self.lon, day)
            if found is not None and timedelta(seconds=found) > elapsed:
                return from_origin(timedelta(seconds=found) + self.offset, self._zone or UTC)
        return None

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last event strictly before `at` (aware); None if none in 400 days."""
        elapsed = since_origin(at) - self.offset
        last = self._day(elapsed) + 1
        for day in range(last, last - _SEARCH_DAYS, -1):
            found = _moment(self.event, self.lat, self.lon, day)
            if found is not None and timedelta(seconds=found) < elapsed:
                return from_origin(timedelta(seconds=found) + self.offset, self._zone or UTC)
        return None

    def _day(self, elapsed: timedelta) -> int:
        """Return the number of the mean solar day at this longitude."""
        return (elapsed + timedelta(days=self.lon / 360)).days

    def describe(self) -> str:
        """Return the schedule in words, such as "at sunrise at latitude 51.5, longitude -0.1"."""
        what, _, kind = self.event.partition("_")
        event = f"{kind} {what}" if what in ("dawn", "dusk") else self.event.replace("_", " ")
        words = f"at {event} at latitude {self.lat}, longitude {self.lon}"
        if self.offset:
            side = "after" if self.offset > timedelta(0) else "before"
            words = f"{length(abs(self.offset))} {side} {words.removeprefix('at ')}"
        name = self._zone_name()
        return f"{words}, {name}" if name else words

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data; the offset in seconds."""
        return {
            "kind": self.kind,
            "event": self.event,
            "lat": self.lat,
            "lon": self.lon,
            "offset": self.offset.total_seconds() if self.offset else None,
            "tz": self._zone_name(),
        }

    @classmethod
    def _checked(cls, data: Any) -> dict[str, Any]:
        fields = super()._checked(data)
        offset = fields.get("offset")
        if isinstance(offset, int | float) and not isinstance(offset, bool):
            fields["offset"] = timedelta(seconds=offset)
        return fields

    def _meaning(self) -> tuple[Any, ...]:
        place = (self.event, float(self.lat), float(self.lon))
        return (*place, self.offset // MICROSECOND, self._zone_name())

    def __repr__(self) -> str:
        named: dict[str, Any] = {"tz": self._zone_name()}
        place = [repr(self.event), repr(self.lat), repr(self.lon)]
        if self.offset:
            place.append(f"offset=timedelta(seconds={self.offset.total_seconds()!r})")
        return self._repr(*place, **named)


def _check_degrees(name: str, value: object, limit: int) -> None:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else inf
    if not isfinite(number) or not -limit <= number <= limit:
        raise ScheduleError(f"{name}={value!r}; allowed: a number from -{limit} to {limit}")


def _check_offset(offset: object) -> None:
    if offset is not None and not isinstance(offset, timedelta):
        raise ScheduleError(f"offset={offset!r} is not a timedelta such as timedelta(hours=-1)")


def _ephem() -> Any:
    """Return the library that knows where the sun is: the extra `solar`."""
    try:
        return import_module("ephem")
    except ImportError as error:
        raise ScheduleError(
            'solar schedules need the library ephem; pip install "periodic-celery[solar]"'
        ) from error


@lru_cache(maxsize=4096)
def _moment(event: str, lat: float, lon: float, day: int) -> int | None:
    """Return when a place has the event on its mean solar day, in whole seconds from `ORIGIN`.

    It depends on the day alone, never on where a search began, so that every process finds the
    very same second. The sun's lowest and highest points split the day in two halves, in each of
    which it only rises or only falls, but for the drift of the seasons next to the poles: so a
    half has the event if and only if its ends are on different sides of the horizon.
    """
    ephem = _ephem()
    horizon, rising, centre = _EVENTS[event]
    observer = ephem.Observer()
    observer.lat, observer.lon = str(lat), str(lon)
    observer.elev = observer.pressure = 0
    observer.horizon = horizon
    sun = ephem.Sun()

    def extreme(search: Any, mean: float) -> float:
        # True noon is never more than 17 minutes from mean noon: start an hour before.
        return float(search(sun, start=ephem.Date(mean - _HOUR)))

    def height(moment: float) -> float:
        observer.date = ephem.Date(moment)
        sun.compute(observer)
        return float(sun.alt + (0 if centre else sun.radius) - observer.horizon)

    midnight = day - _EPHEM_ORIGIN / DAY - lon / 360
    noon = extreme(observer.next_transit, midnight + 0.5)
    if rising is None:
        return _seconds(noon)
    ends = (
        extreme(observer.next_antitransit, midnight),
        noon,
        extreme(observer.next_antitransit, midnight + 1),
    )
    for low, high in pairwise(ends):
        if (height(low) < 0) is rising and (height(high) < 0) is not rising:
            return _seconds(_crossing(height, low, high, rising=rising))
    return None


def _crossing(height: Any, low: float, high: float, *, rising: bool) -> float:
    """Halve the span that holds the crossing until it is shorter than a hundredth of a second."""
    while high - low > 0.01 / DAY:
        middle = (low + high) / 2
        if (height(middle) < 0) is rising:
            low = middle
        else:
            high = middle
    return high


def _seconds(moment: float) -> int:
    return round(moment * DAY) + _EPHEM_ORIGIN
