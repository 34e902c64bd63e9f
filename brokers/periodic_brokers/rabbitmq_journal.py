"""The cursors of a namespace in queues of RabbitMQ, kept by the one connection that leads.

What lives on the server, for each namespace; all of it durable and classic, but for the lock:

    periodic.<namespace>.state   tokens; who leads holds them unacknowledged, so that they come back
                                 to the queue when, and not before, the leader's channel is dead
    periodic.<namespace>.log.a   steps: what each commit has changed, after a copy of all cursors
    periodic.<namespace>.log.b   its twin: the log is rewritten there when it has grown, and back
    periodic.<namespace>.init    empty; says that there was a token, so that none is invented
    periodic.<namespace>.lock    exclusive to the connection that leads or tries to

A batch takes two transactions (see docs/adr/0012): the first has the tasks and a *transient* token
with what they change, the second the same token *persistent*, and the step for the log. A leader
that dies between the two leaves the transient token, which tells the next one that the tasks went
out. A server that dies between the two has forgotten that token, and may have forgotten the tasks:
the batch is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import amqp
from amqp.exceptions import AccessRefused, NotFound, ResourceLocked

from periodic import BrokerError, Clock, Cursor, iso_utc

from .rabbitmq_frames import Address, address_of

Changes = Mapping[str, Cursor | None]

#: The version of what is written; a newer one is refused.
FORMAT = 1
#: Also where a virtual host would make quorum queues: those drop a message that has come back too
#: often, and a token comes back with each leader.
_CLASSIC = {"x-queue-type": "classic"}
_TRANSIENT, _PERSISTENT = 1, 2
#: Seconds that the server has for an answer.
_ANSWER = 10.0
#: How many cursors one step of a copy has.
_COPY = 1000
#: A log is rewritten when its steps weigh more than the copy before them, and more than this, in
#: bytes, or are this many: reading it is what a take-over takes.
_LEAST_LOG, _MOST_STEPS = 256 * 1024, 10_000
#: What a cursor weighs in a step, without the entry's name.
_WEIGHT = 60
#: Seconds after which a token is replaced: a server closes the channel of who holds a message for
#: longer than its `consumer_timeout`, 30 minutes unless configured.
_RENEW_EVERY = 60.0
#: Seconds between two signs of life while messages are made.
_LIVE_EVERY = 0.5


class Returned(NamedTuple):
    """A message that no queue wanted.

    Args:
        address: by what it is known.
        why: where it was to go, and what the server said.
    """

    address: Address
    why: str


class Refused(BrokerError):  # noqa: N818  # what it says, not what went wrong
    """The server has refused a message of a commit, it does not say which; the lead stays."""


class _Token(NamedTuple):
    version: int
    persistent: bool
    tag: int


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


def take_over(connection: Any, names: Names, clock: Clock) -> Journal | None:
    """Become the one who leads, if nobody does.

    Args:
        connection: an `amqp` connection; that it lives is what others wait for.
        names: of the queues.
        clock: whose monotonic time counts.

    Returns:
        The journal, or None while another leads, or its channel is still dying.

    Raises:
        BrokerError: a newer version has written the journal.
    """
    channel = connection.channel()
    found = _declare(channel, names.state)
    if not found.message_count and _exists(connection, names.init):
        channel.close()
        return None
    try:
        channel.queue_declare(names.lock, exclusive=True, durable=False, auto_delete=False)
    except ResourceLocked:
        channel.close()  # the server has closed it, and py-amqp has opened it again
        return None
    try:
        journal = Journal(connection, names, clock)
    except BrokerError:
        channel.queue_delete(names.lock)
        channel.close()
        raise
    channel.close()
    if journal.version < 0:
        journal.close()
        return None
    return journal


class Journal:
    """Where the entries stand, and the way to write it; made by `take_over`.

    Only who holds the lock may read tokens: two readers would each take some of them.
    """

    def __init__(self, connection: Any, names: Names, clock: Clock) -> None:
        #: Entry -> its cursor, as of the last commit.
        self.cursors: dict[str, Cursor] = {}
        #: Whether a commit was begun whose end is not known.
        self.uncertain: bool = False
        #: Of the last step; below zero where there is no token.
        self.version: int = -1
        self._connection = connection
        self._names = names
        self._clock = clock
        self._side = "a"
        self._tokens: list[_Token] = []
        self._returned: list[Returned] = []
        self._steps = self._weight = self._copied = 0
        self._copying: Iterator[list[str]] | None = None
        self._turning = False
        #: The version up to which a persistent token is known to be on disk.
        self._kept = -1
        self._renew_at = clock.monotonic() + _RENEW_EVERY
        self._live_at = clock.monotonic() + _LIVE_EVERY
        #: Whether the channel is new: where the server closes it, py-amqp opens it again, without
        #: tokens and transactions.
        self._bare = False
        self.channel: Any = connection.channel(callback=self._note_opened)
        self.channel.events["basic_return"].add(self._note_return)
        self._select()
        try:
            self._read()
        except BrokerError:
            self.channel.close()  # what it has got goes back
            raise

    @property
    def alive(self) -> bool:
        """Whether the connection was alive when it was last used."""
        return bool(self._connection.connected and self.channel.is_open)

    # -- a batch ---------------------------------------------------------------------------------

    def send(self, frames: bytes, changes: Changes) -> list[Returned]:
        """Enqueue messages; `keep` must follow.

        Args:
            frames: the messages, as they go over the wire.
            changes: what they do to the cursors.

        Returns:
            What no queue wanted; `keep` is to be told without it.

        Raises:
            Refused: no cursor has moved, and nothing was enqueued; but of several messages some
                may have been, where a full queue has rejected one.
        """
        self._begin_commit()
        self._returned.clear()
        try:
            self._connection.transport.write(frames)
            self._publish_token(self.version + 1, changes, _TRANSIENT)
            self._acknowledge()
            self.channel.tx_commit()
        except self._connection.channel_errors as error:
            self._hold_again()
            raise Refused(f"RabbitMQ refuses the message: {error}") from error
        return list(self._returned)

    def keep(self, changes: Changes) -> None:
        """Make changes durable."""
        self._begin_commit()
        version = self.version + 1
        self._publish_token(version, changes, _PERSISTENT)
        self._log(_step(version, changes))
        for name, cursor in changes.items():
            if cursor is None:
                self.cursors.pop(name, None)
            else:
                self.cursors[name] = cursor
        done = self._copy_some()
        self._acknowledge()
        self.channel.tx_commit()
        self.version = self._kept = version
        self.uncertain = False
        self._renew_at = self._clock.monotonic() + _RENEW_EVERY
        if done:
            self._turn()

    def stay(self) -> None:
        """Show that this connection lives, take what has come, and renew the token in time."""
        self._live()
        if self._clock.monotonic() >= self._renew_at or self._copying is not None:
            self.keep({})

    def live(self) -> None:
        """Show each second that this connection lives; for who works long between commits."""
        if self._clock.monotonic() >= self._live_at:
            self._live()

    def _live(self) -> None:
        self._connection.heartbeat_tick()
        try:
            while True:
                self._connection.drain_events(timeout=0.001)
        except TimeoutError:
            self._live_at = self._clock.monotonic() + _LIVE_EVERY

    def close(self) -> None:
        """Let another one lead."""
        self.channel.close()  # the server puts the tokens back before it answers
        channel = self._connection.channel()
        channel.queue_delete(self._names.lock)
        channel.close()

    # -- tokens ----------------------------------------------------------------------------------

    def _publish_token(self, version: int, changes: Changes, mode: int) -> None:
        token = {
            "format": FORMAT,
            "version": version,
            "log": self._side,
            "changes": _written(changes),
        }
        body = json.dumps(token, separators=(",", ":"))
        message = amqp.Message(body, delivery_mode=mode, content_type="application/json")
        self.channel.basic_publish(message, routing_key=self._names.state)

    def _hold(self, message: Any) -> None:
        token = _loads(message)
        self._tokens.append(
            _Token(int(token["version"]), _is_persistent(message), message.delivery_tag)
        )

    def _acknowledge(self) -> None:
        """Let go of the tokens that a newer one on disk has made superfluous, with this commit.

        The newest one on disk stays, whatever happens to what this commit writes.
        """
        superfluous = [
            token
            for token in self._tokens
            if token.version < self._kept or (token.version == self._kept and not token.persistent)
        ]
        for token in superfluous:
            self.channel.basic_ack(token.tag)
            self._tokens.remove(token)

    def _note_opened(self, _: Any) -> None:
        self._bare = True

    def _select(self) -> None:
        self.channel.tx_select()
        self._bare = False

    def _begin_commit(self) -> None:
        self.uncertain = True
        if self._bare:  # closed while the answer to something else was read
            raise amqp.RecoverableConnectionError("the server has closed the leader's channel")

    def _hold_again(self) -> None:
        """Take the tokens again after the server has closed the channel.

        The lock kept others from them meanwhile. A transient one that went out with a commit that
        was carried out in part says what is not so: the next one on disk makes it superfluous.
        """
        self._select()
        found = self._take_tokens()
        self._tokens = [token for token, _ in found]
        if self._kept not in [token.version for token in self._tokens if token.persistent]:
            raise amqp.RecoverableConnectionError("the tokens of this namespace are gone")
        self.version = max(token.version for token in self._tokens)
        self.channel.basic_consume(self._names.state, callback=self._hold)
        self.keep({})

    def _take_tokens(self) -> list[tuple[_Token, dict[str, Any]]]:
        found: list[tuple[_Token, dict[str, Any]]] = []
        while (message := self.channel.basic_get(self._names.state)) is not None:
            body = _loads(message)
            token = _Token(int(body["version"]), _is_persistent(message), message.delivery_tag)
            found.append((token, body))
        return found

    # -- the log ---------------------------------------------------------------------------------

    def _log(self, body: str) -> None:
        self._append(self._side, body)
        self._steps += 1
        self._weight += len(body)
        # Not while tokens on disk still name the log that the copy would go to.
        begins = self._copying is None and not self._turning
        if begins and (self._steps >= _MOST_STEPS or self._weight > max(_LEAST_LOG, self._copied)):
            self._copying = self._start_copy()
        if self._copying is not None:
            # The step that begins it as well: the copy is of entries that were known before.
            self._append(_other(self._side), body)

    def _append(self, side: str, body: str) -> None:
        message = amqp.Message(body, delivery_mode=_PERSISTENT, content_type="application/json")
        self.channel.basic_publish(message, routing_key=self._names.log(side))

    def _start_copy(self) -> Iterator[list[str]]:
        """Begin to write all cursors to the other log, some with each step from now on."""
        _declare(self.channel, self._names.log(_other(self._side)))
        self.channel.queue_purge(self._names.log(_other(self._side)))
        self._steps = self._weight = self._copied = 0
        names = list(self.cursors)
        return iter([names[start : start + _COPY] for start in range(0, len(names), _COPY)])

    def _copy_some(self) -> bool:
        """Write some of the copy; return whether that was the last of it."""
        if self._copying is None:
            return False
        some = next(self._copying, None)
        if some is None:
            self._copying = None
            return True
        body = _step(
            self.version, {name: self.cursors[name] for name in some if name in self.cursors}
        )
        self._append(_other(self._side), body)
        self._copied += len(body)
        return False

    def _turn(self) -> None:
        """Let tokens name the other log, whose copy is complete and on disk."""
        old, self._side = self._side, _other(self._side)
        self._turning = True
        self.keep({})
        self._turning = False
        self.channel.queue_purge(self._names.log(old))

    # -- reading ---------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read the newest token and the log that it names; write the first one where none was."""
        found = self._take_tokens()
        if not found:
            if _exists(self._connection, self._names.init):
                return
            self._begin()
            return
        newest, body = max(found, key=lambda each: each[0])
        self._tokens = [token for token, _ in found]
        self._side = body["log"]
        if self._is_read_elsewhere():
            return  # tokens go back when this channel is closed
        self._read_log()
        _apply(self.cursors, body["changes"])
        self.version = newest.version - 1
        self._kept = max((token.version for token in self._tokens if token.persistent), default=-1)
        self.channel.basic_consume(self._names.state, callback=self._hold)
        # Written once more, on disk, before anything else: the log has it from now on.
        self.keep({name: _cursor(text) for name, text in body["changes"].items()})

    def _is_read_elsewhere(self) -> bool:
        """Whether who was about to lead died with steps in hand that are not back yet.

        Its channels die one by one, and what it holds is not counted.
        """
        channel = self._connection.channel()
        queue = self._names.log(self._side)
        got: list[Any] = []
        try:
            waits = _declare(channel, queue).message_count
            channel.basic_qos(prefetch_size=0, prefetch_count=1, a_global=False)
            channel.basic_consume(queue, exclusive=True, callback=got.append)
            while waits and not got:
                self._connection.drain_events(timeout=_ANSWER)
        except AccessRefused as error:
            if "exclusive use" not in str(error):
                raise
            return True
        finally:
            channel.close()
        return False

    def _begin(self) -> None:
        """Write the first token; then say that there was one."""
        _declare(self.channel, self._names.log("a"))
        self.channel.queue_purge(self._names.log("a"))
        self.channel.basic_consume(self._names.state, callback=self._hold)
        self.keep({})
        _declare(self.channel, self._names.init)

    def _read_log(self) -> None:
        channel = self._connection.channel()
        queue = self._names.log(self._side)
        count = _declare(channel, queue).message_count
        steps: list[Any] = []
        channel.basic_consume(queue, callback=steps.append)
        while len(steps) < count:
            self._connection.drain_events(timeout=_ANSWER)
        channel.close()  # the server puts the steps back before it answers
        for step in steps:
            _apply(self.cursors, _loads(step)["changes"])
        self._steps = len(steps)
        # What a copy of the cursors would weigh, more or less, is no reason to write one.
        self._copied = sum(_WEIGHT + len(name) for name in self.cursors)
        self._weight = sum(len(step.body) for step in steps) - self._copied

    def _note_return(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        where = f"exchange {exchange!r}, routing key {routing_key!r}" if exchange else ""
        why = (
            f"no queue takes the message ({where or f'queue {routing_key!r}'}: {error}); start a "
            "worker that declares the queue, or correct the route"
        )
        self._returned.append(Returned(address_of(message, exchange, routing_key), why))


def _declare(channel: Any, queue: str) -> Any:
    return channel.queue_declare(queue, durable=True, auto_delete=False, arguments=_CLASSIC)


def _exists(connection: Any, queue: str) -> bool:
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except NotFound:
        return False
    finally:
        channel.close()  # also where the server has closed it: py-amqp opens it again
    return True


def _is_persistent(message: Any) -> bool:
    return bool(message.properties.get("delivery_mode") == _PERSISTENT)


def _other(side: str) -> str:
    return "b" if side == "a" else "a"


def _step(version: int, changes: Changes) -> str:
    body = {"format": FORMAT, "version": version, "changes": _written(changes)}
    return json.dumps(body, separators=(",", ":"))


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


def _apply(cursors: dict[str, Cursor], changes: Mapping[str, str | None]) -> None:
    for name, text in changes.items():
        cursor = _cursor(text)
        if cursor is None:
            cursors.pop(name, None)
        else:
            cursors[name] = cursor


def _loads(message: Any) -> dict[str, Any]:
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
