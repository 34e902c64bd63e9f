"""The readings of a recurrence rule of RFC 5545: which days have some, and which times a day has.

Days and times are what the BY... parts leave. INTERVAL and BYSETPOS are arithmetic: no search
walks from the start of the rule, and a rule that never fires is known at once.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime

from ..errors import ScheduleError
from .instants import DAY, DAYS
from .recurrence_parts import UNITS, day_rule, days_of_year, first_of, time_rule, times_of
from .recurrence_text import RuleText

_MONTHS = 12
_WEEK = 7
#: After so many days, 400 years, the calendar repeats.
_HORIZON = 146_097
# A search gives up after so many steps, each over a day, a period or a year without a reading;
# COUNT, which is counted once when the rule is made, may take no more steps.
_MOST_STEPS = 5_000
_KEPT = 64


class Recurrence:
    """The readings of a rule: which days have some (day 0 is 0001-01-01), and their times.

    Args:
        rule: the rule as it was read.
        start: its first possible reading, naive, in whole seconds.
        whole_days: whether it is about days: then UNTIL is a date.

    Raises:
        ScheduleError: it has no reading, UNTIL is of the wrong kind, or COUNT is too large.
    """

    def __init__(self, rule: RuleText, start: datetime, *, whole_days: bool = False) -> None:
        self._freq = rule.freq
        self._interval = rule.interval
        self._start_day = start.toordinal() - 1
        self._start_time = start.hour * 3600 + start.minute * 60 + start.second
        self._wkst = rule.wkst
        self._day_rule = day_rule(rule, start)
        self._time_rule = time_rule(rule, start)
        long = rule.freq not in UNITS and rule.freq != "DAILY"
        self._setpos = rule.bysetpos if long else ()
        self._periods: dict[int, dict[int, tuple[int, ...]]] = {}
        self._end: tuple[int, int] | None = None
        self._steps = 0
        if rule.until is not None and not rule.until_is_utc:
            if not rule.until_has_time and not whole_days:
                raise ScheduleError(
                    f"rule {rule.text!r}: UNTIL is a date alone; write its time too: "
                    f"{rule.until:%Y%m%d}T235959 in local time, or with Z in UTC"
                )
            until = rule.until
            time = until.hour * 3600 + until.minute * 60 + until.second
            self._end = until.toordinal() - 1, DAY - 1 if whole_days else time
        if self.first_from(0) is None:
            raise ScheduleError(
                f"rule {rule.text!r} never fires in the years that are searched: "
                "no day matches all of its parts"
            )
        if rule.times_in_all is not None:
            self._end = self._counted(rule.times_in_all, rule.text)

    @property
    def meaning(self) -> tuple[object, ...]:
        """What makes two recurrences equal: hashable and JSON-ready."""
        rules = (tuple(self._day_rule), tuple(self._time_rule), self._setpos)
        week = self._wkst if self._freq == "WEEKLY" else 0
        start = (self._start_day, self._start_time)
        return (self._freq, self._interval, week, start, self._end, *rules)

    def first_from(self, day: int) -> int | None:
        """Return the first day with a reading that is `day` or later; None if in no 400 years."""
        day = max(day, self._start_day)
        last = min(DAYS - 1 if self._end is None else self._end[0], day + self._reach())
        for _ in range(_MOST_STEPS):
            self._steps += 1
            day = self._in_phase(day, 1)
            if day > last:
                return None
            first, days = days_of_year(self._day_rule, day)
            index = bisect_left(days, day - first)
            found = (
                first + days[index]
                if index < len(days)
                else first_of(date.fromordinal(day + 1).year + 1, 1)
            )
            if found == day and self.times(day):
                return day
            day = max(self._beside(day, 1), found)
        return None

    def last_upto(self, day: int) -> int | None:
        """Return the last day with a reading that is `day` or earlier; None if in no 400 years."""
        day = min(day, DAYS - 1 if self._end is None else self._end[0])
        last = max(self._start_day, day - self._reach())
        for _ in range(_MOST_STEPS):
            day = self._in_phase(day, -1) if day >= last else day
            if day < last:
                return None
            first, days = days_of_year(self._day_rule, day)
            index = bisect_left(days, day - first + 1) - 1
            found = first + days[index] if index >= 0 else first - 1
            if found == day and self.times(day):
                return day
            day = min(self._beside(day, -1), found)
        return None

    def times(self, day: int) -> tuple[int, ...]:
        """Return the times of a day that has some, in seconds, in order."""
        if self._setpos:
            times = self._chosen(self._index(day)).get(day, ())
        else:
            times = times_of(self._time_rule, self._first_unit(day))
        if day == self._start_day:
            times = tuple(time for time in times if time >= self._start_time)
        if self._end is not None and day == self._end[0]:
            times = tuple(time for time in times if time <= self._end[1])
        return times

    def _reach(self) -> int:
        return _HORIZON * (self._interval if self._freq == "YEARLY" else 1)

    def _in_phase(self, day: int, step: int) -> int:
        """Return a day, or the nearest one of the next (1) or previous (-1) period that counts."""
        if self._interval == 1 or self._freq in UNITS:
            return day
        index = self._index(day)
        off = (index - self._index(self._start_day)) % self._interval
        if off == 0:
            return day
        if step > 0:
            return self._begin(index + self._interval - off)
        return self._begin(index - off + 1) - 1

    def _index(self, day: int) -> int:
        """Return the number of the period that holds a day."""
        match self._freq:
            case "YEARLY":
                return date.fromordinal(day + 1).year
            case "MONTHLY":
                on = date.fromordinal(day + 1)
                return on.year * _MONTHS + on.month - 1
            case "WEEKLY":
                return (day - self._wkst) // _WEEK  # day 0 is a Monday
            case _:
                return day

    def _begin(self, index: int) -> int:
        """Return the first day of a period."""
        match self._freq:
            case "YEARLY":
                return first_of(index, 1)
            case "MONTHLY":
                return first_of(index // _MONTHS, index % _MONTHS + 1)
            case "WEEKLY":
                return index * _WEEK + self._wkst
            case _:
                return index

    def _first_unit(self, day: int) -> int:
        """Return the first hour, minute or second of a day that INTERVAL leaves."""
        rule = self._time_rule
        return (rule.start - day * rule.unit) % rule.interval

    def _chosen(self, index: int) -> dict[int, tuple[int, ...]]:
        """Return what BYSETPOS takes out of a period: its days, with their times, in order."""
        chosen = self._periods.get(index)
        if chosen is None:
            if len(self._periods) >= _KEPT:
                self._periods.clear()
            chosen = self._periods[index] = {}
            days = self._days_in(self._begin(index), self._begin(index + 1) - 1)
            times = times_of(self._time_rule, 0)
            size = len(days) * len(times)
            places = {place - 1 if place > 0 else size + place for place in self._setpos}
            for place in sorted(places):
                if 0 <= place < size:
                    at, time = divmod(place, len(times))
                    chosen[days[at]] = (*chosen.get(days[at], ()), times[time])
        return chosen

    def _beside(self, day: int, step: int) -> int:
        """Return the nearest day after (1) or before (-1) a day that may have a reading."""
        if not self._setpos:
            return day + step
        index = self._index(day)
        days = [each for each in self._chosen(index) if (each - day) * step > 0]
        if step > 0:
            return min(days, default=self._begin(index + 1))
        return max(days, default=self._begin(index) - 1)

    def _days_in(self, low: int, high: int) -> list[int]:
        """Return the days of a period that the BY... parts leave."""
        found: list[int] = []
        day = max(low, 0)
        while day <= min(high, DAYS - 1):
            first, days = days_of_year(self._day_rule, day)
            found += [first + each for each in days if low <= first + each <= high]
            day = first_of(date.fromordinal(day + 1).year + 1, 1)
        return found

    def _counted(self, count: int, text: str) -> tuple[int, int] | None:
        """Return the day and the time of the last reading; None where the calendar ends before."""
        self._steps = 0
        day = self.first_from(0)
        while day is not None and self._steps <= _MOST_STEPS:
            times = self.times(day)
            if count <= len(times):
                return day, times[count - 1]
            count -= len(times)
            day = self.first_from(day + 1)
        if self._steps <= _MOST_STEPS:
            return self._end
        raise ScheduleError(
            f"rule {text!r}: COUNT reaches too far ahead to be counted, over more than "
            f"{_MOST_STEPS} days and periods; leave COUNT out, or end the rule with UNTIL"
        )
