"""What cron refuses, and how it explains it: field, value, problem, place, what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from periodic.errors import ScheduleError
from periodic.schedules import cron


def refusal(expression: Any, **options: Any) -> str:
    """Return the message of the refusal, which is a ValueError."""
    with pytest.raises(ScheduleError) as caught:
        cron(expression, **options)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


ALLOWED = {
    "second": "0-59, lists (1,15), ranges (10-20), steps (*/5, 5/15, 10-20/5), H",
    "minute": "0-59, lists (1,15), ranges (10-20), steps (*/5, 5/15, 10-20/5), H",
    "hour": "0-23, lists (1,15), ranges (10-20), steps (*/5, 5/15, 10-20/5), H",
    "day_of_month": "1-31, lists (1,15), ranges (10-20), steps (*/5), L, L-3, LW, 15W, H",
    "month_of_year": "1-12 or jan-dec, lists (1,3), ranges (1-5), steps (*/2, 1-5/2), H",
    "day_of_week": "0-7 or sun-sat, lists (1,3), ranges (mon-fri), steps (*/2), fri#2, 5L, H",
}


def examples() -> list[tuple[str, str]]:
    """Return the expressions of `cron_refusals.txt` with their messages."""
    text = Path(__file__).with_name("cron_refusals.txt").read_text(encoding="ascii")
    blocks = text.partition("\n\n")[2].rstrip("\n").split("\n\n")
    pairs = [block.split("\n    ") for block in blocks]
    return [(expression, message) for expression, message in pairs]


@pytest.mark.parametrize(("expression", "message"), examples())
def test_a_refusal_explains(expression: str, message: str) -> None:
    """The message names the field, the value, the problem with a hint, the place, the allowed."""
    field = message.partition("=")[0]
    if field in ALLOWED:
        message += f"; allowed: {ALLOWED[field]}"

    assert message == refusal(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("\u0663 * * * *", "minute='\u0663': '\u0663' cannot be understood; write digits 0-9"),
        ("1\u00b2 * * * *", "minute='1\u00b2': '\u00b2' cannot be understood; write digits 0-9"),
        ("0 0 * * \u212aed", "day_of_week='\u212aed': '\u212aed' cannot be understood"),
    ],
)
def test_only_ascii_is_read(expression: str, problem: str) -> None:
    """No other script's digits, and no letter that only looks like one of a name."""
    assert refusal(expression).startswith(f"{problem} (at character")


@pytest.mark.parametrize("expression", ["", " \t\n"])
def test_an_empty_text_is_refused(expression: str) -> None:
    """Nothing is no expression."""
    assert refusal(expression).startswith("'' has 0 fields; write five: minute hour ")


@pytest.mark.parametrize(
    "dates",
    [
        "30 2 *",
        "31 2,4,6,9,11 *",
        "30,31 feb ?",
        "31W 4 *",
        "30W 2 *",
        "L-29 2 *",
        "L-30 2,4 *",
        "*/30 2 fri#5",
        "*/29 2 mon#2",
    ],
)
def test_dates_that_never_come_are_refused(dates: str) -> None:
    """Where no year has a matching date, the schedule cannot be made."""
    assert "no date can ever match" in refusal(f"0 0 {dates}")


def test_an_impossible_date_is_explained() -> None:
    """The message names the fields and offers `L`."""
    assert (
        "no date can ever match '0 0 30 2 *': day_of_month='30', month_of_year='2'; "
        "'L' is the last day"
    ) == refusal("0 0 30 2 *")
    assert (
        "no date can ever match '0 0 */30 2 fri#5': day_of_month='*/30', month_of_year='2', "
        "day_of_week='fri#5'"
    ) == refusal("0 0 */30 2 fri#5")


@pytest.mark.parametrize(
    "dates", ["29 2 *", "29W 2 *", "L-28 2 *", "* 2 fri#5", "31W * *", "30 2 fri", "*/28 2 mon#5"]
)
def test_rare_dates_are_accepted(dates: str) -> None:
    """What comes in leap years only, or by the other day field, is a schedule."""
    assert cron(f"0 0 {dates}")


@pytest.mark.parametrize("given", [None, 5, b"* * * * *", ["*"], {"*": 1}, object()])
def test_only_texts_are_read(given: Any) -> None:
    """Anything else is refused by its type."""
    expected = "cron takes a text such as '0 9 * * mon-fri'; this is of type "

    assert expected + type(given).__name__ == refusal(given)


@pytest.mark.parametrize(
    "expression",
    [
        "9" * 5000,
        "9" * 900 + " * * * *",
        "*/" + "9" * 900 + " * * * *",
        "0 0 L-" + "9" * 900 + " * *",
        "0 0 * * fri#" + "9" * 900,
        "0 0 " + "9" * 900 + "W * *",
        "x" * 900 + " * * * *",
        "@" + "x" * 900,
        " ".join("*" * 400),
        "0 0 15-" + "9" * 900 + "W * *",
    ],
)
def test_long_texts_are_refused_in_short_messages(expression: str) -> None:
    """No number of many digits is ever computed, and no message repeats a long text."""
    assert len(refusal(expression)) < 600


def test_the_longest_text_is_read() -> None:
    """All numbers of all fields fit; one character more than the limit does not."""
    everything = " ".join(
        ",".join(map(str, range(low, high)))
        for low, high in [(0, 60), (0, 60), (0, 24), (1, 32), (1, 13), (0, 7)]
    )

    assert cron(everything).fixed
    padded = everything + " " * (1000 - len(everything))
    assert cron(everything) == cron(padded)
    assert "has 1001 characters; at most 1000 are allowed" in refusal(padded + " ")


def test_options_are_checked() -> None:
    """Unknown options and zones are refused with what is allowed."""
    assert "on_gap='jump'; allowed: run, skip, shift" == refusal("* * * * *", on_gap="jump")
    assert "on_fold='none'; allowed: auto, first, last, both" == refusal(
        "* * * * *", on_fold="none"
    )
    assert "did you mean 'Europe/London'" in refusal("* * * * *", tz="Europe/Londn")
    with pytest.raises(ScheduleError, match="cron has no field 'minute'; known: expression"):
        cron.from_dict({"kind": "cron", "minute": "5"})
    with pytest.raises(ScheduleError, match="cron needs the field 'expression'"):
        cron.from_dict({"kind": "cron", "tz": "UTC"})
