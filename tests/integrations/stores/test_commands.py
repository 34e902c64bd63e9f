"""`flask periodic add`, `set`, `show`, `pause` and their like, and the same of Celery."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from periodic.integrations.celery.commands import periodic as celery_commands
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as commands

NAMES = {"add", "set", "show", "pause", "resume", "delete", "rename", "audit", "migrate", "import"}


def test_both_groups_have_the_same_commands(shop: Any) -> None:
    """What one can do, the other can."""

    def celery(*arguments: str) -> Result:
        context = SimpleNamespace(app=shop.celery)
        return CliRunner().invoke(celery_commands, list(arguments), obj=context)

    added = celery("add", "job", "--task", "shop.report", "--every", "5m", "--args", "[1]")
    shown = shop.run("show", "job")

    assert set(commands.commands) >= NAMES <= set(celery_commands.commands)
    assert (0, 0) == (added.exit_code, shown.exit_code), added.output
    assert "every 5 minutes" in shown.stdout


def test_add_says_what_was_added_and_when_it_runs(shop: Any) -> None:
    """One line, with the version that `--if-version` takes."""
    result = shop.run(
        *("add", "job", "--task", "shop.report", "--cron", "0 9 * * mon-fri", "--args", "[1]")
    )

    assert 0 == result.exit_code, result.output
    assert result.stdout.startswith("added job, version 1: every weekday at 09:00")
    assert "Europe/Berlin" in result.stdout
    assert "next " in result.stdout


def test_every_part_of_an_entry_has_its_option(shop: Any) -> None:
    """JSON for arguments, KEY=VALUE for policies."""
    told = shop.json(
        *("add", "job", "--task", "shop.report", "--cron", "0 9 * * 1", "--tz", "Asia/Tokyo"),
        *("--args", "[42]", "--kwargs", '{"style": "bold"}', "--options", '{"queue": "mail"}'),
        *("--policy", "catch_up=all", "--policy", "max-catch-up=3", "--disabled"),
        "--run-on-start",
    )

    assert "Asia/Tokyo" == told["schedule"]["tz"]
    assert ([42], {"style": "bold"}, {"queue": "mail"}) == (
        told["args"],
        told["kwargs"],
        told["options"],
    )
    assert ("all", 3, False, True, 1) == (
        told["catch_up"],
        told["max_catch_up"],
        told["enabled"],
        told["run_on_start"],
        told["version"],
    )


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (["--every", "90"], "every 1 minute 30 seconds"),
        (["--every", "2h"], "every 2 hours"),
        (["--schedule", '{"kind": "interval", "every": 60}'], "every minute"),
        (["--cron", "0 9 1 * mon", "--dialect", "celery"], "09:00"),
    ],
)
def test_when_can_be_said_in_several_ways(shop: Any, when: list[str], words: str) -> None:
    """A time, the data of any schedule, or Celery's dialect."""
    result = shop.run("add", "job", "--task", "shop.report", "--args", "[1]", *when)

    assert 0 == result.exit_code, result.output
    assert words in result.stdout


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (["--task", "shop.report"], 1, "has no schedule"),
        (["--task", "shop.raport", "--every", "5"], 1, "did you mean 'shop.report'"),
        (["--task", "shop.report", "--every", "5"], 1, "its arguments do not fit the task"),
        (["--task", "shop.report", "--every", "soon"], 2, "no time such as 90"),
        (["--task", "shop.report", "--every", "5", "--cron", "x"], 2, "keep one of them"),
        (["--task", "shop.report", "--cron", "61 * * * *"], 2, "^^"),
        (["--task", "shop.report", "--every", "5", "--args", "x"], 2, "no JSON"),
        (["--task", "shop.report", "--every", "5", "--args", "{}"], 2, "is no list"),
        (["--task", "shop.report", "--every", "5", "--policy", "x"], 2, "KEY=VALUE"),
        (["--task", "shop.report", "--every", "5", "--policy", "catchup=x"], 1, "'catch_up'"),
        (["--task", "shop.report", "--every", "5", "--tz", "Mars/Base"], 1, "Mars/Base"),
        (["--task", "shop.report", "--every", "5", "--options", '{"queues": 1}'], 1, "'queue'"),
    ],
)
def test_what_could_not_run_is_refused(shop: Any, given: list[str], status: int, told: str) -> None:
    """With a sentence; nothing is written."""
    result = shop.run("add", "job", *given)

    assert (status, "") == (result.exit_code, result.stdout)
    assert told in result.stderr
    assert 0 == shop.schedules.store.revision()


def test_scripts_can_tell_what_went_wrong_by_the_status(shop: Any) -> None:
    """3 for an unknown name, 4 for a conflict."""
    good = ("--task", "shop.report", "--every", "5", "--args", "[1]")
    assert 0 == shop.run("add", "job", *good).exit_code
    unknown = [
        shop.run(*arguments).exit_code
        for arguments in (
            ("show", "nobody"),
            ("set", "nobody", "--every", "5"),
            ("pause", "job", "nobody"),
            ("delete", "nobody"),
            ("rename", "nobody", "somebody"),
        )
    ]
    again = shop.run("add", "job", *good)
    stale = shop.run("set", "job", "--every", "7", "--if-version", "7")

    assert [3] * 5 == unknown
    assert (4, 4) == (again.exit_code, stale.exit_code)
    assert "there is an entry named 'job' already" in again.stderr
    assert "has version 1, not version 7" in stale.stderr
    assert not shop.json("show", "job")["pause"]


