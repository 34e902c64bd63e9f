"""What is to run: an entry, and one occurrence of it with the identity that makes it unique."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NoReturn, cast

from .clock import iso_utc, to_utc
from .errors import EntryError
from .policies import ALLOWED, MAX_CATCH_UP, CatchUp, CatchUpName, CatchUpPolicy
from .schedules.base import Schedule

#: Root of every occurrence's id: the project's own UUID, made once, never changed.
_ROOT = uuid.UUID("6f2b8f2e-3d0f-5f0b-9a53-6e0f5f2f0c11")

HEADER_ENTRY = "periodic-entry"
HEADER_FIRE_TIME = "periodic-fire-time"
HEADER_KIND = "periodic-kind"


class Kind(StrEnum):
    """How an occurrence came to be."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name, a schedule and the task to run, with its arguments and options.

    Args:
        name: unique among the entries of one namespace.
        task: the registered name of the task.
        schedule: when it runs; its zone is settled (`Schedule.in_zone`).
        args: positional arguments of the task.
        kwargs: keyword arguments of the task.
        options: options of Celery's `apply_async`: `queue`, `priority`, `expires`, ...
        enabled: a disabled entry has no occurrences.
        catch_up: which missed occurrences are dispatched all the same: `latest`, `skip`,
            `earliest` or `all`, in any case.
        catch_up_window: how old they may be for that, as a timedelta or in seconds; None is no
            limit.
        max_catch_up: how many of them `all` dispatches, from 1 to 10,000.
        misfire_threshold: how late an occurrence may be and still count as late, not missed;
            None is the beat's own, 60 s. A timedelta, or seconds.
        run_on_start: whether the second in which it is counted for the first time, by any beat of
            its namespace, is an occurrence as well.
        since: when a store says that its counting began anew; aware, or None. Where it is another
            than the one a cursor was kept under, that cursor is not believed.

    Raises:
        EntryError: a field is of the wrong type; the message names it.
    """

    name: str
    task: str
    schedule: Schedule
    args: Sequence[Any] = field(default=(), hash=False)
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    enabled: bool = True
    catch_up: CatchUp | CatchUpName = CatchUp.LATEST
    catch_up_window: timedelta | None = None
    max_catch_up: int = MAX_CATCH_UP
    misfire_threshold: timedelta | None = None
    run_on_start: bool = False
    since: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be an entry, naming the field."""
        _check_name(self.name)
        if not isinstance(self.task, str) or not self.task.strip():
            raise EntryError(
                f"entry {self.name!r}: task is the registered name of a task, not {self.task!r}"
            )
        if not isinstance(self.schedule, Schedule):
            raise EntryError(
                f"entry {self.name!r}: schedule is a periodic schedule such as "
                f"crontab(minute=0) or interval(minutes=5), not {self.schedule!r}"
            )
        named = self.schedule.named(self.name)
        if named is not self.schedule:
            object.__setattr__(self, "schedule", named)
        self._check_arguments()
        if not _has_words(self.options):
            self._refuse_mapping("options", self.options)
        if self.run_on_start is not False and self.run_on_start is not True:
            raise EntryError(
                f"entry {self.name!r}: run_on_start is True or False, not {self.run_on_start!r}"
            )
        try:
            policy = self.catch_up_policy
        except EntryError as error:
            raise EntryError(f"entry {self.name!r}: {error}") from None
        kept = (self.catch_up, self.catch_up_window, self.max_catch_up, self.misfire_threshold)
        if kept != (
            policy.catch_up,
            policy.catch_up_window,
            policy.max_catch_up,
            policy.misfire_threshold,
        ) or not isinstance(self.catch_up, CatchUp):
            for key in ALLOWED:
                object.__setattr__(self, key, getattr(policy, key))

    def like(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], since: datetime | None
    ) -> Entry:
        """Return an entry that is as this one but for its name, its arguments and its beginning.

        What both share was looked at when this one was made. For an entry whose schedule is the
        same under every name: what `H` means in a cron expression is settled already.

        Args:
            name: the other's.
            args: positional arguments of its task.
            kwargs: keyword arguments of its task.
            since: when its counting began anew; aware, or None.

        Raises:
            EntryError: the name or the arguments are not allowed.
        """
        _check_name(name)
        made: Entry = object.__new__(type(self))
        _set_name(made, name)
        _set_task(made, self.task)
        _set_schedule(made, self.schedule)
        _set_args(made, args)
        _set_kwargs(made, kwargs)
        _set_options(made, self.options)
        _set_enabled(made, self.enabled)
        _set_catch_up(made, self.catch_up)
        _set_catch_up_window(made, self.catch_up_window)
        _set_max_catch_up(made, self.max_catch_up)
        _set_misfire_threshold(made, self.misfire_threshold)
        _set_run_on_start(made, self.run_on_start)
        _set_since(made, since)
        made._check_arguments()
        return made

    def _check_arguments(self) -> None:
        args: Any = self.args
        # A beat makes a hundred thousand entries at once: what is usual is seen first.
        if type(args) not in _LISTS and (isinstance(args, str) or not isinstance(args, Sequence)):
            raise EntryError(f"entry {self.name!r}: args is a list or tuple, not {args!r}")
        if not _has_words(self.kwargs):
            self._refuse_mapping("kwargs", self.kwargs)

    def _refuse_mapping(self, key: str, value: object) -> NoReturn:
        raise EntryError(f"entry {self.name!r}: {key} is a mapping with string keys, not {value!r}")

    @property
    def catch_up_policy(self) -> CatchUpPolicy:
        """Return what is done about missed occurrences, as one value."""
        words = (self.catch_up, self.catch_up_window, self.max_catch_up, self.misfire_threshold)
        try:
            return _policy(*words)
        except TypeError:  # it cannot be hashed, so it is none of what is allowed
            return CatchUpPolicy(*cast("Any", words))

    @property
    def fingerprint(self) -> str:
        """Return what tells an edit: the schedule's fingerprint and `since`, or "disabled".

        A cursor that was kept under another fingerprint is not believed, so that neither an edit
        nor enabling an entry makes up for occurrences that it did not have.
        """
        if not self.enabled:
            return "disabled"
        print_, since = self.schedule.fingerprint(), self.since
        if since is None:
            return print_
        # Not `iso_utc`: it remembers a few instants, and those of entries are many.
        return f"{print_}@{to_utc(since).isoformat()}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant of one entry: what is claimed, dispatched, skipped or missed.

    Args:
        namespace: separates applications that share a broker.
        entry: the entry's name.
        fire_time: when it should happen; aware, kept in UTC.
        kind: scheduled, manual or backfill.

    >>> from datetime import UTC, datetime
    >>> run = Occurrence("shop", "report", datetime(2026, 3, 8, 7, tzinfo=UTC))
    >>> run.identity
    '["shop","report","scheduled","2026-03-08T07:00:00+00:00"]'
    >>> run.id == Occurrence("shop", "report", datetime(2026, 3, 8, 7, tzinfo=UTC)).id
    True
    """

    namespace: str
    entry: str
    fire_time: datetime
    kind: Kind = Kind.SCHEDULED

    def __post_init__(self) -> None:
        """Keep the fire time in UTC, so that equal instants are equal occurrences."""
        if self.fire_time.tzinfo is not UTC:
            object.__setattr__(self, "fire_time", to_utc(self.fire_time))

    @property
    def identity(self) -> str:
        """Return namespace, entry, kind and fire time (ISO 8601, UTC) as one JSON list."""
        start, _ = _start(self.namespace, self.entry, self.kind)
        return f'{start}{iso_utc(self.fire_time)}"]'

    @property
    def id(self) -> str:
        """Return the task id: the same for this occurrence in every beat and at every retry.

        It is `uuid5` of the namespace and the identity (RFC 9562, 5.5).
        """
        _, start = _start(self.namespace, self.entry, self.kind)
        digest = start.copy()
        digest.update(f'{iso_utc(self.fire_time)}"]'.encode())
        found = digest.digest()
        text = found.hex()
        variant = "89ab"[found[8] >> 4 & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the message headers that carry this occurrence to the task."""
        return {
            HEADER_ENTRY: self.entry,
            HEADER_FIRE_TIME: iso_utc(self.fire_time),
            HEADER_KIND: str(self.kind),
        }

    @classmethod
    def from_headers(cls, namespace: str, headers: Mapping[str, Any]) -> Occurrence | None:
        """Read an occurrence back from message headers.

        Args:
            namespace: the namespace of the application; headers do not carry it.
            headers: a message's headers.

        Returns:
            The occurrence, or None when the message was not sent by a beat of `periodic`.
        """
        try:
            return cls(
                namespace,
                headers[HEADER_ENTRY],
                datetime.fromisoformat(headers[HEADER_FIRE_TIME]),
                Kind(headers[HEADER_KIND]),
            )
        except KeyError:
            return None


