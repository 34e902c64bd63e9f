"""`flask periodic list` and `next`, and what `run` refuses."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from amqp.exceptions import AccessRefused, AMQPError, NotAllowed
from celery import Celery
from click.testing import Result
from flask import Flask

from periodic import crontab
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as commands

REPORT = {
    "task": "shop.report",
    "schedule": crontab(minute=0, hour=9, tz="Europe/London"),
}


def run(*arguments: str, entries: dict[str, Any] | None = None, **config: Any) -> Result:
    """Run a command of the group on an app with these entries."""
    app = Flask("shop")
    given = {"report": REPORT} if entries is None else entries
    app.config.from_mapping(config, PERIODIC={"entries": given, "timezone": "Europe/Berlin"})
    Periodic(app)
    return app.test_cli_runner().invoke(commands, list(arguments))


def test_the_group_is_a_command_of_flask() -> None:
    """The entry point makes `flask periodic` known without any code in the app."""
    from flask.cli import FlaskGroup

    group = FlaskGroup()
    group._load_plugin_commands()
    assert group.commands["periodic"] is commands
    assert {"run", "list", "next", "simulate", "beats", "health"} <= set(commands.commands)


def test_list_shows_each_entry_in_words() -> None:
    """Name, schedule in words, task, next run; status 0 when all is well."""
    result = run("list")
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if line.startswith("report"))
    assert "09:00" in line
    assert "Europe/London" in line
    assert "shop.report" in line


def test_list_warns_of_a_task_that_nobody_knows() -> None:
    """An unknown task name is told on standard error; the entry is sent all the same."""
    result = run("list")
    assert result.exit_code == 0
    assert "warning: report: no task named 'shop.report'" in result.stderr


def test_list_tells_problems_and_ends_with_status_1() -> None:
    """A bad entry has its sentence; the good one is listed beside it."""
    bad = {"task": "shop.report", "schedule": "soon"}
    result = run("list", entries={"report": REPORT, "bad": bad})
    assert result.exit_code == 1
    assert any(line.startswith("report  ") for line in result.stdout.splitlines())
    assert any(line.startswith("bad: ") and "soon" in line for line in result.stdout.splitlines())


def test_list_tells_of_an_entry_that_could_not_be_added() -> None:
    """A name that is taken in beat_schedule is a problem of the second entry."""
    result = run("list", CELERY={"beat_schedule": {"report": {"task": "old", "schedule": 5}}})
    assert result.exit_code == 1
    assert "report (PERIODIC['entries']): " in result.stdout


def test_list_as_json() -> None:
    """--json prints one list for programs."""
    (entry,) = json.loads(run("list", "--json").stdout)
    assert entry["entry"] == "report"
    assert entry["next_run"]["zone"] == "Europe/London"


def test_next_of_one_entry_from_a_moment() -> None:
    """Local time, UTC and distance of the coming runs, across the change of the clocks."""
    result = run("next", "report", "-n", "2", "--from", "2026-03-28T00:00+00:00")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[1:]
    assert "Sat 2026-03-28 09:00:00 GMT  2026-03-28 09:00:00" in first
    assert "Sun 2026-03-29 09:00:00 BST  2026-03-29 08:00:00" in second


def test_next_reads_a_moment_without_offset_in_the_apps_zone() -> None:
    """09:30 in Berlin is 08:30 in London: the run at nine is still to come."""
    result = run("next", "report", "-n", "1", "--from", "2026-01-15T09:30", "--json")
    (row,) = json.loads(result.stdout)
    assert row["utc"] == "2026-01-15T09:00:00+00:00"


def test_next_of_all_entries_gives_one_run_each() -> None:
    """Without a name each entry has its next run, in the order of time."""
    often = {"task": "shop.often", "schedule": 5}
    result = run("next", "--json", entries={"report": REPORT, "often": often})
    assert [row["entry"] for row in json.loads(result.stdout)] == ["often", "report"]


def test_next_of_one_entry_gives_five_runs() -> None:
    """With a name there are five unless -n says otherwise."""
    assert len(json.loads(run("next", "report", "--json").stdout)) == 5


def test_next_of_an_unknown_entry_names_the_nearest() -> None:
    """A slip of the pen gets a hint, not an empty table."""
    result = run("next", "rapport")
    assert result.exit_code == 1
    assert "no entry is named 'rapport'; did you mean 'report'?" in result.stderr


def test_next_of_a_bad_entry_tells_its_problem() -> None:
    """An entry that was set aside has no runs, and the reason is given."""
    result = run("next", "bad", entries={"bad": {"task": "t", "schedule": "soon"}})
    assert result.exit_code == 1
    assert "entry 'bad' has no runs" in result.stderr
    assert "soon" in result.stderr


@pytest.mark.parametrize("moment", ["tomorrow", "2026-13-01", ""])
def test_next_refuses_what_is_no_moment(moment: str) -> None:
    """--from is ISO 8601; the message shows the forms."""
    result = run("next", "--from", moment)
    assert result.exit_code == 2
    assert "write it as 2026-03-29" in result.stderr


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_next_refuses_a_senseless_count(count: str) -> None:
    """-n is a positive whole number."""
    assert run("next", "-n", count).exit_code == 2


@pytest.mark.parametrize("command", ["list", "next", "run"])
def test_an_app_without_periodic_gets_one_sentence(command: str) -> None:
    """No traceback: what is missing and how to add it."""
    result = Flask("bare").test_cli_runner().invoke(commands, [command])
    assert result.exit_code == 1
    assert "'bare' has no Periodic" in result.stderr
    assert "Traceback" not in result.output


def test_a_config_error_of_a_factory_gets_one_sentence() -> None:
    """A wrong PERIODIC shows as a sentence, not as a traceback through the factory."""
    from flask.cli import ScriptInfo

    def create_app() -> Flask:
        app = Flask("shop")
        app.config["PERIODIC"] = {"namespcae": "tea"}
        Periodic(app)
        return app

    info = ScriptInfo(create_app=create_app)
    result = Flask("shop").test_cli_runner().invoke(commands, ["list"], obj=info)
    assert result.exit_code == 1
    assert "did you mean 'namespace'?" in result.stderr


def test_run_refuses_reload_without_web() -> None:
    """The reloader belongs to the web server."""
    result = run("run", "--reload", "--no-web")
    assert result.exit_code == 2
    assert "leave out --no-web or --reload" in result.stderr


def test_run_refuses_a_broker_that_cannot_be_reached() -> None:
    """One sentence that names the broker, hides its password and says what to do."""
    pytest.importorskip("redis", reason="the broker URL is Redis's")
    with socket.socket() as taken:  # bound and not listening: nobody answers on this port
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"redis://:secret@127.0.0.1:{port}/0"
        result = run("run", "--port", "0", CELERY={"broker_url": url})
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "cannot be reached" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("refusal", [AccessRefused, NotAllowed])
def test_run_refuses_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch, refusal: type[AMQPError]
) -> None:
    """RabbitMQ's refusal of a login or a virtual host is one sentence, without the password."""

    def refuse(_: object) -> None:
        raise refusal("Login was refused using authentication mechanism PLAIN")

    monkeypatch.setattr("kombu.transport.pyamqp.Transport.establish_connection", refuse)
    result = run("run", "--port", "0", CELERY={"broker_url": "amqp://me:secret@127.0.0.1//"})
    assert result.exit_code == 1
    assert "the broker amqp://me:**@127.0.0.1:5672// cannot be reached" in result.stderr
    assert "Login was refused" in result.stderr
    assert "secret" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.rabbitmq
