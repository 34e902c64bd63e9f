"""A pytest plugin (`-p page_examples`): each example in a page is a test, run by Sybil."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from itertools import count
from pathlib import Path

from sybil import Sybil
from sybil.parsers.myst import DocTestDirectiveParser, PythonCodeBlockParser, SkipParser

_PAGES = count(1)
_FLAGS = ELLIPSIS | NORMALIZE_WHITESPACE


def _name(namespace: dict[str, object]) -> None:
    """Give each page a module name of its own, which `Flask(__name__)` looks up."""
    namespace["__name__"] = f"page_{next(_PAGES)}"


pytest_collect_file = Sybil(
    path=str(Path(__file__).resolve().parent.parent),
    parsers=[
        DocTestDirectiveParser(optionflags=_FLAGS),
        PythonCodeBlockParser(doctest_optionflags=_FLAGS),
        SkipParser(),
    ],
    patterns=["*.md"],
    setup=_name,
).pytest()
