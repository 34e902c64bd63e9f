"""Random crontabs with the numbers that they mean, written down before any parser sees the text."""

from __future__ import annotations

from random import Random
from typing import Any

from .oracle import Rule

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_week": (0, 6),
    "day_of_month": (1, 31),
    "month_of_year": (1, 12),
}


def _name(random: Random, field: str, number: int) -> str:
    names = {"month_of_year": ["", *MONTHS], "day_of_week": WEEKDAYS}.get(field)
    if names and random.random() < 0.5:
        return random.choice([names[number], names[number].upper()])
    return str(number)


def _part(random: Random, field: str) -> tuple[str, set[int]]:
    low, high = BOUNDS[field]
    # Clocks change at night: most hours are drawn from there.
    top = 4 if field == "hour" and random.random() < 0.8 else high
    first, last = random.randint(low, top), random.randint(low, top)
    match random.choice(["one", "one", "range", "stepped", "star"]):
        case "one":
            return _name(random, field, first), {first}
        case "star":
            step = random.randint(1, high - low + 1)
            return f"*/{step}", set(range(low, high + 1)[::step])
        case shape:
            row = list(range(first, last + 1))
            if first > last:
                row = [*range(first, high + 1), *range(low, last + 1)]
            text = f"{_name(random, field, first)}-{_name(random, field, last)}"
            if shape == "range":
                return text, set(row)
            step = random.randint(1, 5)
            return f"{text}/{step}", set(row[::step])


def field(random: Random, name: str) -> tuple[Any, frozenset[int]]:
    """Return a value for a field and the numbers that it means."""
    low, high = BOUNDS[name]
    dates = name in ("day_of_week", "day_of_month", "month_of_year")
    kind = random.random()
    if kind < (0.75 if dates else 0.25):
        return "*", frozenset(range(low, high + 1))
    if kind < 0.8:
        parts = [_part(random, name) for _ in range(random.choice([1, 1, 2, 3]))]
        return ",".join(text for text, _ in parts), frozenset().union(*(s for _, s in parts))
    top = 4 if name == "hour" else high
    numbers = {random.randint(low, top) for _ in range(random.randint(1, 4))}
    if len(numbers) == 1:
        return numbers.copy().pop(), frozenset(numbers)
    return random.choice([list, tuple, set])(numbers), frozenset(numbers)


def crontab(random: Random) -> tuple[dict[str, Any], Rule]:
    """Return keyword arguments of a crontab and what they mean."""
    while True:
        given: dict[str, Any] = {}
        numbers: dict[str, frozenset[int]] = {}
        for name in BOUNDS:
            given[name], numbers[name] = field(random, name)
        longest = 29 if numbers["month_of_year"] == {2} else 30
        if numbers["month_of_year"] & {1, 3, 5, 7, 8, 10, 12}:
            longest = 31
        if min(numbers["day_of_month"]) <= longest:
            break
    given["on_gap"] = random.choice(["run", "run", "run", "skip", "shift"])
    given["on_fold"] = random.choice(["auto", "auto", "auto", "first", "last", "both"])
    starred = [str(given[name]).startswith("*") for name in ("minute", "hour")]
    rule = Rule(
        numbers["minute"],
        numbers["hour"],
        numbers["day_of_week"],
        numbers["day_of_month"],
        numbers["month_of_year"],
        fixed=not any(starred),
        on_gap=given["on_gap"],
        on_fold=given["on_fold"],
    )
    return given, rule
