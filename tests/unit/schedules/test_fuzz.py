"""Random texts for every parser: a schedule or a ValueError, and never a long wait.

`PERIODIC_FUZZ=1000000` says how many inputs (the nightly environment); without it, some thousands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from periodic.schedules import cron, crontab, interval

from . import cron_expressions, expressions

USUAL = 6_000
COUNT = int(os.environ.get("PERIODIC_FUZZ", USUAL))
#: No input may take longer, in seconds.
LIMIT = 0.05
AT = datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Pacific/Apia")

WORDS = [
    *("*", "?", "L", "LW", "15W", "31W", "L-3", "L-30", "5L", "friL", "fri#2", "0#5", "H", "h"),
    *("H(0-29)", "H/15", "H(0-29)/10", "H(fri-mon)", "*/15", "*/61", "*/100", "5/15", "1-30/7"),
    *("fri-mon", "nov-feb/2", "22-4/2", "0", "7", "59", "60", "31", "30", "29", "007", "jan"),
    *("SUNDAY", "mon-fri", "0-59", "1,2,3", "@daily", "@reboot", "@every", "-1", "1e3", "0x10"),
    *(
        "٣",
        "\uff11",
        "²",
        "Ⅷ",
        "\u0000",
        "\u200b",
        "\ud800",
        "\u212a",
        "İ",
        "\u017fun",
        "😀",
        "\u00a0",
        "None",
    ),
]
CHARACTERS = "0123456789*/,-#?LWHlwh()@ \t\n\u00a0abcdefjmnorstuy.+_:;='\"\\%٣１²\u0000\ud800"


def soup(random: Random) -> str:
    """Return characters of the dialects in no order."""
    return "".join(random.choices(CHARACTERS, k=random.choice([1, 3, 8, 20, 60])))


def words(random: Random, count: int) -> str:
    """Return so many fields of which each may be right."""
    fields = []
    for _ in range(count):
        parts = random.choices(WORDS, k=random.choice([1, 1, 1, 1, 2, 3]))
        fields.append(random.choice([",", ",", ",", "-", "/", ""]).join(parts))
    return random.choice([" ", " ", "  ", "\t"]).join(fields)


def likely(random: Random, count: int) -> str:
    """Return fields that are mostly right, so that what follows the parser is reached."""
    fields = ["*"] * count
    for _ in range(random.choice([1, 2])):
        fields[random.randrange(count)] = random.choice(WORDS)
    return " ".join(fields)


def damaged(random: Random, text: str) -> str:
    """Return a text with some characters gone, doubled or replaced."""
    characters = list(text)
    for _ in range(random.choice([0, 1, 1, 2, 5])):
        place = random.randrange(len(characters) + 1)
        match random.choice(["drop", "insert", "double"]):
            case "drop":
                del characters[place : place + 1]
            case "insert":
                characters.insert(place, random.choice(CHARACTERS))
            case _:
                characters[place:place] = characters[place : place + random.choice([1, 5])]
    return "".join(characters)


def text_for(random: Random, count: int) -> str:
    """Return a text for a parser that expects so many fields."""
    if random.random() < 0.5:
        text, _, _ = cron_expressions.cron(random, AT.date())
        return text if random.random() < 0.7 else damaged(random, text)
    text = random.choice([words, likely, likely])(random, count)
    match random.randrange(10):
        case 0:
            return soup(random)
        case 1:  # long, to the limit and over it
            return (text + random.choice([" ", ",", "9", "*", ",1", "-", "("]) * 2000)[
                : random.choice([300, 999, 1000, 1001, 2500])
            ]
        case 2:
            return random.choice("0123456789*") * random.choice([5, 50, 500, 5000]) + " * * * *"
        case _:
            return damaged(random, text)


def any_object(random: Random, number: int) -> Any:
    """Return a thing that is no text."""
    return random.choice(
        [
            None,
            True,
            -1,
            10**30,
            1.5,
            float("nan"),
            float("inf"),
            b"*",
            [],
            [number],
            {1: 2},
            (),
            {},
        ]
    )


def made_cron(random: Random) -> cron:
    """Make a schedule from a random expression and options."""
    expression: Any = text_for(random, random.choice([5, 5, 6, random.randrange(9)]))
    if random.random() < 0.01:
        expression = any_object(random, 5)
    name = random.choice([None, "report", expression])
    return cron(expression, tz=random.choice(ZONES), name=name)


def made_crontab(random: Random) -> crontab:
    """Make a schedule from random fields, or from a random text."""
    if random.random() < 0.2:
        return crontab.from_string(text_for(random, 5), tz=random.choice(ZONES))
    fields: list[Any] = ["*"] * 5
    for _ in range(random.choice([1, 1, 2, 5])):
        place = random.randrange(5)
        fields[place], _ = expressions.field(random, list(expressions.BOUNDS)[place])
        if random.random() < 0.4:
            fields[place] = text_for(random, 1)
        if random.random() < 0.2:
            numbers = [random.randint(-2, 61) for _ in range(random.randrange(4))]
            fields[place] = random.choice([numbers, set(numbers), random.randint(-2, 61)])
        if random.random() < 0.1:
            fields[place] = any_object(random, random.randint(-2, 61))
    return crontab(*fields, tz=random.choice(ZONES))


def made_interval(random: Random) -> interval:
    """Make a schedule from random numbers or from things that are none."""
    numbers: list[Any] = [
        *(random.choice([0, 1, -1, 5, 1e-7, 1e-6, 1e300, 10**30, 10**400, -(10**20), 0.1]),),
        *(timedelta(microseconds=random.randint(-5, 10**15)), timedelta.max, timedelta.min),
        *(random.uniform(-10, 1e10), any_object(random, 5), text_for(random, 1)),
    ]
    options: dict[str, Any] = {}
    for unit in ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"):
        if random.random() < 0.2:
            options[unit] = random.choice(numbers)
    anchors: list[Any] = [None, AT, AT.replace(tzinfo=None), datetime.max, datetime.min, "now", 5]
    if random.random() < 0.3:
        options["anchor"] = random.choice(anchors)
    if random.random() < 0.6 or not options:
        return interval(random.choice(numbers), **options)
    return interval(**options)


def use(schedule: cron | crontab | interval) -> None:
    """Ask a schedule all that a beat, a list and a store ask."""
    if not (isinstance(schedule, cron) and schedule.parsed.hashed):
        schedule.next_after(AT)
        schedule.previous_before(AT)
    schedule.describe()
    hash(schedule)
    again = type(schedule).from_dict(schedule.to_dict())
    assert schedule == again, schedule


def elapsed(make: Callable[[Random], Any], state: Any) -> tuple[float, bool]:
    """Return the seconds of this thread's work for one input, and whether it was refused."""
    random = Random()
    random.setstate(state)
    start = time.thread_time()
    try:
        use(make(random))
    except ValueError:
        return time.thread_time() - start, True
    return time.thread_time() - start, False


@pytest.mark.timeout(60 if COUNT <= USUAL else 0)
@pytest.mark.parametrize(
    "make",
    [made_cron, made_crontab, made_interval],
    ids=["cron", "crontab", "interval"],
)
def test_random_input(make: Callable[[Random], Any]) -> None:
    """Every input makes a schedule that works or a ValueError, in at most 50 ms."""
    random = Random(f"fuzz {make.__name__}")
    for zone in ZONES:  # zone data is read once
        crontab(tz=zone).next_after(AT)
    slowest, refused = 0.0, 0
    for _ in range(COUNT // 3):
        state = random.getstate()
        spent, refusal = elapsed(make, state)
        # What is slow by itself is slow again; a busy machine is not.
        for _ in range(3):
            if spent <= LIMIT:
                break
            spent = min(spent, elapsed(make, state)[0])
        slowest, refused = max(slowest, spent), refused + refusal
        random.seed(random.getrandbits(64))
        assert spent <= LIMIT, state
    print(
        f"{make.__name__}: {COUNT // 3:,} inputs, {refused:,} refused by a ValueError, "
        f"slowest {slowest * 1000:.1f} ms"
    )
    assert COUNT // 10 < refused < COUNT // 3 - COUNT // 30
