"""The examples: the smallest app, and the shop that proves itself."""

from __future__ import annotations

import importlib
import re
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from periodic import Entry, interval

#: Real processes, most of whose time is their start.
pytestmark = pytest.mark.thorough

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
START = datetime(2026, 3, 8, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> Iterator[ModuleType]:
    """The demo's module, found as the script finds it."""
    before, modules = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(EXAMPLES))
    yield importlib.import_module("shop.demo")
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.split(".")[0] == "shop":
            del sys.modules[name]


def a_span(demo: ModuleType, seconds: int = 20) -> object:
    """Return a span that starts at 09:00:01 and takes a tenth of a second to start."""
    before = START + timedelta(seconds=1)
    after = before + timedelta(milliseconds=100)
    return demo.Span(before, after, after + timedelta(seconds=seconds))


def an_entry(schedule: interval | None = None, task: str = "t", **fields: object) -> Entry:
    """Return an entry that runs every 5 seconds."""
    return Entry(
        name="beat", task=task, schedule=schedule or interval(seconds=5).in_zone(UTC), **fields
    )


def runs_at(*seconds: float, task: str = "t") -> list[tuple[str, str]]:
    """Return rows of runs whose fire times are so many seconds after the hour."""
    return [((START + timedelta(seconds=each)).isoformat(), task) for each in seconds]


def test_hello_is_fifteen_lines_and_lists_its_entry(start: Callable) -> None:
    """The smallest app has at most 15 lines of code, and its entry is listed."""
    code = (EXAMPLES / "hello.py").read_text().splitlines()
    assert len([line for line in code if line.strip()]) <= 15
    app = str(EXAMPLES / "hello.py")
    process = start("-m", "flask", "--app", app, "periodic", "list")
    assert process.popen.wait(30) == 0, process.output
    assert "every 5 seconds" in process.output
    assert "hello.heartbeat" in process.output


def test_the_readme_shows_hello() -> None:
    """The example in the README is the file, to the letter."""
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    hello = (EXAMPLES / "hello.py").read_text(encoding="utf-8")

    assert f"```python\n{hello}```" in readme


def test_hello_runs(start: Callable) -> None:
    """The smallest app runs its task within seconds of its start."""
    app = str(EXAMPLES / "hello.py")
    process = start("-m", "flask", "--app", app, "periodic", "run", "--port", "0")
    process.wait_for(lambda text: "still alive" in text, "run")
    process.stop()
    assert process.popen.returncode == 0


def test_right_runs_are_right(demo: ModuleType) -> None:
    """Each due occurrence once: nothing is wrong."""
    verdict = demo.judge(an_entry(), runs_at(5, 10, 15, 20), a_span(demo))
    assert (verdict.due, verdict.ran, verdict.wrong) == (4, 4, [])


def test_a_missing_run_is_wrong(demo: ModuleType) -> None:
    """The sentence names entry, task and time."""
    verdict = demo.judge(an_entry(), runs_at(5, 10, 20), a_span(demo))
    assert verdict.wrong == ["beat: t of 09:00:15 UTC did not run"]


def test_a_doubled_run_is_wrong(demo: ModuleType) -> None:
    """A second run of one occurrence is as wrong as none."""
    verdict = demo.judge(an_entry(), runs_at(5, 10, 10, 15, 20), a_span(demo))
    assert verdict.wrong == ["beat: t of 09:00:10 UTC ran 2 times"]


def test_a_run_that_was_never_due_is_wrong(demo: ModuleType) -> None:
    """A fire time that the schedule does not know is no occurrence."""
    verdict = demo.judge(an_entry(), runs_at(5, 7, 10, 15, 20), a_span(demo))
    assert verdict.wrong == ["beat: t of 09:00:07 UTC ran although it was not due"]


def test_runs_after_the_span_do_not_count(demo: ModuleType) -> None:
    """Worker and beat go on while the last runs finish; what falls later is not judged."""
    verdict = demo.judge(an_entry(), runs_at(5, 10, 15, 20, 25), a_span(demo))
    assert verdict.wrong == []


@pytest.mark.parametrize("times", [0, 1, 2])
def test_an_occurrence_during_the_start_may_run_once(demo: ModuleType, times: int) -> None:
    """While worker and beat start, an occurrence may still belong to before; twice is wrong."""
    schedule = interval(seconds=5, anchor=START + timedelta(seconds=1.05)).in_zone(UTC)
    rows = runs_at(*[1.05] * times, 6.05, 11.05, 16.05)
    verdict = demo.judge(an_entry(schedule), rows, a_span(demo, seconds=18))
    assert bool(verdict.wrong) is (times == 2)
    assert verdict.due == 3 + (times > 0)


def test_each_step_of_a_chain_is_due(demo: ModuleType) -> None:
    """A chain of two tasks owes two runs for each occurrence."""
    entry = an_entry(task="celery.chain", kwargs={"tasks": [{"task": "a"}, {"task": "b"}]})
    rows = [*runs_at(5, 10, 15, 20, task="a"), *runs_at(5, 10, 20, task="b")]
    verdict = demo.judge(entry, rows, a_span(demo))
    assert verdict.due == 8
    assert verdict.wrong == ["beat: b of 09:00:15 UTC did not run"]


