"""Chores that no tox environment does: `nox -l` lists them, tox.ini holds the tests."""

import tarfile
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = []

PACKAGES = {"periodic", "periodic_brokers", "periodic_contracts"}


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, each of which fails when its promise does not hold; or those given."""
    groups = nox.project.dependency_groups(_project(), "bench", "servers")
    session.install(".[all]", *groups)
    for script in session.posargs or sorted(map(str, Path("benchmarks").glob("*.py"))):
        session.run("python", script)


@nox.session
def changelog(session: nox.Session) -> None:
    """Show the next release's notes as they would be written."""
    session.install(*nox.project.dependency_groups(_project(), "release"))
    session.run("towncrier", "build", "--draft", "--version", _project()["project"]["version"])


@nox.session(name="serve-docs")
def serve_docs(session: nox.Session) -> None:
    """Build the pages again at every change and serve them on loopback."""
    session.install(
        ".[all]", "sphinx-autobuild", *nox.project.dependency_groups(_project(), "docs")
    )
    session.run(
        "sphinx-autobuild", "--host", "127.0.0.1", "--port", "0", "--watch", "periodic",
        *session.posargs, "docs", "docs/_build/html",
    )  # fmt: skip


@nox.session(name="release-check")
def release_check(session: nox.Session) -> None:
    """Build sdist and wheel, compare their contents with what is promised, install the wheel."""
    session.install(*nox.project.dependency_groups(_project(), "release"))
    target = Path(session.create_tmp())
    for leftover in target.iterdir():
        leftover.unlink()
    session.run("python", "-m", "build", "--outdir", str(target))
    (wheel,) = target.glob("*.whl")
    (source,) = target.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    extra = {name for name in top - PACKAGES if not name.endswith(".dist-info")}
    lacking = (PACKAGES - top) | {p for p in PACKAGES if f"{p}/py.typed" not in names}
    if extra or lacking:
        session.error(f"wheel: unexpected at the top level {extra}, lacking {lacking}")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    promised = {
        "LICENSE",
        "README.md",
        "tox.ini",
        "noxfile.py",
        "tests/conftest.py",
        "pyproject.toml",
    }
    if promised - inside:
        session.error(f"sdist: lacking {promised - inside}")
    session.install("--force-reinstall", str(wheel))
    session.run("python", "-I", "-c", "import periodic, periodic_brokers; print(periodic.__file__)")
    session.log(f"{wheel.name} and {source.name} hold what they promise")


@nox.session
def picture(session: nox.Session) -> None:
    """Draw the daylight-saving night of the README again."""
    session.install(".[all]", *nox.project.dependency_groups(_project(), "test"))
    session.run("python", "docs/pictures/dst_night.py", *session.posargs)


def _project() -> dict[str, object]:
    return nox.project.load_toml("pyproject.toml")
