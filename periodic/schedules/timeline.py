"""A zone's clock as spans of constant offset: what it shows at an instant, and when it shows it.

Instants and readings are whole microseconds since 0001-01-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from .instants import DAY
from .offsets import stretches_of
from .zones import place_of

_SECOND = 1_000_000
#: Microseconds of a day.
DAY_MICROS = DAY * _SECOND
# More than any two offsets of one zone differ.
_SLACK = 2 * DAY


class Span(NamedTuple):
    """A span of instants `[start, end)` in which readings are `offset` later than instants."""

    start: int
    end: int
    offset: int

    def reading(self, moment: int) -> int:
        """Return what the clock shows at an instant."""
        return moment + self.offset

    def at(self, reading: int) -> int:
        """Return when the clock would show a reading, if this offset held."""
        return reading - self.offset

    def day_of(self, moment: int) -> int:
        """Return the number of the day that the clock shows at an instant."""
        return (moment + self.offset) // DAY_MICROS

    def start_of(self, day: int) -> int:
        """Return the first instant of a day, which is in the span or begins before it."""
        return max(self.start, day * DAY_MICROS - self.offset)


class Timeline:
    """The spans of one zone.

    Args:
        zone: whose clock it is; one with an IANA name is read by its newest rules.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._place = place_of(zone)
        self._stretches = stretches_of(zone, "run", "both")

    def span(self, moment: int) -> Span:
        """Return the span that holds an instant."""
        if self._stretches.zone is not self._place.zone:  # its rules were renewed
            self._stretches = stretches_of(self._place.zone, "run", "both")
        stretch = self._stretches.at(moment // _SECOND)
        return Span(stretch.start * _SECOND, stretch.end * _SECOND, stretch.offset * _SECOND)

    def spans_of(self, day: int) -> Iterator[Span]:
        """Yield the spans in which the clock shows a day, cut to it, in order."""
        moment, end = (day * DAY - _SLACK) * _SECOND, ((day + 1) * DAY + _SLACK) * _SECOND
        while moment < end:
            span = self.span(moment)
            first = max(span.start, span.at(day * DAY_MICROS))
            last = min(span.end, span.at((day + 1) * DAY_MICROS))
            if first < last:
                yield Span(first, last, span.offset)
            moment = span.end

    def shown_until(self, moment: int) -> int:
        """Return the latest reading that the clock has shown up to an instant, itself included."""
        span = self.span(moment)
        latest, edge = span.reading(moment), span.start
        while edge > moment - _SLACK * _SECOND:
            span = self.span(edge - 1)
            latest, edge = max(latest, span.reading(edge - 1)), span.start
        return latest

    def instant_of(self, reading: int) -> int:
        """Return when the clock first shows a reading; for one in a gap, the end of the gap."""
        span = self.span(reading - _SLACK * _SECOND)
        while span.reading(span.end) <= reading:
            span = self.span(span.end)
        return max(span.start, span.at(reading))
