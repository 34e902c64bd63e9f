"""`periodic beats` and `periodic health` of both command lines, on a broker that is planted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from flask import Flask

from periodic import (
    BeatState,
    BeatStatus,
    Broker,
    BrokerUnreachable,
    Capability,
    MemoryRegistry,
    SystemClock,
)
from periodic.integrations.celery.commands import periodic as celery_commands
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as flask_commands
from periodic.leases import MemoryLeases

Command = Callable[..., Result]
SECOND = timedelta(seconds=1)


class Planted(Broker):
    """A broker whose registry and leases are set by the test; it enqueues nothing."""

    capabilities = frozenset({Capability.CROSS_PROCESS, Capability.REGISTRY, Capability.LEASES})
    statuses: dict[str, BeatStatus]
    store: MemoryLeases
    #: What each question raises; "hang" waits for `gate`.
    trouble: Any = None
    read_only: Any = None
    gate: threading.Event
    closed: int = 0

    @classmethod
    def open(cls, connection, *, namespace, clock, cursors):
        """Make one; the test holds the rest."""
        return cls()

    def registry(self):
        """Return the planted beats, or the trouble."""
        if self.trouble == "hang":
            self.gate.wait(20)
        if self.trouble is not None:
            raise self.trouble
        return MemoryRegistry(SystemClock(), self.statuses)

    def leases(self):
        """Return the planted leases."""
        return self.store

    def forget(self, names):
        """Take a write, or refuse it."""
        if self.read_only is not None:
            raise self.read_only

    def adopt(self, adoptions):
        """Never asked."""
        raise NotImplementedError

    def dispatch(self, batch):
        """Never asked."""
        raise NotImplementedError

    def close(self):
        """Count that it was given back."""
        type(self).closed += 1


class Forgetful(Planted):
    """A broker to which beats cannot show themselves."""

    capabilities = frozenset({Capability.CROSS_PROCESS})


@pytest.fixture
def broker() -> Iterator[type[Planted]]:
    """Return an adapter without a beat, and without trouble."""
    Planted.statuses, Planted.store, Planted.gate = {}, MemoryLeases(), threading.Event()
    Planted.trouble = Planted.read_only = None
    Planted.closed = 0
    yield Planted
    Planted.gate.set()


def flask_result(arguments: tuple[str, ...], **settings: Any) -> Result:
    """Run `flask periodic ...`."""
    app = Flask("shop")
    app.config["PERIODIC"] = settings
    Periodic(app)
    return app.test_cli_runner().invoke(flask_commands, list(arguments))


def celery_result(arguments: tuple[str, ...], **settings: Any) -> Result:
    """Run `celery -A app periodic ...`."""
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.periodic = settings
    return CliRunner().invoke(celery_commands, list(arguments), obj=SimpleNamespace(app=app))


@pytest.fixture(params=[flask_result, celery_result], ids=["flask", "celery"])
def command(request: pytest.FixtureRequest, broker: type[Planted]) -> Command:
    """Return a function that runs a command of one of the two groups on the planted broker."""

    def run(*arguments: str, **settings: Any) -> Result:
        return request.param(arguments, adapter=broker, timezone="Europe/London", **settings)

    return run


def show(
    broker: type[Planted],
    beat: str,
    state: BeatState = BeatState.ACTIVE,
    *,
    seen: float = 1,
    leads: bool = False,
    **given: Any,
) -> None:
    """Make a beat known that spoke `seen` seconds ago."""
    now = datetime.now(UTC)
    said = now - seen * SECOND
    fields = {
        "host": beat.partition(":")[0],
        "pid": 7,
        "reason": "",
        "started_at": datetime(2026, 7, 1, 8, tzinfo=UTC),
        "ticked_at": said - SECOND,
        "entries": 20,
        "lag": 0.0021,
        **given,
    }
    broker.statuses[beat] = BeatStatus(beat=beat, state=state, seen_at=said, **fields)
    if leads:
        broker.store.claim("beat", beat, 15 * SECOND)


class TestBeats:
    """`periodic beats`."""

    def test_each_beat_is_a_line(self, command: Command, broker: type[Planted]) -> None:
        """Id, host, pid, state, since when, last tick, entries, lag, and who leads."""
        show(broker, "web-2:8:cd", BeatState.STANDBY, seen=2, entries=21)
        show(broker, "web-1:7:ab", leads=True)
        result = command("beats")
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        header = "beat        host   pid  state    since                        last tick"
        assert lines[0].startswith(header)
        first, second = lines[1:3]
        assert first.startswith("web-1:7:ab  web-1  7    active   Wed 2026-07-01 09:00:00 BST")
        assert second.startswith("web-2:8:cd  web-2  7    standby  Wed 2026-07-01 09:00:00 BST")
        assert first.split()[-3:] == ["20", "2", "ms"]
        assert "2 s ago" in first
        assert "21" in second
        assert lines[-1] == "web-1:7:ab leads"

    def test_a_silent_beat_is_not_called_active(
        self, command: Command, broker: type[Planted]
    ) -> None:
        """What a killed beat said last is not what it does: the table says that it is silent."""
        show(broker, "web-1:7:ab", seen=100)
        line = command("beats").stdout.splitlines()[1]
        assert "silent (was active)" in line
        assert "1 min 41 s ago" in line
        assert command("beats").stdout.splitlines()[-1] == "nobody leads"

    def test_reasons_stand_below(self, command: Command, broker: type[Planted]) -> None:
        """A beat that cannot work says why in one sentence."""
        show(broker, "web-1:7:ab", BeatState.SKEWED, reason="its clock is 9 s ahead")
        assert "\nweb-1:7:ab: its clock is 9 s ahead\n" in command("beats").stdout

    def test_all_active(self, command: Command, broker: type[Planted]) -> None:
        """Without a lease nobody leads: each beat that works is active."""
        show(broker, "web-1:7:ab")
        show(broker, "web-2:8:cd", seen=2)
        result = command("beats", all_active=True)
        lines = result.stdout.splitlines()
        assert [line.split()[3] for line in lines[1:3]] == ["active"] * 2
        assert lines[-1] == "every active beat works; none leads"

    def test_json(self, command: Command, broker: type[Planted]) -> None:
        """One list with the same facts for programs; instants in UTC."""
        show(broker, "web-1:7:ab", leads=True)
        show(broker, "web-2:8:cd", BeatState.STANDBY, seen=100)
        first, second = json.loads(command("beats", "--json").stdout)
        assert {
            "beat": "web-1:7:ab",
            "host": "web-1",
            "pid": 7,
            "state": "active",
            "reason": "",
            "started_at": "2026-07-01T08:00:00+00:00",
            "entries": 20,
            "lag": 0.0021,
            "leads": True,
            "silent": False,
        }.items() <= first.items()
        assert first["ticked_seconds_ago"] == pytest.approx(2, abs=1.5)
        assert (second["leads"], second["silent"]) == (False, True)
        assert second["seen_seconds_ago"] == pytest.approx(100, abs=5)

    def test_no_beat(self, command: Command) -> None:
        """Nobody there is no error of the question: a sentence, or an empty list."""
        assert "no beat of the namespace 'shop' has shown itself" in command("beats").stdout
        result = command("beats", "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])

    def test_a_broker_that_is_away(self, command: Command, broker: type[Planted]) -> None:
        """Status 1 and the broker's sentence."""
        broker.trouble = BrokerUnreachable("Redis is starting", state="loading")
        result = command("beats")
        assert result.exit_code == 1
        assert "Redis is starting" in result.stderr
        assert "Traceback" not in result.output

    def test_the_connection_is_given_back(self, command: Command, broker: type[Planted]) -> None:
        """A look leaves nothing open, well or not."""
        command("beats")
        broker.trouble = BrokerUnreachable("away")
        command("beats")
        assert broker.closed == 2


