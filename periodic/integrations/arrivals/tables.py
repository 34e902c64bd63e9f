"""Entries of the tables of django-celery-beat and of sqlalchemy-celery-beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...clock import iso_utc, to_utc
from ...errors import ConfigError, ScheduleError, StoreUnreachable
from ...schedules import Schedule, clocked, crontab, interval, solar, window
from .coming import CLEANUP, Coming, instant, note_days, steady

#: Options of `apply_async` that a row of theirs has under the same name.
_SAME = ("queue", "exchange", "routing_key", "priority")
_KINDS = ("crontab", "interval", "solar", "clocked")
_CRON_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")

_Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """How a package names its tables.

    Args:
        package: its name.
        prefix: of each table.
        generic: a task names its schedule by `discriminator` and `schedule_id`, not by a column
            for each kind.
        expires_ends: the column `expires` ends the schedule; else it is an option of each message.
    """

    package: str
    prefix: str
    generic: bool
    expires_ends: bool

    def schedule_of(self, task: _Row) -> tuple[str, int] | None:
        """Return the kind and the id of a task's schedule."""
        if self.generic:
            kind = str(task["discriminator"] or "").removesuffix("schedule")
            return (kind, task["schedule_id"]) if kind in _KINDS else None
        for kind in _KINDS:
            if task[f"{kind}_id"] is not None:
                return kind, task[f"{kind}_id"]
        return None


DJANGO = Tables("django-celery-beat", "django_celery_beat_", generic=False, expires_ends=True)
SQLALCHEMY = Tables("sqlalchemy-celery-beat", "celery_", generic=True, expires_ends=False)


def from_tables(tables: Tables, url: str, now: datetime, *, schema: str = "") -> list[Coming]:
    """Read the tables of a package; nothing is written there.

    Args:
        tables: whose.
        url: of their database, as SQLAlchemy takes it.
        now: what is over by then does not come along; aware.
        schema: of the database in which they are, where it is not the usual one.

    Raises:
        ConfigError: it is no URL of a database, or SQLAlchemy is not installed.
        StoreUnreachable: the database cannot be read, or holds no such tables.
    """
    found = _read(tables, url, schema)
    tasks = found.pop("periodictask").values()
    rows = sorted(tasks, key=lambda row: row["name"])
    return [_Reader(tables, found, now).coming(row) for row in rows]


def _read(tables: Tables, url: str, schema: str) -> dict[str, dict[int, _Row]]:
    try:
        from sqlalchemy import MetaData, Table, create_engine, select  # noqa: PLC0415  # optional
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"{error}; install periodic-celery[sql]") from error
    try:
        engine = create_engine(url)
    except (ArgumentError, ImportError) as error:
        raise ConfigError(
            f"their database is not named by a URL that can be used: {error}"
        ) from error
    found: dict[str, dict[int, _Row]] = {}
    try:
        with engine.connect() as connection:
            for name in ("periodictask", *(f"{kind}schedule" for kind in _KINDS)):
                table = Table(
                    f"{tables.prefix}{name}",
                    MetaData(schema=schema or None),
                    autoload_with=connection,
                )
                rows = connection.execute(select(table)).mappings()
                found[name] = {row["id"]: row for row in rows}
    except SQLAlchemyError as error:
        line = str(getattr(error, "orig", None) or repr(error)).splitlines()[0]
        raise StoreUnreachable(f"the tables of {tables.package} cannot be read: {line}") from error
    finally:
        engine.dispose()
    return found


