"""A private Redis that may die, and beats on it that are real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from chaos import Beats, RedisServer

from periodic_contracts import servers

Serve = Callable[..., RedisServer]
Gather = Callable[..., Beats]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a Redis with these options; it ends with the test, paused or not."""
    try:
        servers.find("redis")
    except servers.ServerMissingError as error:
        if "redis" in servers.required():
            pytest.fail(f"PERIODIC_REQUIRE names redis: {error}", pytrace=False)
        pytest.skip(str(error))
    with ExitStack() as stack:
        yield lambda *options: RedisServer(tmp_path / "redis", stack, *options)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for byte code."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def gather(tmp_path: Path, compiled: Path) -> Iterator[Gather]:
    """Make the beats of an app on a server; whatever lives in the end is killed."""
    made: list[Beats] = []

    def make(server: RedisServer, entries: int, every: int = 1, **settings: object) -> Beats:
        beats = Beats(tmp_path, server, compiled, entries, every, settings)
        made.append(beats)
        return beats

    yield make
    for beats in made:
        beats.kill()
        for beat in beats.started:  # shown where the test has failed
            lines = beat.output.splitlines()
            told = [line for line in lines if "Sending due task" not in line]
            print(f"--- {beat.log.name}", *told[-15:], sep="\n")
