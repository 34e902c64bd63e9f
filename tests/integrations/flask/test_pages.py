"""The console examples of the quickstart, run on the app that the page shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "quickstart.md"


def blocks(language: str) -> list[str]:
    """Return the page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Return (command line, output shown below it) of each command that shows entries."""
    found = []
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            line, _, output = part.partition("\n")
            if re.search(r"periodic (list|next)", line):
                found.append((line, output))
    return found


def test_the_page_shows_both_commands() -> None:
    """The quickstart has a `list` and a `next` to try."""
    assert len(commands()) == 2


@pytest.mark.parametrize(("line", "output"), commands(), ids=[line for line, _ in commands()])
def test_a_command_of_the_page_does_what_the_page_says(
    start: Callable, tmp_path: Path, line: str, output: str
) -> None:
    """The command ends with status 0 and prints the lines that the page shows."""
    (tmp_path / "hello.py").write_text(blocks("python")[0])
    process = start("-m", *line.split())
    assert process.popen.wait(30) == 0, process.output
    shown = [one.removesuffix("...") for one in output.splitlines()]
    printed = process.output.splitlines()
    assert len(printed) >= max(len(shown), 2)
    for expected, actual in zip(shown, printed, strict=False):
        assert actual.startswith(expected)
