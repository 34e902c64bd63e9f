"""The example that puts Celery's own beat beside ours: it runs, and what it measures of ours."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: Whole days by two schedulers; the same on every interpreter.
pytestmark = pytest.mark.thorough

FILE = Path(__file__).parents[3] / "examples" / "compare" / "compare.py"


@pytest.fixture
def compare() -> Iterator[Any]:
    """The example's module; Celery's alarms about its outage are not ours."""
    spec = importlib.util.spec_from_file_location("compare_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    logging.disable(logging.CRITICAL)
    yield module
    logging.disable(logging.NOTSET)
    del sys.modules[spec.name]


def test_ours_misses_nothing_and_doubles_nothing(compare: Any) -> None:
    """In the autumn night, an outage, with two beats and over a restart."""
    for scenario in compare.SCENARIOS:
        theirs, ours = compare.compare(scenario)

        assert (ours.expected, 0, 0) == (ours.sent, ours.missing, ours.doubled), scenario.title
        assert theirs.missing or theirs.doubled, f"{scenario.title}: both do it right, what for?"