_LISTS: frozenset[type[Any]] = frozenset({tuple, list})
# What is frozen is set by its slots, in a third of the time of `object.__setattr__`.
(
    _set_name,
    _set_task,
    _set_schedule,
    _set_args,
    _set_kwargs,
    _set_options,
    _set_enabled,
    _set_catch_up,
    _set_catch_up_window,
    _set_max_catch_up,
    _set_misfire_threshold,
    _set_run_on_start,
    _set_since,
) = (getattr(Entry, each.name).__set__ for each in fields(Entry))


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise EntryError(f"an entry's name is a non-empty string, not {name!r}")
    try:
        name.encode()  # a broker keeps it, beside those of all others
    except UnicodeEncodeError:
        raise EntryError(
            f"an entry's name is text, not {name!r}, which holds half a character"
        ) from None


def _has_words(value: Any) -> bool:
    """Tell whether it is a mapping whose keys are text."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return False
    for key in value:  # noqa: SIM110  # a generator takes longer than all the rest
        if not isinstance(key, str):
            return False
    return True


# Thousands of entries share few policies; typed, because True is no number here.
@lru_cache(maxsize=256, typed=True)
def _policy(*words: Any) -> CatchUpPolicy:
    return CatchUpPolicy(*words)


@lru_cache(maxsize=2**17)  # an id is made for each message: what entries share is made once
def _start(namespace: str, entry: str, kind: Kind) -> tuple[str, Any]:
    """Return how an identity begins, and the hash of its id so far."""
    parts = json.dumps([namespace, entry, str(kind)], separators=(",", ":"), ensure_ascii=False)
    start = f'{parts[:-1]},"'
    root = uuid.uuid5(_ROOT, namespace).bytes
    return start, hashlib.sha1(root + start.encode(), usedforsecurity=False)
