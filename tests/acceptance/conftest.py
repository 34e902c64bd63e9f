"""pytest-celery's nodes: containers where an engine answers, processes elsewhere."""

from periodic_contracts.without_docker import docker_client

__all__ = ["docker_client"]
