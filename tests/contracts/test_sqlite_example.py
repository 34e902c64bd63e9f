"""The adapter that docs/how-to/write-an-adapter.md shows keeps the promises that it declares."""

import importlib
import sqlite3
import sys
import tomllib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import kombu
import pytest

import periodic
from periodic import BrokerUnreachable, ConfigError, MemoryCursors, Status, SystemClock
from periodic_contracts.claims import Claims, statuses
from periodic_contracts.clocks import ManualClockDriver
from periodic_contracts.contract import NAMESPACE
from periodic_contracts.messages import drain, ids_of

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "sqlite_adapter"

sys.path.insert(0, str(FOLDER))
try:
    example = importlib.import_module("test_sqlite_adapter")
finally:
    sys.path.remove(str(FOLDER))

TestBeat = example.TestBeat
TestClocks = example.TestClocks
TestDedup = example.TestDedup
TestDispatch = example.TestDispatch
TestLeases = example.TestLeases
TestRegistry = example.TestRegistry

# What asks the schedules more than the adapter takes its time.
TestCrontab = pytest.mark.slow(example.TestCrontab)
TestTimezones = pytest.mark.slow(example.TestTimezones)


class TestModel(example.TestModel):
    """Whatever beats do, and wherever they die."""

    stories = 8


class TestTheAdapter(example.Author):
    """What the contracts do not ask, because only this adapter's broker can do it."""

    @pytest.fixture
    def make(self):
        """Make the adapter on a connection."""
        made = []

        def make(connection):
            opened = example.SQLiteBroker.open(
                connection, namespace=NAMESPACE, clock=SystemClock(), cursors=MemoryCursors
            )
            made.append(opened)
            return opened

        yield make
        for broker in made:
            broker.close()

    @pytest.fixture
    def claims(self):
        """Make dispatches of an entry."""
        with ManualClockDriver(periodic) as clock:
            yield Claims.now(periodic, clock)

    def test_a_locked_file_is_an_outage(self, make, connection, claims, tmp_path, monkeypatch):
        """While another process holds the file nothing is lost; the batch goes through after."""
        monkeypatch.setattr(sys.modules["sqlite_adapter"], "_TIMEOUT", 0.05)
        broker = make(connection)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1)])
        with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = broker.dispatch(claims.chain(2, 3))
            with pytest.raises(BrokerUnreachable, match=r"queue\.db: database is locked"):
                claims.adopt(broker)

        assert statuses(outcomes) == ["FAILED", "FAILED"]
        assert isinstance(outcomes[0].error, BrokerUnreachable)
        assert statuses(broker.dispatch(claims.chain(2, 3))) == ["DISPATCHED", "DISPATCHED"]
        assert ids_of(drain(connection)) == claims.ids(1, 2, 3)

    def test_a_message_that_goes_nowhere_fails(self, make, connection, claims):
        """Where no queue is bound to the exchange the cursor stays, and the outcome says why."""

        class Astray:
            def publish(self, producer):
                producer.publish({}, exchange="nobody-listens", routing_key="here")

        broker = make(connection)
        claims.adopt(broker)
        (outcome,) = broker.dispatch([replace(claims.dispatch(1), message=Astray())])

        assert outcome.status is Status.FAILED
        assert outcome.cursor == claims.at(0)
        assert "no queue is bound" in str(outcome.error)

    def test_a_queue_that_was_dropped_comes_back(self, make, connection, claims, tmp_path):
        """Kombu knows its queues by heart; a message for one that is gone is not lost."""
        broker = make(connection)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1)])
        with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as other:
            other.execute("DELETE FROM kombu_message")
            other.execute("DELETE FROM kombu_queue")
        broker.dispatch([claims.dispatch(2)])

        assert ids_of(drain(connection)) == claims.ids(2)

    @pytest.mark.parametrize("url", ["sqla+sqlite://", "sqla+postgresql://host/shop"])
    def test_what_is_no_file_of_sqlite_is_refused(self, make, url):
        """Another database, or one in memory, that no worker could open, is a mistake."""
        with kombu.Connection(url) as connection, pytest.raises(ConfigError, match="no file of"):
            make(connection)

    def test_the_entry_point_names_the_adapter(self):
        """What the page registers is the class that is proved here."""
        project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
        (point,) = project["entry-points"]["periodic.brokers"].items()

        assert point == ("sqla", "sqlite_adapter:SQLiteBroker")
        assert example.SQLiteBroker is sys.modules["sqlite_adapter"].SQLiteBroker
