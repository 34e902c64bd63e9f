"""The log of a namespace's cursors: two queues of RabbitMQ, of which one counts at a time.

A log grows with each commit. When it has grown it is rewritten, some with each commit, to its twin:
a copy of all cursors, and every step from then on. When the copy is complete the twin counts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AccessRefused

from periodic import Cursor

from .rabbitmq_queues import (
    PERSISTENT,
    Names,
    apply,
    changes_of,
    declare,
    publish,
    read,
    step_text,
)

#: Seconds that the server has for an answer.
_ANSWER = 10.0
#: How many cursors one step of a copy has.
_COPY = 1000
#: A log is rewritten when its steps weigh more than the copy before them, and more than this, in
#: bytes, or are this many: reading it is what a take-over takes.
_LEAST_LOG, _MOST_STEPS = 256 * 1024, 10_000
#: What a cursor weighs in a step, without the entry's name.
_WEIGHT = 60


class Log:
    """Steps: what each commit has changed.

    Args:
        connection: an `amqp` connection.
        channel: of the one who leads, in transactions.
        names: of the queues.
    """

    def __init__(self, connection: Any, channel: Any, names: Names) -> None:
        #: Which of the two queues counts, a or b.
        self.side: str = "a"
        self._connection = connection
        self._channel = channel
        self._names = names
        self._steps = self._weight = self._copied = 0
        self._copying: Iterator[list[str]] | None = None
        self._turning = False

    @property
    def is_being_rewritten(self) -> bool:
        """Whether commits are wanted for the rest of a copy."""
        return self._copying is not None

    def begin(self) -> None:
        """Make the first log, empty."""
        declare(self._channel, self._names.log(self.side))
        self._channel.queue_purge(self._names.log(self.side))

    def append(self, body: str, cursors: Mapping[str, Cursor]) -> None:
        """Write a step, and begin to rewrite the log when it has grown.

        Args:
            body: the step.
            cursors: where entries stand before this step.
        """
        publish(self._channel, self._names.log(self.side), body, PERSISTENT)
        self._steps += 1
        self._weight += len(body)
        # Not while tokens on disk still name the log that the copy would go to.
        begins = self._copying is None and not self._turning
        if begins and (self._steps >= _MOST_STEPS or self._weight > max(_LEAST_LOG, self._copied)):
            self._copying = self._start_copy(cursors)
        if self._copying is not None:
            # The step that begins it as well: the copy is of entries that were known before.
            publish(self._channel, self._twin, body, PERSISTENT)

    def copy_some(self, version: int, cursors: Mapping[str, Cursor]) -> bool:
        """Write some of the copy; return whether that was the last of it.

        Args:
            version: of the last step that is on disk.
            cursors: where entries stand now.
        """
        if self._copying is None:
            return False
        some = next(self._copying, None)
        if some is None:
            self._copying = None
            return True
        body = step_text(version, {name: cursors[name] for name in some if name in cursors})
        publish(self._channel, self._twin, body, PERSISTENT)
        self._copied += len(body)
        return False

    @contextmanager
    def turned(self) -> Generator[None]:
        """Let the twin count, whose copy is on disk; the block commits a token that names it."""
        old = self._names.log(self.side)
        self.side = _other(self.side)
        self._turning = True
        yield
        self._turning = False
        self._channel.queue_purge(old)

    def read(self, cursors: dict[str, Cursor]) -> None:
        """Read all steps into a table of cursors; they stay where they are."""
        channel = self._connection.channel()
        queue = self._names.log(self.side)
        count = declare(channel, queue).message_count
        steps: list[Any] = []
        channel.basic_consume(queue, callback=steps.append)
        while len(steps) < count:
            self._connection.drain_events(timeout=_ANSWER)
        channel.close()  # the server puts the steps back before it answers
        for step in steps:
            apply(cursors, changes_of(read(step)))
        self._steps = len(steps)
        # What a copy of the cursors would weigh, more or less, is no reason to write one.
        self._copied = sum(_WEIGHT + len(name) for name in cursors)
        self._weight = sum(len(step.body) for step in steps) - self._copied

    def is_read_elsewhere(self) -> bool:
        """Tell whether who was about to lead died with steps in hand that are not back yet.

        Its channels die one by one, and what it holds is not counted.
        """
        channel = self._connection.channel()
        queue = self._names.log(self.side)
        got: list[Any] = []
        try:
            waits = declare(channel, queue).message_count
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

    @property
    def _twin(self) -> str:
        return self._names.log(_other(self.side))

    def _start_copy(self, cursors: Mapping[str, Cursor]) -> Iterator[list[str]]:
        """Begin to write all cursors to the other log, some with each step from now on."""
        declare(self._channel, self._twin)
        self._channel.queue_purge(self._twin)
        self._steps = self._weight = self._copied = 0
        names = list(cursors)
        return iter([names[start : start + _COPY] for start in range(0, len(names), _COPY)])


def _other(side: str) -> str:
    return "b" if side == "a" else "a"
