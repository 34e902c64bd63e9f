"""Random cron expressions with what they mean, written down before any parser sees the text.

`near` is a date that matters, such as the night of a clock change: numbers are drawn so that the
expression often matches it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

from . import cron_oracle as oracle
from .cron_oracle import CronRule, DayTest

MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
SHORT_DAYS = [name[:3] for name in WEEKDAYS]
GAPS = " ", " ", " ", "\t", "  ", " \n", "\u00a0", "\v"


def _case(random: Random, text: str) -> str:
    return random.choice([text, text.upper(), text.capitalize()])


def _spelled(random: Random, name: str | None, number: int) -> str:
    """Return a number, or its name in some spelling."""
    if name is None or random.random() < 0.4:
        return random.choice([str(number), str(number), f"{number:02}"])
    return _case(random, random.choice([name, name[:3]]))


def _numbers(random: Random, low: int, high: int, draw: Callable[[], int]) -> tuple[str, list[int]]:
    """Return one part of a list and its numbers; `draw` gives numbers that matter."""
    first, last = draw(), draw()
    row = [first]
    while row[-1] != last:
        row.append(row[-1] + 1 if row[-1] < high else low)
    steps = high - low + 1
    match random.choice(["one", "one", "one", "range", "stepped", "from", "star", "stars"]):
        case "one":
            return f"{first}", [first]
        case "range":
            return f"{first}-{last}", row
        case "stepped":
            step = random.randint(1, 5)
            return f"{first}-{last}/{step}", row[::step]
        case "from":
            step = random.randint(1, min(20, steps))
            return f"{first}/{step}", [n for n in range(first, high + 1) if not (n - first) % step]
        case "star":
            return "*", list(range(low, high + 1))
        case _:
            step = random.choice([random.randint(1, steps), random.randint(1, min(10, steps))])
            return f"*/{step}", [n for n in range(low, high + 1) if not (n - low) % step]


def _field(
    random: Random, low: int, high: int, draw: Callable[[], int], stars: float
) -> tuple[str, frozenset[int]]:
    if random.random() < stars:
        return "*", frozenset(range(low, high + 1))
    parts = [_numbers(random, low, high, draw) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    return ",".join(text for text, _ in parts), frozenset(n for _, row in parts for n in row)


def _months(random: Random, near: date) -> tuple[str, frozenset[int]]:
    if random.random() < 0.75:
        return "*", frozenset(range(1, 13))

    def draw() -> int:
        return near.month if random.random() < 0.7 else random.randint(1, 12)

    text, numbers = _field(random, 1, 12, draw, 0)
    if text.isdigit():
        text = _spelled(random, MONTHS[int(text) - 1], int(text))
    return text, numbers


def _days(random: Random, near: date) -> tuple[str, list[DayTest]]:
    if random.random() < 0.45:
        return random.choice(["*", "*", "?"]), [lambda _: True]
    texts: list[str] = []
    tests: list[DayTest] = []
    for _ in range(random.choice([1, 1, 2, 3])):
        number = near.day if random.random() < 0.5 else random.randint(1, 31)
        match random.choice(["plain", "plain", "plain", "last", "minus", "nearest", "lw"]):
            case "plain":
                text, row = _numbers(
                    random,
                    1,
                    31,
                    lambda: near.day if random.random() < 0.3 else random.randint(1, 31),
                )
                texts.append(text)
                tests += [oracle.is_number(n) for n in row]
            case "last":
                texts.append(_case(random, "l"))
                tests.append(oracle.is_last(0))
            case "minus":
                minus = random.randint(1, 30)
                texts.append(f"L-{minus}")
                tests.append(oracle.is_last(minus))
            case "nearest":
                number = min(max(number + random.randint(-2, 2), 1), 31)
                texts.append(_case(random, f"{number}w"))
                tests.append(oracle.is_nearest(number))
            case _:
                texts.append(_case(random, "lw"))
                tests.append(oracle.is_last_weekday())
    return ",".join(texts), tests


def _week_part(random: Random, number: int) -> tuple[str, list[DayTest]]:
    """Return one part of the day of week; `number` is 0 to 7."""
    short = SHORT_DAYS[number % 7]
    spelled = _spelled(random, WEEKDAYS[number % 7], number).removeprefix("0") or "0"
    match random.choice(["one", "one", "range", "from", "star", "nth", "last"]):
        case "one":
            return spelled, [oracle.is_weekday(short)]
        case "range":
            # Written out day by day, so that Sunday's two numbers need no arithmetic.
            length, step = random.randint(1, 6), random.randint(1, 3)
            row = [*SHORT_DAYS, *SHORT_DAYS][number % 7 :][:length]
            end = SHORT_DAYS.index(row[-1])
            # 7 as the end of a range that does not begin with it
            last = "7" if end == 0 and length > 1 and random.random() < 0.5 else None
            last = last or _spelled(random, WEEKDAYS[end], end)
            text = f"{spelled}-{last}" + (f"/{step}" if step > 1 else "")
            return text, [oracle.is_weekday(name) for name in row[::step]]
        case "from":
            step = random.randint(1, 7)
            row = [n for n in range(number, 8) if not (n - number) % step]
            text = spelled
            if number == 7:  # a name is the smaller number
                text = "7"
            return f"{text}/{step}", [oracle.is_weekday(SHORT_DAYS[n % 7]) for n in row]
        case "star":
            step = random.randint(1, 7)
            return f"*/{step}", [oracle.is_weekday(SHORT_DAYS[n]) for n in range(0, 7, step)]
        case "nth":
            nth = random.randint(1, 5)
            return f"{spelled}#{nth}", [oracle.is_nth(short, nth)]
        case _:
            return f"{spelled}{random.choice('lL')}", [oracle.is_last_named(short)]


def _weekdays(random: Random, near: date) -> tuple[str, list[DayTest]]:
    if random.random() < 0.45:
        return random.choice(["*", "*", "?"]), [lambda _: True]
    texts: list[str] = []
    tests: list[DayTest] = []
    for _ in range(random.choice([1, 1, 2, 3])):
        number = near.isoweekday() if random.random() < 0.5 else random.randint(0, 7)
        text, more = _week_part(random, number)
        texts.append(text)
        tests += more
    return ",".join(texts), tests


def _seconds(random: Random) -> tuple[str | None, frozenset[int]]:
    kind = random.random()
    if kind < 0.6:
        return None, frozenset({0})
    if kind < 0.8:
        second = random.randint(0, 59)
        return str(second), frozenset({second})
    if kind < 0.9:
        numbers = {random.randint(0, 59) for _ in range(3)}
        return ",".join(map(str, numbers)), frozenset(numbers)
    step = random.randint(10, 60)
    return f"*/{step}", frozenset(range(0, 60, step))


def cron(random: Random, near: date) -> tuple[str, dict[str, Any], CronRule]:
    """Return an expression, keyword options, and what they mean."""
    second, seconds = _seconds(random)
    minute, minutes = _field(random, 0, 59, lambda: random.randint(0, 59), 0.1)
    # Clocks change at night: most hours are drawn from there.
    hour, hours = _field(
        random,
        0,
        23,
        lambda: random.randint(0, 4) if random.random() < 0.8 else random.randint(0, 23),
        0.25,
    )
    day, days = _days(random, near)
    month, months = _months(random, near)
    weekday, weekdays = _weekdays(random, near)
    options = {
        "on_gap": random.choice(["run", "run", "run", "skip", "shift"]),
        "on_fold": random.choice(["auto", "auto", "auto", "first", "last", "both"]),
    }
    rule = CronRule(
        seconds,
        minutes,
        hours,
        tuple(days),
        months,
        tuple(weekdays),
        either=day[0] not in "*?" and weekday[0] not in "*?",
        fixed=minute[0] != "*" and hour[0] != "*",
        **options,
    )
    texts = [minute, hour, day, month, weekday]
    if second is not None:
        texts.insert(0, second)
    text = texts[0]
    for other in texts[1:]:
        text += random.choice(GAPS) + other
    return random.choice(["", "", " "]) + text + random.choice(["", "", "\n"]), options, rule
