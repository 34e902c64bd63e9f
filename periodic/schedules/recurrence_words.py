"""Words for recurrence rules: what FREQ and the BY... parts say, in English."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .english import listed, ordinal
from .recurrence_text import RuleText

_UNITS = {
    "YEARLY": "year",
    "MONTHLY": "month",
    "WEEKLY": "week",
    "DAILY": "day",
    "HOURLY": "hour",
    "MINUTELY": "minute",
    "SECONDLY": "second",
}
_BELOW_A_DAY = ("HOURLY", "MINUTELY", "SECONDLY")
#: Monday first.
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAYS = (0, 1, 2, 3, 4)
#: January is 1.
MONTH_NAMES = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MOST_TIMES = 6


def rule_words(rule: RuleText, start: datetime) -> str:
    """Return a rule in words, such as "every 2 weeks on Monday at 09:00, from 2026-01-05".

    Args:
        rule: the rule as it was read.
        start: its first possible reading, naive.
    """
    unit = _UNITS[rule.freq]
    words = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    words += _days(rule, start)
    words += _times(rule, start)
    if rule.bysetpos:
        words += f", of these the {_places(rule.bysetpos)} of each {unit}"
    words += f", from {start.date().isoformat()}"
    if rule.times_in_all is not None:
        words += (
            ", once in all" if rule.times_in_all == 1 else f", {rule.times_in_all} times in all"
        )
    if rule.until is not None:
        words += f" until {rule.until.isoformat(' ')}{' UTC' if rule.until_is_utc else ''}"
    return words


def _days(rule: RuleText, start: datetime) -> str:
    silent = not (rule.byday or rule.bymonthday or rule.byweekno or rule.byyearday)
    months = listed(MONTH_NAMES[month] for month in rule.bymonth) if rule.bymonth else ""
    parts: list[str] = []
    if rule.byday:
        parts.append(f"on {_weekdays(rule)}")
    elif silent and rule.freq == "WEEKLY":
        parts.append(f"on {DAY_NAMES[start.weekday()]}")
    if rule.bymonthday:
        days = f"the {_places(rule.bymonthday)}{'' if max(rule.bymonthday) > 0 else ' day'}"
        parts.append(f"if it is {days}" if rule.byday else f"on {days}")
    elif silent and rule.freq in ("MONTHLY", "YEARLY"):
        parts.append(f"on the {ordinal(start.day)}")
    if rule.byyearday:
        parts.append(f"on the {_places(rule.byyearday)} day of the year")
    if rule.byweekno:
        parts.append(f"in week {listed(map(str, rule.byweekno))}")
    if silent and rule.freq == "YEARLY":
        parts.append(f"of {months or MONTH_NAMES[start.month]}")
    elif months:
        parts.append(f"of {months}" if rule.bymonthday and not rule.byday else f"in {months}")
    return "".join(f" {part}" for part in parts)


def _weekdays(rule: RuleText) -> str:
    if tuple(day for _, day in rule.byday) == _WEEKDAYS and not any(n for n, _ in rule.byday):
        return "weekdays"
    named = [(number, DAY_NAMES[day]) for number, day in rule.byday]
    return listed(f"the {_place(number)} {day}" if number else day for number, day in named)


def _times(rule: RuleText, start: datetime) -> str:
    if rule.freq not in _BELOW_A_DAY:
        hours, minutes = rule.byhour or (start.hour,), rule.byminute or (start.minute,)
        seconds = rule.bysecond or (start.second,)
        if len(hours) * len(minutes) * len(seconds) <= _MOST_TIMES:
            shown = [(h, m, s) for h in hours for m in minutes for s in seconds]
            return (
                f" at {listed(f'{h:02}:{m:02}' + (f':{s:02}' if s else '') for h, m, s in shown)}"
            )
        return _fields(hours, minutes, seconds if seconds != (0,) else ())
    minutes = rule.byminute or ((start.minute,) if rule.freq == "HOURLY" else ())
    seconds = rule.bysecond or ((start.second,) if rule.freq != "SECONDLY" else ())
    return _fields(rule.byhour, minutes, seconds if seconds != (0,) else ())


def _fields(hours: Iterable[int], minutes: Iterable[int], seconds: Iterable[int]) -> str:
    named = (("second", tuple(seconds)), ("minute", tuple(minutes)), ("hour", tuple(hours)))
    parts = [
        f"{name} {listed(map(str, values))}"
        if len(values) == 1
        else f"the {name}s {listed(map(str, values))}"
        for name, values in named
        if values
    ]
    return f" at {' of '.join(parts)}" if parts else ""


def _places(numbers: Iterable[int]) -> str:
    return listed(_place(number) for number in sorted(numbers, key=lambda n: (n < 0, abs(n))))


def _place(number: int) -> str:
    """Return 1st, 2nd, ..., last, 2nd to last, ..."""
    if number > 0:
        return ordinal(number)
    return "last" if number == -1 else f"{ordinal(-number)} to last"
