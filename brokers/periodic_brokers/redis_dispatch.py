"""What becomes of a batch on Redis: one script a chunk claims and enqueues, see `dispatch.lua`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from periodic import BrokerError, Dispatch, Message, Outcome, Status, iso_utc

from .capture import Command
from .redis_line import packed

#: Stands for the number of commands where the script shall only tell where the cursor stands.
_ASK = -1

#: Returns the commands of a message, or the error that is its own.
Render = Callable[[Message], Sequence[Command] | Exception]


@dataclass(frozen=True, slots=True)
class Ready:
    """A message whose share of the script's arguments was made ahead.

    Args:
        message: what it was made from.
        commands: that the script carries out.
        lines: what the claim says of the commands, if no other queue comes before theirs.
        arguments: the claim with these lines and what commands take, as they go over the line.
    """

    message: Message
    commands: Sequence[Command]
    lines: str
    arguments: bytes

    def publish(self, producer: object) -> None:
        """Publish as any message does."""
        self.message.publish(producer)


@dataclass(frozen=True, slots=True)
class Request:
    """What the script is asked for.

    Args:
        batch: a chunk of a batch.
        keys: of the script.
        arguments: as they go over the line.
        count: how many arguments these are.
        errors: number in the batch -> why its message could not be made.
    """

    batch: Sequence[Dispatch]
    keys: Sequence[str]
    arguments: Sequence[bytes]
    count: int
    errors: dict[int, Exception]


def prepared(dispatch: Dispatch, commands: Sequence[Command]) -> Dispatch:
    """Return a dispatch whose message is ready to be sent."""
    lines = _lines(commands, {"": 1})
    arguments = _arguments(dispatch, commands, lines)
    return replace(dispatch, message=Ready(dispatch.message, commands, lines, arguments))


def request(batch: Sequence[Dispatch], cursors: str, render: Render) -> Request:
    """Render what is not ready yet, and return what the script is to be asked.

    Args:
        batch: a chunk of a batch.
        cursors: the key of the cursors.
        render: makes the commands of a message.
    """
    keys: dict[str, int] = {cursors: 1}
    arguments: list[bytes] = []
    count = len(batch)
    errors: dict[int, Exception] = {}
    for number, dispatch in enumerate(batch):
        message = dispatch.message
        if isinstance(message, Ready):
            commands = message.commands
            lines = _lines(commands, keys)
            if lines == message.lines:
                arguments.append(message.arguments)
            else:
                arguments.append(_arguments(dispatch, commands, lines))
        else:
            made = render(message)
            if isinstance(made, Exception):
                errors[number] = made
                commands = ()
                arguments.append(_arguments(dispatch, commands, "", _ASK))
            else:
                commands = made
                arguments.append(_arguments(dispatch, commands, _lines(commands, keys)))
        count += len(commands)
    return Request(batch, list(keys), arguments, count, errors)


def outcomes(asked: Request, reply: Sequence[bytes | str]) -> list[Outcome]:
    """Return what the letters and words of the script's reply mean."""
    letters, *rest = map(_text, reply)
    words: Iterator[str] = iter(rest)
    found: list[Outcome] = []
    for number, (dispatch, letter) in enumerate(zip(asked.batch, letters, strict=True)):
        occurrence = dispatch.occurrence
        if letter == "+":
            outcome = Outcome(occurrence, Status.DISPATCHED, dispatch.cursor)
        elif letter == "!":
            error = BrokerError(next(words))
            outcome = Outcome(occurrence, Status.FAILED, dispatch.previous, error)
        else:
            word = next(words)
            stands = instant(word)
            if stands is None:
                error = BrokerError(
                    f"its cursor, in the hash {asked.keys[0]!r}, reads {word!r}, which no beat has "
                    f"written; delete the field {occurrence.entry!r}"
                )
                outcome = Outcome(occurrence, Status.FAILED, dispatch.previous, error)
            elif number in asked.errors and stands == dispatch.previous:
                outcome = Outcome(occurrence, Status.FAILED, stands, asked.errors[number])
            else:
                outcome = Outcome(occurrence, Status.TAKEN, stands)
        found.append(outcome)
    return found


def instant(cursor: str) -> datetime | None:
    """Return where a cursor stands; None where its text is not as beats write and compare it."""
    text = cursor.partition(" ")[0]
    try:
        stands = datetime.fromisoformat(text)
        return stands if iso_utc(stands) == text else None
    except ValueError:
        return None


def _lines(commands: Sequence[Command], keys: dict[str, int]) -> str:
    """Return what a claim says of its commands; their keys get their numbers."""
    lines = ""
    for name, key, _ in commands:
        place = key if name == "P" else keys.setdefault(key, len(keys) + 1)
        lines += f"{name}{place}\n"
    return lines


def _arguments(
    dispatch: Dispatch, commands: Sequence[Command], lines: str, count: int | None = None
) -> bytes:
    """Return the script's arguments for one dispatch, see `dispatch.lua`."""
    claim = (
        f"{len(commands) if count is None else count}:{iso_utc(dispatch.previous)} \n"
        f"{iso_utc(dispatch.cursor)} {dispatch.fingerprint}\n"
        f"{lines}{dispatch.occurrence.entry}"
    )
    return packed(claim, *(argument for _, _, argument in commands))


def _text(reply: bytes | str) -> str:
    # The user's options may ask for decoded answers.
    return reply if isinstance(reply, str) else reply.decode()
