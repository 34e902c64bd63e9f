"""Pages that people copy whole: they hang together."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from periodic_contracts import plugin

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "continuous-integration.md"


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def tox() -> configparser.ConfigParser:
    """The page's tox.ini."""
    (text,) = blocks("ini")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


@pytest.fixture
def workflows() -> tuple[dict[str, Any], dict[str, Any]]:
    """The page's jobs for GitHub and for GitLab."""
    github, gitlab = map(yaml.safe_load, blocks("yaml"))
    return github, gitlab


def test_both_services_run_every_environment_of_tox(tox: Any, workflows: Any) -> None:
    """What is in tox.ini is what the build machines ask for, by the same names."""
    github, gitlab = workflows
    (versions, brokers) = re.findall(r"\{([^}]*)\}", tox["tox"]["env_list"])
    matrix = github["jobs"]["tests"]["strategy"]["matrix"]

    assert brokers.split(",") == matrix["broker"]
    assert versions.split(",") == [each.replace(".", "") for each in matrix["python"]]
    assert set(brokers.split(",")) == {
        job["variables"]["BROKER"] for job in gitlab.values() if job.get("extends") == ".tests"
    }
    assert matrix["python"] == gitlab[".tests"]["parallel"]["matrix"][0]["PYTHON"]
    for line in (github["jobs"]["schedules"]["steps"][-1]["run"], gitlab["schedules"]["script"][0]):
        assert line == "tox -e schedules"
    assert "testenv:schedules" in tox


def test_each_broker_has_its_service_and_its_url(tox: Any, workflows: Any) -> None:
    """What tox hands on is what the services are told."""
    github, gitlab = workflows
    job = github["jobs"]["tests"]

    assert set(job["services"]) == {"redis", "rabbitmq"}
    for name in ("redis", "rabbitmq"):
        assert any(image.startswith(f"{name}:") for image in gitlab[name]["services"])
    for urls in (job["env"], gitlab[".tests"]["variables"]):
        assert set(urls) <= set(re.split(r",\s*", tox["testenv"]["pass_env"]))


def test_options_of_pytest_are_those_of_the_plugin(tox: Any, pytestconfig: pytest.Config) -> None:
    """The table that is kept as an artifact is written by an option that there is."""
    options = set(re.findall(r"(--contracts-\w+)", tox["testenv"]["commands"]))

    assert options == {"--contracts-json"}
    assert pytestconfig.pluginmanager.has_plugin("periodic_contracts")
    assert pytestconfig.getoption("--contracts-json", default="absent") != "absent"
    assert "--contracts-json" in Path(plugin.__file__).read_text(encoding="utf-8")
