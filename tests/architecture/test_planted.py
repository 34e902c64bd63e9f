"""Each rule of who may import whom catches a breach that is planted in a copy of the tree."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("lint-imports", "--no-cache", "--config", "pyproject.toml")
RUNTIME = ("lint-imports", "--no-cache", "--config", "tools/runtime_imports.toml")
SOURCE = ("python", "tools/source_rules.py", ".")
CLOCK = ("ruff", "check", "--no-cache", "--select", "TID251", "periodic", "brokers", "contracts")

CORE = "periodic/planner.py"
ADAPTER = "brokers/periodic_brokers/memory.py"
CONTRACT = "contracts/periodic_contracts/planted.py"


@dataclass(frozen=True)
class Breach:
    """A line for a file, the check that must refuse it and the words that it must use."""

    file: str
    line: str
    check: tuple[str, ...]
    said: str


BREACHES = {
    "core_imports_an_adapter": Breach(CORE, "import periodic_brokers", LAYERS, "1. adapters and"),
    "core_imports_contracts": Breach(CORE, "import periodic_contracts", LAYERS, "1. adapters and"),
    "adapter_imports_contracts": Breach(
        ADAPTER, "import periodic_contracts", LAYERS, "1. adapters and"
    ),
    "contracts_import_an_adapter": Breach(
        CONTRACT, "import periodic_brokers", LAYERS, "1. adapters and"
    ),
    "core_imports_a_third_party": Breach(
        CORE, "import kombu", LAYERS, "periodic.planner imports kombu"
    ),
    "core_imports_ephem_elsewhere": Breach(
        CORE, "def f() -> None:\n    import ephem", LAYERS, "periodic.planner imports ephem"
    ),
    "core_imports_an_edge": Breach(
        CORE, "from . import integrations", LAYERS, "periodic.planner imports periodic.integrations"
    ),
    "adapter_imports_celery": Breach(ADAPTER, "import celery", LAYERS, "4. adapters know kombu"),
    "adapter_imports_flask": Breach(ADAPTER, "import flask", LAYERS, "4. adapters know kombu"),
    "contracts_import_the_core": Breach(
        CONTRACT, "from periodic.entry import Entry", RUNTIME, "5. contracts meet the core"
    ),
    "core_reads_the_wall_clock": Breach(
        CORE, "import time\nNOW = time.time()", CLOCK, "ask a Clock"
    ),
    "core_reads_a_renamed_clock": Breach(
        CORE, "from time import monotonic as m\nNOW = m()", CLOCK, "ask a Clock"
    ),
    "core_asks_datetime": Breach(
        CORE, "import datetime as d\nNOW = d.datetime.now(d.UTC)", CLOCK, "ask a Clock"
    ),
    "adapter_sleeps": Breach(ADAPTER, "import time\ntime.sleep(1)", CLOCK, "only beat.py and"),
    "core_waits": Breach(
        CORE, "import threading\nthreading.Event().wait(1)", SOURCE, "planner.py:{}: waiting"
    ),
    "core_converts_a_zone": Breach(
        CORE, "def g(at: datetime) -> datetime:\n    return at.astimezone()", SOURCE, "zones: use"
    ),
    "core_imports_itself_absolutely": Breach(
        CORE, "from periodic.entry import Entry as E", SOURCE, "relative: write"
    ),
    "core_names_itself_in_a_string": Breach(
        CORE, "WHERE = 'periodic.entry:Entry'", SOURCE, "strings: 'periodic.entry:Entry'"
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages, of the tools and of their configuration."""
    for folder in ("periodic", "brokers", "contracts", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(check: tuple[str, ...], tree: Path) -> subprocess.CompletedProcess[str]:
    """Run a check in the tree, on the tree's packages."""
    roots = (tree, tree / "brokers", tree / "contracts", tree / "tools")
    folder = Path(sys.executable).parent
    return subprocess.run(
        check,
        cwd=tree,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(folder), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("check", [LAYERS, RUNTIME, SOURCE, CLOCK], ids=lambda check: check[-1])
def test_the_tree_as_it_is_keeps_every_rule(tree: Path, check: tuple[str, ...]) -> None:
    """Without a planted breach each check passes, so that what fails below is the plant."""
    done = run(check, tree)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", BREACHES)
def test_a_planted_breach_is_caught_by_name(tree: Path, name: str) -> None:
    """The check ends with an error and its words name the rule or the offending import."""
    breach = BREACHES[name]
    file = tree / breach.file
    before = file.read_text() if file.exists() else '"""Planted."""\n'
    file.write_text(f"{before}\n{breach.line}\n")

    done = run(breach.check, tree)

    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1, said
    assert breach.said.format(len(file.read_text().splitlines())) in said
    assert "BROKEN" in said or breach.check[0] != "lint-imports"


def test_contracts_may_name_the_core_for_type_checkers(tree: Path) -> None:
    """An import under TYPE_CHECKING is no breach of the seam."""
    (tree / CONTRACT).write_text(
        '"""Planted."""\n\nfrom typing import TYPE_CHECKING\n\n'
        "if TYPE_CHECKING:\n    from periodic.entry import Entry as Entry\n"
    )

    done = run(RUNTIME, tree)

    assert done.returncode == 0, done.stdout
