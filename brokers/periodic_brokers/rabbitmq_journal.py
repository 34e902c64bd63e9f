"""The cursors of a namespace in RabbitMQ, kept by the one connection that leads.

See `rabbitmq_queues` for what lives on the server, `rabbitmq_log` for where cursors are kept.

A batch takes two transactions (see docs/adr/0012): the first has the tasks and a *transient* token
with what they change, the second the same token *persistent*, and the step for the log. A leader
that dies between the two leaves the transient token, which tells the next one that the tasks went
out. A server that dies between the two has forgotten that token, and may have forgotten the tasks:
the batch is sent again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import amqp
from amqp.exceptions import ResourceLocked

from periodic import BrokerError, Clock, Cursor

from .rabbitmq_frames import Address, address_of
from .rabbitmq_log import Log
from .rabbitmq_queues import (
    PERSISTENT,
    TRANSIENT,
    Changes,
    Names,
    apply,
    changes_of,
    declare,
    exists,
    is_persistent,
    publish,
    read,
    step_text,
    token_text,
)

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
    found = declare(channel, names.state)
    if not found.message_count and exists(connection, names.init):
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
        self._tokens: list[_Token] = []
        self._returned: list[Returned] = []
        #: The version up to which a persistent token is known to be on disk.
        self._kept = -1
        self._renew_at = clock.monotonic() + _RENEW_EVERY
        self._live_at = clock.monotonic() + _LIVE_EVERY
        #: Whether the channel is new: where the server closes it, py-amqp opens it again, without
        #: tokens and transactions.
        self._bare = False
        self.channel: Any = connection.channel(callback=self._note_opened)
        self.channel.events["basic_return"].add(self._note_return)
        self._log = Log(connection, self.channel, names)
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
            self._publish_token(self.version + 1, changes, TRANSIENT)
            self.channel.tx_commit()
        except self._connection.channel_errors as error:
            self._hold_again()
            raise Refused(f"RabbitMQ refuses the message: {error}") from error
        return list(self._returned)

    def keep(self, changes: Changes) -> None:
        """Make changes durable."""
        self._begin_commit()
        version = self.version + 1
        self._publish_token(version, changes, PERSISTENT)
        self._log.append(step_text(version, changes), self.cursors)
        apply(self.cursors, changes)
        is_copied = self._log.copy_some(self.version, self.cursors)
        self._acknowledge()
        self.channel.tx_commit()
        self.version = self._kept = version
        self.uncertain = False
        self._renew_at = self._clock.monotonic() + _RENEW_EVERY
        if is_copied:
            with self._log.turned():
                self.keep({})

    def stay(self) -> None:
        """Show that this connection lives, take what has come, and renew the token in time."""
        self._live()
        if self._clock.monotonic() >= self._renew_at or self._log.is_being_rewritten:
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
        publish(self.channel, self._names.state, token_text(version, changes, self._log.side), mode)

    def _hold(self, message: Any) -> None:
        token = read(message)
        self._tokens.append(
            _Token(int(token["version"]), is_persistent(message), message.delivery_tag)
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
            body = read(message)
            token = _Token(int(body["version"]), is_persistent(message), message.delivery_tag)
            found.append((token, body))
        return found

    # -- reading ---------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read the newest token and the log that it names; write the first one where none was."""
        found = self._take_tokens()
        if not found:
            if exists(self._connection, self._names.init):
                return
            self._begin()
            return
        newest, body = max(found, key=lambda each: each[0])
        self._tokens = [token for token, _ in found]
        self._log.side = body["log"]
        if self._log.is_read_elsewhere():
            return  # tokens go back when this channel is closed
        self._log.read(self.cursors)
        changes = changes_of(body)
        apply(self.cursors, changes)
        self.version = newest.version - 1
        self._kept = max((token.version for token in self._tokens if token.persistent), default=-1)
        self.channel.basic_consume(self._names.state, callback=self._hold)
        # Written once more, on disk, before anything else: the log has it from now on.
        self.keep(changes)

    def _begin(self) -> None:
        """Write the first token; then say that there was one."""
        self._log.begin()
        self.channel.basic_consume(self._names.state, callback=self._hold)
        self.keep({})
        declare(self.channel, self._names.init)

    def _note_return(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        where = f"exchange {exchange!r}, routing key {routing_key!r}" if exchange else ""
        why = (
            f"no queue takes the message ({where or f'queue {routing_key!r}'}: {error}); start a "
            "worker that declares the queue, or correct the route"
        )
        self._returned.append(Returned(address_of(message, exchange, routing_key), why))
