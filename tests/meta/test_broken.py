"""Tests of the contracts: each planted fault is caught by the contract that names it."""

import json
import shutil
from pathlib import Path

import pytest
from kombu.transport import filesystem

from periodic_brokers import memory

#: Whole suites within a test; what they find is the same on every interpreter.
pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("our_plugin_alone")]

pytest_plugins = ["pytester"]

BROKEN = Path(__file__).parent / "broken"

#: What faults are planted in.
HONEST = ("honest", "honest_claims", "honest_leader", "honest_leases")
#: Fault: contract, and the test of it that must fail.
CAUGHT = {
    "check_then_set": ("DedupContract", "test_a_claim_in_the_middle_of_another_wins_once"),
    "cursor_first": (
        "DedupContract",
        "test_a_failed_message_moves_nothing_and_the_others_go_on",
    ),
    "no_check": ("DedupContract", "test_a_claim_is_won_once"),
    "cursor_per_object": ("DedupContract", "test_a_restart_resumes_from_the_cursor"),
    "later_wins": ("DedupContract", "test_a_claim_from_a_stale_cursor_is_taken"),
    "id_of_the_host": ("DedupContract", "test_an_occurrence_has_one_id_for_ever"),
    "gives_up_the_batch": (
        "DedupContract",
        "test_a_failed_message_moves_nothing_and_the_others_go_on",
    ),
    "edit_is_ignored": ("DedupContract", "test_an_edit_starts_counting_anew"),
    "copy_is_ignored": ("DedupContract", "test_after_a_loss_a_restart_resumes_from_the_copy"),
    "copy_is_believed": ("DedupContract", "test_a_copy_is_not_believed_where_a_cursor_is_known"),
    "forgets_nothing": (
        "DedupContract",
        "test_a_forgotten_entry_that_comes_back_starts_at_its_anchor",
    ),
    "forgets_all": ("DedupContract", "test_forgetting_leaves_all_others_alone"),
    "given_up_comes_back": (
        "DedupContract",
        "test_what_is_given_up_with_an_occurrence_moves_the_cursor_past_it",
    ),
    "passes_over_a_failure": (
        "DedupContract",
        "test_after_a_loss_what_follows_a_failed_message_still_waits_for_it",
    ),
    "start_forgets": ("BeatContract", "test_a_restart_fires_what_came_due_in_between"),
    "no_time_before_1970": (
        "BeatContract",
        "test_an_entry_that_asks_for_it_runs_at_its_first_start_alone",
    ),
    "one_namespace": ("DedupContract", "test_namespaces_do_not_meet"),
    "not_atomic": (
        "DedupContract",
        "test_a_beat_killed_while_publishing_neither_loses_nor_repeats",
    ),
    "bound_to_a_thread": ("DedupContract", "test_racing_beats_lose_and_double_nothing"),
    "loses_when_killed": (
        "DedupContract",
        "test_a_beat_killed_while_publishing_repeats_under_the_same_ids_only",
    ),
    "advances_past_a_failure": (
        "DedupContract",
        "test_what_follows_a_failed_message_waits_for_it",
    ),
    "cursor_per_schedule": (
        "ModelContract",
        "test_whatever_beats_do_the_broker_is_its_model",
    ),
    "fingerprint_of_the_first": (
        "ModelContract",
        "test_whatever_beats_do_the_broker_is_its_model",
    ),
    "time_of_the_beat": ("ClockContract", "test_beats_are_told_one_time_whatever_their_own"),
    "time_undeclared": ("ClockContract", "test_the_time_of_the_server_cannot_be_asked"),
    "local_time": ("ClockContract", "test_the_time_of_the_server_is_in_utc_and_passes"),
    "believes_no_future": (
        "ClockContract",
        "test_a_clock_set_back_repeats_nothing_and_stalls_nothing",
    ),
    "cursor_of_the_clock": (
        "ClockContract",
        "test_beats_whose_clocks_are_apart_lose_and_double_nothing",
    ),
    "remembers_everybody": (
        "RegistryContract",
        "test_a_beat_that_is_silent_for_an_hour_is_forgotten",
    ),
    "registry_of_one": ("RegistryContract", "test_a_beat_is_shown_as_it_described_itself"),
    "lease_check_then_set": (
        "LeaseContract",
        "test_claims_at_the_same_moment_have_one_winner",
    ),
    "lease_time_of_the_client": (
        "LeaseContract",
        "test_a_client_whose_clock_is_wrong_ends_nothing_early_or_late",
    ),
    "lease_freed_by_anybody": ("LeaseContract", "test_a_lease_that_has_ended_frees_nobody_elses"),
    "lease_freed_by_its_owner": ("LeaseContract", "test_a_lease_that_has_ended_frees_nobody_elses"),
    "lease_token_goes_back": ("LeaseContract", "test_tokens_grow_with_each_claim"),
    "lease_token_stays": ("LeaseContract", "test_tokens_grow_with_each_claim"),
    "lease_revived": ("LeaseContract", "test_a_lease_that_has_ended_is_not_revived"),
    "lease_stolen_back": ("LeaseContract", "test_a_lease_that_was_taken_over_is_not_renewed"),
    "lease_for_ever": ("LeaseContract", "test_a_lease_ends_by_itself"),
    "lease_locks_its_holder_out": (
        "LeaseContract",
        "test_the_holder_that_claims_again_renews",
    ),
    "lease_of_all_namespaces": ("LeaseContract", "test_namespaces_of_leases_do_not_meet"),
    "lease_released_in_silence": ("LeaseContract", "test_a_release_wakes_who_waits"),
    "leases_undeclared": ("LeaseContract", "test_leases_cannot_be_asked_for"),
    "leader_two": ("LeadershipContract", "test_one_leads_and_stays_it"),
    "leader_unasked": ("LeadershipContract", "test_who_does_not_lead_claims_nothing"),
    "leader_for_ever": ("LeadershipContract", "test_who_leaves_hands_over"),
    "leader_of_all_namespaces": (
        "LeadershipContract",
        "test_leaders_of_two_namespaces_do_not_meet",
    ),
    "leader_undeclared": ("LeadershipContract", "test_leading_cannot_be_asked_for"),
    "undeclared": ("DispatchContract", "test_another_process_gets_nothing"),
    "not_cross_process": ("DispatchContract", "test_another_process_gets_what_was_enqueued"),
    "run_check_then_set": ("GuardContract", "test_copies_at_the_same_moment_have_one_winner"),
    "run_held_for_ever": (
        "GuardContract",
        "test_a_run_whose_worker_died_is_run_by_the_next_copy",
    ),
    "run_forgotten_at_its_end": ("GuardContract", "test_a_run_that_is_finished_is_not_run_again"),
    "run_retry_is_a_copy": (
        "GuardContract",
        "test_a_retry_runs_whatever_became_of_the_attempt_before",
    ),
    "run_finished_by_the_dead": (
        "GuardContract",
        "test_a_run_whose_worker_died_is_run_by_the_next_copy",
    ),
    "run_remembered_for_ever": (
        "GuardContract",
        "test_runs_are_remembered_for_a_time_and_then_forgotten",
    ),
    "run_time_of_the_worker": (
        "GuardContract",
        "test_a_worker_whose_clock_is_wrong_ends_nothing_early_or_late",
    ),
    "run_owner_locked_out": ("GuardContract", "test_a_claim_whose_answer_was_lost_is_made_again"),
    "run_of_all_namespaces": ("GuardContract", "test_runs_and_namespaces_do_not_meet"),
    "run_learns_nothing": ("GuardContract", "test_a_store_learns_of_runs_that_began_without_it"),
    "run_for_good_is_for_now": (
        "GuardContract",
        "test_a_copy_of_a_run_that_was_claimed_for_good_never_runs",
    ),
    "newest_first": ("DispatchContract", "test_the_occurrences_of_an_entry_arrive_in_order"),
    "one_queue": ("DispatchContract", "test_messages_go_where_they_are_routed"),
    "fold_lost": ("CrontabContract", "test_next_after_yields_the_runs_of_the_night"),
    "gap_skipped": ("CrontabContract", "test_next_after_yields_the_runs_of_the_night"),
    "naive_walk": ("TimezoneContract", "test_next_after_yields_the_runs_of_the_zone"),
}


