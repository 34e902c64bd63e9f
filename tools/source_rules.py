"""Rules that neither ruff nor import-linter can state: who converts zones, who waits, what vendors.

    python tools/source_rules.py [ROOT]     # prints each breach; status 1 if there is one

- `zones`: only `clock.py` calls `.astimezone(...)`, which loses `fold` under a frozen clock.
- `waiting`: only the files in `WAITERS` call `.wait(...)`.
- `relative`: the core imports itself relatively, so that it works under any parent package.
- `strings`: no string in the core names one of its modules by an absolute dotted path.

Reading the machine's time and `time.sleep` are ruff's (TID251 in pyproject.toml).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCES = ("periodic", "brokers/periodic_brokers", "contracts/periodic_contracts")
CONVERTERS = {"periodic/clock.py"}
#: Each with what it waits for.
WAITERS = {
    "periodic/clock.py": "the next wake",
    "periodic/beat.py": "the next wake, a change or a stop",
    "periodic/locks.py": "the renewal of a lease",
    "periodic/integrations/celery/embedded.py": "the worker's thread to be ready",
    "periodic/integrations/flask/serve.py": "the end of a child process",
    "contracts/periodic_contracts/clocks.py": "units of real time",
    "contracts/periodic_contracts/process_docker.py": "the end of a process",
    "contracts/periodic_contracts/servers.py": "the end of a server",
    "contracts/periodic_contracts/racing.py": "racing beats at a barrier",
}


def breaches(root: Path) -> Iterator[str]:
    """Each breach below the repository's root, as `file:line: rule: what to do`."""
    for source in SOURCES:
        for file in sorted((root / source).rglob("*.py")):
            name = file.relative_to(root).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), name)):
                for said in _of_node(node, name, root):
                    yield f"{name}:{getattr(node, 'lineno', 0)}: {said}"


def _of_node(node: ast.AST, name: str, root: Path) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr="astimezone")) if name not in CONVERTERS:
            yield "zones: use to_zone(instant, zone); astimezone loses fold under a frozen clock"
        case ast.Call(func=ast.Attribute(attr="wait")) if name not in WAITERS:
            yield "waiting: only clocks, the beat and lease renewal wait; hand the wait to a Clock"
        case ast.ImportFrom(level=0, module=str(module)) if _own(module, name):
            yield f"relative: write a relative import instead of {module!r}"
        case ast.Import(names=names) if any(_own(alias.name, name) for alias in names):
            yield "relative: write a relative import instead of an absolute one"
        case ast.Constant(value=str(text)) if _names_module(text, name, root):
            yield f"strings: {text!r} breaks under another parent; build it from __package__"


def _own(module: str, name: str) -> bool:
    return name.startswith("periodic/") and module.partition(".")[0] == "periodic"


def _names_module(text: str, name: str, root: Path) -> bool:
    if not name.startswith("periodic/") or not text.startswith("periodic."):
        return False
    parts = text.partition(":")[0].split(".")
    if not all(part.isidentifier() for part in parts):
        return False
    place = root.joinpath(*parts)
    return place.is_dir() or place.with_suffix(".py").is_file()


def main(arguments: list[str]) -> int:
    """Print the breaches under the given root, or under this repository."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = list(breaches(root))
    print("\n".join(found) or "source rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
