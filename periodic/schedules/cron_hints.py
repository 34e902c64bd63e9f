"""What to say to somebody whose cron expression cannot be understood."""

from __future__ import annotations

from difflib import get_close_matches

from .cron_fields import DAY_FIELDS, HOURS, MINUTES, MONTH_DAYS, MONTHS, SECONDS, WEEKDAYS, Field

_LONGEST_NAME = 12
_LONGEST_STEP = 6
_MOST_SHOWN = 80


def instead_of_step(field: Field, step: str) -> str:
    """Return what somebody may mean with a step that is too large."""
    if field in DAY_FIELDS:
        return "for the first Monday of the month write 'mon#1' in day_of_week"
    if field is MONTHS:
        return "for some months write their names, such as 'jan'"
    if len(step) > _LONGEST_STEP:
        return f"for longer pauses use interval({field.unit}s=...)"
    return f"for one every {step} {field.unit}s use interval({field.unit}s={step})"


def no_value(field: Field, text: str) -> str:
    """Return why a word is no value, and what may be meant."""
    for other, place in ((MONTHS, "fourth"), (WEEKDAYS, "fifth")):
        if other is not field and other.named(text) is not None:
            return f"{text!r} is a {other.unit}, which is the {place} of five fields"
    kind = f"no name of a {field.unit}" if field.names else "not a number"
    hint = ""
    if is_special(text):
        hint = _letters(field)
    elif field.names and len(text) <= _LONGEST_NAME:
        near = get_close_matches(text.lower(), field.names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{shown(text)} is {kind}{hint}"


def junk(field: Field, part: str, end: int) -> str:
    """Return why a part cannot be understood from `end` on, and what may be meant."""
    rest = part[end:]
    if rest == "/":
        return "a step is missing after '/'"
    if rest == "-":
        return "the end of the range is missing after '-'"
    if end == 0 and rest.startswith("-"):
        return "negative numbers do not exist here"
    return f"{shown(rest)} cannot be understood{_meant(field, rest)}"


def _meant(field: Field, rest: str) -> str:
    if any(char.isdigit() and not char.isascii() for char in rest):
        return "; write digits 0-9"
    if "#" in rest:
        if field is WEEKDAYS:
            return "; write one weekday and its number, such as 'fri#2'"
        return "; '#' stands in day_of_week, such as 'fri#2'"
    if "?" in rest:
        return "; '?' stands alone"
    return "; write H(first-last), such as 'H(0-29)'" if rest.startswith("(") else ""


def outside(field: Field, number: int) -> str:
    """Return a hint for a number that is just outside."""
    if field is WEEKDAYS:
        return "; 0 and 7 are Sunday"
    if field is HOURS and number == field.high + 1:
        return "; midnight is 0"
    if field in (SECONDS, MINUTES) and number == field.high + 1:
        return f"; the full {'minute' if field is SECONDS else 'hour'} is 0"
    return f"; the first {field.unit} is 1" if number == 0 else ""


def is_special(text: str) -> bool:
    """Tell whether a word looks like `L`, `LW`, `15W` or `5L`."""
    head, letter = text[:-1].upper(), text[-1:].upper()
    return letter in ("L", "W") and (not head or head == "L" or head.isdigit())


def _letters(field: Field) -> str:
    if field is WEEKDAYS:
        return "; '5L' or 'friL' is the last Friday, 'L' in day_of_month the last day"
    if field is MONTH_DAYS:
        return "; 'L' is the last day, 'LW' the last weekday, '15W' the weekday nearest the 15th"
    return "; L and W stand in the day fields"


def shown(text: str) -> str:
    """Return a text as messages show it: in quotes, its beginning if it is long."""
    return repr(short(text))


def short(text: str) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
