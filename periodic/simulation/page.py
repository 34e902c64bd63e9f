"""What every picture and every page begins and ends with; they need neither network nor script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def picture(width: int, height: int, title: str, told: str, shapes: Iterable[str]) -> str:
    """Return an SVG picture with a text alternative.

    Args:
        width: in pixels.
        height: in pixels.
        title: of the picture, as text.
        told: what is to be seen, as text.
        shapes: elements of SVG.
    """
    begin = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title desc" '
        'font-family="system-ui,sans-serif" font-size="11">'
    )
    names = (f'<title id="title">{escape(title)}</title>', f'<desc id="desc">{escape(told)}</desc>')
    return "\n".join([begin, *names, *shapes, "</svg>"]) + "\n"


def page(title: str, told: str, body: str, *, style: str, width: int = 60) -> str:
    """Return a page, dark where the reader wants it so, with its pictures on white.

    Args:
        title: of the page, as text.
        told: what it says, in a sentence, as text.
        body: all that follows, as HTML, its last line ended.
        style: of what is in the body, as CSS.
        width: at most, in the letters' own size (`rem`).
    """
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:{width}rem;margin:2rem auto;\
padding:0 1rem}}{style}@media(prefers-color-scheme:dark){{body{{background:#111;color:#eee}}\
svg{{background:#fff}}}}</style>
<h1>{escape(title)}</h1>
<p>{escape(told)}</p>
{body}</html>
"""
