"""`beats` and `health` of a Celery app: asks its broker for the beats, in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from celery import Celery

from ...broker import Broker, Capability
from ...clock import SystemClock
from ...cursors import MemoryCursors
from ...errors import BrokerUnreachable, NotSupported, PeriodicError
from .. import watching
from ..health import Problem, Sight, ask_to_write, bounded, look
from .settings import Settings, connection_to_broker

T = TypeVar("T")

#: Seconds that a look may take, whatever the broker and the user's time-outs do.
LIMIT = 5.0

#: Returns the Celery app; may raise `PeriodicError`.
Find = Callable[[], Celery]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose beats are asked for, and where."""

    settings: Settings
    adapter: type[Broker]
    connection: Any

    def look(self) -> Sight:
        """Return what the broker knows of the beats."""
        return self._with_broker(self._look)

    def probe(self) -> tuple[Sight, list[Problem]]:
        """Return what the broker knows of the beats, and why it takes no messages, if so."""
        return self._with_broker(self._probe)

    def _with_broker(self, ask: Callable[[Broker], T]) -> T:
        broker = self.adapter.open(
            self.connection,
            namespace=self.settings.namespace,
            clock=SystemClock(),
            cursors=MemoryCursors,  # a look makes no file
        )
        try:
            return ask(broker)
        finally:
            broker.close()

    def _look(self, broker: Broker) -> Sight:
        return look(
            broker,
            self.settings.namespace,
            all_active=self.settings.all_active,
            max_interval=self.settings.max_interval,
        )

    def _probe(self, broker: Broker) -> tuple[Sight, list[Problem]]:
        sight = self._look(broker)
        try:
            ask_to_write(broker)
        except BrokerUnreachable as error:
            return sight, [watching.broker_problem(error)]
        return sight, []


def show_beats(find: Find, *, as_json: bool) -> None:
    """Print every beat of an app's namespace.

    Args:
        find: returns the app.
        as_json: one JSON list instead of a table.

    Raises:
        ClickException: the broker does not answer (status 1), or there is no answer (status 2).
    """
    try:
        asked = _asked(find)
        sight = bounded(asked.look, LIMIT)
    except BrokerUnreachable as error:
        raise click.ClickException(f"the broker cannot be asked: {error}") from error
    except PeriodicError as error:
        raise watching.CannotTell(str(error)) from error
    watching.show_beats(sight, asked.settings.timezone, as_json=as_json)


def show_health(find: Find, *, as_json: bool) -> None:
    """Print whether the beats of an app do their work; always ends the command.

    Args:
        find: returns the app.
        as_json: one JSON object instead of lines.

    Raises:
        SystemExit: status 0 when they do, 1 when they do not, 2 when it cannot be told.
    """
    try:
        sight, problems = bounded(_asked(find).probe, LIMIT)
    except BrokerUnreachable as error:
        problem = watching.broker_problem(error)
        watching.end_health("unhealthy", [problem], as_json=as_json)
    except PeriodicError as error:
        watching.end_health("unknown", [Problem("unknown", str(error))], as_json=as_json)
    watching.show_health(sight, problems, as_json=as_json)


def _asked(find: Find) -> _Asked:
    app = find()
    settings = Settings.of(app)
    connection = connection_to_broker(app)
    adapter = settings.adapter_for(connection)
    if not {Capability.REGISTRY, Capability.CROSS_PROCESS} <= adapter.capabilities:
        raise NotSupported(
            f"beats cannot show themselves on this broker ({adapter.__name__} for "
            f"{connection.as_uri()}), so nobody can tell; look at the beat's process and its log, "
            "or use a broker that keeps them, such as redis://"
        )
    return _Asked(settings, adapter, connection)
