"""Fixtures for users' own tests: time that is driven, the app, and a beat that runs what is due.

They are part of the plugin, so nothing needs to be imported: `periodic_clock`, `periodic_app`,
`periodic_beat` and `periodic_snapshot`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .clocks import CLOCKS, DRIVEN, DrivenClock

if TYPE_CHECKING:
    from periodic.testing import TestBeat

    from .core import Core

_MARK = "periodic"


def add_options(parser: pytest.Parser) -> None:
    """Add the options of the fixtures."""
    parser.addini(
        "periodic_app",
        "the Celery or Flask app of the fixture periodic_app, or what makes it: MODULE:NAME",
        default="",
    )
    parser.addini(
        "periodic_time",
        f"what drives the time of periodic_clock: {', '.join(DRIVEN)}",
        default="",
    )
    group = parser.getgroup("periodic-users", "tests of periodic tasks")
    group.addoption(
        "--periodic-update",
        action="store_true",
        help="write the files of periodic_snapshot anew instead of comparing with them",
    )


def add_marker(config: pytest.Config) -> None:
    """Register the marker that sets the time of a test."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}(start, time): where periodic_clock begins (ISO 8601), and what drives it "
        f"({', '.join(DRIVEN)})",
    )


@pytest.fixture
def periodic_clock(request: pytest.FixtureRequest, periodic_core: Core) -> Iterator[DrivenClock]:
    """Time that moves only when told, for this test, its tasks and its beat.

    The marker `periodic(start=..., time=...)` says where it begins and what drives it; the ini
    option `periodic_time` drives all tests. Else it is time-machine or freezegun, whichever is
    installed, and without either only the beat's own clock.
    """
    mark = request.node.get_closest_marker(_MARK)
    given = {} if mark is None else dict(mark.kwargs)
    name = given.pop("time", None) or request.config.getini("periodic_time") or _installed()
    start = given.pop("start", None)
    if given:
        strange = ", ".join(given)
        raise pytest.UsageError(
            f"{request.node.nodeid}: the marker {_MARK} knows start and time, not {strange}"
        )
    if name not in DRIVEN:
        raise pytest.UsageError(f"{name!r} drives no time; use one of {', '.join(DRIVEN)}")
    with CLOCKS[name](periodic_core) as clock:
        if start is not None:
            clock.set(start)
        yield clock


@pytest.fixture
def periodic_app(request: pytest.FixtureRequest, periodic_core: Core) -> Any:
    """The Celery app under test: what `periodic_app` in the ini names, else `celery_app`.

    A Flask app, or a function that makes one, is as good: its Celery app is taken.
    """
    path = request.config.getini("periodic_app")
    if path:
        return _celery_of(_found(path), periodic_core)
    for name in ("celery_app", "app"):
        try:
            return _celery_of(request.getfixturevalue(name), periodic_core)
        except pytest.FixtureLookupError:
            continue
    raise pytest.UsageError(
        "periodic_app does not know your app: name it in the ini, periodic_app = shop:create_app, "
        "or define a fixture `periodic_app`, `celery_app` or `app`"
    )


@pytest.fixture
def periodic_beat(periodic_clock: DrivenClock, periodic_app: Any, periodic_core: Core) -> TestBeat:
    """A beat with the entries of the app, that runs their tasks here when time has come."""
    name = periodic_core.__name__  # type: ignore[attr-defined]  # a module
    testing = import_module(f"{name}.testing")
    running = import_module(f"{name}.integrations.celery.running")
    beat: TestBeat = testing.TestBeat(
        running.entries_of(periodic_app),
        periodic_clock.core_clock,
        move=periodic_clock.set,
        execute=running.Runner(periodic_app),
    )
    return beat


@pytest.fixture
def periodic_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare text with the file of a name beside the test; `--periodic-update` writes it."""
    update = request.config.getoption("periodic_update")

    def compare(text: str, name: str) -> None:
        file = Path(request.path).parent / "snapshots" / f"{name}.txt"
        if update:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return
        if not file.exists():
            pytest.fail(f"{file} does not exist; --periodic-update writes it", pytrace=False)
        kept = file.read_text(encoding="utf-8")
        if kept != text:
            pytest.fail(
                f"{file.name}: the runs have changed; --periodic-update writes them\n"
                + "".join(_difference(kept, text)),
                pytrace=False,
            )

    return compare


def _difference(kept: str, text: str) -> Iterator[str]:
    from difflib import unified_diff  # noqa: PLC0415  # the plugin is loaded by every run

    yield from unified_diff(
        kept.splitlines(keepends=True), text.splitlines(keepends=True), "kept", "now", n=1
    )


def _installed() -> str:
    for name, module in (("time-machine", "time_machine"), ("freezegun", "freezegun")):
        try:
            import_module(module)
        except ImportError:
            continue
        return name
    return "manual"


def _found(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
        for part in filter(None, name.split(".")):
            found = getattr(found, part.removesuffix("()"))
    except (ImportError, AttributeError) as error:
        raise pytest.UsageError(f"periodic_app = {path}: {error}") from error
    return found


def _celery_of(found: Any, core: Core) -> Any:
    celery = import_module("celery").Celery
    if not isinstance(found, celery) and not hasattr(found, "extensions") and callable(found):
        found = found()
    if isinstance(found, celery):
        return found
    if hasattr(found, "extensions"):
        name = core.__name__  # type: ignore[attr-defined]  # a module
        return import_module(f"{name}.integrations.flask.extension").state_of(found).celery
    raise pytest.UsageError(
        f"periodic_app is {found!r}; give a Celery app, a Flask app, or a function that makes one"
    )
