"""Brokers that take turns in leading, where the adapter lets only one connection claim.

The contracts of claims let any broker claim at any time. Where leadership is the server's, a broker
claims only while it leads: so the one that is asked leads first, and the one that led resigns, as
beats do that start and stop one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import periodic

    from .core import Core

#: How often a broker asks whether it leads before the test fails, and real seconds between.
_TRIES, _PAUSE = 2000, 0.005
#: What only a broker that leads can do.
_CLAIMS = frozenset({"adopt", "dispatch", "forget"})


class Turns:
    """Whose turn it is, among the brokers of one test.

    Args:
        core: the core under test.
    """

    def __init__(self, core: Core) -> None:
        self._wake = core.Wake()
        self._lock = threading.RLock()
        self._leading: dict[str, periodic.Broker] = {}

    def of(self, broker: periodic.Broker, namespace: str) -> periodic.Broker:
        """Return a broker that leads before it claims."""
        return cast("periodic.Broker", _Taking(broker, namespace, self))

    def take(
        self, broker: periodic.Broker, namespace: str, call: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Call as the one that leads."""
        with self._lock:
            leading = self._leading.get(namespace)
            if leading is not broker:
                if leading is not None:
                    leading.resign()
                self._leading[namespace] = broker
            for _ in range(_TRIES):
                if broker.lead():
                    return call(*arguments)
                self._wake.sleep(_PAUSE)
            raise AssertionError("nobody else leads, and this broker does not come to lead")

    def give_up(self, broker: periodic.Broker, namespace: str) -> None:
        """Forget a broker that closes."""
        with self._lock:
            if self._leading.get(namespace) is broker:
                del self._leading[namespace]


class _Taking:
    """A broker in front of another: what claims waits for its turn, all else passes through."""

    def __init__(self, broker: periodic.Broker, namespace: str, turns: Turns) -> None:
        self._broker = broker
        self._namespace = namespace
        self._turns = turns

    def close(self) -> None:
        self._turns.give_up(self._broker, self._namespace)
        self._broker.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._broker, name)
        if name not in _CLAIMS:
            return found
        return lambda *arguments: self._turns.take(self._broker, self._namespace, found, *arguments)
