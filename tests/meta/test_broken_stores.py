"""Tests of the contract of stores: each planted fault is caught by the test that names it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: A suite within a test; what it finds is the same on every interpreter.
pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("our_plugin_alone")]

BROKEN = Path(__file__).parent / "broken" / "stores"

#: Fault: the test that must fail.
CAUGHT = {
    "writes_as_it_goes": "test_many_are_changed_together_or_not_at_all",
    "reads_before_the_lock": "test_changes_at_the_same_moment_follow_one_another",
    "version_starts_again": "test_an_entry_that_was_made_anew_is_another",
    "idle_writes_count": "test_each_change_has_a_version_of_its_own_and_idle_ones_have_none",
    "removals_untold": "test_what_is_otherwise_since_a_revision_is_told_and_nothing_else",
    "tells_everything": "test_what_is_otherwise_since_a_revision_is_told_and_nothing_else",
    "whole_read_slips": "test_what_is_told_is_what_is_read",
    "restored_from_a_copy_unseen": "test_a_revision_that_never_was_gets_all_there_is",
    "namespaces_meet": "test_namespaces_of_records_do_not_meet",
    "hands_out_its_own": "test_what_is_handed_out_is_the_callers_own",
    "audit_for_ever": "test_the_audit_keeps_the_newest",
    "watch_sleeps": "test_a_watch_sees_the_changes_of_others",
}


@pytest.fixture(scope="module")
def proved(tmp_path_factory):
    """Run the contract on every file of the folder, once; return the report of each by its name."""
    folder = tmp_path_factory.mktemp("broken")
    for path in BROKEN.glob("*.py"):
        name = path.name if path.stem == "honest_store" else f"test_{path.name}"
        shutil.copy(path, folder / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *("--contracts-json", "report.json"),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    report = json.loads((folder / "report.json").read_text())
    return {name: adapter["contracts"]["StoreContract"] for name, adapter in report.items()}


@pytest.mark.parametrize("fault", CAUGHT)
def test_each_fault_is_caught_by_the_test_that_names_it(proved, fault):
    """The test of the table fails."""
    assert CAUGHT[fault] in proved[fault]["reasons"]["failed"]


def test_every_file_of_the_folder_is_proved(proved):
    """No fault lies about without a test that must catch it."""
    planted = {path.stem for path in BROKEN.glob("*.py")} - {"honest_store", "honest_all_store"}

    assert planted == set(CAUGHT)
    assert {*planted, "honest_all_store"} == set(proved)


def test_the_store_that_the_faults_are_planted_in_is_right(proved):
    """Without a fault nothing fails: what is caught above is the fault and nothing else."""
    assert (proved["honest_all_store"]["failed"], proved["honest_all_store"]["not_run"]) == (0, [])
