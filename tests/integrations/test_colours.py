"""Pictures on a terminal, and where there is none."""

from __future__ import annotations

import io
import sys

import pytest

from periodic.integrations.colours import print_picture

PICTURE = "Mon  ░░  ██\nbackup  ....................1...\n        ^^ these readings\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_has_colours() -> None:
    """Shades, rows and marks have colours, and the text is the same."""
    stream = Terminal()
    print_picture(PICTURE, stream)

    assert "\x1b[1;31m██\x1b[0m" in stream.getvalue()
    assert "\x1b[32m░░\x1b[0m" in stream.getvalue()
    assert "\x1b[36m....................1...\x1b[0m" in stream.getvalue()
    assert "\x1b[35m^^ these readings\x1b[0m" in stream.getvalue()


def test_a_pipe_has_none() -> None:
    """What is piped is plain."""
    stream = io.StringIO()
    print_picture(PICTURE, stream)

    assert PICTURE == stream.getvalue()


def test_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal without rich shows it without colours."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = Terminal()
    print_picture(PICTURE, stream)

    assert PICTURE == stream.getvalue()


def test_long_lines_stay_whole() -> None:
    """A picture that is wider than the terminal is not wrapped."""
    stream = Terminal()
    print_picture("." * 300 + "\n", stream)

    assert 1 == stream.getvalue().count("\n")