def test_a_real_rabbitmq_refuses_a_wrong_password(rabbitmq_url: str) -> None:
    """The same of a server: status 1 and one sentence."""
    url = urlsplit(rabbitmq_url)
    wrong = url._replace(netloc=f"guest:wrong@{url.hostname}:{url.port}").geturl()
    result = run("run", "--port", "0", CELERY={"broker_url": wrong})
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "ACCESS_REFUSED" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nope://", "the broker cannot be used: No such transport: nope; set broker_url"),
        ("redis://127.0.0.1/abc", "cannot be reached: "),
    ],
)
def test_run_refuses_a_broker_that_makes_no_sense(url: str, told: str) -> None:
    """A transport or an address that cannot be is one sentence."""
    pytest.importorskip("redis", reason="one broker URL is Redis's")
    result = run("run", "--port", "0", CELERY={"broker_url": url})
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("command", ["list", "next", "run"])
@pytest.mark.parametrize("given", [[1], "x"])
def test_a_schedule_that_is_no_mapping_is_one_sentence(command: str, given: object) -> None:
    """The Celery app that an app brings along may hold anything as `beat_schedule`."""
    app = Flask("shop")
    celery = Celery("own", broker="memory://localhost/", set_as_current=False)
    celery.conf.beat_schedule = given
    app.extensions["celery"] = celery
    Periodic(app)
    arguments = [command, "--no-web"] if command == "run" else [command]
    result = app.test_cli_runner().invoke(commands, arguments)
    assert result.exit_code == 1
    assert f"beat_schedule is {given!r}; give a mapping of entry names" in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("option", [("--port", "70000"), ("--concurrency", "0")])
def test_run_refuses_senseless_numbers(option: tuple[str, str]) -> None:
    """Ports and numbers of threads have bounds; usage errors end with status 2."""
    assert run("run", *option).exit_code == 2


def test_without_celery_the_commands_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other flask commands keep working where Celery is missing; ours name the extra."""
    import sys

    monkeypatch.setitem(sys.modules, "periodic.integrations.flask.commands", None)
    monkeypatch.delattr("periodic.integrations.flask.commands", raising=False)
    result = run("list")
    assert result.exit_code == 1
    assert "install periodic-celery[flask]" in result.stderr
