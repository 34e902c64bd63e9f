"""What lives on a RabbitMQ server for a namespace: queues, and how what is in them is written.

All of it is durable and classic, but for the lock:

    periodic.<namespace>.state   tokens; who leads holds them unacknowledged, so that they come back
                                 to the queue when, and not before, the leader's channel is dead
    periodic.<namespace>.log.a   steps: what each commit has changed, after a copy of all cursors
    periodic.<namespace>.log.b   its twin: the log is rewritten there when it has grown, and back
    periodic.<namespace>.init    empty; says that there was a token, so that none is invented
    periodic.<namespace>.lock    exclusive to the connection that leads or tries to
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import amqp
from amqp.exceptions import NotFound

from periodic import BrokerError, Cursor, iso_utc

Changes = Mapping[str, Cursor | None]

#: The version of what is written; a newer one is refused.
FORMAT = 1
TRANSIENT, PERSISTENT = 1, 2
#: Also where a virtual host would make quorum queues: those drop a message that has come back too
#: often, and a token comes back with each leader.
_CLASSIC = {"x-queue-type": "classic"}


class Names:
    """The names of a namespace's queues; see the top of this file."""

    def __init__(self, namespace: str) -> None:
        self._prefix = f"periodic.{namespace}."
        self.state: str = f"{self._prefix}state"
        self.init: str = f"{self._prefix}init"
        self.lock: str = f"{self._prefix}lock"

    def log(self, side: str) -> str:
        """Return the name of one of the two logs, a or b."""
        return f"{self._prefix}log.{side}"


def declare(channel: Any, queue: str) -> Any:
    """Declare one of the queues that last; return what the server says of it."""
    return channel.queue_declare(queue, durable=True, auto_delete=False, arguments=_CLASSIC)


def exists(connection: Any, queue: str) -> bool:
    """Tell whether there is such a queue."""
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except NotFound:
        return False
    finally:
        channel.close()  # also where the server has closed it: py-amqp opens it again
    return True


def publish(channel: Any, queue: str, body: str, mode: int) -> None:
    """Put a token or a step into its queue."""
    message = amqp.Message(body, delivery_mode=mode, content_type="application/json")
    channel.basic_publish(message, routing_key=queue)


def is_persistent(message: Any) -> bool:
    """Tell whether a message that has come outlives the server."""
    return bool(message.properties.get("delivery_mode") == PERSISTENT)


def token_text(version: int, changes: Changes, side: str) -> str:
    """Return a token: what a commit changes, and which log has all that was before."""
    return _dumps({"version": version, "log": side, "changes": _written(changes)})


def step_text(version: int, changes: Changes) -> str:
    """Return a step of the log: what a commit changes."""
    return _dumps({"version": version, "changes": _written(changes)})


def read(message: Any) -> dict[str, Any]:
    """Return what a token or a step says.

    Raises:
        BrokerError: a newer version has written it, or none has.
    """
    try:
        body: dict[str, Any] = json.loads(message.body)
        newer = body["format"] > FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise BrokerError(
            "a message in the queues periodic.<namespace>.state or .log.* of RabbitMQ is none of a "
            f"beat: {message.body[:60]!r}; take it out of there"
        ) from error
    if newer:
        raise BrokerError(
            f"the journal of the cursors in RabbitMQ has format {body['format']}, this version of "
            f"periodic reads up to {FORMAT}; upgrade it, or stop the beats and delete the queues "
            "periodic.<namespace>.* to let entries count anew"
        )
    return body


def changes_of(body: Mapping[str, Any]) -> dict[str, Cursor | None]:
    """Return the changes that a token or a step tells."""
    return {name: _cursor(text) for name, text in body["changes"].items()}


def apply(cursors: dict[str, Cursor], changes: Changes) -> None:
    """Carry out changes on a table of cursors."""
    for name, cursor in changes.items():
        if cursor is None:
            cursors.pop(name, None)
        else:
            cursors[name] = cursor


def _dumps(body: Mapping[str, Any]) -> str:
    return json.dumps({"format": FORMAT, **body}, separators=(",", ":"))


def _written(changes: Changes) -> dict[str, str | None]:
    return {
        name: None if cursor is None else f"{iso_utc(cursor.at)} {cursor.fingerprint}"
        for name, cursor in changes.items()
    }


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    at, _, fingerprint = text.partition(" ")
    return Cursor(datetime.fromisoformat(at), fingerprint)
