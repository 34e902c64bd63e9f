"""A Flask app whose entries live in a file of SQLite, and a prompt for its commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, _state
from click.testing import Result
from flask import Flask

from periodic import Schedules, crontab
from periodic.integrations.celery import schedules_of
from periodic.integrations.flask import Periodic
from periodic.integrations.flask.cli import periodic as commands
from periodic_brokers import memory


@pytest.fixture(autouse=True)
def celery_of_the_process() -> Iterator[None]:
    """Put back what Celery keeps for the whole process: its default app and its shared tasks."""
    default, current = _state.default_app, _state._tls.current_app
    shared = set(_state._on_app_finalizers)
    memory.reset()
    yield
    memory.reset()
    _state.default_app, _state._tls.current_app = default, current
    _state._on_app_finalizers.intersection_update(shared)


@dataclass
class Shop:
    """An app with a task `shop.report`, an entry `nightly` in its code, and a store."""

    flask: Flask
    celery: Celery
    periodic: Periodic
    path: Path

    @property
    def schedules(self) -> Schedules:
        """The entries of its store."""
        return schedules_of(self.celery)

    def run(self, *arguments: str) -> Result:
        """Run `flask periodic ...`."""
        return self.flask.test_cli_runner().invoke(commands, list(arguments))

    def json(self, *arguments: str) -> Any:
        """Run it with `--json`; return what it printed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Make apps on one file."""
    path = tmp_path / "schedules.db"
    with ExitStack() as stack:

        def make(**settings: Any) -> Shop:
            app = Flask("shop")
            periodic = Periodic()
            app.config["PERIODIC"] = {
                "store": f"sqlite:///{path}",
                "timezone": "Europe/Berlin",
                "entries": {
                    "nightly": {
                        "task": "shop.nightly",
                        "schedule": crontab(minute=0, hour=3, tz="Europe/London"),
                    }
                },
                **settings,
            }
            app.config["CELERY"] = {"result_expires": None}
            periodic.init_app(app)
            celery = app.extensions["celery"]

            @celery.task(name="shop.nightly", shared=False)
            def nightly(days: int = 1) -> int:
                return days

            @celery.task(name="shop.report", shared=False)
            def report(user: int, *, style: str = "plain", password: str = "") -> str:
                return f"{user} {style} {password}"

            stack.callback(celery.close)
            stack.callback(_close, celery)
            return Shop(app, celery, periodic, path)

        yield make


def _close(celery: Celery) -> None:
    schedules_of(celery).store.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """One app."""
    return make_shop()
