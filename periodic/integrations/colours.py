"""Pictures made of text, in colours on a terminal where rich is installed."""

from __future__ import annotations

from typing import TextIO

#: What is coloured, and how: shades from few to many, rows of a time line, a repeated hour.
_STYLES = (
    ("░+", "green"),
    ("▒+", "yellow"),
    ("▓+", "dark_orange"),
    ("█+", "bold red"),
    (r"(?m)(?<= )[.0-9+]{20,}$", "cyan"),
    (r"(?m)\^+ .*$", "magenta"),
)


def print_picture(text: str, stream: TextIO) -> None:
    """Print a picture: in colours on a terminal, as it stands anywhere else.

    Args:
        text: lines, each with its end.
        stream: where to.
    """
    if stream.isatty():
        try:
            from rich.console import Console  # noqa: PLC0415  # optional
            from rich.text import Text  # noqa: PLC0415  # optional
        except ImportError:
            pass
        else:
            shown = Text(text)
            for pattern, style in _STYLES:
                shown.highlight_regex(pattern, style)
            # Lines are as long as they are: a picture that is wrapped shows nothing.
            Console(file=stream, highlight=False, soft_wrap=True).print(shown, end="")
            return
    stream.write(text)
