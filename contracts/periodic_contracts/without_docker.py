"""pytest-celery's nodes: containers where an engine answers, processes of this machine elsewhere.

One line in a `conftest.py` puts this fixture before that of pytest-docker-tools:

    from periodic_contracts.without_docker import docker_client

Tests that use pytest-celery's `celery_setup` then run on machines without Docker as well: brokers
and result backends are private servers of the programs installed there, workers are processes of
the environment in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from . import servers
from .process_docker import ProcessDockerClient

#: Each has taken pytest-docker-tools' `wait_for_callable` by name.
_POLLERS = (
    "pytest_celery.api.base",
    "pytest_celery.api.container",
    "pytest_docker_tools.factories.container",
    "pytest_docker_tools.wrappers.container",
)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    """The one door to Docker: the engine's client, else one that starts processes.

    A server whose program is missing skips the test by name; it is an error where the environment
    variable `PERIODIC_REQUIRE` names it.
    """
    engine = _engine()
    if engine is not None:
        yield engine
        engine.close()
        return
    with _polling_often():
        client = ProcessDockerClient(_skip)
        yield client
        client.close()


def _engine() -> Any:
    """Return the client of the engine that answers here; None where none does."""
    docker = import_module("docker")
    try:
        return docker.from_env()
    except docker.errors.DockerException:
        return None


@contextmanager
def _polling_often() -> Generator[None]:
    """Let waits end soon after what they wait for: these nodes are ready in a blink."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _POLLERS:
            patch.setattr(import_module(name), "wait_for_callable", _wait_for)
        # A test run that is itself in a container would dial the ports inside of the nodes.
        wrapper = import_module("pytest_docker_tools.wrappers.container")
        patch.setattr(wrapper, "tests_inside_container", lambda: False)
        yield


def _wait_for(message: str, ready: Callable[[], Any], timeout: float = 30) -> None:
    """Poll often and give up at a deadline; the original polls once a second.

    Args:
        message: what is waited for.
        ready: asked until it says yes.
        timeout: seconds.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            not_ready = import_module("pytest_docker_tools.exceptions").TimeoutError
            raise not_ready(f"not within {timeout} s: {message}")
        time.sleep(0.05)


def _skip(error: servers.ServerMissingError) -> None:
    if error.kind in servers.required():
        pytest.fail(f"PERIODIC_REQUIRE names {error.kind}: {error}", pytrace=False)
    pytest.skip(str(error))
