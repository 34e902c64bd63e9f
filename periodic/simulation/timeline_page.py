"""Time lines of entries as an SVG picture and as a page; they need neither network nor script."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from ..explain import run_line
from .page import page, picture
from .timeline import Timeline

# In the picture: how large a column is, and where the first one lies.
_WIDTH, _HEIGHT, _TOP, _CHAR = 14, 20, 40, 7
_LONGEST_NAME = 40
_TITLE = "When each entry runs"
_STYLE = (
    "figure{margin:0;overflow-x:auto}table{border-collapse:collapse}"
    "td,th{padding:.2rem .6rem;text-align:left;vertical-align:top}"
)


class TimelinePage:
    """Time lines in each form.

    Args:
        timeline: what is shown.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def lines(self) -> Iterator[str]:
        """Yield lines of text."""
        return self._timeline.lines()

    def svg(self) -> str:
        """Return an SVG picture with a text alternative."""
        return timeline_svg(self._timeline)

    def html(self) -> str:
        """Return a page that needs neither network nor script."""
        return timeline_html(self._timeline)


def timeline_svg(timeline: Timeline) -> str:
    """Return time lines as an SVG picture with a text alternative."""
    frame = timeline.frame
    names = [_short(name) for name in timeline.rows]
    left = max(map(len, names), default=0) * _CHAR + 16
    width = left + frame.columns * _WIDTH + 16
    height = _TOP + len(names) * _HEIGHT + 12
    shapes = [
        f'<rect x="{left + column * _WIDTH}" y="24" width="{_WIDTH}" height="{height - 30}" '
        'fill="#fff3c4"/>'
        for column in range(frame.columns)
        if frame.repeated(column)
    ]
    free = 0
    for column, reading in frame.hours():
        x = left + column * _WIDTH
        shapes.append(f'<path d="M{x} 24V{height - 6}" stroke="#ccc"/>')
        if x >= free:
            shapes.append(f'<text x="{x}" y="18">{reading:%H:%M}</text>')
            free = x + 6 * _CHAR
    for number, (name, row) in enumerate(timeline.rows.items()):
        y = _TOP + number * _HEIGHT
        shapes.append(f'<text x="6" y="{y + 4}">{escape(_short(name))}</text>')
        shapes.append(f'<path d="M{left} {y}H{width - 16}" stroke="#ddd"/>')
        for column, count in sorted(row.items()):
            size = min(6 + 2 * count, _WIDTH)
            said = f"{name}, {_reading(frame.at(column))}: {count} runs"
            shapes.append(
                f'<rect x="{left + column * _WIDTH + (_WIDTH - size) / 2:g}" y="{y - size / 2:g}" '
                f'width="{size}" height="{size}" rx="3" fill="#1f5fa8">'
                f"<title>{escape(said)}</title></rect>"
            )
    return picture(width, height, _TITLE, timeline.told(), shapes)


def timeline_html(timeline: Timeline, title: str = _TITLE) -> str:
    """Return a page: the picture, and the runs of each entry in words.

    Args:
        timeline: what is shown.
        title: of the page.
    """
    rows = "\n".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{sum(timeline.rows[name].values())}</td>"
        f"<td>{'<br>'.join(escape(run_line(run)) for run in runs)}"
        f"{_more(sum(timeline.rows[name].values()) - len(runs))}</td></tr>"
        for name, runs in timeline.runs.items()
    )
    body = f"""<figure>
{timeline_svg(timeline)}</figure>
<h2>In words</h2>
<table>
<tr><th scope=col>Entry</th><th scope=col>Runs</th><th scope=col>When</th></tr>
{rows}
</table>
"""
    return page(title, timeline.told(), body, style=_STYLE, width=70)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _reading(at: datetime) -> str:
    return f"{at:%H:%M} {at:%Z}".rstrip()


def _more(number: int) -> str:
    return f"<br>and {number} more" if number > 0 else ""
