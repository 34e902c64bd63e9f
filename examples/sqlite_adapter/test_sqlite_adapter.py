"""The contracts of periodic, on the adapter for SQLite."""

from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest
from kombu.transport import sqlalchemy
from sqlite_adapter import SQLiteBroker

from periodic_contracts import (
    BeatContract,
    ClockContract,
    CrontabContract,
    DedupContract,
    DispatchContract,
    LeaseContract,
    ModelContract,
    RegistryContract,
    TimezoneContract,
)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # kombu's
class Author:
    """What the contracts ask of an adapter's author."""

    adapter = SQLiteBroker
    clocks = ("manual",)  # the adapter looks at no clock, so one is enough

    @pytest.fixture
    def connection(self, tmp_path: Path) -> Iterator[kombu.Connection]:
        """Return a connection to a new file."""
        with kombu.Connection(f"sqla+sqlite:///{tmp_path}/queue.db") as connection:
            yield connection
        for engine, _ in sqlalchemy.Channel._engines.values():  # noqa: SLF001  # kombu keeps them
            engine.dispose()
        sqlalchemy.Channel._engines.clear()  # noqa: SLF001


class TestBeat(Author, BeatContract):
    """Starts, restarts, edits."""


class TestClocks(Author, ClockContract):
    """Clocks that are wrong."""


class TestCrontab(Author, CrontabContract):
    """Nights in which clocks change."""


class TestDedup(Author, DedupContract):
    """Each occurrence once."""


class TestDispatch(Author, DispatchContract):
    """What a worker gets."""


class TestLeases(Author, LeaseContract):
    """That it has none."""


class TestModel(Author, ModelContract):
    """Whatever beats do, and wherever they die."""


class TestRegistry(Author, RegistryContract):
    """That it has none."""


class TestTimezones(Author, TimezoneContract):
    """The zones that must be right."""
