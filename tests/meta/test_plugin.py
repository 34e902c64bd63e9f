"""Tests of the plugin: nothing can be muted, excuses cannot rot, and the report tells all."""

import json
import subprocess
import sys

import pytest

from periodic import Capability
from periodic_brokers import memory

pytest_plugins = ["pytester"]

#: What an adapter's author writes, up to the class.
AUTHOR = """
import kombu
import pytest
import periodic
from periodic_brokers.memory import MemoryBroker, reset
from periodic_contracts import Contract, DedupContract, DispatchContract, needs

class Author:
    adapter = MemoryBroker
    clocks = ("manual",)

    @pytest.fixture
    def connection(self):
        reset()
        with kombu.Connection("memory://") as connection:
            yield connection
"""


@pytest.fixture(autouse=True)
def clean_memory():
    """Leave no message to the tests that come after."""
    yield
    memory.reset()


@pytest.fixture
def run(pytester):
    """Run a test file made of what an author writes and more; return the result."""

    def run(text, *options):
        pytester.makepyfile(AUTHOR + text)
        return pytester.runpytest_inprocess(
            # Without its own time limits: they would switch off those of this run.
            *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:timeout"),
            *("--strict-markers", "--strict-config", *options),
        )

    return run


# -- muting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["def test_a_claim_is_won_once(self): pass", "test_a_claim_is_won_once = None"]
)
def test_overriding_a_contract_test_raises_at_collection(run, how):
    """A promise cannot be replaced by `pass`, nor by nothing: the file is not collected."""
    result = run(f"class TestDedup(Author, DedupContract):\n    {how}\n")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    message = (
        "*TypeError: TestDedup overrides test_a_claim_is_won_once of DedupContract; list a "
        "test that cannot pass in `deviations` with a reason instead*"
    )
    result.stdout.fnmatch_lines([message])


def test_overriding_in_a_mixin_raises_as_well(run):
    """The test that comes first in the class's order would win: that is muting, too."""
    result = run("""
class Mixin:
    def test_a_claim_is_won_once(self):
        pass

class TestDedup(Author, Mixin, DedupContract):
    pass
""")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*TestDedup overrides test_a_claim_is_won_once*"])


def test_overriding_a_test_of_a_contracts_part_raises_as_well(run):
    """A contract in several files is one contract: what it is made of cannot be muted either."""
    how = "def test_an_edit_starts_counting_anew(self): pass"
    result = run(f"class TestDedup(Author, DedupContract):\n    {how}\n")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*TestDedup overrides test_an_edit_starts_counting_anew of DedupContract; *"]
    )


def test_an_authors_own_tests_may_stand_beside(run):
    """A class may add tests; they run, and are counted under the class."""
    result = run("""
class TestDispatch(Author, DispatchContract):
    def test_of_my_own(self, core, make_broker):
        assert isinstance(make_broker(), core.Broker)
""")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*TestDispatch *1 passed"])


# -- deviations ---------------------------------------------------------------------------------


def test_an_unknown_deviation_raises_at_collection(run):
    """An excuse for a test that does not exist is a mistake, not a comment."""
    result = run("""
class TestDedup(Author, DedupContract):
    deviations = {"test_a_claim_is_won_twice": "no such promise"}
""")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*TypeError: TestDedup.deviations names test_a_claim_is_won_twice, which is no test of*"]
    )


def test_a_deviation_without_a_reason_raises_at_collection(run):
    """A known failure says why."""
    result = run("""
class TestDedup(Author, DedupContract):
    deviations = {"test_a_claim_is_won_once": " "}
""")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*deviations gives no reason for test_a_claim_is_won_once*"])


def test_a_deviation_that_fails_is_reported_with_its_reason(run):
    """What is known to fail fails, is not red, and stands in the table with its reason."""
    result = run("""
class Reversing(MemoryBroker):
    def dispatch(self, batch):
        return super().dispatch(batch)[::-1]

class TestDispatch(Author, DispatchContract):
    adapter = Reversing
    deviations = {"test_outcomes_answer_the_batch_one_by_one_in_order": "answers backwards, #7"}
""")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "  DispatchContract *1 xfailed",
            "*test_outcomes_answer_the_batch_one_by_one_in_order xfailed: answers backwards, #7",
        ]
    )


def test_a_stale_deviation_is_red(run):
    """What was known to fail and passes is an error: excuses cannot rot."""
    result = run("""
class TestDispatch(Author, DispatchContract):
    deviations = {"test_an_empty_batch_is_answered_by_nothing": "was so once"}
""")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*XPASS(strict)*was so once*"])


# -- capabilities -------------------------------------------------------------------------------


def test_each_capability_is_asked_both_ways(run):
    """Declared: the contract runs. Lacking: its negative runs. The skip names the capability."""
    result = run(
        """
class PairContract(Contract):
    @needs("ATOMIC_DISPATCH")
    def test_declared(self):
        pass

    @needs("ATOMIC_DISPATCH", absent=True)
    def test_absent(self):
        pass

class Lacking(MemoryBroker):
    capabilities = frozenset()

class TestDeclared(Author, PairContract):
    pass

class TestLacking(Author, PairContract):
    adapter = Lacking
""",
        "-v",
    )

    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines_random(
        [
            "*TestDeclared::test_declared PASSED*",
            "*TestLacking::test_absent PASSED*",
            "*test_absent skipped: MemoryBroker declares ATOMIC_DISPATCH",
            "*test_declared skipped: Lacking does not declare ATOMIC_DISPATCH",
        ]
    )


def test_a_capability_that_does_not_exist_is_an_error(run):
    """A contract that asks for a misspelt capability would be skipped for ever: refused."""
    result = run("""
class OddContract(Contract):
    @needs("ATOMIC_DISPTACH")
    def test_declared(self):
        pass

class TestOdd(Author, OddContract):
    pass
""")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs ATOMIC_DISPTACH, which is no capability; known: *"])


