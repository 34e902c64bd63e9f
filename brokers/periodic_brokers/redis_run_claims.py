"""Claims of runs on a Redis server: one key for each run, which the server forgets by its clock.

    <prefix>periodic:<namespace>:run:<task id>  "<attempt> <end> <owner>"; the end in milliseconds
                                                since 1970, or "done"

About 250 bytes for each run that is remembered. Each step is one script. A user under an ACL needs
the keys of the prefix (`~<prefix>periodic:*`).
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, Self

import redis
from kombu import Connection

from periodic import Clock, RunAnswer, RunClaim, RunClaims, RunStanding, run_lost

from .redis_errors import ERRORS, translated
from .redis_line import ScriptLine

_MILLISECOND = timedelta(milliseconds=1)
#: Seconds after which a server that does not answer counts as unreachable, and how many threads may
#: ask at the same time; the user's options win.
_OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 2.0,
    "socket_timeout": 2.0,
    "max_connections": 1000,
}
_DONE, _FREE = "done", "free"
#: What they say where the claim is still its owner's.
_KEPT = "kept"


class RedisRunClaims(RunClaims):
    """The claims of the runs of one namespace on a Redis server; used from any thread.

    Args:
        connection: a `kombu.Connection` to the server; it is cloned, not used. Of its transport
            options, `global_keyprefix` is what every key begins with.
        namespace: whose runs these are.
        remember: how long a run is known after its last change.

    Raises:
        ValueError: `remember` is less than a millisecond.
    """

    def __init__(self, connection: Connection, *, namespace: str, remember: timedelta) -> None:
        options = {**_OPTIONS, **(connection.transport_options or {})}
        self._connection = connection.clone(transport_options=options)
        self._uri = connection.as_uri()
        self._root = f"{options.get('global_keyprefix') or ''}periodic:{namespace}:run:"
        self._remember = _milliseconds("runs", remember)
        self._opening = threading.Lock()
        self._line: ScriptLine | None = None

    @classmethod
    def open(
        cls,
        connection: Any,
        *,
        namespace: str,
        remember: timedelta,
        clock: Clock,  # noqa: ARG003  # the server has its own
    ) -> Self:
        """Make a store; `clock` is not used."""
        return cls(connection, namespace=namespace, remember=remember)

    def claim(self, claim: RunClaim, ttl: timedelta | None) -> RunAnswer:
        """Claim an attempt that nobody has."""
        last = _DONE if ttl is None else _milliseconds(claim.run, ttl)
        standing, _, other = self._run("run_claim", claim, last).partition(" ")
        left, _, owner = other.partition(" ")
        return RunAnswer(RunStanding(standing), int(left or 0) * _MILLISECOND, owner)

    def renew(self, claim: RunClaim, ttl: timedelta) -> None:
        """Let a claim end later, unless another copy has the run."""
        said, _, owner = self._run("run_keep", claim, _milliseconds(claim.run, ttl)).partition(" ")
        if said != _KEPT:
            raise run_lost(claim, owner)

    def finish(self, claim: RunClaim) -> bool:
        """Let no copy of the attempt run any more."""
        return self._run("run_keep", claim, _DONE) == _KEPT

    def release(self, claim: RunClaim) -> bool:
        """Let the next copy of the attempt run."""
        return self._run("run_keep", claim, _FREE) == _KEPT

    def close(self) -> None:
        """Close the connections; the claims stay on the server."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        self._connection.release()

    def _run(self, script: str, claim: RunClaim, last: str | int) -> str:
        key = f"{self._root}{claim.run}"
        arguments = (claim.attempt, claim.owner, last, self._remember)
        try:
            try:
                return self._connected().ask(script, key, *arguments)
            except (redis.ConnectionError, OSError):
                # Idle connections break unseen, all at once. Asking again is the same owner's, and
                # changes nothing that the first question did.
                self._connected().close()
                return self._connected().ask(script, key, *arguments)
        except ERRORS as error:
            raise translated(error, self._uri, key) from error

    def _connected(self) -> ScriptLine:
        if self._line is None:
            with self._opening:
                if self._line is None:
                    self._connection.ensure_connection(
                        max_retries=0, reraise_as_library_errors=False
                    )
                    channel: Any = self._connection.channel()
                    self._line = ScriptLine(channel.pool)
        return self._line


def _milliseconds(what: str, last: timedelta) -> int:
    if last < _MILLISECOND:
        raise ValueError(
            f"a claim on {what!r} cannot last {last!r}; give a timedelta of at least a "
            "millisecond, for example timedelta(seconds=30)"
        )
    return -(-last // _MILLISECOND)
