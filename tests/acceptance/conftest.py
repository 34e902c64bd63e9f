"""pytest-celery's nodes: containers where an engine answers, processes elsewhere."""

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
import testservers
from process_docker import ProcessDockerClient
from pytest_docker_tools.exceptions import TimeoutError as NotReadyError

#: Each has taken `wait_for_callable` by name.
POLLERS = (
    "pytest_celery.api.base",
    "pytest_celery.api.container",
    "pytest_docker_tools.factories.container",
    "pytest_docker_tools.wrappers.container",
)


def wait_for(message: str, ready: Callable[[], Any], timeout: float = 30) -> None:
    """Poll often and give up at a deadline; the original polls once a second.

    Args:
        message: what is waited for.
        ready: asked until it says yes.
        timeout: seconds.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            raise NotReadyError(f"not within {timeout} s: {message}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    """The one door to Docker: the engine's client, else one that starts processes."""
    try:
        yield docker.from_env()
    except docker.errors.DockerException:
        pass
    else:
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in POLLERS:
            patch.setattr(importlib.import_module(name), "wait_for_callable", wait_for)
        # A test run that is itself in a container would dial the ports inside of the nodes.
        wrapper = importlib.import_module("pytest_docker_tools.wrappers.container")
        patch.setattr(wrapper, "tests_inside_container", lambda: False)
        client = ProcessDockerClient()
        yield client
        client.close()


@pytest.fixture(autouse=True)
def servers(request: pytest.FixtureRequest, docker_client: Any) -> None:
    """Skip by name where a server's program is missing; fail where it is required."""
    if not isinstance(docker_client, ProcessDockerClient):
        return
    wanted = {"redis", "rabbitmq"} if "rabbitmq" in request.node.nodeid else {"redis"}
    for kind in sorted(wanted):
        try:
            testservers.find(kind)
        except testservers.ServerMissingError as error:
            if kind in testservers.required():
                pytest.fail(f"PERIODIC_REQUIRE names {kind}: {error}", pytrace=False)
            pytest.skip(str(error))
