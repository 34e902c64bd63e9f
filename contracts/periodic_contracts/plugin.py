"""The pytest plugin of the contracts (entry point `pytest11`, name `periodic_contracts`).

It is loaded by every pytest run of an environment that has `periodic`, so it imports little.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import pytest

pytest.register_assert_rewrite(__name__.rpartition(".")[0])

from . import fixtures  # noqa: E402
from .contract import (  # noqa: E402  # after its asserts are marked for rewriting
    Contract,
    capability_names,
    contract_tests,
    home_of,
    label_of,
)
from .report import KEY, Report  # noqa: E402

if TYPE_CHECKING:
    from .core import Core

_NEEDS = "periodic_needs"

# Pytest looks for fixtures among a plugin's names.
periodic_app = fixtures.periodic_app
periodic_beat = fixtures.periodic_beat
periodic_clock = fixtures.periodic_clock
periodic_snapshot = fixtures.periodic_snapshot


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    parser.addini(
        "periodic_core",
        "the package that the contracts prove: periodic, or a vendored copy's dotted name",
        default="periodic",
    )
    group = parser.getgroup("periodic", "contracts of periodic")
    group.addoption(
        "--broker",
        action="append",
        default=[],
        metavar="NAME",
        help="run the contracts of the adapters whose name contains NAME (may be repeated)",
    )
    group.addoption(
        "--contracts-json",
        metavar="PATH",
        help="write the table of adapters and contracts to PATH as JSON",
    )
    fixtures.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that strict markers accept it downstream."""
    config.addinivalue_line(
        "markers",
        f"{_NEEDS}(capability, absent=False): the contract asks for a declared capability",
    )
    fixtures.add_marker(config)
    config.stash[KEY] = Report()


@pytest.fixture(scope="session")
def periodic_core(pytestconfig: pytest.Config) -> Core:
    """The core under test: the package that the ini option `periodic_core` names."""
    return _core(pytestconfig)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a contract that asks for a clock under each clock of its class."""
    cls = metafunc.cls
    if isinstance(cls, type) and issubclass(cls, Contract) and "clock" in metafunc.fixturenames:
        metafunc.parametrize("clock", cls.clocks, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Apply capabilities and deviations, and leave out adapters that were not asked for."""
    contracts = [(item, cls) for item in items if (cls := _contract_of(item)) is not None]
    if not contracts:
        return
    chosen = cast("list[str]", config.getoption("broker"))
    wanted = [name.casefold() for name in chosen]
    labels = {_checked_label(cls) for _, cls in contracts}
    strange = [name for name in wanted if not any(name in label.casefold() for label in labels)]
    if strange:
        raise pytest.UsageError(
            f"--broker {strange[0]}: no such adapter among {', '.join(sorted(labels))}"
        )
    report = config.stash[KEY]
    core = _core(config)
    of_brokers = {member.name for member in core.Capability}
    unwanted: set[pytest.Item] = set()
    for item, cls in contracts:
        label = label_of(cls)
        if wanted and not any(name in label.casefold() for name in wanted):
            unwanted.add(item)
            continue
        # Stores and claims have contracts too, and declare nothing. What is none of them is a
        # broker, maybe one of another core: its tests say so.
        others = (core.ScheduleStore, core.RunClaims)
        known = set[str]() if issubclass(cls.adapter, others) else of_brokers
        report.declare(label, capability_names(cls.adapter), known)
        for name in contract_tests(cls):
            report.expect(label, home_of(cls, name), name)
        _apply_needs(item, cls, known)
        reason = cls.deviations.get(_test_name(item))
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    if unwanted:
        items[:] = [item for item in items if item not in unwanted]
        config.hook.pytest_deselected(items=list(unwanted))


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which adapters are proved and what they declare."""
    return config.stash[KEY].header()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the report whose promise it speaks of; plain data, so that it survives xdist."""
    report = yield
    cls = _contract_of(item)
    if cls is not None:
        name = _test_name(item)
        cast("Any", report).periodic_contract = [label_of(cls), home_of(cls, name), name]
    return report


class _Collector:
    """Gathers reports: in the controller under xdist, in the one process otherwise."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of how a contract's test ended."""
        self._report.add(report)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Gather the reports of this session."""
    config = session.config
    config.pluginmanager.register(_Collector(config.stash[KEY]), "periodic_contracts_collector")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Close the run with the table of adapters and contracts."""
    lines = config.stash[KEY].table()
    if lines:
        terminalreporter.section("contracts")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table as JSON, where that was asked for."""
    config = session.config
    path = config.getoption("contracts_json")
    if path and not hasattr(config, "workerinput"):
        config.stash[KEY].write(config.invocation_params.dir / path)


def _core(config: pytest.Config) -> Core:
    name = config.getini("periodic_core")
    try:
        return cast("Core", import_module(name))
    except ModuleNotFoundError as error:
        raise pytest.UsageError(
            f"periodic_core = {name}: {error}; name the package that holds the core"
        ) from error


def _contract_of(item: pytest.Item) -> type[Contract] | None:
    cls = getattr(item, "cls", None)
    return cls if isinstance(cls, type) and issubclass(cls, Contract) else None


def _test_name(item: pytest.Item) -> str:
    return cast("str", getattr(item, "originalname", item.name))


def _checked_label(cls: type[Contract]) -> str:
    if not isinstance(getattr(cls, "adapter", None), type):
        raise pytest.UsageError(f"{cls.__name__} needs a class attribute `adapter`: a Broker class")
    return label_of(cls)


def _apply_needs(item: pytest.Item, cls: type[Contract], known: set[str]) -> None:
    declared = capability_names(cls.adapter)
    for mark in item.iter_markers(_NEEDS):
        name, absent = mark.args[0], mark.kwargs.get("absent", False)
        if name not in known:
            raise pytest.UsageError(
                f"{item.nodeid} needs {name}, which is no capability; known: "
                f"{', '.join(sorted(known))}"
            )
        if (name in declared) == absent:
            word = "declares" if absent else "does not declare"
            reason = f"{cls.adapter.__name__} {word} {name}"
            item.add_marker(pytest.mark.skip(reason=reason))
