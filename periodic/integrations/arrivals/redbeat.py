"""Entries of RedBeat's keys in Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, cast

from ...clock import iso_utc, to_utc, to_zone
from ...clock_changes import clock_changes
from ...errors import ConfigError, ScheduleError, StoreUnreachable
from ...schedules import Schedule, crontab, rrule
from ...schedules.zones import settle
from .coming import CLEANUP, Coming, Place, note_days, steady

PREFIX = "redbeat:"
_YEAR = timedelta(days=366)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CRON_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
#: The parts of a rule, in RFC 5545's words, by RedBeat's.
_PARTS = {
    "interval": "INTERVAL",
    "count": "COUNT",
    "bysetpos": "BYSETPOS",
    "bymonth": "BYMONTH",
    "bymonthday": "BYMONTHDAY",
    "byyearday": "BYYEARDAY",
    "byweekno": "BYWEEKNO",
    "byhour": "BYHOUR",
    "byminute": "BYMINUTE",
    "bysecond": "BYSECOND",
}


def from_redbeat(url: str, place: Place, *, prefix: str = PREFIX) -> list[Coming]:
    """Read RedBeat's keys; nothing is written there.

    Args:
        url: of their Redis.
        place: where they arrive; the keys name no zone.
        prefix: their setting `redbeat_key_prefix`.

    Raises:
        ConfigError: it is no URL of a Redis, or redis-py is not installed.
        StoreUnreachable: the Redis cannot be read, or holds no such keys.
    """
    found, statics = _read(url, prefix)
    coming = [_coming(key.removeprefix(prefix), *found[key], place) for key in sorted(found)]
    for each in coming:
        if each.name in statics:
            each.notes.append("it came from the beat_schedule of their app")
    return coming


def _read(url: str, prefix: str) -> tuple[dict[str, tuple[str, str | None]], set[str]]:
    try:
        from redis import Redis  # noqa: PLC0415  # optional
        from redis.exceptions import RedisError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"{error}; install periodic-celery[redis]") from error
    try:
        client: Any = Redis.from_url(url, decode_responses=True)
    except ValueError as error:
        raise ConfigError(f"their Redis is not named by a URL that can be used: {error}") from error
    try:
        keys = [str(key) for key in client.zrange(f"{prefix}:schedule", 0, -1)]
        if not keys and not client.exists(f"{prefix}:statics"):
            raise StoreUnreachable(
                f"there are no keys of RedBeat that begin with {prefix!r}; its setting "
                "redbeat_key_prefix is given by --prefix"
            )
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, "definition", "meta")
            rows = pipe.execute()
        statics = {str(name) for name in client.smembers(f"{prefix}:statics")}
    except RedisError as error:
        raise StoreUnreachable(f"the keys of RedBeat cannot be read: {error}") from error
    finally:
        client.close()
    # A key without a definition is one that RedBeat itself would drop.
    return {key: row for key, row in zip(keys, rows, strict=True) if row[0]}, statics


def _coming(name: str, definition: str, meta: str | None, place: Place) -> Coming:
    coming = Coming(name)
    try:
        given = json.loads(definition)
        last = (json.loads(meta) if meta else {}).get("last_run_at")
        coming.name = str(given.get("name") or name)
        if coming.name == CLEANUP:
            coming.problem = "periodic has this entry of its own, where results expire"
            return coming
        if not last:
            coming.notes.append("it never ran there, where RedBeat would run it at once")
        schedule = _schedule(given["schedule"], _moment(last), place, coming)
        _note_lateness(place, coming)
        if schedule is None:
            return coming
        coming.given = {
            "task": given["task"],
            "schedule": schedule,
            "args": list(given.get("args") or ()),
            "kwargs": given.get("kwargs") or {},
            "options": given.get("options") or {},
            "enabled": bool(given.get("enabled", True)),
        }
    except (ValueError, TypeError, KeyError, AttributeError, ScheduleError) as error:
        coming.problem = f"it cannot be read: {error}"
    return coming


def _note_lateness(place: Place, coming: Coming) -> None:
    """Note what RedBeat does after a fold: it keeps the next run by the clock's reading."""
    for change in clock_changes(place.zone, place.now.replace(microsecond=0), place.now + _YEAR):
        if not change.forward:
            coming.notes.append(
                f"the first run after the clock goes back, at {iso_utc(change.at)}, may come up to "
                "an hour late in RedBeat, and an interval stays so; here it is in time"
            )


