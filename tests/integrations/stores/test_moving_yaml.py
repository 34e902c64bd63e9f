"""Entries as YAML: out and in again, and what is no such file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.thorough


def test_an_export_as_yaml_is_imported_as_it_was(shop: Any, tmp_path: Path) -> None:
    """Definitions and pauses, text that looks like something else included."""
    words = ("--task", "shop.report", "--every", "5m", "--args", '[["no", "2026-01-01", "1e3"]]')
    shop.run("add", "job", *words, "--kwargs", '{"style": "\\u00e4: #"}')
    shop.run("pause", "job", "--note", "why")
    path = tmp_path / "entries.yaml"
    path.write_text(shop.run("export", "--format", "yaml").stdout, encoding="utf-8")
    before = shop.schedules.get("job")
    shop.run("delete", "job")
    done = shop.run("import", "--from", "yaml", str(path))
    after = shop.schedules.get("job")

    assert 0 == done.exit_code, done.output
    assert before.definition == after.definition
    assert "why" == after.pause.note


def test_what_somebody_wrote_is_read(shop: Any, tmp_path: Path) -> None:
    """A schedule's own words are enough, and a moment without quotes is text."""
    path = tmp_path / "entries.yaml"
    path.write_text(
        "entries:\n"
        "  nine:\n"
        "    task: shop.report\n"
        "    schedule: {kind: cron, expression: 0 9 * * mon-fri, tz: Europe/London}\n"
        "    args: [2026-01-01]\n"
        "  hourly: {task: shop.nightly, schedule: 3600}\n"
    )
    done = shop.run("import", "--from", "yaml", str(path))

    assert 0 == done.exit_code, done.output
    assert ["2026-01-01"] == shop.schedules.get("nine").definition["args"]
    assert "interval" == shop.schedules.get("hourly").definition["schedule"]["kind"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "entries: [1]",
        "entries: {a: 1}",
        "entries: {1: {}, 1: {}}",
        "entries:\n  a: {task: shop.nightly}\n  a: {task: shop.report}\n",
        "entries: {a: {task: x, task: y}}",
        "entries: !!python/object/apply:os.getcwd []",
        "entries: [",
    ],
)
def test_what_is_no_such_file_is_told(shop: Any, tmp_path: Path, text: str) -> None:
    """Status 1 and a sentence; nothing is written, and nothing in it is run."""
    path = tmp_path / "entries.yaml"
    path.write_text(text)
    done = shop.run("import", "--from", "yaml", str(path))

    assert 1 == done.exit_code
    assert "holds no entries as `export` writes them" in done.stderr
    assert 0 == shop.schedules.store.revision()


def test_a_name_that_is_there_twice_is_refused(shop: Any, tmp_path: Path) -> None:
    """In JSON, too, whose readers take the last of two."""
    path = tmp_path / "entries.json"
    path.write_text('{"entries": {"a": {"task": "shop.nightly"}, "a": {"task": "shop.report"}}}')
    done = shop.run("import", str(path))

    assert 1 == done.exit_code
    assert "the key 'a' is there twice" in done.stderr
