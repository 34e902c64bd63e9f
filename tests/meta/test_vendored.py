"""The contracts prove a copy of the core as well: `cp -r periodic acme/_vendor/`."""

import shutil
from pathlib import Path

import pytest

import periodic
import periodic_brokers

#: Whole suites within a test; what they find is the same on every interpreter.
pytestmark = pytest.mark.thorough

pytest_plugins = ["pytester"]

COPY = "acme._vendor.periodic"

CONTRACTS = """
import kombu
import pytest
from acme.brokers import memory
from periodic_contracts import BeatContract, ClockContract, CrontabContract, DedupContract
from periodic_contracts import DispatchContract, LeaseContract, ModelContract
from periodic_contracts import RegistryContract, TimezoneContract

class Author:
    adapter = memory.MemoryBroker

    @pytest.fixture
    def connection(self):
        memory.reset()
        with kombu.Connection("memory://") as connection:
            yield connection

class TestDedup(Author, DedupContract):
    pass

class TestBeat(Author, BeatContract):
    pass

class TestDispatch(Author, DispatchContract):
    pass

class TestClocks(Author, ClockContract):
    pass

class TestLeases(Author, LeaseContract):
    clocks = ("manual",)

class TestRegistry(Author, RegistryContract):
    pass

class TestModel(Author, ModelContract):
    pass

class TestTimezones(Author, TimezoneContract):
    clocks = ("manual",)

class TestCrontab(Author, CrontabContract):
    clocks = ("manual",)

def test_the_copy_is_another_core(periodic_core):
    assert periodic_core.__name__ == "acme._vendor.periodic"
"""


@pytest.fixture
def acme(pytester):
    """Copy the core and the adapters, with the adapters' one-line edit, into another package."""
    package = pytester.mkpydir("acme")
    vendor = package / "_vendor"
    vendor.mkdir()
    (vendor / "__init__.py").touch()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(periodic.__file__).parent, vendor / "periodic", ignore=ignored)
    shutil.copytree(Path(periodic_brokers.__file__).parent, package / "brokers", ignore=ignored)
    for module in (package / "brokers").glob("*.py"):
        text = module.read_text()
        module.write_text(text.replace("from periodic import", f"from {COPY} import"))
    pytester.makepyfile(CONTRACTS)
    pytester.syspathinsert()
    return pytester


def test_a_vendored_core_keeps_every_promise(acme):
    """Contracts name no class of the installed core: those of the copy are other classes."""
    result = acme.runpytest_subprocess(
        "-p", "no:randomly", "-p", "no:cacheprovider", "-o", f"periodic_core={COPY}"
    )

    assert result.ret == pytest.ExitCode.OK
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 300
    assert set(outcomes) == {"passed", "skipped"}


def test_the_wrong_core_is_named(acme):
    """An adapter of the copy under the installed core gets one clear sentence."""
    result = acme.runpytest_subprocess("-p", "no:cacheprovider", "-k", "TestDispatch", "-x")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*TypeError: MemoryBroker is no Broker of the core 'periodic'; name the core*"]
    )


def test_a_core_that_loses_the_fold_is_caught_under_freezegun(acme):
    """The plain `astimezone` is right until the clock is frozen: only that clock shows it."""
    clock = acme.path / "acme" / "_vendor" / "periodic" / "clock.py"
    right = "return zone.fromutc(to_utc(instant).replace(tzinfo=zone))"
    assert right in clock.read_text()
    clock.write_text(clock.read_text().replace(right, "return to_utc(instant).astimezone(zone)"))
    contracts = acme.path / "test_a_core_that_loses_the_fold_is_caught_under_freezegun.py"
    contracts.write_text(contracts.read_text().replace('    clocks = ("manual",)\n', "    pass\n"))
    result = acme.runpytest_subprocess(
        *("-p", "no:randomly", "-p", "no:cacheprovider", "-o", f"periodic_core={COPY}"),
        *("-k", "test_the_repeated_hour_is_read_with_its_offset", "-rA"),
    )

    said = [line for line in result.outlines if "[" in line and "America/New_York" in line]
    failed = [line for line in said if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "[freezegun-America/New_York]" in failed[0]
    assert any(line.startswith("PASSED") and "[time-machine-America" in line for line in said)
    assert any(line.startswith("PASSED") and "[manual-America" in line for line in said)


def test_a_core_that_claims_whatever_the_skew_is_is_caught(acme):
    """A beat that sees that its clock is wrong and goes on breaks the contract of clocks."""
    skew = acme.path / "acme" / "_vendor" / "periodic" / "skew.py"
    right = "return not self.reason"
    assert right in skew.read_text()
    skew.write_text(skew.read_text().replace(right, "return True"))
    result = acme.runpytest_subprocess(
        *("-p", "no:randomly", "-p", "no:cacheprovider", "-o", f"periodic_core={COPY}"),
        *("-k", "TestClocks", "-rA"),
    )

    # FAILED <file>::<class>::<test>[<clock>] - <what it said>
    failed = {line.partition(" - ")[0] for line in result.outlines if line.startswith("FAILED")}
    assert {name.partition("[")[0].rpartition("::")[2] for name in failed} == {
        "test_a_beat_whose_clock_is_wrong_claims_nothing_and_says_why",
        "test_a_clock_that_is_wrong_for_a_while_loses_and_doubles_nothing",
    }
