"""What is tested is what is shipped: the wheel, with three packages and nothing else."""

import importlib
import importlib.metadata
import os
import sysconfig
from pathlib import Path

import pytest

DISTRIBUTION = "periodic-celery"
PACKAGES = ("periodic", "periodic_brokers", "periodic_contracts")

installed = pytest.mark.skipif(
    os.environ.get("PERIODIC_INSTALLED") != "1",
    reason="PERIODIC_INSTALLED=1 is not set: this run tests the checkout, not the wheel",
)


@installed
@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_come_from_site_packages(package: str) -> None:
    """No test run of the matrix imports the checkout by accident."""
    module = importlib.import_module(package)

    assert module.__file__ is not None
    assert Path(module.__file__).parent.parent == Path(sysconfig.get_path("purelib"))


@installed
def test_the_top_level_is_exactly_the_three_packages() -> None:
    """The wheel adds three import names and its metadata to an environment."""
    files = importlib.metadata.files(DISTRIBUTION)
    assert files is not None

    # Commands lie beside the interpreter, which is outside of the packages' folder.
    top = {file.parts[0] for file in files if file.parts[0] != ".."}
    top = {name for name in top if not name.endswith(".dist-info")}

    assert set(PACKAGES) == top


@installed
@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_ships_its_types(package: str) -> None:
    """A py.typed marker tells type checkers to read our annotations."""
    module = importlib.import_module(package)

    assert module.__file__ is not None
    assert (Path(module.__file__).parent / "py.typed").is_file()


def test_every_entry_point_loads() -> None:
    """Each name that Celery, Flask, pytest and `connect` look up leads to a real object."""
    points = importlib.metadata.distribution(DISTRIBUTION).entry_points
    expected = {
        ("celery.beat_schedulers", "periodic"),
        ("celery.commands", "periodic"),
        ("console_scripts", "periodic"),
        ("flask.commands", "periodic"),
        ("periodic.brokers", "amqp"),
        ("periodic.brokers", "amqps"),
        ("periodic.brokers", "kombu"),
        ("periodic.brokers", "memory"),
        ("periodic.brokers", "pyamqp"),
        ("periodic.brokers", "redis"),
        ("periodic.brokers", "rediss"),
        ("periodic.brokers", "sentinel"),
        ("periodic.guards", "memory"),
        ("periodic.guards", "redis"),
        ("periodic.guards", "rediss"),
        ("periodic.guards", "sentinel"),
        ("pytest11", "periodic_contracts"),
    }

    assert expected == {(point.group, point.name) for point in points}
    for point in points:
        assert point.load() is not None


def test_the_core_depends_on_nothing_where_time_zones_are_known() -> None:
    """Installing without extras brings no third party, but for time-zone data on Windows."""
    required = importlib.metadata.requires(DISTRIBUTION) or []
    bare = [line for line in required if "extra ==" not in line]

    assert bare == ["tzdata>=2024.1; sys_platform == 'win32'"]


def test_extras_have_lower_bounds_only() -> None:
    """A user's own pins never meet an upper bound of ours."""
    required = importlib.metadata.requires(DISTRIBUTION) or []
    wants = [line.partition(";")[0] for line in required]

    assert [line for line in wants if "<" in line or "==" in line or "~=" in line] == []
