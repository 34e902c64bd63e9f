"""The nights in which clocks change: what runs, as ISO 8601 with offsets.

Offsets, because comparing aware datetimes hides a lost `fold`. Twins: what spring does to a
schedule stands beside what autumn does to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import periodic

    from .core import Core

#: Makes a schedule from crontab's fields, `tz`, `on_gap` and `on_fold`.
Crontab = Callable[..., "periodic.Schedule"]


@dataclass(frozen=True, slots=True)
class Night:
    """A schedule, a window and the runs in it.

    Args:
        name: in words, for the test's id.
        zone: whose wall clock is read.
        fields: minute and hour as crontab takes them, and options.
        window: start (included) and end (not included), ISO 8601 with offsets.
        runs: every run in the window, ISO 8601 with offsets, in order.
    """

    name: str
    zone: str
    fields: Mapping[str, Any]
    window: tuple[str, str]
    runs: tuple[str, ...]

    def __str__(self) -> str:
        """Return the test's id."""
        return self.name.replace(" ", "-")

    def schedule(self, crontab: Crontab) -> periodic.Schedule:
        """Make the schedule of this night."""
        return crontab(**self.fields, tz=self.zone)


def on(date: str, *readings: str) -> tuple[str, ...]:
    """Return readings such as `01:30-04:00` of one date as full ISO 8601."""
    return tuple(f"{date}T{reading[:5]}:00{reading[5:]}" for reading in readings)


def forward(core: Core, schedule: periodic.Schedule, window: Sequence[str]) -> list[str]:
    """Walk `next_after` from each answer to the next, over `[start, end)`."""
    start, end = (core.to_utc(datetime.fromisoformat(text)) for text in window)
    found: list[str] = []
    at = start - timedelta(microseconds=1)
    while (following := schedule.next_after(at)) is not None and core.to_utc(following) < end:
        assert core.to_utc(following) > core.to_utc(at), f"{following} is not after {at}"
        found.append(following.isoformat())
        at = following
    return found


def backward(core: Core, schedule: periodic.Schedule, window: Sequence[str]) -> list[str]:
    """Walk `previous_before` from each answer to the next, from the end of `[start, end)`."""
    start, end = (core.to_utc(datetime.fromisoformat(text)) for text in window)
    found: list[str] = []
    at = end
    while (earlier := schedule.previous_before(at)) is not None and core.to_utc(earlier) >= start:
        assert core.to_utc(earlier) < core.to_utc(at), f"{earlier} is not before {at}"
        found.append(earlier.isoformat())
        at = earlier
    return found


def in_zone(core: Core, instants: Sequence[str], zone: str) -> list[str]:
    """Return instants as a wall clock in `zone` reads them, ISO 8601 with offsets."""
    return [
        core.to_zone(datetime.fromisoformat(instant), ZoneInfo(zone)).isoformat()
        for instant in instants
    ]


#: In each zone with a repeated hour: an instant in its second pass, and the same reading before.
REPEATED: dict[str, tuple[str, str]] = {
    "America/New_York": ("2026-11-01T01:30:00-05:00", "2026-11-01T01:30:00-04:00"),
    "Europe/London": ("2026-10-25T01:30:00+00:00", "2026-10-25T01:30:00+01:00"),
    "Australia/Lord_Howe": ("2026-04-05T01:45:00+10:30", "2026-04-05T01:45:00+11:00"),
    "Antarctica/Troll": ("2026-10-25T02:30:00+00:00", "2026-10-25T02:30:00+02:00"),
    "Africa/Cairo": ("2026-10-29T23:30:00+02:00", "2026-10-29T23:30:00+03:00"),
    "America/Santiago": ("2026-04-04T23:30:00-04:00", "2026-04-04T23:30:00-03:00"),
    "America/Sao_Paulo": ("2018-02-17T23:30:00-03:00", "2018-02-17T23:30:00-02:00"),
    "Europe/Dublin": ("2026-10-25T01:30:00+00:00", "2026-10-25T01:30:00+01:00"),
    "Africa/Casablanca": ("2024-03-10T02:30:00+00:00", "2024-03-10T02:30:00+01:00"),
    "Pacific/Apia": ("2012-04-01T03:30:00+13:00", "2012-04-01T03:30:00+14:00"),
}

