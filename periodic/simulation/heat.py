"""When the herd runs: a heat map of weekdays and hours, as text, as SVG and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from html import escape

from ..clock import to_utc, to_zone
from ..explain import run_line
from .listing import Listed
from .page import page, picture

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = 24
_SHADES = " ░▒▓█"
_BUSIEST = 5
# In the picture: how large a cell is, and where the first one lies.
_CELL, _LEFT, _TOP = 26, 44, 26
_STYLE = (
    "table{border-collapse:collapse}td,th{padding:.2rem .35rem;text-align:right;"
    "font-variant-numeric:tabular-nums}"
)


@dataclass(frozen=True, slots=True)
class Heat:
    """How many runs each hour of the week has.

    Args:
        zone: whose clock is read.
        cells: (weekday from Monday = 0, hour) -> runs.
        busiest: the instants with most runs at once, UTC, and how many; the most first.
        total: all runs.
    """

    zone: tzinfo
    cells: Counter[tuple[int, int]] = field(default_factory=Counter)
    busiest: tuple[tuple[datetime, int], ...] = ()
    total: int = 0

    @property
    def most(self) -> int:
        """The runs of the fullest cell."""
        return max(self.cells.values(), default=0)

    def lines(self) -> Iterator[str]:
        """Yield the map as lines of text: the darker, the more; then the busiest instants."""
        yield f"{self.total} runs, hour by hour, {_zone_name(self.zone)}"
        yield "     " + "".join(f"{hour:<4}" for hour in range(0, HOURS, 2)).rstrip()
        for day, name in enumerate(DAYS):
            shades = "".join(2 * self._shade(day, hour) for hour in range(HOURS))
            yield f"{name}  {shades}".rstrip()
        yield f"     {2 * _SHADES[-1]} is {self.most} an hour"
        for at, number in self.busiest:
            yield f"{number} at once: {run_line(to_zone(at, self.zone))}"

    def _shade(self, day: int, hour: int) -> str:
        return _SHADES[self._level(self.cells[day, hour], len(_SHADES) - 1)]

    def _level(self, number: int, levels: int) -> int:
        """Return 0 for none, else 1 to `levels`."""
        return -(-number * levels // self.most) if number else 0

    def svg(self) -> str:
        """Return the map as an SVG picture with a text alternative."""
        width, height = _LEFT + HOURS * _CELL + 8, _TOP + len(DAYS) * _CELL + 8
        shapes = [
            f'<text x="{x}" y="18" text-anchor="middle">{hour}</text>'
            for hour, x in enumerate(range(_LEFT + _CELL // 2, width - 8, _CELL))
        ]
        for day, name in enumerate(DAYS):
            y = _TOP + day * _CELL
            shapes.append(f'<text x="6" y="{y + 17}">{name}</text>')
            for hour in range(HOURS):
                number = self.cells[day, hour]
                x, level = _LEFT + hour * _CELL, self._level(number, 8)
                shapes.append(
                    f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" rx="3" '
                    f'fill="{_colour(level)}">'
                    f"<title>{name} {hour:02}:00, {number} runs</title></rect>"
                )
        title = f"{self.total} runs by weekday and hour"
        return picture(width, height, title, self._told(), shapes)

    def html(self, title: str = "When the schedule runs") -> str:
        """Return a page that needs neither network nor script: the picture, and its numbers.

        Args:
            title: of the page.
        """
        head = "".join(f"<th scope=col>{hour}</th>" for hour in range(HOURS))
        rows = "\n".join(
            f"<tr><th scope=row>{name}</th>"
            + "".join(f"<td>{self.cells[day, hour] or ''}</td>" for hour in range(HOURS))
            + "</tr>"
            for day, name in enumerate(DAYS)
        )
        busiest = "\n".join(
            f"<li>{number} at {escape(run_line(to_zone(at, self.zone)))}</li>"
            for at, number in self.busiest
        )
        body = f"""{self.svg()}<h2>Most at once</h2>
<ol>
{busiest}
</ol>
<h2>In numbers</h2>
<table>
<caption>Runs by weekday and hour, {escape(_zone_name(self.zone))}</caption>
<tr><th></th>{head}</tr>
{rows}
</table>
"""
        return page(title, self._told(), body, style=_STYLE)

    def _told(self) -> str:
        told = f"{self.total} runs by weekday and hour, {_zone_name(self.zone)}."
        if self.cells:
            (day, hour), number = max(self.cells.items(), key=lambda item: (item[1], item[0]))
            told += f" The fullest hour is {DAYS[day]} {hour:02}:00 with {number}."
        if self.busiest:
            at, number = self.busiest[0]
            told += f" Most at once: {number}, {run_line(to_zone(at, self.zone))}."
        return told


def heat_of(runs: Iterable[Listed], zone: tzinfo = UTC) -> Heat:
    """Count runs by weekday and hour.

    Args:
        runs: in order of time, as `runs` lists them.
        zone: whose clock is read.

    >>> from datetime import datetime, timedelta
    >>> from periodic import Entry, crontab
    >>> from periodic.simulation import runs
    >>> entry = Entry(name="report", task="x", schedule=crontab(minute="0,30", hour=9))
    >>> monday = datetime(2026, 3, 2, tzinfo=UTC)
    >>> heat_of(runs([entry], monday, monday + timedelta(days=1))).cells
    Counter({(0, 9): 2})
    """
    cells: Counter[tuple[int, int]] = Counter()
    busiest: list[tuple[datetime, int]] = []
    total = 0
    last: datetime | None = None
    at_once = 0

    def close() -> None:
        if last is not None and at_once > 1:
            busiest.append((last, at_once))
            busiest.sort(key=lambda item: (-item[1], item[0]))
            del busiest[_BUSIEST:]

    for fire_time, _ in runs:
        at = to_utc(fire_time)
        local = to_zone(at, zone)
        cells[local.weekday(), local.hour] += 1
        total += 1
        if at == last:
            at_once += 1
        else:
            close()
            last, at_once = at, 1
    close()
    return Heat(zone, cells, tuple(busiest), total)


def _colour(level: int) -> str:
    """Return the colour of a level from 0, none, to 8: light to dark."""
    if level == 0:
        return "#eceff1"
    light = 88 - 8 * level
    return f"hsl(212 70% {light}%)"


def _zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", None) or str(zone)
