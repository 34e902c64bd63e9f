"""Moving in: entries of django-celery-beat's tables and of an export, as keywords of `put`.

What becomes of each is told: what changes its meaning, or why it cannot come along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..clock import iso_utc, to_utc
from ..errors import ConfigError, StoreUnreachable
from ..schedules import Schedule, clocked, crontab, interval, solar, window

_TABLE = "django_celery_beat_{}"
#: Options of `apply_async` that a row of theirs has under the same name.
_SAME = ("queue", "exchange", "routing_key", "priority")
#: What their own start makes; here the code has it.
_THEIR_OWN = "celery.backend_cleanup"


@dataclass(slots=True)
class Coming:
    """One entry that comes along, or does not.

    Args:
        name: the entry's.
        given: the keywords of `put`.
        notes: what changes its meaning, one sentence each.
        problem: why it cannot come along; "" when it can.
        pause: note and end of a pause that comes along.
    """

    name: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])
    problem: str = ""
    pause: Mapping[str, Any] | None = None


def from_export(path: Path) -> list[Coming]:
    """Read what `export` has written.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        entries: Mapping[str, Mapping[str, Any]] = data["entries"]
        coming: list[Coming] = []
        for name, given in entries.items():
            rest = dict(given)
            coming.append(Coming(name, pause=rest.pop("pause", None), given=rest))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{str(path)!r} holds no entries as `export` writes them: {error!r}"
        ) from error
    return coming


def from_django_celery_beat(url: str, now: datetime) -> list[Coming]:
    """Read the tables of django-celery-beat; nothing is written there.

    Args:
        url: of their database, as SQLAlchemy takes it.
        now: what is over by then does not come along; aware.

    Raises:
        ConfigError: it is no URL of a database, or SQLAlchemy is not installed.
        StoreUnreachable: the database cannot be read, or holds no such tables.
    """
    tables = {
        name: {row["id"]: row for row in rows}
        for name, rows in _read(
            url,
            "periodictask",
            "crontabschedule",
            "intervalschedule",
            "solarschedule",
            "clockedschedule",
        ).items()
    }
    tasks = tables.pop("periodictask").values()
    return [_coming(row, tables, now) for row in sorted(tasks, key=lambda row: row["name"])]


def _read(url: str, *names: str) -> dict[str, list[Mapping[Any, Any]]]:
    try:
        from sqlalchemy import create_engine, text  # noqa: PLC0415  # optional
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"{error}; install periodic-celery[sql]") from error
    try:
        engine = create_engine(url)
    except (ArgumentError, ImportError) as error:
        raise ConfigError(
            f"their database is not named by a URL that can be used: {error}"
        ) from error
    try:
        with engine.connect() as connection:
            return {
                name: list(
                    connection.execute(
                        text(f"SELECT * FROM {_TABLE.format(name)}")  # noqa: S608  # our own names
                    ).mappings()
                )
                for name in names
            }
    except SQLAlchemyError as error:
        line = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreUnreachable(
            f"the tables of django-celery-beat cannot be read: {line}"
        ) from error
    finally:
        engine.dispose()


def _coming(row: Mapping[Any, Any], tables: Mapping[str, Any], now: datetime) -> Coming:
    coming = Coming(row["name"])
    try:
        if row["name"] == _THEIR_OWN:
            coming.problem = "periodic has this entry of its own, where results expire"
            return coming
        schedule = _schedule(row, tables, coming, now)
        if schedule is None:
            return coming
        coming.given = {
            "task": row["task"],
            "schedule": schedule,
            "args": json.loads(row["args"] or "[]"),
            "kwargs": json.loads(row["kwargs"] or "{}"),
            "options": _options(row),
            "enabled": bool(row["enabled"]),
        }
    except (ValueError, TypeError, KeyError) as error:
        coming.problem = f"it cannot be read: {error}"
    if row["description"]:
        coming.notes.append("its description stays behind: an entry here has none")
    return coming


def _schedule(
    row: Mapping[Any, Any], tables: Mapping[str, Any], coming: Coming, now: datetime
) -> Schedule | None:
    made = _bare_schedule(row, tables, coming, now)
    if made is None:
        return None
    if row["one_off"] and row["clocked_id"] is None:
        coming.problem = "it runs once (one_off) and then is disabled; make a clocked(...) entry"
        return None
    start = _instant(row["start_time"])
    if start is not None and start > now:
        coming.notes.append(f"its start_time became a window from {iso_utc(start)} on")
        return window(made, start=start)
    return made


def _bare_schedule(
    row: Mapping[Any, Any], tables: Mapping[str, Any], coming: Coming, now: datetime
) -> Schedule | None:
    if row["crontab_id"] is not None:
        cron = tables["crontabschedule"][row["crontab_id"]]
        fields = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
        return crontab(**{key: cron[key] for key in fields}, tz=str(cron["timezone"] or "UTC"))
    if row["interval_id"] is not None:
        every = tables["intervalschedule"][row["interval_id"]]
        coming.notes.append(
            "its interval runs on a grid that restarts do not move, not from the last run on"
        )
        return interval(**{every["period"]: every["every"]})
    if row["solar_id"] is not None:
        sun = tables["solarschedule"][row["solar_id"]]
        return solar(sun["event"], float(sun["latitude"]), float(sun["longitude"]))
    if row["clocked_id"] is not None:
        at = _instant(tables["clockedschedule"][row["clocked_id"]]["clocked_time"])
        if at is None or at <= now:
            coming.problem = "its only run is over"
            return None
        return clocked(at)
    coming.problem = "it has no schedule"
    return None


def _options(row: Mapping[Any, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {key: row[key] for key in _SAME if row[key] not in (None, "")}
    headers = json.loads(row["headers"] or "{}")
    if headers:
        options["headers"] = headers
    expires = _instant(row["expires"])
    if row.get("expire_seconds") is not None:
        options["expires"] = row["expire_seconds"]
    elif expires is not None:
        options["expires"] = iso_utc(expires)
    return options


def _instant(value: datetime | str | None) -> datetime | None:
    """Return an instant of theirs, which SQLite keeps as text in UTC."""
    if value is None or value == "":
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return to_utc(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def exported(records: Sequence[Any]) -> dict[str, Any]:
    """Return records as JSON-ready data that `from_export` reads."""
    return {
        "entries": {
            record.name: {
                **record.definition,
                **({} if record.pause is None else {"pause": record.pause.to_dict()}),
            }
            for record in records
        }
    }