class TestHealth:
    """`periodic health`."""

    def test_a_beat_that_works(self, command: Command, broker: type[Planted]) -> None:
        """Status 0 and one line that says who works."""
        show(broker, "web-1:7:ab", leads=True)
        show(broker, "web-2:8:cd", BeatState.STANDBY)
        result = command("health")
        assert result.exit_code == 0
        [line] = result.stdout.splitlines()
        assert line.startswith("healthy: web-1:7:ab leads, 20 entries, last tick ")
        assert "1 stands by" in line

    def test_no_beat(self, command: Command) -> None:
        """Status 1 and one sentence."""
        result = command("health")
        assert result.exit_code == 1
        assert "no beat of the namespace 'shop'" in result.stdout

    def test_each_problem_is_one_line(self, command: Command, broker: type[Planted]) -> None:
        """One sentence a line, so that a probe's log can be read."""
        show(broker, "a:1:1", BeatState.SKEWED, reason="its clock is 9 s ahead")
        show(broker, "b:2:2", BeatState.UNREACHABLE, reason="Redis is read-only\nreally")
        result = command("health")
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) == 2
        assert "its clock is 9 s ahead" in result.stdout

    def test_json(self, command: Command, broker: type[Planted]) -> None:
        """The verdict, the problems with a word for each, the beats, and who leads."""
        show(broker, "a:1:1", BeatState.SKEWED, reason="its clock is 9 s ahead", leads=True)
        result = command("health", "--json")
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        assert told["status"] == "unhealthy"
        assert [(each["problem"], each["beat"]) for each in told["problems"]] == [
            ("skewed", "a:1:1")
        ]
        assert told["leader"] == "a:1:1"
        assert [each["beat"] for each in told["beats"]] == ["a:1:1"]
        show(broker, "a:1:1", leads=True)
        told = json.loads(command("health", "--json").stdout)
        assert (told["status"], told["problems"]) == ("healthy", [])

    @pytest.mark.parametrize("state", ["unreachable", "loading", "refused"])
    def test_a_broker_that_is_away(
        self, command: Command, broker: type[Planted], state: str
    ) -> None:
        """Status 1; the problem names the broker's state."""
        broker.trouble = BrokerUnreachable("Redis said no", state=state)
        result = command("health")
        assert result.exit_code == 1
        assert f"the broker is {state}: Redis said no" in result.stdout
        [problem] = json.loads(command("health", "--json").stdout)["problems"]
        assert problem["problem"] == f"broker-{state}"

    def test_a_broker_that_takes_no_writes(self, command: Command, broker: type[Planted]) -> None:
        """A replica or a full server answers questions; a beat that was active is not, any more."""
        show(broker, "web-1:7:ab", leads=True)
        broker.read_only = BrokerUnreachable("Redis takes no writes", state="read-only")
        result = command("health")
        assert result.exit_code == 1
        assert "the broker is read-only: Redis takes no writes" in result.stdout

    def test_a_broker_that_hangs(
        self, command: Command, broker: type[Planted], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The probe ends in bounded time and says that the broker hangs."""
        monkeypatch.setattr("periodic.integrations.celery.watched.LIMIT", 0.1)
        broker.trouble = "hang"
        result = command("health")
        assert result.exit_code == 1
        assert "the broker is unreachable: it has not answered within 0.1 s" in result.stdout

    def test_asking_leaves_no_trace(self, command: Command, broker: type[Planted]) -> None:
        """The probe's own lease is given back, and it does not show itself as a beat."""
        show(broker, "web-1:7:ab", leads=True)
        assert command("health").exit_code == 0
        assert list(broker.statuses) == ["web-1:7:ab"]
        assert {key for key, lease in broker.store._leases.items()} == {"beat"}


@pytest.mark.parametrize("word", ["beats", "health"])
class TestCannotTell:
    """Status 2 where the question has no answer."""

    @pytest.mark.parametrize("run", [flask_result, celery_result], ids=["flask", "celery"])
    def test_a_broker_without_a_registry(self, run: Command, word: str) -> None:
        """One sentence that says which broker it is and which would do."""
        result = run((word,), adapter=Forgetful)
        assert result.exit_code == 2
        assert "beats cannot show themselves on this broker (Forgetful" in result.stderr
        assert "redis://" in result.stderr
        assert "Traceback" not in result.output

    @pytest.mark.parametrize("run", [flask_result, celery_result], ids=["flask", "celery"])
    def test_memory(self, run: Command, word: str) -> None:
        """The memory of another process cannot be looked into."""
        assert run((word,)).exit_code == 2

    def test_a_wrong_setting(self, word: str) -> None:
        """A setting that cannot be read is one sentence."""
        result = celery_result((word,), namespcae="x")
        assert result.exit_code == 2
        assert "did you mean 'namespace'?" in result.stderr

    def test_an_app_without_periodic(self, word: str) -> None:
        """What is missing and how to add it."""
        result = Flask("bare").test_cli_runner().invoke(flask_commands, [word])
        assert result.exit_code == 2
        assert "'bare' has no Periodic" in result.stderr

    @pytest.mark.parametrize("run", [flask_result, celery_result], ids=["flask", "celery"])
    def test_json_says_unknown(self, run: Command, word: str) -> None:
        """For programs standard output stays JSON, or empty."""
        result = run((word, "--json"), adapter=Forgetful)
        assert result.exit_code == 2
        if word == "health":
            told = json.loads(result.stdout)
            assert told["status"] == "unknown"
            assert told["problems"][0]["problem"] == "unknown"
        else:
            assert result.stdout == ""


def test_the_look_asks_for_no_entry(command: Command, broker: type[Planted]) -> None:
    """A probe reads no schedule: a bad entry is no reason to restart a beat."""
    show(broker, "web-1:7:ab", leads=True)
    bad = {"bad": {"task": "t", "schedule": "soon"}}
    assert flask_result(("health",), adapter=broker, entries=bad).exit_code == 0
