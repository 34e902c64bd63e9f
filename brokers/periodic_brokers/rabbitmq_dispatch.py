"""What becomes of a batch on RabbitMQ: claimed, made into frames, enqueued; or it is refused.

A commit of the server is all or nothing, and does not say what in it was refused: such a batch is
sent again, each message by its own. A message that no queue takes comes back by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from periodic import BrokerError, Cursor, Dispatch, MemoryTable, Message, Outcome, Status

from .rabbitmq_frames import Address, Frames, Published
from .rabbitmq_journal import Journal, Refused


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message whose frames were made ahead, for one connection."""

    message: Message
    frames: Frames
    published: Sequence[Published]

    def publish(self, producer: Any) -> None:
        self.message.publish(producer)


class Lead(NamedTuple):
    """What a broker that leads has.

    Args:
        journal: where entries stand.
        frames: what makes messages for the same connection.
    """

    journal: Journal
    frames: Frames


def send(led: Lead, batch: Sequence[Dispatch]) -> list[Outcome]:
    """Claim and enqueue a batch by one commit; what the server may refuse goes by its own."""
    outcomes: list[Outcome] = []
    for piece in _pieces(led, batch):
        outcomes += _send_piece(led, piece)
    return outcomes


def prepared(dispatch: Dispatch, frames: Frames) -> Dispatch:
    """Return a dispatch with its frames, if nothing in its message counts from the dispatch."""
    message: Any = dispatch.message
    if getattr(message, "family", None) is None or not message.settled:
        return dispatch
    try:
        return replace(dispatch, message=_Ready(message, frames, frames.render(message)))
    except Exception:
        if frames.lost:
            raise
        return dispatch  # its own error, which is an outcome when it is dispatched


def _pieces(led: Lead, batch: Sequence[Dispatch]) -> list[list[Dispatch]]:
    frames = led.frames
    if not frames.suspects:
        return [list(batch)]
    pieces: list[list[Dispatch]] = [[]]
    for dispatch in batch:
        _show_life(led, dispatch.message)
        try:
            published = _render(dispatch.message, frames)
        except Exception:  # noqa: BLE001  # raised again where it is an outcome
            pieces[-1].append(dispatch)
            continue
        # Made once: a task's own code may run.
        ready = replace(dispatch, message=_made(dispatch.message, frames, published))
        if frames.suspects.isdisjoint(each.route for each in published):
            pieces[-1].append(ready)
        else:
            pieces += [[ready], []]
    return [piece for piece in pieces if piece]


def _send_piece(led: Lead, batch: Sequence[Dispatch]) -> list[Outcome]:
    journal = led.journal
    table = MemoryTable(journal.cursors)
    outcomes: list[Outcome] = []
    frames: list[bytes] = []
    senders: dict[Address, list[int]] = {}
    for number, dispatch in enumerate(batch):
        occurrence = dispatch.occurrence
        stands = table.stand(occurrence.entry, dispatch.previous)
        if stands != dispatch.previous:
            outcomes.append(Outcome(occurrence, Status.TAKEN, stands))
            continue
        _show_life(led, dispatch.message)
        try:
            published = _render(dispatch.message, led.frames)
        except Exception as error:  # a task's own code may run; the outcome carries it
            # Users' code raises what sockets raise, too.
            lost = led.frames.lost or not journal.alive
            if isinstance(error, led.frames.connection_errors) and lost:
                raise
            outcomes.append(Outcome(occurrence, Status.FAILED, stands, error))
            continue
        for each in published:
            frames.append(each.frames)
            senders.setdefault(each.address, []).append(number)
        table.set(occurrence.entry, Cursor(dispatch.cursor, dispatch.fingerprint))
        outcomes.append(Outcome(occurrence, Status.DISPATCHED, dispatch.cursor))
    if not table.written:
        return outcomes
    routes = {(address.exchange, address.routing_key) for address in senders}
    try:
        returned = journal.send(b"".join(frames), table.written)
    except Refused as error:
        led.frames.forget()
        led.frames.suspects |= routes
        if len(batch) > 1:  # each by its own, and those where nothing is refused never again
            return send(led, batch)
        (dispatch,) = batch
        return [Outcome(dispatch.occurrence, Status.FAILED, dispatch.previous, error)]
    led.frames.suspects -= routes
    if not returned:
        journal.keep(table.written)
        return outcomes
    # Declared anew with the next try, as far as they are declared at all.
    led.frames.forget()
    reasons = {number: each.why for each in returned for number in senders[each.address]}
    outcomes, written = _without(journal, batch, outcomes, reasons)
    journal.keep(written)
    return outcomes


def _show_life(led: Lead, message: Message) -> None:
    """Let the server hear of a leader whose message may take long to make."""
    # One that was made ahead, for this connection, goes out at its instant.
    if not (isinstance(message, _Ready) and message.frames is led.frames):
        led.journal.live()


def _render(message: Message, frames: Frames) -> Sequence[Published]:
    if isinstance(message, _Ready):
        if message.frames is frames:
            return message.published
        message = message.message
    return frames.render(message)


def _made(message: Message, frames: Frames, published: Sequence[Published]) -> _Ready:
    return _Ready(message.message if isinstance(message, _Ready) else message, frames, published)


def _without(
    journal: Journal,
    batch: Sequence[Dispatch],
    outcomes: Sequence[Outcome],
    returned: Mapping[int, str],
) -> tuple[list[Outcome], dict[str, Cursor | None]]:
    """Return the outcomes and changes of a batch of which some messages came back.

    An entry stands where it stood before the first of its messages that came back. What followed
    it in the same batch and was enqueued is sent again, under the same id.
    """
    left: list[Outcome] = []
    stopped: dict[str, datetime] = {}
    table = MemoryTable(journal.cursors)
    for number, (dispatch, outcome) in enumerate(zip(batch, outcomes, strict=True)):
        occurrence = dispatch.occurrence
        if number in returned:
            stands = stopped.setdefault(occurrence.entry, dispatch.previous)
            error = BrokerError(returned[number])
            left.append(Outcome(occurrence, Status.FAILED, stands, error))
        elif occurrence.entry in stopped:
            left.append(Outcome(occurrence, Status.TAKEN, stopped[occurrence.entry]))
        else:
            if outcome.status is Status.DISPATCHED:
                table.set(occurrence.entry, Cursor(dispatch.cursor, dispatch.fingerprint))
            left.append(outcome)
    for number in returned:
        # The transient token says that they moved: the step must say where they stand.
        entry = batch[number].occurrence.entry
        if entry not in table.written:
            table.written[entry] = journal.cursors.get(entry) or Cursor(
                stopped[entry], batch[number].fingerprint
            )
    return left, table.written