#: Where the questions about a zone without a repeated hour are asked.
ANY_REPEATED = REPEATED["America/New_York"]

_NEW_YORK = "America/New_York"
_SPRING, _AUTUMN = "2026-03-08", "2026-11-01"
_SPRING_NIGHT = ("2026-03-08T00:00:00-05:00", "2026-03-08T06:00:00-04:00")
_AUTUMN_NIGHT = ("2026-11-01T00:00:00-04:00", "2026-11-01T04:00:00-05:00")


def _spring(name: str, minute: Any, hour: Any, *readings: str, **options: str) -> Night:
    fields = {"minute": minute, "hour": hour, **options}
    return Night(f"{name} in spring", _NEW_YORK, fields, _SPRING_NIGHT, on(_SPRING, *readings))


def _autumn(name: str, minute: Any, hour: Any, *readings: str, **options: str) -> Night:
    fields = {"minute": minute, "hour": hour, **options}
    return Night(f"{name} in autumn", _NEW_YORK, fields, _AUTUMN_NIGHT, on(_AUTUMN, *readings))


# fmt: off
#: New York: 02:00 to 03:00 does not exist on 8 March, 01:00 to 02:00 happens twice on 1 November.
FIXED = (
    _spring("one reading", 30, 2, "03:00-04:00"),
    _autumn("one reading", 30, 1, "01:30-04:00"),
    _spring("two hours", "30", "2,3", "03:00-04:00", "03:30-04:00"),
    _autumn("two hours", "30", "1,2", "01:30-04:00", "02:30-05:00"),
    _spring("two hours on the edge", "0", "2,3", "03:00-04:00"),
    _autumn("two hours on the edge", "0", "1,2", "01:00-04:00", "02:00-05:00"),
    _spring("four readings", "0-59/15", "2", "03:00-04:00"),
    _autumn("four readings", "0-59/15", "1",
            "01:00-04:00", "01:15-04:00", "01:30-04:00", "01:45-04:00"),
    _spring("a range that is no star", 30, "0-4",
            "00:30-05:00", "01:30-05:00", "03:00-04:00", "03:30-04:00", "04:30-04:00"),
    _autumn("a range that is no star", 30, "0-3",
            "00:30-04:00", "01:30-04:00", "02:30-05:00", "03:30-05:00"),
    _spring("a collection", {0, 30}, [2, 4], "03:00-04:00", "04:00-04:00", "04:30-04:00"),
    _autumn("a collection", {0, 30}, [1, 3],
            "01:00-04:00", "01:30-04:00", "03:00-05:00", "03:30-05:00"),
)

