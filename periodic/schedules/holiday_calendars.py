"""`country_holidays`: the public holidays of a country or region, by the `holidays` library."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from ..errors import ScheduleError
from .calendars import Calendar
from .instants import DAYS

# The years whose holidays tell one version of the library from another.
_YEARS = range(2000, 2100)
_CODE_LENGTH = 2


class country_holidays(Calendar):  # noqa: N801  # a calendar reads like the word in a sentence
    """The public holidays of a country or region (the extra `holidays`).

    Dates are the library's; a release of it may know more of them, and then the fingerprint
    changes. Years that it does not know have none.

    Args:
        country: a code of two letters such as `"DE"` (ISO 3166-1).
        subdiv: a region's code such as `"BY"`; None for what holds in the whole country.
        categories: kinds of holidays as the library names them; `"public"` unless given.
        observed: whether days off in place of holidays on a weekend count.
        name: what people call them, for descriptions.
        base: another calendar, whose dates are excluded too.

    Raises:
        ScheduleError: the library does not know one of them, or it is missing.
    """

    kind: ClassVar[str] = "country_holidays"
    _fields: ClassVar[tuple[str, ...]] = ("country", "subdiv", "categories", "observed")

    _place: _Place

    def __init__(
        self,
        country: str,
        subdiv: str | None = None,
        *,
        categories: str | Iterable[str] = "public",
        observed: bool = True,
        name: str | None = None,
        base: Calendar | None = None,
    ) -> None:
        kinds = (categories,) if isinstance(categories, str) else tuple(categories)
        if not isinstance(observed, bool):
            raise ScheduleError(f"observed={observed!r}; allowed: True, False")
        place = _Place(country, subdiv, tuple(sorted(set(kinds))), observed)
        _check(place)
        self._set(_place=place)
        super().__init__(name=name, base=base)

    def _closed(self, day: int) -> bool:
        if not 0 <= day < DAYS:
            return False
        return day in _days(self._place, date.fromordinal(day + 1).year)

    def _meaning(self) -> tuple[Any, ...]:
        return tuple(self._place)

    def _content(self) -> str:
        return _digest(self._place)

    def _own(self) -> dict[str, Any]:
        return {**self._place._asdict(), "categories": list(self._place.categories)}

    def _words(self) -> str:
        place = self._place
        kinds = " and ".join(kind.replace("_", " ") for kind in place.categories)
        where = place.country if place.subdiv is None else f"{place.country}-{place.subdiv}"
        return f"{kinds} holidays in {where}"

    def _arguments(self) -> list[str]:
        country, subdiv, categories, observed = self._place
        arguments = [repr(country)] if subdiv is None else [repr(country), repr(subdiv)]
        if categories != ("public",):
            arguments.append(f"categories={categories!r}")
        return arguments if observed else [*arguments, "observed=False"]


class _Place(NamedTuple):
    """Whose holidays, and which."""

    country: str
    subdiv: str | None
    categories: tuple[str, ...]
    observed: bool


def _library() -> ModuleType:
    """Return the library that knows holidays: the extra `holidays`."""
    try:
        import holidays  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ScheduleError(
            'country_holidays needs the library holidays; pip install "periodic-celery[holidays]"'
        ) from error
    return holidays


def _check(place: _Place) -> None:
    """Refuse what the library does not know."""
    countries: dict[str, list[str]] = _library().list_supported_countries()
    if place.country not in countries:
        given = place.country.upper() if isinstance(place.country, str) else ""
        near = get_close_matches(given[:_CODE_LENGTH], countries, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, sorted(near)))}? " if near else ""
        raise ScheduleError(
            f"country_holidays: country={place.country!r} is unknown; {hint}"
            "allowed: codes of two letters such as 'DE', 'GB', 'US'"
        )
    regions = countries[place.country]
    if place.subdiv is not None and place.subdiv not in regions:
        raise ScheduleError(
            f"country_holidays: {place.country} has no subdiv={place.subdiv!r}; "
            f"allowed: None{''.join(f', {region}' for region in regions)}"
        )
    known = _library().country_holidays(place.country).supported_categories
    if not place.categories or not set(place.categories) <= set(known):
        raise ScheduleError(
            f"country_holidays: categories={list(place.categories)!r}; "
            f"allowed for {place.country}: {', '.join(sorted(known))}"
        )


@lru_cache(maxsize=4096)
def _days(place: _Place, year: int) -> frozenset[int]:
    """Return the holidays of a year, as numbers of days."""
    return frozenset(day for day in _found(place, (year,)) if _year_of(day) == year)


@lru_cache(maxsize=256)
def _digest(place: _Place) -> str:
    text = json.dumps(sorted(_found(place, _YEARS)))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _found(place: _Place, years: Iterable[int]) -> set[int]:
    known = _library().country_holidays(place.country)
    # A holiday at the turn of a year may be observed in the other one.
    wanted = {near for year in years for near in (year - 1, year, year + 1)}
    wanted &= set(range(known.start_year, known.end_year + 1))
    if not wanted:
        return set()
    with warnings.catch_warnings():
        # "available only from ... to ...": said in our docstring; it must not become an error.
        warnings.simplefilter("ignore")
        found = _library().country_holidays(
            place.country,
            subdiv=place.subdiv,
            years=wanted,
            expand=False,
            observed=place.observed,
            categories=place.categories,
        )
    return {day.toordinal() - 1 for day in found}


def _year_of(day: int) -> int:
    return date.fromordinal(day + 1).year
