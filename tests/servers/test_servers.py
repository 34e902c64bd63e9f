"""The private servers of the suite carry messages, are empty for each test and leave nothing."""

import socket
from contextlib import ExitStack
from pathlib import Path

import kombu
import pytest
import redis
import testservers

from periodic_contracts import servers

EVERY_SERVER = [
    pytest.param("clean_fakeredis_url", marks=pytest.mark.fakeredis),
    pytest.param("clean_redis_url", marks=pytest.mark.redis),
    pytest.param("clean_rabbitmq_url", marks=pytest.mark.rabbitmq),
]
PRIVATE_SERVERS = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("fixture", EVERY_SERVER)
def test_a_clean_server_is_empty_and_carries_a_message(
    request: pytest.FixtureRequest, fixture: str, turn: int
) -> None:
    """Each test finds no message of the test before, and gets back the one that it sends."""
    url = request.getfixturevalue(fixture)

    with kombu.Connection(url) as connection, connection.SimpleQueue("rails") as queue:
        with pytest.raises(queue.Empty):
            queue.get(block=False)

        queue.put({"turn": turn})

        assert queue.get(timeout=5).payload == {"turn": turn}
        # Not acknowledged: it stays behind for the second turn to stumble over.


@pytest.mark.parametrize("kind", PRIVATE_SERVERS)
def test_a_private_server_leaves_nothing_behind(kind: str) -> None:
    """Process, port, helpers and folder of a private server are gone after it."""
    with servers.private(kind) as server:
        group = server.process.pid
        assert _processes_of(group)

    assert _processes_of(group) == []
    assert not server.folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    assert _processes_naming(server.folder) == []


@pytest.mark.redis
def test_a_server_takes_options_and_finds_what_it_has_kept(tmp_path: Path) -> None:
    """Options win over those of the suite; a second start in the same folder reads the data."""
    options = ("--appendonly", "yes", "--appendfsync", "always")
    for turn in (1, 2):
        with ExitStack() as stack:
            server = servers.start("redis", servers.free_port(), tmp_path, stack, *options)
            with redis.Redis.from_url(server.url) as client:
                assert client.config_get("append*")["appendfsync"] == "always"
                assert turn == client.incr("turns")


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks a server reads which package to install or which variable to set."""
    monkeypatch.setitem(servers.FINDERS, "rabbitmq", lambda: None)

    with pytest.raises(servers.ServerMissingError) as caught:
        servers.find("rabbitmq")

    assert "'rabbitmq-server'" in str(caught.value)
    assert "PERIODIC_TEST_RABBITMQ_URL" in str(caught.value)


@pytest.mark.parametrize(
    ("required", "status", "said"),
    [("", 0, "its tests are skipped"), ("redis", 1, "PERIODIC_REQUIRE names it: error")],
)
def test_a_missing_server_is_an_error_only_where_required(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    required: str,
    status: int,
    said: str,
) -> None:
    """A laptop without Redis skips by name; a run that requires Redis fails before it starts."""
    monkeypatch.setitem(servers.FINDERS, "redis", lambda: None)
    monkeypatch.delenv("PERIODIC_TEST_REDIS_URL", raising=False)
    monkeypatch.setenv("PERIODIC_REQUIRE", required)

    assert testservers.report() == status

    assert f"redis: none here, {'and ' if status else ''}{said}" in capsys.readouterr().out


def _command_lines() -> dict[int, tuple[int, bytes]]:
    """Process group and command line of every process, by pid; empty where there is no /proc."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = int((folder / "stat").read_text().rpartition(")")[2].split()[2])
            found[int(folder.name)] = (group, (folder / "cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _processes_of(group: int) -> list[bytes]:
    return [line for owner, line in _command_lines().values() if owner == group and line]


def _processes_naming(folder: Path) -> list[bytes]:
    return [line for _, line in _command_lines().values() if str(folder).encode() in line]