def test_set_changes_what_is_given(shop: Any) -> None:
    """The rest stays; nothing given is a wrong command line."""
    shop.run("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]")
    told = shop.json("set", "job", "--every", "7", "--if-version", "1")

    assert ([1], 7, 2) == (told["args"], told["schedule"]["every"], told["version"])
    assert 2 == shop.run("set", "job").exit_code


def test_pause_and_resume_entries_of_store_and_code_together(shop: Any) -> None:
    """With a note and an end; `list` shows both."""
    shop.run("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]")
    paused = shop.run("pause", "job", "nightly", "--note", "stock", "--until", "2999-01-01T09:00")
    listed = shop.run("list")
    (row,) = [row for row in shop.json("list") if row["entry"] == "nightly"]
    resumed = shop.json("resume", "job", "nightly")

    assert "paused job, version 2: paused until Tue 2999-01-01 09:00:00 CET (stock)" in (
        paused.stdout
    )
    assert 2 == listed.stdout.count("CET (stock)")
    assert (False, None) == (row["enabled"], row["next_run"])
    assert "stock" in row["note"]
    assert [None, None] == [record["pause"] for record in resumed]
    assert 1 == shop.run("pause", "job", "--until", "2001-01-01").exit_code
    assert 2 == shop.run("pause", "job", "--until", "later").exit_code


def test_an_entry_of_the_code_can_be_changed_and_brought_back(shop: Any) -> None:
    """`set` writes beside the code, `show` and `next` tell what runs, `delete` takes it back."""
    assert "code" == shop.json("show", "nightly")["source"]
    shop.run("set", "nightly", "--kwargs", '{"days": 7}')
    shown = shop.json("show", "nightly")
    deleted = shop.run("delete", "nightly")

    assert ({"days": 7}, "shop.nightly", "code") == (
        shown["kwargs"],
        shown["task"],
        shown["source"],
    )
    assert "deleted nightly; the code's own entry runs again" in deleted.stdout
    assert {} == shop.json("show", "nightly")["kwargs"]


def test_list_and_next_show_code_and_store(shop: Any) -> None:
    """What a beat would run, whichever it comes from."""
    shop.run("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]")

    assert {"job", "nightly"} == {row["entry"] for row in shop.json("list")}
    assert 5 == len(shop.json("next", "job"))


def test_a_spoiled_row_is_a_problem_of_the_list(shop: Any) -> None:
    """Status 1, and its sentence; the others are listed."""
    shop.run("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]")
    with closing(sqlite3.connect(shop.path)) as connection, connection:
        connection.execute("UPDATE periodic_entries SET schedule = 'soon'")
    listed = shop.run("list")
    shown = shop.run("show", "job")

    assert 1 == listed.exit_code
    assert "job: its column schedule is no JSON" in listed.stdout
    assert "its column schedule is no JSON" in shown.stdout


def test_secrets_are_masked_unless_somebody_asks(shop: Any) -> None:
    """In `show`, in JSON, and in the audit."""
    kwargs = json.dumps({"password": "hunter2", "style": "amqp://u:hunter2@h"})
    shop.run(
        *("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]"),
        *("--kwargs", kwargs),
    )
    outputs = [
        shop.run(*arguments).stdout
        for arguments in (
            ("show", "job"),
            ("show", "job", "--json"),
            ("set", "job", "--args", "[2]", "--json"),
            ("audit", "--json"),
            ("audit",),
        )
    ]

    assert not [text for text in outputs if "hunter2" in text]
    assert "***" in outputs[0]
    assert 2 == shop.run("show", "job", "--reveal").stdout.count("hunter2")


def test_the_audit_tells_who_did_what(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of the system, unless `--who` says otherwise; what was and what is."""
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    shop.run("add", "job", "--task", "shop.report", "--every", "5", "--args", "[1]")
    shop.run("set", "job", "--args", "[2]", "--who", "maria")
    shop.run("delete", "job")
    rows = shop.json("audit", "job")
    text = shop.run("audit").stdout

    assert [("root", "cli", "delete"), ("maria", "cli", "set"), ("root", "cli", "put")] == [
        (row["who"], row["via"], row["action"]) for row in rows
    ]
    assert "args [1] -> [2]" in text
    assert [] == shop.json("audit", "nobody")
    assert "no changes" in shop.run("audit", "nobody").stdout


def test_migrate_makes_the_tables_of_a_database_of_ones_own(make_shop: Any, shop: Any) -> None:
    """Until then each command says what to run."""
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    before = shop.run("list")
    migrated = shop.run("migrate")
    again = shop.run("migrate")

    assert 1 == before.exit_code
    assert "flask periodic migrate" in before.stderr
    assert migrated.stdout.startswith("migrated 0001: ")
    assert "the store is up to date" in again.stdout
    assert 0 == shop.run("list").exit_code


def test_without_a_store_the_commands_say_what_to_set() -> None:
    """And `list` works as ever."""
    app = Flask("plain")
    Periodic(app)
    runner = app.test_cli_runner()
    result = runner.invoke(commands, ["pause", "nightly"])

    assert 1 == result.exit_code
    assert "set periodic['store']" in result.stderr
    assert 0 == runner.invoke(commands, ["list"]).exit_code


def test_a_store_that_is_away_ends_with_status_5(make_shop: Any) -> None:
    """So that a script may try again."""
    shop = make_shop(store="sqlite:////nowhere/at/all.db")
    result = shop.run("show", "job")

    assert (5, 5) == (result.exit_code, shop.run("list").exit_code)
    assert "cannot be used now" in result.stderr