def test_every_capability_has_a_contract_and_its_negative(pytester):
    """No flag of the core goes unproved in either direction."""
    import periodic_contracts
    from periodic_contracts.contract import contract_tests

    names = [name for name in periodic_contracts.__all__ if name.endswith("Contract")]
    contracts = [getattr(periodic_contracts, name) for name in names]
    asked = {
        (mark.args[0], mark.kwargs["absent"])
        for contract in contracts
        for test in (getattr(contract, name) for name in contract_tests(contract))
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "periodic_needs"
    }

    assert asked == {(one.name, absent) for one in Capability for absent in (False, True)}


# -- the report ---------------------------------------------------------------------------------

TWO_ADAPTERS = """
class Other(MemoryBroker):
    capabilities = frozenset()

class TestDispatch(Author, DispatchContract):
    pass

class TestOther(Author, DispatchContract):
    adapter = Other
    label = "Other on memory"
"""


#: What the memory adapter declares, and what it does not.
DECLARED = sorted(capability.name for capability in memory.MemoryBroker.capabilities)
LACKING = sorted({capability.name for capability in Capability} - set(DECLARED))


def test_the_header_names_each_adapter_with_its_capabilities(run):
    """Before the first test one reads what is proved and what is not even claimed."""
    result = run(TWO_ADAPTERS)

    everything = ", ".join(sorted([*DECLARED, *LACKING]))
    declared, lacking = ", ".join(DECLARED), ", ".join(LACKING)
    assert "ATOMIC_DISPATCH" in declared
    assert "CROSS_PROCESS" in lacking
    result.stdout.fnmatch_lines(
        [
            f"contracts: MemoryBroker declares {declared}; lacks {lacking}",
            f"contracts: Other on memory declares nothing; lacks {everything}",
        ]
    )


def test_the_table_is_written_as_json(run, pytester):
    """CI keeps the report: adapters, what they declare, and how each contract ended."""
    run(TWO_ADAPTERS, "--contracts-json", "reports/contracts.json")
    report = json.loads((pytester.path / "reports" / "contracts.json").read_text())

    assert sorted(report) == ["MemoryBroker", "Other on memory"]
    assert report["MemoryBroker"] == {
        "declares": DECLARED,
        "lacks": LACKING,
        "contracts": {
            "DispatchContract": {
                "passed": 6,
                "failed": 0,
                "skipped": 1,
                "xfailed": 0,
                "not_run": [],
                "reasons": {
                    "failed": {},
                    "skipped": {
                        "test_another_process_gets_what_was_enqueued": (
                            "MemoryBroker does not declare CROSS_PROCESS"
                        )
                    },
                    "xfailed": {},
                },
            }
        },
    }


def test_what_was_left_out_is_in_the_report(run):
    """A run of a part does not look like a run of the whole."""
    result = run(TWO_ADAPTERS, "-k", "TestDispatch and empty_batch")

    result.stdout.fnmatch_lines(["  DispatchContract  1 passed, 6 not run"])


def test_one_adapter_can_be_chosen(run):
    """`--broker` runs the contracts of the adapters whose name contains the word."""
    result = run(TWO_ADAPTERS, "--broker", "other")

    result.assert_outcomes(passed=6, skipped=1, deselected=7)
    result.stdout.no_fnmatch_line("MemoryBroker declares*")


def test_an_unknown_adapter_cannot_be_chosen(run):
    """A misspelt `--broker` proves nothing and says so."""
    result = run(TWO_ADAPTERS, "--broker", "reids")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--broker reids: no such adapter among MemoryBroker, Other on memory"]
    )


# -- mistakes of authors ------------------------------------------------------------------------


def test_a_missing_adapter_is_named(run):
    """A class without `adapter` gets one clear sentence."""
    result = run("class TestNone(DispatchContract):\n    pass\n")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*TestNone needs a class attribute `adapter`: a Broker class"])


def test_a_missing_connection_is_named(run):
    """A class without the fixture `connection` gets one clear sentence."""
    result = run("class TestNone(DispatchContract):\n    adapter = MemoryBroker\n")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*TestNone needs a fixture `connection`: a kombu.Connection*"])


def test_a_core_that_is_not_there_is_named(run):
    """A wrong `periodic_core` gets one clear sentence."""
    result = run(TWO_ADAPTERS, "-o", "periodic_core=acme.periodic")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*periodic_core = acme.periodic: No module named 'acme'; *"])


# -- manners ------------------------------------------------------------------------------------


def test_the_plugin_is_cheap(tmp_path):
    """Every pytest run of an environment loads the plugin: no kombu, freezegun or core for that."""
    script = (
        "import sys, pytest; before = set(sys.modules); import periodic_contracts.plugin; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.split())

    assert loaded & {"kombu", "freezegun", "time_machine", "periodic", "celery", "flask"} == set()


def test_a_run_without_contracts_says_nothing_of_them(pytester):
    """Other people's test runs are left alone."""
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:timeout")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("contracts: *")
    result.stdout.no_fnmatch_line("=* contracts =*")


def test_each_public_name_is_there():
    """What the package offers can be imported, and what it does not raises as modules do."""
    import periodic_contracts

    assert all(getattr(periodic_contracts, name) for name in periodic_contracts.__all__)
    with pytest.raises(AttributeError, match="no attribute 'LeaseKontract'"):
        _ = periodic_contracts.LeaseKontract


def test_the_seam_lists_what_the_core_offers():
    """Contracts use public names of the core, each of which is there under that name."""
    import periodic
    from periodic_contracts.core import Core

    assert {name for name in Core.__annotations__ if not hasattr(periodic, name)} == set()
