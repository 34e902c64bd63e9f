"""`draw` as a command: runs as a picture or a calendar feed; for every front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from ..entry import Entry
from .feed import ics_lines
from .heat import heat_of
from .listing import runs
from .spread import spread
from .spread_page import SpreadPage
from .timeline import day_frame, night_frame, timeline_of
from .timeline_page import TimelinePage

#: What can be drawn.
FORMS = ("text", "svg", "html", "ics")
#: What `--help` says of the form.
FORM_HELP = "As text, as an SVG picture or as a page, or the runs as a calendar feed."
#: How much is looked at.
VIEWS = ("week", "day", "night")
#: What `--help` says of spreading the herd.
SPREAD_HELP = "Propose offsets that flatten the herd, and draw it before and after."
#: What `--help` says of the view.
VIEW_HELP = (
    "A map of the runs by weekday and hour, a time line for each entry of the day of --from, or of "
    "the night of the next clock change."
)


def draw(
    entries: Iterable[Entry],
    start: datetime,
    end: datetime,
    write: Callable[[str], None],
    *,
    form: str = "text",
    view: str = "week",
    zone: tzinfo | None = None,
) -> None:
    """Draw the runs of a span.

    Args:
        entries: whose runs.
        start: included; aware. A day and a night are the ones of then, or the next ones.
        end: not included; aware. A day and a night end by themselves.
        write: prints text as it stands.
        form: one of `FORMS`.
        view: one of `VIEWS`, or `spread`; a calendar feed has all runs of the span.
        zone: whose clock is read; UTC when None.

    Raises:
        ConfigError: there is no clock change to draw.
    """
    found = list(entries)
    if form == "ics":
        for line in ics_lines(runs(found, start, end), start):
            write(f"{line}\r\n")
        return
    picture = _picture(found, start, end, view, zone or UTC)
    if form == "text":
        write("".join(f"{line}\n" for line in picture.lines()))
    else:
        write(picture.svg() if form == "svg" else picture.html())


class _Picture(Protocol):
    """What every view can be told as."""

    def lines(self) -> Iterator[str]: ...

    def svg(self) -> str: ...

    def html(self) -> str: ...


def _picture(
    entries: list[Entry], start: datetime, end: datetime, view: str, zone: tzinfo
) -> _Picture:
    if view == "spread":
        return SpreadPage(spread(entries, start, end))
    if view == "week":
        return heat_of(runs(entries, start, end), zone)
    frame = (day_frame if view == "day" else night_frame)(start, zone)
    listed = runs(entries, frame.start, frame.end)
    return TimelinePage(timeline_of(listed, [entry.name for entry in entries], frame))
