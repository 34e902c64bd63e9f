"""The check of the vendored copy passes on the core and fails on what cannot be vendored."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the core and of the tools."""
    for folder in ("periodic", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path


def check(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the tree's own check on an interpreter without site-packages."""
    command = [sys.executable, "-I", "-S", str(tree / "tools" / "vendored.py"), str(tree / "copy")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_core_imports_and_plans_below_another_package(tree: Path) -> None:
    """A bare interpreter imports each core module of the copy and plans a night in spring."""
    done = check(tree)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "plan as acme._vendor.periodic, standard library only" in done.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import kombu", "No module named 'kombu'"),
        ("from periodic.entry import Entry", "No module named 'periodic'"),
        (
            "import importlib.metadata\nimportlib.metadata.version('periodic-celery')",
            "PackageNotFoundError",
        ),
    ],
)
def test_what_cannot_be_vendored_is_caught(tree: Path, line: str, said: str) -> None:
    """A third party, an absolute import or a look at our own metadata breaks the check."""
    with (tree / "periodic" / "planner.py").open("a") as file:
        file.write(f"\n{line}\n")

    done = check(tree)

    assert done.returncode == 1
    assert said in done.stderr