WILDCARD = (
    _spring("every half hour", "*/30", "*",
            "00:00-05:00", "00:30-05:00", "01:00-05:00", "01:30-05:00", "03:00-04:00",
            "03:30-04:00", "04:00-04:00", "04:30-04:00", "05:00-04:00", "05:30-04:00"),
    _autumn("every half hour", "*/30", "*",
            "00:00-04:00", "00:30-04:00", "01:00-04:00", "01:30-04:00", "01:00-05:00",
            "01:30-05:00", "02:00-05:00", "02:30-05:00", "03:00-05:00", "03:30-05:00"),
    _spring("hourly at five past", 5, "*",
            "00:05-05:00", "01:05-05:00", "03:05-04:00", "04:05-04:00", "05:05-04:00"),
    _autumn("hourly at five past", 5, "*",
            "00:05-04:00", "01:05-04:00", "01:05-05:00", "02:05-05:00", "03:05-05:00"),
    _spring("quarters of one hour", "*/15", 2, "03:00-04:00"),
    _autumn("quarters of one hour", "*/15", 1,
            "01:00-04:00", "01:15-04:00", "01:30-04:00", "01:45-04:00",
            "01:00-05:00", "01:15-05:00", "01:30-05:00", "01:45-05:00"),
    _spring("every second hour", 0, "*/2",
            "00:00-05:00", "03:00-04:00", "04:00-04:00"),
    _autumn("every second hour", 0, "*/2", "00:00-04:00", "02:00-05:00"),
    _spring("half past every second hour", 30, "*/2",
            "00:30-05:00", "03:00-04:00", "04:30-04:00"),
    _autumn("half past every second hour", 30, "*/2", "00:30-04:00", "02:30-05:00"),
    _spring("a gap that runs serve anyway", "*/20", "1-3",
            "01:00-05:00", "01:20-05:00", "01:40-05:00",
            "03:00-04:00", "03:20-04:00", "03:40-04:00"),
    _autumn("a gap that runs serve anyway", "*/20", "1-2",
            "01:00-04:00", "01:20-04:00", "01:40-04:00",
            "01:00-05:00", "01:20-05:00", "01:40-05:00",
            "02:00-05:00", "02:20-05:00", "02:40-05:00"),
)

OPTIONS = (
    _spring("fixed skip", 30, 2, on_gap="skip"),
    _spring("fixed skip keeps real readings", 30, "2,3", "03:30-04:00", on_gap="skip"),
    _spring("wildcard skip", 0, "*/2", "00:00-05:00", "04:00-04:00", on_gap="skip"),
    _spring("fixed shift", 30, 2, "03:30-04:00", on_gap="shift"),
    _spring("fixed shift merges", 30, "2,3", "03:30-04:00", on_gap="shift"),
    _spring("wildcard shift", "*/15", 2,
            "03:00-04:00", "03:15-04:00", "03:30-04:00", "03:45-04:00", on_gap="shift"),
    _spring("wildcard shift of one reading", 30, "*/2",
            "00:30-05:00", "03:30-04:00", "04:30-04:00", on_gap="shift"),
    _spring("fold option changes nothing", 30, 2, "03:00-04:00", on_fold="both"),
    _autumn("gap option changes nothing", 30, 1, "01:30-04:00", on_gap="skip"),
    _autumn("fixed first", 30, 1, "01:30-04:00", on_fold="first"),
    _autumn("fixed last", 30, 1, "01:30-05:00", on_fold="last"),
    _autumn("fixed both", 30, 1, "01:30-04:00", "01:30-05:00", on_fold="both"),
    _autumn("wildcard first", "*/30", 1, "01:00-04:00", "01:30-04:00", on_fold="first"),
    _autumn("wildcard last", "*/30", 1, "01:00-05:00", "01:30-05:00", on_fold="last"),
    _autumn("wildcard both", "*/30", 1,
            "01:00-04:00", "01:30-04:00", "01:00-05:00", "01:30-05:00", on_fold="both"),
)

_SECOND_PASS = ("2026-11-01T01:10:00-05:00", "2026-11-02T02:00:00-05:00")

#: Counting begins inside the second pass.
FROM_INSIDE = (
    Night("fixed from inside the fold", _NEW_YORK, {"minute": 30, "hour": 1}, _SECOND_PASS,
          on("2026-11-02", "01:30-05:00")),
    Night("wildcard from inside the fold", _NEW_YORK, {"minute": "*/30", "hour": 1}, _SECOND_PASS,
          (*on("2026-11-01", "01:30-05:00"), *on("2026-11-02", "01:00-05:00", "01:30-05:00"))),
)


