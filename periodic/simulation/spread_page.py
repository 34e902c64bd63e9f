"""A herd before and after it was spread, as an SVG picture and as a page without script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .page import page, picture
from .spread import Herd, Spread

_MINUTES = 60
# In the picture: how large a bar is, and where the bars begin.
_WIDTH, _HEIGHT, _LEFT, _TOP = 12, 90, 60, 24
_STYLE = "figure{margin:0;overflow-x:auto}"


class SpreadPage:
    """A proposal in each form.

    Args:
        spread: what is shown.
    """

    def __init__(self, spread: Spread) -> None:
        self._spread = spread

    def lines(self) -> Iterator[str]:
        """Yield lines of text."""
        return self._spread.lines()

    def svg(self) -> str:
        """Return an SVG picture with a text alternative."""
        return spread_svg(self._spread)

    def html(self) -> str:
        """Return a page that needs neither network nor script."""
        return spread_html(self._spread)


def spread_svg(spread: Spread) -> str:
    """Return the minutes of the hour before and after as an SVG picture with a text alternative."""
    width, height = _LEFT + _MINUTES * _WIDTH + 8, 2 * (_HEIGHT + _TOP) + 24
    top = max([*spread.before.minutes.values(), *spread.after.minutes.values()], default=1)
    shapes = [
        *_bars("before", spread.before, _TOP, top),
        *_bars("after", spread.after, 2 * _TOP + _HEIGHT, top),
    ]
    shapes += [
        f'<text x="{_LEFT + minute * _WIDTH}" y="{height - 8}">:{minute:02}</text>'
        for minute in range(0, _MINUTES, 5)
    ]
    title = "Runs by minute of the hour, before and after"
    return picture(width, height, title, spread.told(), shapes)


def spread_html(spread: Spread, title: str = "The herd, spread") -> str:
    """Return a page: the picture, and who moves.

    Args:
        spread: what is proposed.
        title: of the page.
    """
    moves = "\n".join(f"<li>{escape(each.line())}</li>" for each in spread.offsets)
    body = f"""<figure>
{spread_svg(spread)}</figure>
<h2>Who moves</h2>
<ol>
{moves}
</ol>
"""
    return page(title, spread.told(), body, style=_STYLE)


def _bars(name: str, herd: Herd, y: int, top: int) -> list[str]:
    parts = [f'<text x="6" y="{y + _HEIGHT}">{name}</text>']
    for minute in range(_MINUTES):
        number = herd.minutes[minute]
        high = number * _HEIGHT / top
        if number:
            parts.append(
                f'<rect x="{_LEFT + minute * _WIDTH}" y="{y + _HEIGHT - high:g}" '
                f'width="{_WIDTH - 2}" height="{high:g}" fill="#1f5fa8">'
                f"<title>{name}, minute {minute:02}: {number} runs</title></rect>"
            )
    return parts
