"""`flask periodic sync`: the store beside the code, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_sync_shows_the_difference_and_keeps_it(shop: Any) -> None:
    """Nothing is written unless a mode says so."""
    shop.run("pause", "nightly", "--note", "stocktaking")
    shop.run("set", "nightly", "--every", "2h")
    revision = shop.schedules.store.revision()
    result = shop.run("sync")

    assert 0 == result.exit_code, result.output
    assert "stays nightly: paused until it is resumed (stocktaking)" in result.stdout
    assert "schedule every 2 hours, in the code at 03:00 every day" in result.stdout
    assert "1 differs from the code, 0 removed" in result.stdout
    assert revision == shop.schedules.store.revision()


def test_a_dry_run_prints_and_writes_nothing(shop: Any) -> None:
    """What it says would go goes without `--dry-run`."""
    shop.run("pause", "nightly")
    tried = shop.run("sync", "--mode", "replace", "--dry-run")
    before = shop.json("list")
    done = shop.run("sync", "--mode", "replace", "--who", "maria")
    row = shop.schedules.audit("nightly", limit=1)[0]

    assert "would go nightly" in tried.stdout
    assert "1 would go, nothing was written" in tried.stdout
    assert "paused" in str(before)
    assert "removed nightly" in done.stdout
    assert ("maria", "cli", "sync") == (row.origin.who, row.origin.via, row.origin.action)
    assert "0 differ from the code" in shop.run("sync").stdout


def test_what_is_gone_from_the_code_is_pruned(make_shop: Callable[..., Any]) -> None:
    """As after the deploy that took the entry out."""
    make_shop().run("pause", "nightly")
    shop = make_shop(entries={})

    assert [("nightly", "gone", False)] == [
        (each["name"], each["state"], each["goes"]) for each in shop.json("sync")
    ]
    assert "gone from the code, so it does not run" in shop.run("sync").stdout
    assert "removed nightly" in shop.run("sync", "--mode", "prune").stdout
    assert shop.schedules.get("nightly") is None


def test_secrets_stay_hidden(shop: Any) -> None:
    """In words and as JSON."""
    done = shop.run("set", "nightly", "--options", '{"headers": {"token": "abc"}}')
    assert 0 == done.exit_code, done.output

    assert "abc" not in shop.run("sync").stdout
    assert "***" in str(shop.json("sync"))
