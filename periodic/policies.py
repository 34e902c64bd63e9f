"""The policies of an entry: what is done about the occurrences that were missed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, cast

from .errors import EntryError


class CatchUp(StrEnum):
    """Which of the occurrences that were missed are dispatched all the same."""

    #: The newest, unless a later occurrence is due anyway.
    LATEST = "latest"
    #: None.
    SKIP = "skip"
    #: The oldest, before what is due now.
    EARLIEST = "earliest"
    #: The newest `max_catch_up`, in order, before what is due now.
    ALL = "all"


#: What may be given for a `CatchUp`; upper case is read as well.
CatchUpName = Literal["latest", "skip", "earliest", "all"]

#: How many missed occurrences `all` dispatches unless an entry says otherwise.
MAX_CATCH_UP: int = 10
#: The most that `max_catch_up` may be: what is older is for a backfill, not for a beat.
MOST_CATCH_UP: int = 10_000

#: What each key may be, in words.
ALLOWED: Mapping[str, str] = MappingProxyType(
    {
        "catch_up": "one of 'latest', 'skip', 'earliest' and 'all'",
        "catch_up_window": "a timedelta or a number of seconds, above zero, or None for no limit",
        "max_catch_up": f"a whole number from 1 to {MOST_CATCH_UP}",
        "misfire_threshold": (
            "a timedelta or a number of seconds, above zero, or None for the beat's own"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class CatchUpPolicy:
    """What is done about occurrences that were missed.

    Args:
        catch_up: which of them are dispatched all the same; a text in any case is as good.
        catch_up_window: how old they may be for that, as a timedelta or in seconds; None is no
            limit.
        max_catch_up: how many of them `all` dispatches, from 1 to 10,000.
        misfire_threshold: how late an occurrence may be and still count as late, not missed;
            None is the beat's own, 60 s. A timedelta, or seconds.

    Raises:
        EntryError: a value is not allowed; the message begins with its name.
    """

    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta | None = None
    max_catch_up: int = MAX_CATCH_UP
    misfire_threshold: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what is not allowed; words become members, numbers times."""
        object.__setattr__(self, "catch_up", _catch_up(self.catch_up))
        for key in ("catch_up_window", "misfire_threshold"):
            object.__setattr__(self, key, _time(key, getattr(self, key)))
        most: object = self.max_catch_up
        if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_CATCH_UP:
            raise _wrong("max_catch_up", most)


def _time(key: str, value: object) -> timedelta | None:
    time = value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Infinite, not a number, or longer than a timedelta: refused below as it was given.
        with suppress(OverflowError, ValueError):
            time = timedelta(seconds=value)
    if time is None or (isinstance(time, timedelta) and time > timedelta(0)):
        return time
    raise _wrong(key, value)


def _catch_up(value: object) -> CatchUp:
    word = value.lower() if isinstance(value, str) else value
    if word in tuple(CatchUp):
        return CatchUp(cast("str", word))
    near = get_close_matches(word, tuple(CatchUp), n=1) if isinstance(word, str) else []
    raise _wrong("catch_up", value, f"; did you mean {str(near[0])!r}?" if near else "")


def _wrong(key: str, value: object, hint: str = "") -> EntryError:
    return EntryError(f"{key} is {ALLOWED[key]}, not {value!r}{hint}")