class _Reader:
    """Makes entries of rows; the same for both packages but for what `Tables` tells apart."""

    def __init__(
        self, tables: Tables, schedules: Mapping[str, Mapping[int, _Row]], now: datetime
    ) -> None:
        self._tables = tables
        self._schedules = schedules
        self._now = now

    def coming(self, row: _Row) -> Coming:
        coming = Coming(row["name"])
        try:
            if row["name"] == CLEANUP:
                coming.problem = "periodic has this entry of its own, where results expire"
                return coming
            schedule = self._schedule(row, coming)
            if schedule is None:
                return coming
            coming.given = {
                "task": row["task"],
                "schedule": schedule,
                "args": json.loads(row["args"] or "[]"),
                "kwargs": json.loads(row["kwargs"] or "{}"),
                "options": self._options(row),
                "enabled": bool(row["enabled"]),
            }
        except (ValueError, TypeError, KeyError, ScheduleError) as error:
            coming.problem = f"it cannot be read: {error}"
        if row["description"]:
            coming.notes.append("its description stays behind: an entry here has none")
        return coming

    def _schedule(self, row: _Row, coming: Coming) -> Schedule | None:
        place = self._tables.schedule_of(row)
        if place is None:
            coming.problem = "it has no schedule"
            return None
        kind, number = place
        made = self._bare(kind, self._schedules[f"{kind}schedule"][number], row, coming)
        if made is None or kind == "clocked":
            return made
        if row["one_off"]:
            coming.problem = (
                "it runs once (one_off) and then is disabled; make a clocked(...) entry"
            )
            return None
        return self._within(made, row, coming)

    def _bare(self, kind: str, rule: _Row, task: _Row, coming: Coming) -> Schedule | None:
        if kind == "crontab":
            fields = {key: rule[key] for key in _CRON_FIELDS}
            made = crontab(**fields, tz=str(rule["timezone"] or "UTC"))
            note_days(made, coming)
            return made
        if kind == "interval":
            every = timedelta(**{str(rule["period"]): rule["every"]})
            return steady(every, instant(task["last_run_at"]), coming)
        if kind == "solar":
            return solar(rule["event"], float(rule["latitude"]), float(rule["longitude"]))
        return self._once(instant(rule["clocked_time"]), task, coming)

    def _once(self, at: datetime | None, task: _Row, coming: Coming) -> Schedule | None:
        start = instant(task["start_time"])
        end = instant(task["expires"]) if self._tables.expires_ends else None
        if at is not None and start is not None and start > at:
            coming.notes.append(f"its run waits for its start_time, {iso_utc(start)}")
            at = start
        if at is None or at <= self._now:
            coming.problem = "its only run is over"
            return None
        if end is not None and end <= at:
            coming.problem = "it expires before its only run"
            return None
        run = at
        coming.theirs = lambda first, last: [run] if first <= run < last else []
        return clocked(at)

    def _within(self, made: Schedule, row: _Row, coming: Coming) -> Schedule | None:
        """Return a schedule between their `start_time` and, where it ends one, their `expires`."""
        start = instant(row["start_time"])
        start = start if start is not None and start > self._now else None
        end = instant(row["expires"]) if self._tables.expires_ends else None
        if end is not None and end <= self._now:
            coming.problem = f"it has expired, at {iso_utc(end)}"
            return None
        if start is None and end is None:
            return made
        if start is not None:
            made = self._from_start(made, start, instant(row["last_run_at"]), coming)
        if end is not None:
            coming.notes.append(f"its expires became a window until {iso_utc(end)}")
        if coming.theirs is not None:
            theirs, first, last = coming.theirs, start, end
            coming.theirs = lambda a, b: theirs(max(a, first or a), min(b, last or b))
        return window(made, start=start, end=end)

    def _from_start(
        self, made: Schedule, start: datetime, last: datetime | None, coming: Coming
    ) -> Schedule:
        """Tell of the start; there the package makes up for what was due since the last run."""
        due = None if last is None else made.next_after(last)
        makes_up = last is None or (due is not None and to_utc(due) <= start)
        coming.notes.append(f"its start_time became a window from {iso_utc(start)} on")
        if makes_up and isinstance(made, interval):
            # Theirs counts from its first run, which is then.
            return steady(made.every, start, coming, first=True)
        if makes_up:
            coming.also.append(start)
            coming.notes.append(
                f"{self._tables.package} also runs it at its start_time or minutes later, for what "
                "was due before"
            )
        return made

    def _options(self, row: _Row) -> dict[str, Any]:
        options: dict[str, Any] = {key: row[key] for key in _SAME if row[key] not in (None, "")}
        headers = json.loads(row["headers"] or "{}")
        if headers:
            options["headers"] = headers
        expires = instant(row["expires"])
        if row.get("expire_seconds") is not None:
            options["expires"] = row["expire_seconds"]
        elif expires is not None and not self._tables.expires_ends:
            options["expires"] = iso_utc(to_utc(expires))
        return options
