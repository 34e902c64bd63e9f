"""Prove that the core works when it is copied below another package.

As a program, on a bare interpreter (`python -I -S`: no site-packages at all):

    python -I -S tools/vendored.py FOLDER    # copy to FOLDER/acme/_vendor/periodic, import, plan

As a pytest plugin (`-p vendored`, with PERIODIC_VENDORED=FOLDER): `periodic` is that copy.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

PARENT = "acme._vendor"
VENDORED = f"{PARENT}.periodic"
#: Subpackages that may need third parties; the copy carries them, but nobody imports them here.
EDGES = (f"{VENDORED}.integrations", f"{VENDORED}.stores")


def copy(folder: Path) -> None:
    """Copy the core as a team that vendors it would: with `cp -r`."""
    shutil.rmtree(folder / "acme", ignore_errors=True)
    vendor = folder.joinpath(*PARENT.split("."))
    vendor.mkdir(parents=True)
    (folder / "acme" / "__init__.py").touch()
    (vendor / "__init__.py").touch()
    core = Path(__file__).resolve().parent.parent / "periodic"
    shutil.copytree(core, vendor / "periodic", ignore=shutil.ignore_patterns("__pycache__"))


def import_all() -> list[str]:
    """Import every module of the copied core, but for the edges; returns their names."""
    core = importlib.import_module(VENDORED)
    names = [VENDORED]
    for module in pkgutil.walk_packages(core.__path__, f"{VENDORED}."):
        if not module.name.startswith(EDGES):
            importlib.import_module(module.name)
            names.append(module.name)
    return names


def plan() -> str:
    """Let the copied core plan a daylight-saving night; returns the fire time, as ISO text."""
    core = importlib.import_module(VENDORED)
    zone = importlib.import_module("zoneinfo").ZoneInfo("Europe/Berlin")
    moment = importlib.import_module("datetime").datetime
    # 02:30 does not exist on this night: it runs once, at the first instant after the gap.
    schedule = core.crontab(minute="30", hour="2", tz=zone)
    entry = core.Entry(name="night", task="acme.night", schedule=schedule)
    planner = core.Planner()
    planner.put(entry, moment(2026, 3, 28, 12, tzinfo=zone))
    (due,) = planner.due(moment(2026, 3, 29, 3, 0, 30, tzinfo=zone))
    return str(due.fire_times[0].isoformat())


def main(arguments: list[str]) -> int:
    """Copy, import and plan; status 1 says what went wrong."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    copy(Path(arguments[0]))
    sys.path.insert(0, arguments[0])
    names = import_all()
    foreign = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
    # zoneinfo asks sysconfig, whose data module is named after the platform.
    foreign = {name for name in foreign if not name.startswith("_sysconfigdata")}
    foreign -= {"acme", "__main__"}
    if foreign:
        print(f"vendored: the core imported {', '.join(sorted(foreign))}")
        return 1
    fire_time, expected = plan(), "2026-03-29T01:00:00+00:00"
    if fire_time != expected:
        print(f"vendored: planned {fire_time}, expected {expected}")
        return 1
    print(f"vendored: {len(names)} modules import and plan as {VENDORED}, standard library only")
    return 0


class _Alias(MetaPathFinder, Loader):
    """Answers `import periodic[...]` with the vendored module itself, not with a second copy."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 # the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002 # the import system passes it
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "periodic":
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{PARENT}.{spec.name}")
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has put the alias's spec on the module; relative imports need its own.
        alias = module.__spec__
        if alias is not None:
            module.__spec__ = self._specs[alias.name]


if folder := os.environ.get("PERIODIC_VENDORED"):
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, _Alias())

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