@pytest.fixture(autouse=True)
def clean_memory():
    """Leave no message of a broken adapter to the tests that come after."""
    yield
    memory.reset()
    filesystem.Transport.global_state.clear()


@pytest.fixture
def prove(pytester):
    """Run the contracts of one file of `broken/`; return the result and the report."""
    pytester.syspathinsert()
    for name in HONEST:
        shutil.copy(BROKEN / f"{name}.py", pytester.path / f"{name}.py")

    def run(name, *options):
        shutil.copy(BROKEN / f"{name}.py", pytester.path / f"test_{name}.py")
        result = pytester.runpytest_inprocess(
            # Without its own time limits: they would switch off those of this run.
            *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:timeout"),
            *("--contracts-json", "report.json", *options),
        )
        report = json.loads((pytester.path / "report.json").read_text())
        contracts = [adapter["contracts"] for adapter in report.values()]
        return result, {name: each for one in contracts for name, each in one.items()}

    return run


@pytest.mark.parametrize("fault", CAUGHT)
def test_each_fault_is_caught_by_the_contract_that_names_it(prove, fault):
    """The contract of the table fails, in the test of the table, and the run is red."""
    contract, test = CAUGHT[fault]
    result, contracts = prove(fault)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert test in contracts[contract]["reasons"]["failed"]
    assert "errors" not in result.parseoutcomes()