@pytest.mark.parametrize(("wrong", "status"), [([], 0), (["beat: t did not run"], 1)])
def test_the_report_decides_the_exit_status(
    demo: ModuleType, capsys: pytest.CaptureFixture[str], wrong: list[str], status: int
) -> None:
    """Status 0 only where nothing is wrong; the wrong is told."""
    assert demo.report([demo.Verdict(an_entry(), due=1, ran=1, wrong=wrong)]) == status
    assert ("did not run" in capsys.readouterr().out) is bool(wrong)


def test_the_demo_runs_the_shop_and_is_right(start: Callable) -> None:
    """A short run of the demo: every kind of entry in the table, each due run once, status 0."""
    process = start(str(EXAMPLES / "shop" / "demo.py"), "--for", "7")
    assert process.popen.wait(50) == 0, process.output
    output = process.output
    assert "has run exactly once" in output
    table = output[output.index("once?") :]
    for entry in ("heartbeat", "low-stock-mails-now", "refresh-catalogue-now", "start-sale"):
        (line,) = [line for line in table.splitlines() if line.startswith(f"{entry} ")]
        assert "  yes  " in line, line
    for entry in ("sales-report", "switch-off-sign"):
        assert any(line.startswith(f"{entry} ") for line in table.splitlines())
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("DELETE FROM runs WHERE task = 'shop.heartbeat'", "did not run"),
        (
            "INSERT INTO runs SELECT NULL, entry, task, fire_time, ran_at, said FROM runs",
            r"ran \d+ times",
        ),
    ],
    ids=["missing", "doubled"],
)
def test_the_demo_ends_with_status_1_where_a_run_is_missing_or_doubled(
    start: Callable, tmp_path: Path, spoil: str, told: str
) -> None:
    """The demo as a whole fails when the table of runs is spoilt behind its back."""
    script = tmp_path / "spoilt.py"
    script.write_text(
        f"""
import sqlite3, sys
sys.path.insert(0, {str(EXAMPLES)!r})
from shop import demo
demo.PATIENCE = 0.2
honest = demo.verdicts
def spoilt(entries, path, span):
    with sqlite3.connect(path) as connection:
        connection.execute({spoil!r})
    return honest(entries, path, span)
demo.verdicts = spoilt
sys.exit(demo.main(["--for", "5"]))
"""
    )
    process = start(str(script))
    assert process.popen.wait(50) == 1, process.output
    assert re.search(f"wrong: heartbeat: .* {told}", process.output), process.output


def test_the_demo_without_an_end_stops_at_ctrl_c(start: Callable) -> None:
    """`--for ""`, as `make demo` passes it on, runs until Ctrl-C and judges then."""
    process = start(str(EXAMPLES / "shop" / "demo.py"), "--for", "")
    process.wait_for(lambda text: "start_sale" in text, "first run")
    process.stop(signal.SIGINT)
    assert process.popen.returncode == 0, process.output
    assert "exactly once" in process.output


@pytest.mark.parametrize("seconds", ["soon", "-1", "0", "nan", "inf"])
def test_the_demo_refuses_a_senseless_time(demo: ModuleType, seconds: str) -> None:
    """--for takes seconds above 0, at most a day."""
    with pytest.raises(SystemExit) as stop:
        demo.main([f"--for={seconds}"])
    assert stop.value.code == 2


def test_the_shop_answers_its_pages(demo: ModuleType, tmp_path: Path) -> None:
    """Every page answers; an order takes one packet from the stock, none is sold twice."""
    client = demo.make_app(tmp_path).test_client()
    for path in ("/", "/mails", "/runs"):
        assert client.get(path).status_code == 200
    for _ in range(3):
        assert client.post("/orders", data={"product": "Lapsang Souchong"}).status_code == 302
    assert client.post("/orders", data={"product": "Lapsang Souchong"}).status_code == 409


def test_the_shop_has_an_entry_of_each_kind(demo: ModuleType, tmp_path: Path) -> None:
    """Interval, crontab, solar, a one-off, a chain, and a mail with arguments and options."""
    from periodic.integrations.celery import load_entries

    loaded = load_entries(demo.make_app(tmp_path).extensions["celery"])
    assert loaded.problems == {}
    assert loaded.warnings == {}
    entries = {entry.name: entry for entry in loaded.entries}
    kinds = {entry.schedule.kind for entry in entries.values()}
    assert {"interval", "crontab", "solar", "clocked"} <= kinds
    assert str(entries["sales-report"].schedule.tz) == "Europe/London"
    assert entries["refresh-catalogue"].task == "celery.chain"
    mails = entries["low-stock-mails"]
    assert mails.options == {"queue": "mail", "priority": 7, "expires": 300}
    assert list(mails.args) == ["buyer@shop.example"]
