"""`draw` as a command: runs as a heat map or a calendar feed; for every front."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo

from ..entry import Entry
from .feed import ics_lines
from .heat import heat_of
from .listing import runs

#: What can be drawn.
FORMS = ("text", "svg", "html", "ics")
#: What `--help` says of the form.
FORM_HELP = "A heat map as text, as an SVG picture or as a page, or the runs as a calendar feed."


def draw(
    entries: Iterable[Entry],
    start: datetime,
    end: datetime,
    write: Callable[[str], None],
    *,
    form: str = "text",
    zone: tzinfo | None = None,
) -> None:
    """Draw the runs of a span.

    Args:
        entries: whose runs.
        start: included; aware.
        end: not included; aware.
        write: prints text as it stands.
        form: one of `FORMS`.
        zone: whose clock is read; UTC when None.
    """
    listed = runs(entries, start, end)
    if form == "ics":
        for line in ics_lines(listed, start):
            write(f"{line}\r\n")
        return
    heat = heat_of(listed, zone or UTC)
    if form == "text":
        write("".join(f"{line}\n" for line in heat.lines()))
    else:
        write(heat.svg() if form == "svg" else heat.html())
