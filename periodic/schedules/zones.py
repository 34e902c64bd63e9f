"""Time zones by name: what a schedule accepts as `tz`, and what it says to an unknown one.

Governments change their rules, and zone data is updated while programs run. So a schedule keeps
a `Place`, whose zone `renew_zones` replaces by a newer one, and `ZoneWatch` sees that it is time.
"""

from __future__ import annotations

import logging
import zoneinfo
from datetime import UTC, timedelta, tzinfo
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from ..errors import ScheduleError

logger: logging.Logger = logging.getLogger(__name__)

#: How often a running beat looks at the files of its zones.
LOOK_EVERY = timedelta(seconds=60)

# The longest name in the zone data has 32 characters.
_LONGEST_NAME = 255

#: What tells one version of a file from another; None where there is no file.
_Stamp = tuple[str, int, int, int] | None


class Place:
    """A zone by its name, and the newest rules for it that were read.

    Args:
        name: the IANA name; None for a zone without one, which never changes.
        zone: the zone with its rules.
        stamp: which file the rules are from.
    """

    __slots__ = ("name", "stamp", "zone")

    def __init__(self, name: str | None, zone: tzinfo, stamp: _Stamp = None) -> None:
        self.name: str | None = name
        self.zone: tzinfo = zone
        self.stamp: _Stamp = stamp


# One for each zone that was ever named; only real names get here.
_places: dict[str, Place] = {"UTC": Place("UTC", UTC)}


def settle(tz: str | tzinfo | None) -> tzinfo | None:
    """Return the zone that `tz` names; None stays None: not settled.

    Args:
        tz: an IANA name such as `Europe/London`, a `ZoneInfo`, or another zone that carries an
            IANA name (`datetime.UTC`, pytz).

    Raises:
        ScheduleError: the name is unknown (the message offers near ones), or there is none.
    """
    return None if tz is None else settled_place(tz).zone


def settled_place(tz: str | tzinfo) -> Place:
    """Return the one `Place` of a zone that is named as in `settle`.

    Raises:
        ScheduleError: as `settle` does.
    """
    name = tz if isinstance(tz, str) else zone_name(tz)
    if len(name) > _LONGEST_NAME:
        raise ScheduleError(f"tz={name[:20]!r}... is {len(name)} characters long and names no zone")
    try:
        return _places[name]
    except KeyError:
        pass
    stamp = _stamp_of(name)  # before the rules, so that no newer ones are taken for these
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a key, or the name of a directory
        raise ScheduleError(_unknown(name)) from None
    return _places.setdefault(name, Place(name, zone, stamp))


def place_of(zone: tzinfo) -> Place:
    """Return the place of a zone; one that never changes where the zone has no IANA name."""
    try:
        return settled_place(zone)
    except ScheduleError:
        return Place(None, zone)


def renew_zones() -> None:
    """Read the data of all zones in use again; existing schedules follow the new rules.

    `ZoneInfo(name)` returns the new zones from then on, too. A zone that is no longer to be found
    keeps the rules that it has.
    """
    named = [place for name, place in list(_places.items()) if name != "UTC"]
    ZoneInfo.clear_cache(only_keys=[place.name for place in named if place.name])
    for place in named:
        name = place.name or ""
        stamp = _stamp_of(name)
        try:
            place.zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            logger.warning(
                "time zone %s cannot be read again and keeps its rules: %s",
                name,
                error,
                extra={"event": "zone-lost", "zone": name},
            )
        else:
            place.stamp = stamp


class ZoneWatch:
    """Sees that the zone data on the machine was replaced, and reads it again.

    Args:
        every: how often to look; a look is one `stat` for each zone in use.
    """

    def __init__(self, every: timedelta = LOOK_EVERY) -> None:
        self._every = every.total_seconds()
        self._next: float | None = None

    def look(self, monotonic: float) -> bool:
        """Renew all zones if the data of one has changed.

        Args:
            monotonic: seconds that only ever grow; sooner than `every` after the last look,
                nothing is done.

        Returns:
            Whether zones were renewed, so that what was planned by them must be planned anew.
        """
        if self._next is not None and monotonic < self._next:
            return False
        self._next = monotonic + self._every
        changed = [name for name, place in list(_places.items()) if _is_stale(place)]
        if not changed:
            return False
        renew_zones()
        logger.info(
            "time-zone data was replaced (%s); schedules follow the new rules",
            ", ".join(sorted(changed)),
            extra={"event": "zones-renewed", "zones": sorted(changed)},
        )
        return True


def _is_stale(place: Place) -> bool:
    if place.name is None or place.zone is UTC:
        return False
    stamp = _stamp_of(place.name)
    return stamp is not None and stamp != place.stamp


def _stamp_of(name: str) -> _Stamp:
    """Tell which file `ZoneInfo(name)` would read, and which version of it."""
    for folder in zoneinfo.TZPATH:
        stamp = _stamp(Path(folder) / name)
        if stamp is not None:
            return stamp
    package = find_spec("tzdata")  # where zoneinfo looks when the system has no data
    if package is None or package.origin is None:
        return None
    return _stamp(Path(package.origin).parent / "zoneinfo" / name)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return str(path), found.st_mtime_ns, found.st_ino, found.st_size


def zone_name(zone: tzinfo) -> str:
    """Return the IANA name of a zone.

    Raises:
        ScheduleError: the zone has none: an offset says nothing about summer time.
    """
    name: object = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(name, str):
        return name
    if zone is UTC:
        return "UTC"
    raise ScheduleError(
        f"tz={zone!r} has no IANA name; pass a name such as 'Europe/London', "
        "zoneinfo.ZoneInfo('Europe/London') or datetime.UTC"
    )


def _unknown(name: str) -> str:
    known = sorted(available_timezones())
    if not known:
        return f"unknown time zone {name!r}: this machine has no zone data; pip install tzdata"
    lower = {key.lower(): key for key in known}
    cities = {key.rpartition("/")[2].lower(): key for key in known}
    wanted = name.strip().lower().replace(" ", "_")
    near = [lower[match] for match in get_close_matches(wanted, lower, n=3, cutoff=0.75)]
    city = wanted.rpartition("/")[2]
    near += [cities[match] for match in get_close_matches(city, cities, n=2, cutoff=0.8)]
    if near:
        near = list(dict.fromkeys(near))
        return f"unknown time zone {name!r}; did you mean {' or '.join(map(repr, near))}?"
    return f"unknown time zone {name!r}; pass an IANA name such as 'Europe/London' or 'UTC'"