def _schedule(
    data: Mapping[str, Any], last: datetime | None, place: Place, coming: Coming
) -> Schedule | None:
    kind = data.get("__type__")
    if kind == "crontab":
        made = crontab(**{key: data[key] for key in _CRON_FIELDS}, tz=place.zone)
        coming.notes.append(place.zone_note("RedBeat's key"))
        note_days(made, coming)
        return made
    if kind == "interval" and data.get("relative"):
        coming.problem = "its interval is relative; make a crontab(...) or interval(...) entry"
        return None
    if kind == "interval":
        return steady(timedelta(seconds=data["every"]), last, coming)
    if kind == "rrule":
        return _rule(data, place, coming)
    coming.problem = f"its schedule is of the kind {kind!r}, which is not known here"
    return None


def _rule(data: Mapping[str, Any], place: Place, coming: Coming) -> Schedule | None:
    """Return a rule; theirs goes on in the offset of its start, whatever the clocks do."""
    if data.get("byeaster") is not None:
        coming.problem = "its rule counts from Easter (byeaster), which RFC 5545 does not have"
        return None
    offset = timezone(timedelta(minutes=data.get("dtstart_tz") or 0))
    start = _EPOCH + timedelta(seconds=data["dtstart"])
    zone = _zone_of(start, offset, place)
    if zone is None:
        coming.problem = (
            f"its rule keeps the offset {offset}, which {place.zone} does not have at its start; "
            "give --tz with the zone that is meant"
        )
        return None
    if offset.utcoffset(None):
        coming.notes.append(
            f"its rule keeps the offset {offset} there; here it follows the clock in {zone}"
        )
    coming.theirs = _theirs(data, offset)
    return rrule(_text(data), dtstart=to_zone(start, zone), tz=zone)


def _zone_of(start: datetime, offset: timezone, place: Place) -> tzinfo | None:
    if not offset.utcoffset(None):
        return settle("UTC")
    return place.zone if to_zone(start, place.zone).utcoffset() == offset.utcoffset(None) else None


def _text(data: Mapping[str, Any]) -> str:
    frequency = data["freq"]
    parts = [f"FREQ={_FREQUENCIES[frequency]}"]
    for key, word in _PARTS.items():
        value = data.get(key)
        if value is not None and (key, value) != ("interval", 1):
            parts.append(f"{word}={_listed(value, str)}")
    if data.get("byweekday") is not None:
        parts.append(f"BYDAY={_listed(data['byweekday'], _weekday)}")
    if data.get("wkst") is not None:
        parts.append(f"WKST={_weekday(data['wkst'])}")
    if data.get("until") is not None:
        parts.append(f"UNTIL={_EPOCH + timedelta(seconds=data['until']):%Y%m%dT%H%M%SZ}")
    return ";".join(parts)


def _listed(value: Any, told: Any) -> str:
    several: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    return ",".join(told(each) for each in several)


def _weekday(value: Any) -> str:
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        number = found.get("n")
        return f"{number or ''}{_WEEKDAYS[found['wkday']]}"
    return _WEEKDAYS[value]


def _theirs(data: Mapping[str, Any], offset: timezone) -> Any:
    """Return when dateutil's own rule runs, made as RedBeat makes it."""

    def runs(first: datetime, last: datetime) -> list[datetime]:
        from dateutil import rrule as dateutil  # noqa: PLC0415  # with the extra `rrule`

        def day(value: Any) -> Any:
            return dateutil.weekday(value["wkday"]) if isinstance(value, Mapping) else value

        plain: dict[str, Any] = {key: data.get(key) for key in (*_PARTS, "byweekday", "wkst")}
        days = plain["byweekday"]
        plain["byweekday"] = [*map(day, days)] if isinstance(days, list) else day(days)
        plain["wkst"] = day(plain["wkst"])
        plain["interval"] = plain["interval"] or 1
        until = data.get("until")
        rule: Any = dateutil.rrule(
            data["freq"],
            dtstart=to_zone(_EPOCH + timedelta(seconds=data["dtstart"]), offset),
            until=None if until is None else _EPOCH + timedelta(seconds=until),
            **plain,
        )
        return [to_utc(at) for at in rule.between(first, last, inc=True) if to_utc(at) < last]

    return runs


def _moment(data: Mapping[str, Any] | None) -> datetime | None:
    """Return a moment as RedBeat writes it: readings, and a zone's name or an offset in seconds."""
    if not data:
        return None
    rest = {key: value for key, value in data.items() if key not in ("__type__", "timezone")}
    named = data.get("timezone", "UTC")
    zone = settle(named) if isinstance(named, str) else timezone(timedelta(seconds=named))
    at = to_utc(datetime(**rest, tzinfo=zone))
    return at if at.year > 1 else None
