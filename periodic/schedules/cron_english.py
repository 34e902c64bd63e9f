"""A cron expression in words: seconds, special days, and day of month OR day of week."""

from __future__ import annotations

from .cron_days import LastDay, LastWeekday, NearestWeekday, NthWeekday
from .cron_fields import SECONDS, WEEKDAYS, MonthSpecial, Parsed, WeekSpecial
from .cron_text import Expression
from .english import (
    MOST_TIMES,
    clock_words,
    dates,
    either_weekday,
    every,
    is_every_day,
    is_every_month,
    is_every_weekday,
    listed,
    month_names,
    on_days,
    ordinal,
    single_days,
    units,
)

_NTH = ("", "first", "second", "third", "fourth", "fifth")
_EVERY_MINUTE = "every minute"
_EVERY_WEEKDAY = frozenset(range(7))
_EVERY_DAY = frozenset(range(1, 32))


def cron_words(expression: Expression, text: str) -> str:
    """Return an expression in words.

    Args:
        expression: what it means.
        text: as given, for what only the entry's name can settle.
    """
    if expression.hashed:
        return f"as {text!r} says, with each H settled by the entry's name"
    times, often = _clock(expression)
    days, months, weekdays = expression[3:]
    any_day, any_weekday = is_every_day(days), is_every_weekday(weekdays)
    if expression.either_day and (any_day or any_weekday):
        days, weekdays = days._replace(values=_EVERY_DAY), weekdays._replace(values=_EVERY_WEEKDAY)
    if not expression.either_day or is_every_day(days):
        special = weekdays.week_specials and not is_every_weekday(weekdays)
        if not special and (is_every_day(days) or not days.month_specials):
            return on_days((times, often), weekdays, days, months)
    return f"{times} on {_dates(expression, days, months, weekdays)}"


def _clock(expression: Expression) -> tuple[str, bool]:
    """Return the times in words, and whether they say how often rather than when."""
    times, often = clock_words(expression.minute, expression.hour)
    seconds = sorted(expression.second.values)
    if seconds == [0]:
        return times, often
    minutes, hours = sorted(expression.minute.values), sorted(expression.hour.values)
    if not often and len(seconds) * len(minutes) * len(hours) <= MOST_TIMES:
        clock = [f"{h:02}:{m:02}:{s:02}" for h in hours for m in minutes for s in seconds]
        return f"at {listed(clock)}", False
    beat = every(expression.second, "second", SECONDS.size)
    if beat is not None and times.startswith(_EVERY_MINUTE):
        return beat + times.removeprefix(_EVERY_MINUTE), True
    if not often:
        which = beat or units("second", seconds)
        return f"{which} of the minute{'s' if ' and ' in times else ''} {times}", True
    if beat is None:
        return f"{times}, at {units('second', seconds)}", True
    return f"{beat} during one minute {times}", True


def _dates(expression: Expression, days: Parsed, months: Parsed, weekdays: Parsed) -> str:
    """Return dates with special days, or with one of two day fields, in words."""
    named = "" if is_every_month(months) else month_names(months)
    of_days = f"{_month_days(days)} of {_month(named, days.month_specials)}"
    of_weekdays = _weekdays(weekdays)
    if weekdays.week_specials:
        of_weekdays += f" of {_month(named, weekdays.week_specials)}"
    elif named:
        of_weekdays += f" in {named}"
    if expression.either_day:
        return f"{of_days}, and on {of_weekdays}"
    if is_every_day(days):
        return of_weekdays
    if is_every_weekday(weekdays):
        return of_days
    return f"{of_days} if it is {_either(weekdays)}"


def _month(named: str, specials: tuple[object, ...]) -> str:
    return named or ("the month" if specials else "every month")


def _month_days(field: Parsed) -> str:
    plain = [dates(field)] if field.values else []
    return listed([*plain, *map(_month_special, field.month_specials)])


def _month_special(special: MonthSpecial) -> str:
    match special:
        case LastDay(0):
            return "the last day"
        case LastDay(minus):
            return f"the {ordinal(minus)} day before the last day"
        case NearestWeekday(int(near)):
            return f"the weekday nearest the {ordinal(near)}"
        case NearestWeekday():
            return "the last weekday"


def _weekdays(field: Parsed) -> str:
    plain = [f"every {single_days(field.values)}"] if field.values else []
    return listed([*plain, *map(_week_special, field.week_specials)])


def _week_special(special: WeekSpecial) -> str:
    name = WEEKDAYS.names[special.weekday].capitalize()
    match special:
        case LastWeekday():
            return f"the last {name}"
        case NthWeekday(nth=nth):
            return f"the {_NTH[nth]} {name}"


def _either(field: Parsed) -> str:
    """Return days of the week for use after "if it is"."""
    plain = [f"a {either_weekday(field.values)}"] if field.values else []
    return " or ".join([*plain, *map(_week_special, field.week_specials)])
