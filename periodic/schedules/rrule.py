"""`rrule`: a recurrence rule of RFC 5545, as calendars write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, get_args
from zoneinfo import ZoneInfo

from ..clock import to_utc, to_zone
from ..errors import ScheduleError
from .crontab import FoldOption, check_option
from .instants import since_origin
from .offsets import OnGap
from .readings import ReadingsWall, first_pass
from .recurrence import Recurrence
from .recurrence_text import RuleText, read_rule
from .recurrence_words import rule_words
from .value import Value
from .zones import settle

_TICK = timedelta(microseconds=1)


class rrule(Value):  # noqa: N801  # a schedule reads like the word in a sentence
    """A recurrence rule of RFC 5545, such as `FREQ=MONTHLY;BYDAY=-1FR` (the extra `rrule`).

    The rule makes readings of the wall clock, in hourly rules too; each counts once. (For runs at
    a steady pace of elapsed time use `interval`.) Where RFC 5545 says nothing but "derived from
    the start", day and time are the start's. The start itself is no run unless the rule matches.

    Args:
        rule: the parts of one rule; any case, with or without `RRULE:`. UNTIL has a time: local,
            or an instant with `Z`.
        dtstart: the first possible reading: naive in the schedule's zone, or aware; a datetime in
            whole seconds or an ISO text.
        tz: whose wall clock is read; an IANA name or a ZoneInfo; that of an aware `dtstart` where
            it has a name; None leaves it to the app.
        on_gap: a reading that does not exist in spring runs at the end of the gap (`run`), not
            at all (`skip`), or as much later as the clock moved (`shift`, as RFC 5545 has it).
        on_fold: which pass of a reading that happens twice counts: `first` (`auto` says the same,
            as does RFC 5545), `last` or `both`.

    Raises:
        ScheduleError: the rule cannot be understood or never fires, or python-dateutil is missing.
    """

    kind: ClassVar[str] = "rrule"
    _fields: ClassVar[tuple[str, ...]] = ("rule", "dtstart", "tz", "on_gap", "on_fold")
    _required: ClassVar[tuple[str, ...]] = ("rule", "dtstart")

    #: The rule in capital letters, without `RRULE:`.
    rule: str
    #: The first possible reading, naive.
    dtstart: datetime
    on_gap: OnGap
    on_fold: FoldOption
    _text: RuleText
    _recurrence: Recurrence
    _until: datetime | None
    _wall: ReadingsWall

    def __init__(
        self,
        rule: str,
        *,
        dtstart: datetime | str,
        tz: str | tzinfo | None = None,
        on_gap: OnGap = "run",
        on_fold: FoldOption = "auto",
    ) -> None:
        check_option("on_gap", on_gap, get_args(OnGap))
        check_option("on_fold", on_fold, get_args(FoldOption))
        text = read_rule(rule)
        start, zone = _start(dtstart, settle(tz))
        self._set_zone(zone)
        recurrence = Recurrence(text, start)
        until = text.until.replace(tzinfo=UTC) if text.until and text.until_is_utc else None
        self._set(
            rule=text.text,
            dtstart=start,
            on_gap=on_gap,
            on_fold=first_pass(on_fold),
            _text=text,
            _recurrence=recurrence,
            _until=until,
            _wall=ReadingsWall(recurrence, zone or UTC, on_gap, first_pass(on_fold)),
        )

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first instant strictly after `at` (aware); None if none in 400 years."""
        found = self._wall.next_after(at)
        if found is None or self._until is None or to_utc(found) <= self._until:
            return found
        return None

    def previous_before(self, at: datetime) -> datetime | None:
        """Return the last instant strictly before `at` (aware); None if none in 400 years."""
        if self._until is not None and since_origin(at) > since_origin(self._until):
            at = self._until + _TICK
        return self._wall.previous_before(at)

    def describe(self) -> str:
        """Return the schedule in words, such as "every month on the last Friday at 09:00"."""
        words = rule_words(self._text, self.dtstart)
        name = self._zone_name()
        return f"{words}, {name}" if name else words

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON-ready data; the start as a naive reading in ISO 8601."""
        return {
            "kind": self.kind,
            "rule": self.rule,
            "dtstart": self.dtstart.isoformat(),
            "tz": self._zone_name(),
            "on_gap": self.on_gap,
            "on_fold": self.on_fold,
        }

    def _meaning(self) -> tuple[Any, ...]:
        until = None if self._until is None else self._until.isoformat()
        options = (self._zone_name(), self.on_gap, self.on_fold)
        return (*self._recurrence.meaning, until, *options)

    def __repr__(self) -> str:
        return self._repr(
            repr(self.rule),
            dtstart=self.dtstart.isoformat(),
            tz=self._zone_name(),
            on_gap=self.on_gap if self.on_gap != "run" else None,
            on_fold=self.on_fold if self.on_fold != "first" else None,
        )


def _start(dtstart: object, zone: tzinfo | None) -> tuple[datetime, tzinfo | None]:
    """Return the start as a naive reading, and the zone in which it is read."""
    start = dtstart
    if isinstance(start, str):
        try:
            start = datetime.fromisoformat(start)
        except ValueError:
            start = None
    if not isinstance(start, datetime) or start.microsecond:
        raise ScheduleError(
            f"dtstart={dtstart!r} is not a start; allowed: a datetime in whole seconds such as "
            "datetime(2026, 1, 31, 9, 0), or its ISO text '2026-01-31T09:00'"
        )
    if start.tzinfo is not None:
        if zone is None and isinstance(start.tzinfo, ZoneInfo) and start.tzinfo.key:
            zone = settle(start.tzinfo)
        if zone is None and start.tzinfo is UTC:
            zone = UTC
        if zone is None:
            raise ScheduleError(
                f"dtstart={dtstart!r} has an offset and no named zone; "
                "add tz= with an IANA name such as 'Europe/London'"
            )
        start = to_zone(start, zone)
    return start.replace(tzinfo=None, fold=0), zone