def _night(
    name: str, zone: str, fields: str, window: tuple[str, str], *runs: str, **options: str
) -> Night:
    minute, hour, *rest = fields.split()
    days = dict(zip(("day_of_month", "month_of_year", "day_of_week"), rest, strict=False))
    return Night(
        f"{zone} {name}", zone, {"minute": minute, "hour": hour, **days, **options}, window, runs
    )


_LONDON_SPRING = ("2026-03-29T00:00:00+00:00", "2026-03-29T04:00:00+01:00")
_LONDON_AUTUMN = ("2026-10-25T00:00:00+01:00", "2026-10-25T03:00:00+00:00")
_HOWE_SPRING = ("2026-10-04T01:00:00+10:30", "2026-10-04T03:30:00+11:00")
_HOWE_AUTUMN = ("2026-04-05T01:00:00+11:00", "2026-04-05T02:30:00+10:30")
_TROLL_SPRING = ("2026-03-29T00:00:00+00:00", "2026-03-29T05:00:00+02:00")
_TROLL_AUTUMN = ("2026-10-25T00:00:00+02:00", "2026-10-25T04:00:00+00:00")
_CAIRO_SPRING = ("2026-04-23T12:00:00+02:00", "2026-04-24T13:00:00+03:00")
_CAIRO_AUTUMN = ("2026-10-29T22:00:00+03:00", "2026-10-30T01:00:00+02:00")
_SANTIAGO_SPRING = ("2026-09-05T22:00:00-04:00", "2026-09-06T04:00:00-03:00")
_SANTIAGO_AUTUMN = ("2026-04-04T22:00:00-03:00", "2026-04-05T01:00:00-04:00")
_PAULO_SPRING = ("2018-11-03T22:00:00-03:00", "2018-11-04T04:00:00-02:00")
_PAULO_AUTUMN = ("2018-02-17T22:00:00-02:00", "2018-02-18T01:00:00-03:00")
_CASABLANCA_SPRING = ("2024-04-14T00:00:00+00:00", "2024-04-14T05:00:00+01:00")
_CASABLANCA_AUTUMN = ("2024-03-10T01:00:00+01:00", "2024-03-10T04:00:00+00:00")
_APIA_SPRING = ("2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00")
_APIA_AUTUMN = ("2012-04-01T02:00:00+14:00", "2012-04-01T05:00:00+13:00")
_KATHMANDU = ("2026-03-08T00:00:00+05:45", "2026-03-09T00:00:00+05:45")
_KATHMANDU_1986 = ("1985-12-31T23:00:00+05:30", "1986-01-01T02:00:00+05:45")
_UTC = ("2026-03-08T00:00:00+00:00", "2026-03-09T00:00:00+00:00")

