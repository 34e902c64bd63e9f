"""Traps in what is sent: messages that pile up or expire late, limits, secrets among arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..entry import Entry
from ..schedules.english import length
from .findings import Finding
from .schedules import lint_herds, lint_schedule, period

#: Entries that run more often pile up when no worker takes them.
OFTEN: timedelta = timedelta(minutes=15)
_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)"
    r"(?:$|[_\-.])",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"^[a-z][a-z0-9+.\-]*://[^/\s:@]*:[^/\s@]+@"  # an address with a password
    r"|^-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^AKIA[0-9A-Z]{16}$"  # Amazon
    r"|^gh[pousr]_[A-Za-z0-9]{30,}$"  # GitHub
    r"|^xox[abpr]-[A-Za-z0-9-]{10,}$"  # Slack
    r"|^eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",  # a JSON Web Token
    re.IGNORECASE,
)

#: Returns how long a task of an entry may run at most; None for no limit.
Limit = Callable[[Entry], timedelta | None]


def _no_limit(_entry: Entry) -> timedelta | None:
    return None


def lint_entries(
    entries: Iterable[Entry], start: datetime, *, limit: Limit = _no_limit
) -> list[Finding]:
    """Return what is wrong with entries, whoever runs them.

    Args:
        entries: a disabled one is passed over.
        start: the present; aware.
        limit: knows the time limits of tasks.

    >>> from datetime import UTC, datetime
    >>> from periodic import Entry, crontab
    >>> entry = Entry(name="sync", task="shop.sync", schedule=crontab(minute="*/7"))
    >>> [finding.code for finding in lint_entries([entry], datetime(2026, 1, 1, tzinfo=UTC))]
    ['PER102', 'PER202']
    """

    def both(entry: Entry) -> Iterator[Finding]:
        yield from lint_schedule(entry, start)
        yield from _lint_run(entry, start, limit(entry))

    return _lint(entries, start, both)


def lint_schedules(entries: Iterable[Entry], start: datetime) -> list[Finding]:
    """Return what is wrong with the schedules alone, as of a crontab, which sends no messages.

    Args:
        entries: a disabled one is passed over.
        start: the present; aware.
    """
    return _lint(entries, start, lambda entry: lint_schedule(entry, start))


def _lint(
    entries: Iterable[Entry], start: datetime, look: Callable[[Entry], Iterable[Finding]]
) -> list[Finding]:
    found: list[Finding] = []
    sound: list[Entry] = []
    for entry in entries:
        if not entry.enabled:
            continue
        try:
            found.extend(look(entry))
        except Exception as error:  # noqa: BLE001  # a schedule may be anybody's code
            found.append(Finding("PER001", entry.name, f"Its schedule failed: {error}"))
        else:
            sound.append(entry)
    found.extend(lint_herds(sound, start))
    return found


def _lint_run(entry: Entry, start: datetime, limit: timedelta | None) -> Iterator[Finding]:
    between = period(entry, start)
    expires = entry.options.get("expires")
    if isinstance(expires, datetime | str) and entry.schedule.kind != "clocked":
        yield Finding(
            "PER205",
            entry.name,
            f"expires={expires!r} is one moment: each message sent after it is dropped. Give "
            "seconds or a timedelta, which count from each run.",
        )
    seconds = _seconds(expires)
    if between is not None:
        if seconds is not None and seconds > between:
            yield Finding(
                "PER204",
                entry.name,
                f"Its messages expire after {length(seconds)}, but it runs every "
                f"{length(between)}: behind a stopped worker several wait at once. Let them expire "
                "within its period.",
            )
        if expires is None and between <= OFTEN:
            yield Finding(
                "PER202",
                entry.name,
                f"It runs every {length(between)} and its messages never expire: after an hour "
                f"without a worker {timedelta(hours=1) // between} of them wait. Give it expires.",
            )
        if limit is not None and limit > between:
            yield Finding(
                "PER203",
                entry.name,
                f"Its task may run for {length(limit)}, but the next run follows after "
                f"{length(between)}: runs may overlap. Lower the time limit, or run less often.",
            )
    for where, why in _secrets(entry.args, "args"):
        yield _secret(entry, where, why)
    for where, why in _secrets(entry.kwargs, "kwargs"):
        yield _secret(entry, where, why)


def _secret(entry: Entry, where: str, why: str) -> Finding:
    return Finding(
        "PER304",
        entry.name,
        f"{where} {why}. Arguments travel and are logged in the clear: let the task read it where "
        "secrets are kept.",
    )


def _secrets(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            inner = f"{where}[{key!r}]"
            if isinstance(key, str) and _SECRET_NAME.search(key) and isinstance(each, str) and each:
                yield inner, "is named like a secret"
            else:
                yield from _secrets(each, inner)
    elif isinstance(value, str):
        if _SECRET_VALUE.search(value):
            yield where, "looks like a secret"
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _secrets(each, f"{where}[{index}]")


def _seconds(expires: object) -> timedelta | None:
    if isinstance(expires, timedelta):
        return expires
    if isinstance(expires, int | float):
        return timedelta(seconds=expires)
    return None
