"""What `celery beat` and its like ask of a schedule, answered by the rule itself.

Celery hands over when an entry ran last and asks whether it is due and how long to wait. Nothing
of Celery is imported: the names, the arguments and the order of the answers are Celery's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, NamedTuple

from ..clock import SystemClock, to_utc, to_zone
from ..errors import ScheduleError
from .base import Schedule
from .zones import settle, zone_name

#: How long a beat waits for a schedule that has no further instant, in seconds: over three years.
#: Not None, on which older beats keep looking and leave their other entries waiting.
NEVER = 100_000_000.0

_CLOCK = SystemClock()


class DueState(NamedTuple):
    """The answer of `is_due`, in Celery's order.

    Args:
        is_due: whether to send the task now.
        next: in how many seconds to ask again; more than 0.
    """

    is_due: bool
    next: float


class AppFacts(NamedTuple):
    """What a schedule takes from its Celery application.

    Args:
        zone: the IANA name of its time zone; None where it has none.
        deadline: its `beat_cron_starting_deadline`, in seconds.
        utc_enabled: its `enable_utc`.
    """

    zone: str | None = None
    deadline: float | None = None
    utc_enabled: bool = True


class CeleryFace(Schedule):
    """A schedule that also answers Celery's questions.

    Where the schedule has no zone of its own, it reads the clock of its application's zone, and
    of UTC without an application. A copy that was pickled keeps what it knew of its application:
    Celery's beat forgets the application of entries that it reads back from its file.
    """

    #: Whether Celery's `beat_cron_starting_deadline` counts: it is about crontabs alone.
    _has_deadline: ClassVar[bool] = False

    #: The Celery application; Celery sets it.
    app: Any = None
    #: What says the time instead of the machine's clock; a naive answer is UTC.
    nowfun: Callable[[], datetime] | None = None

    _facts: AppFacts | None = None
    _at_home: tuple[tzinfo, CeleryFace] | None = None

    def is_due(self, last_run_at: datetime) -> DueState:
        """Tell whether an instant has come since the last run, and when to ask again.

        Any number of instants since then are one run. Under an application with
        `beat_cron_starting_deadline` a crontab's latest missed instant must not be older.

        Args:
            last_run_at: when the entry ran last; any zone; naive means UTC, as in Celery.

        Returns:
            `(is_due, next)`: next is in seconds, and more than 0.

        >>> from datetime import UTC, datetime
        >>> from periodic import crontab
        >>> def noon(): return datetime(2026, 3, 8, 12, tzinfo=UTC)
        >>> crontab(minute=0, nowfun=noon).is_due(datetime(2026, 3, 8, 11, 30))
        DueState(is_due=True, next=3600.0)
        """
        rule, now = self._rule(), self.now()
        coming = rule.next_after(_aware(last_run_at))
        due = coming is not None and to_utc(coming) <= now
        if due:
            due = self._is_fresh(rule, now)
            coming = rule.next_after(now)
        if coming is None:
            return DueState(due, NEVER)
        return DueState(due, min((to_utc(coming) - now).total_seconds(), NEVER))

    def remaining_estimate(self, last_run_at: datetime) -> timedelta | None:
        """Return the time from now to the first instant after the last run.

        Args:
            last_run_at: when the entry ran last; any zone; naive means UTC, as in Celery.

        Returns:
            Negative or zero when it is due, None when there is no further instant.
        """
        coming = self._rule().next_after(_aware(last_run_at))
        return None if coming is None else to_utc(coming) - self.now()

    def now(self) -> datetime:
        """Return the time, in UTC, so that reckoning with it is right at every clock change.

        It is `nowfun`'s where that is set, else the machine's.
        """
        return _CLOCK.now() if self.nowfun is None else to_utc(_aware(self.nowfun()))

    @property
    def utc_enabled(self) -> bool:
        """The application's `enable_utc`; True without an application."""
        return self._app_facts().utc_enabled

    def to_local(self, dt: datetime) -> datetime:
        """Return an instant as it is, or in the schedule's zone where `enable_utc` is off.

        Args:
            dt: any zone; naive means UTC.
        """
        return dt if self.utc_enabled else to_zone(_aware(dt), self.tz or UTC)

    def maybe_make_aware(self, dt: datetime, naive_as_utc: bool = True) -> datetime:  # noqa: FBT001, FBT002  # Celery's signature
        """Return an aware datetime as it is, and a naive one in the schedule's zone.

        Args:
            dt: aware or naive.
            naive_as_utc: whether a naive one is an instant in UTC, else a reading of the
                schedule's wall clock.
        """
        if dt.tzinfo is not None:
            return dt
        zone = self.tz or UTC
        return to_zone(_aware(dt), zone) if naive_as_utc else dt.replace(tzinfo=zone)

    def _set_celery(self, app: Any, nowfun: Callable[[], datetime] | None) -> None:
        """Keep what Celery's constructors take, where it was given."""
        given = {"app": app, "nowfun": nowfun}
        vars(self).update({name: value for name, value in given.items() if value is not None})

    def _is_fresh(self, rule: Schedule, now: datetime) -> bool:
        """Tell whether the latest instant up to now is within the starting deadline."""
        deadline = self._app_facts().deadline if self._has_deadline else None
        if deadline is None:
            return True
        latest = rule.previous_before(now + datetime.resolution)
        return latest is not None and now - to_utc(latest) <= timedelta(seconds=deadline)

    def _rule(self) -> Schedule:
        """Return this schedule in its own zone, else in its application's."""
        zone = self._app_zone()
        if zone is None:
            return self
        if self._at_home is None or self._at_home[0] is not zone:
            vars(self)["_at_home"] = (zone, self.in_zone(zone))
        return self if self._at_home is None else self._at_home[1]

    def _app_zone(self) -> tzinfo | None:
        """Return the application's zone; None where nobody settles it."""
        zone = getattr(self.app, "timezone", None)
        if isinstance(zone, tzinfo):
            return zone
        return None if self._facts is None else settle(self._facts.zone)

    def _app_facts(self) -> AppFacts:
        """Return what the application says, else what it said before this copy was made."""
        if self.app is None:
            return self._facts or AppFacts()
        conf = getattr(self.app, "conf", None)
        return AppFacts(
            zone=_name(getattr(self.app, "timezone", None)),
            deadline=getattr(conf, "beat_cron_starting_deadline", None),
            utc_enabled=bool(getattr(conf, "enable_utc", True)),
        )

    def _celery_state(self) -> dict[str, Any]:
        """Return what a copy keeps besides the schedule's meaning."""
        facts = self._app_facts()
        state: dict[str, Any] = {} if facts == AppFacts() else {"_facts": facts}
        if self.nowfun is not None:
            state["nowfun"] = self.nowfun
        return state


def _aware(dt: datetime) -> datetime:
    """Return an aware datetime as it is, and a naive one as UTC."""
    return dt.replace(tzinfo=UTC) if dt.tzinfo is None else dt


def _name(zone: object) -> str | None:
    """Return a zone's IANA name; None where it has none and so cannot travel."""
    try:
        return zone_name(zone) if isinstance(zone, tzinfo) else None
    except ScheduleError:
        return None
