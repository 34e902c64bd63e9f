"""Run the tox matrix on the interpreters that this machine has, and say what was run on what.

    python tools/matrix.py                  # the default selection, see `selection`
    python tools/matrix.py py312-memory     # these environments

Every interpreter runs the `memory` factor, the newest one with the thorough tests, the one before
it with coverage. The server factors run once each, on the newest interpreters, because what they
add to `memory` is the server and not the language.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRANSPORTS = ("fakeredis", "redis", "rabbitmq")
ONCE = ("lint", "typing", "docs", "vendored", "acceptance")
SAY_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


def supported() -> list[str]:
    """The Python versions of the package's own classifiers, oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = re.findall(r"Python :: (3\.\d+)(?![\d.])", "\n".join(project["classifiers"]))
    return sorted(found, key=lambda version: int(version.partition(".")[2]))


def folders() -> list[Path]:
    """Where interpreters may be: the search path, then the versions that pyenv and uv keep."""
    places = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    for command, pattern in (
        (["pyenv", "root"], "versions/*/bin"),
        (["uv", "python", "dir"], "*/bin"),
    ):
        if program := shutil.which(command[0]):
            told = subprocess.run(
                [program, *command[1:]], capture_output=True, text=True, check=False
            )
            if told.returncode == 0:
                places += sorted(Path(told.stdout.strip()).glob(pattern), reverse=True)
    # A pyenv shim exists for versions that are not active and fails inside tox.
    return [place for place in places if place.name != "shims"]


def interpreters() -> dict[str, tuple[str, Path]]:
    """Supported version to (full version, folder) of the first interpreter that really runs."""
    found: dict[str, tuple[str, Path]] = {}
    places = folders()
    for version in supported():
        for place in places:
            program = place / f"python{version}"
            if not os.access(program, os.X_OK):
                continue
            said = subprocess.run(
                [program, "-c", SAY_VERSION], capture_output=True, text=True, check=False
            ).stdout.strip()
            if said.startswith(f"{version}."):
                found[version] = (said, place)
                break
    return found


def selection(present: list[str]) -> list[str]:
    """The default environments for these interpreters, oldest first; slow ones start first."""
    names = [f"py{version.replace('.', '')}" for version in present]
    spread = {
        transport: names[-1 - number % len(names)] for number, transport in enumerate(TRANSPORTS)
    }
    return [
        *(f"{name}-memory" for name in reversed(names)),
        *(f"{spread[transport]}-{transport}" for transport in reversed(TRANSPORTS)),
        *ONCE,
    ]


def summary(reports: Path, since: float) -> None:
    """Print tests, skips and their reasons, by environment, from this run's JUnit files."""
    reasons: Counter[str] = Counter()
    for file in sorted(reports.glob("*.xml")):
        if file.stat().st_mtime < since:
            continue
        cases = list(ET.parse(file).iter("testcase"))  # noqa: S314 # pytest wrote it
        skips = [skip for case in cases for skip in case.iter("skipped")]
        reasons.update(skip.get("message", "") for skip in skips)
        broken = sum(1 for case in cases if {child.tag for child in case} & {"failure", "error"})
        print(f"  {file.stem:<22} {len(cases):>5} tests {broken:>3} failed {len(skips):>3} skipped")
    for reason, times in sorted(reasons.items()):
        print(f"  skipped {times} x: {reason}")


def main(arguments: list[str]) -> int:
    """Run tox on the wanted environments, two at a time, then `coverage` over all of them."""
    present = interpreters()
    for version in supported():
        said, place = present.get(version, ("", None))
        print(f"python {version}: {f'{said} in {place}' if place else 'missing, skipped'}")
    if not present:
        print(f"none of {', '.join(supported())} is on this machine: install one of them")
        return 1
    wanted = arguments or selection(list(present))
    print(f"environments: {' '.join(wanted)}", flush=True)
    path = [str(Path(sys.executable).parent), *(str(place) for _, place in present.values())]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*path, os.environ.get("PATH", "")]),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if not arguments:
        names = [f"py{version.replace('.', '')}" for version in present]
        environment["PERIODIC_THOROUGH"] = names[-1]
        environment["PERIODIC_MEASURED"] = names[-2:][0]  # another one, so that none has both
    tox = [sys.executable, "-m", "tox"]
    started = time.time()
    shutil.rmtree(ROOT / ".tox" / "coverage", ignore_errors=True)
    status = subprocess.run(
        [*tox, "run-parallel", "--parallel", "2", "--parallel-no-spinner", "-e", ",".join(wanted)],
        env=environment,
        cwd=ROOT,
        check=False,
    ).returncode
    if not arguments:
        # After all others: it adds up what they have measured.
        covered = subprocess.run(
            [*tox, "run", "-e", "coverage"], env=environment, cwd=ROOT, check=False
        )
        status = status or covered.returncode
    summary(ROOT / ".tox" / "reports", started)
    print(f"matrix: {'FAILED' if status else 'passed'} in {time.time() - started:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