def test_every_file_of_the_folder_is_proved():
    """No fault lies about without a contract that must catch it."""
    planted = {path.stem for path in BROKEN.glob("*.py")} - {*HONEST, "honest_all"}

    assert planted == set(CAUGHT)


def test_the_adapter_that_the_faults_are_planted_in_is_right(prove):
    """Without a fault nothing fails: what is caught above is the fault and nothing else."""
    result, contracts = prove("honest_all")

    assert result.ret == pytest.ExitCode.OK
    assert {name: promise["failed"] for name, promise in contracts.items()} == {
        "BeatContract": 0,
        "ClockContract": 0,
        "CrontabContract": 0,
        "DedupContract": 0,
        "DispatchContract": 0,
        "LeadershipContract": 0,
        "LeaseContract": 0,
        "ModelContract": 0,
        "RegistryContract": 0,
        "TimezoneContract": 0,
    }


def test_a_lost_fold_shows_under_freezegun_and_only_there(prove):
    """The clock decides what is seen: the same schedule is right under time-machine."""
    result, _ = prove("fold_lost", "-k", "next_after_yields and autumn", "-rA", "-q")
    lines = [line for line in result.outlines if line.startswith(("FAILED", "PASSED"))]
    failed = [line for line in lines if line.startswith("FAILED")]

    assert any("[freezegun-every-half-hour-in-autumn]" in line for line in failed)
    assert not any("[time-machine-" in line for line in failed)
    assert any("[time-machine-every-half-hour-in-autumn]" in line for line in lines)


def test_a_schedule_blind_to_the_repeated_hour_is_caught_by_name(prove):
    """The night whose second pass is missing is the one that fails, not its spring twin alone."""
    result, _ = prove("naive_walk", "-k", "TestCrontab and next_after_yields", "-rA", "-q")
    failed = [line for line in result.outlines if line.startswith("FAILED")]

    assert any("every-half-hour-in-autumn" in line for line in failed)
    assert any("one-reading-in-spring" in line for line in failed)