#: Zones that must be right: whole, half and double hours, gaps at midnight, negative saving, a day
#: that never was, an odd offset, and none at all.
ZONES = (
    _night("fixed in spring", "Europe/London", "30 1", _LONDON_SPRING,
           *on("2026-03-29", "02:00+01:00")),
    _night("fixed in autumn", "Europe/London", "30 1", _LONDON_AUTUMN,
           *on("2026-10-25", "01:30+01:00")),
    _night("wildcard in spring", "Europe/London", "30 *", _LONDON_SPRING,
           *on("2026-03-29", "00:30+00:00", "02:30+01:00", "03:30+01:00")),
    _night("wildcard in autumn", "Europe/London", "30 *", _LONDON_AUTUMN,
           *on("2026-10-25", "00:30+01:00", "01:30+01:00", "01:30+00:00", "02:30+00:00")),

    _night("fixed in spring", "Australia/Lord_Howe", "15,30 2", _HOWE_SPRING,
           *on("2026-10-04", "02:30+11:00")),
    _night("fixed in autumn", "Australia/Lord_Howe", "15,45 1", _HOWE_AUTUMN,
           *on("2026-04-05", "01:15+11:00", "01:45+11:00")),
    _night("wildcard in spring", "Australia/Lord_Howe", "*/15 *", _HOWE_SPRING,
           *on("2026-10-04", "01:00+10:30", "01:15+10:30", "01:30+10:30", "01:45+10:30",
               "02:30+11:00", "02:45+11:00", "03:00+11:00", "03:15+11:00")),
    _night("wildcard in autumn", "Australia/Lord_Howe", "*/15 *", _HOWE_AUTUMN,
           *on("2026-04-05", "01:00+11:00", "01:15+11:00", "01:30+11:00", "01:45+11:00",
               "01:30+10:30", "01:45+10:30", "02:00+10:30", "02:15+10:30")),
    _night("hourly in spring", "Australia/Lord_Howe", "15 *", _HOWE_SPRING,
           *on("2026-10-04", "01:15+10:30", "02:30+11:00", "03:15+11:00")),
    _night("hourly in autumn", "Australia/Lord_Howe", "15 *", _HOWE_AUTUMN,
           *on("2026-04-05", "01:15+11:00", "02:15+10:30")),

    _night("fixed in spring", "Antarctica/Troll", "30 1,2", _TROLL_SPRING,
           *on("2026-03-29", "03:00+02:00")),
    _night("fixed in autumn", "Antarctica/Troll", "30 1,2", _TROLL_AUTUMN,
           *on("2026-10-25", "01:30+02:00", "02:30+02:00")),
    _night("wildcard in spring", "Antarctica/Troll", "0 */2", _TROLL_SPRING,
           *on("2026-03-29", "00:00+00:00", "04:00+02:00")),
    _night("wildcard in autumn", "Antarctica/Troll", "0 */2", _TROLL_AUTUMN,
           *on("2026-10-25", "00:00+02:00", "02:00+02:00", "02:00+00:00")),

    _night("fixed in spring", "Africa/Cairo", "30 0", _CAIRO_SPRING,
           *on("2026-04-24", "01:00+03:00")),
    _night("fixed in autumn", "Africa/Cairo", "30 23", _CAIRO_AUTUMN,
           *on("2026-10-29", "23:30+03:00")),
    _night("wildcard in spring", "Africa/Cairo", "0 */6", _CAIRO_SPRING,
           *on("2026-04-23", "12:00+02:00", "18:00+02:00"),
           *on("2026-04-24", "01:00+03:00", "06:00+03:00", "12:00+03:00")),
    _night("wildcard in autumn", "Africa/Cairo", "30 *", _CAIRO_AUTUMN,
           *on("2026-10-29", "22:30+03:00", "23:30+03:00", "23:30+02:00"),
           *on("2026-10-30", "00:30+02:00")),

    _night("fixed on a day that begins late", "America/Santiago", "0 0 6 9 sun", _SANTIAGO_SPRING,
           *on("2026-09-06", "01:00-03:00")),
    _night("fixed on a day that ends twice", "America/Santiago", "15 23 4 4 sat", _SANTIAGO_AUTUMN,
           *on("2026-04-04", "23:15-03:00")),
    _night("wildcard in spring", "America/Santiago", "15 *", _SANTIAGO_SPRING,
           *on("2026-09-05", "22:15-04:00", "23:15-04:00"),
           *on("2026-09-06", "01:15-03:00", "02:15-03:00", "03:15-03:00")),
    _night("wildcard in autumn", "America/Santiago", "15 *", _SANTIAGO_AUTUMN,
           *on("2026-04-04", "22:15-03:00", "23:15-03:00", "23:15-04:00"),
           *on("2026-04-05", "00:15-04:00")),

    _night("fixed in spring", "America/Sao_Paulo", "0 0", _PAULO_SPRING,
           *on("2018-11-04", "01:00-02:00")),
    _night("skip in spring", "America/Sao_Paulo", "0 0", _PAULO_SPRING, on_gap="skip"),
    _night("fixed in autumn", "America/Sao_Paulo", "30 23", _PAULO_AUTUMN,
           *on("2018-02-17", "23:30-02:00")),
    _night("wildcard in autumn", "America/Sao_Paulo", "*/30 23", _PAULO_AUTUMN,
           *on("2018-02-17", "23:00-02:00", "23:30-02:00", "23:00-03:00", "23:30-03:00")),

    _night("fixed in spring", "Europe/Dublin", "30 1", _LONDON_SPRING,
           *on("2026-03-29", "02:00+01:00")),
    _night("fixed in autumn", "Europe/Dublin", "30 1", _LONDON_AUTUMN,
           *on("2026-10-25", "01:30+01:00")),
    _night("wildcard in autumn", "Europe/Dublin", "30 *", _LONDON_AUTUMN,
           *on("2026-10-25", "00:30+01:00", "01:30+01:00", "01:30+00:00", "02:30+00:00")),

    _night("fixed at the end of Ramadan", "Africa/Casablanca", "30 2", _CASABLANCA_SPRING,
           *on("2024-04-14", "03:00+01:00")),
    _night("fixed at its beginning", "Africa/Casablanca", "30 2", _CASABLANCA_AUTUMN,
           *on("2024-03-10", "02:30+01:00")),
    _night("wildcard at the end of Ramadan", "Africa/Casablanca", "0 */2", _CASABLANCA_SPRING,
           *on("2024-04-14", "00:00+00:00", "03:00+01:00", "04:00+01:00")),
    _night("wildcard at its beginning", "Africa/Casablanca", "30 *", _CASABLANCA_AUTUMN,
           *on("2024-03-10", "01:30+01:00", "02:30+01:00", "02:30+00:00", "03:30+00:00")),

    _night("fixed across the day that never was", "Pacific/Apia", "0 12", _APIA_SPRING,
           *on("2011-12-29", "12:00-10:00"), *on("2011-12-31", "00:00+14:00", "12:00+14:00")),
    _night("skip across the day that never was", "Pacific/Apia", "0 12", _APIA_SPRING,
           *on("2011-12-29", "12:00-10:00"), *on("2011-12-31", "12:00+14:00"), on_gap="skip"),
    _night("fixed on the day that never was", "Pacific/Apia", "0 12 30 12", _APIA_SPRING,
           *on("2011-12-31", "00:00+14:00")),
    _night("wildcard across the day that never was", "Pacific/Apia", "0 */12", _APIA_SPRING,
           *on("2011-12-29", "00:00-10:00", "12:00-10:00"),
           *on("2011-12-31", "00:00+14:00", "12:00+14:00")),
    _night("fixed in autumn", "Pacific/Apia", "30 3", _APIA_AUTUMN,
           *on("2012-04-01", "03:30+14:00")),
    _night("wildcard in autumn", "Pacific/Apia", "30 *", _APIA_AUTUMN,
           *on("2012-04-01", "02:30+14:00", "03:30+14:00", "03:30+13:00", "04:30+13:00")),

    _night("fixed", "Asia/Kathmandu", "0 6,18", _KATHMANDU,
           *on("2026-03-08", "06:00+05:45", "18:00+05:45")),
    _night("fixed in a gap of 15 minutes", "Asia/Kathmandu", "5 0", _KATHMANDU_1986,
           *on("1986-01-01", "00:15+05:45")),
    _night("wildcard in a gap of 15 minutes", "Asia/Kathmandu", "*/30 *", _KATHMANDU_1986,
           *on("1985-12-31", "23:00+05:30", "23:30+05:30"),
           *on("1986-01-01", "00:15+05:45", "00:30+05:45", "01:00+05:45", "01:30+05:45")),

    _night("fixed", "UTC", "30 2", _UTC, *on("2026-03-08", "02:30+00:00")),
    _night("wildcard", "UTC", "0 */8", _UTC,
           *on("2026-03-08", "00:00+00:00", "08:00+00:00", "16:00+00:00")),
)
# fmt: on
