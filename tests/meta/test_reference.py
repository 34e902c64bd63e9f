"""Tests of docs/reference/contracts.md: what it shows runs, and what it lists is all there is."""

import re
from pathlib import Path

import pytest

import periodic_contracts
from periodic import Capability
from periodic_brokers import memory
from periodic_contracts.clocks import CLOCKS, FREEZEGUN_IGNORES

#: Whole suites within a test; what they find is the same on every interpreter.
pytestmark = pytest.mark.thorough

pytest_plugins = ["pytester"]

#: Every contract that is published.
CONTRACTS = {
    name for name in periodic_contracts.__all__ if name.endswith("Contract") and name != "Contract"
}

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "contracts.md").read_text()


def test_the_test_file_on_the_page_proves_the_memory_adapter(pytester):
    """Under thirty lines, copied as they stand, run every contract and pass."""
    (example, *_) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    pytester.makepyfile(example)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:timeout")
    memory.reset()

    assert len(example.splitlines()) < 30
    assert set(re.findall(r"\w+Contract\b", example)) == CONTRACTS - {
        "StoreContract",
        "GuardContract",
    }
    assert result.ret == pytest.ExitCode.OK
    shown = re.findall(r"^  (\w+Contract) +(\d+ passed.*)$", PAGE, re.MULTILINE)
    assert len(shown) == 3
    result.stdout.fnmatch_lines([f"  {contract} *{counts}" for contract, counts in shown])


def test_the_test_file_for_a_store_proves_the_memory_store(pytester):
    """Copied as it stands, it runs the contract of stores and passes."""
    _, example, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    pytester.makepyfile(example)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:timeout")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["MemoryStore declares nothing*", "  StoreContract *passed"])


def test_the_test_file_for_claims_proves_those_in_memory(pytester):
    """Copied as it stands, it runs the contract of claims of runs and passes."""
    _, _, example, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    pytester.makepyfile(example)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:timeout")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["MemoryRunClaims declares nothing*", "  GuardContract *passed"])


def test_the_page_lists_every_contract_clock_and_capability():
    """What is not on the page does not exist for an author."""
    rows = set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))

    assert CONTRACTS <= rows
    assert set(CLOCKS) <= rows
    assert {capability.name for capability in Capability} <= rows


def test_the_page_names_what_freezegun_ignores():
    """The list is the one that the plugin sets."""
    text = " ".join(PAGE.split())

    assert ", ".join(f"`{name}`" for name in FREEZEGUN_IGNORES) + ". Never `celery`" in text
