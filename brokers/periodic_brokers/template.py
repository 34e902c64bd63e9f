"""Messages of one family rendered once: what they share is kept, what differs is filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from periodic import FamilyMessage

from .capture import Captured, CapturingChannel, Command

#: Kombu's own mark of a message in flight; it must be another for each message.
_TAG = "delivery_tag"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A command whose argument is text around slots.

    Args:
        name: as in `Command`.
        key: as in `Command`.
        pieces: the text, with an empty string where a slot is.
        slots: (index in `pieces`, name of the header that goes there).
    """

    name: str
    key: str
    pieces: tuple[str, ...]
    slots: tuple[tuple[int, str], ...]

    def fill(self, texts: Mapping[str, str]) -> bytes:
        """Return the argument with these texts in its slots, encoded once for all pieces."""
        pieces = list(self.pieces)
        for index, name in self.slots:
            pieces[index] = texts[name]
        return "".join(pieces).encode()


@dataclass(frozen=True, slots=True)
class Template:
    """The commands of a family of messages.

    Args:
        patterns: one for each command.
    """

    patterns: tuple[Pattern, ...]

    def fill(self, headers: dict[str, str], tag: str) -> list[Command]:
        """Return the commands of one message.

        Args:
            headers: its own headers; the tag is added.
            tag: its delivery tag, which no other message has.
        """
        headers[_TAG] = tag
        return [Command(each.name, each.key, each.fill(headers)) for each in self.patterns]


def build(channel: CapturingChannel, message: FamilyMessage) -> Template | None:
    """Make the template of a message's family, or None where its members differ in more.

    Two siblings are rendered. What the first one gives, filled in with the texts of the second,
    must be the second to the letter.

    Args:
        channel: renders.
        message: any member of the family.
    """
    names = list(message.own_headers())
    first, second = (channel.capture(message.sibling(number)) for number in (1, 2))
    if first.routed or second.routed or len(first.commands) != len(second.commands):
        return None
    texts, others = (_texts(captured, names) for captured in (first, second))
    if texts is None or others is None:
        return None
    template = Template(tuple(_pattern(command, texts) for command in first.commands))
    if template.fill(others, others[_TAG]) != [_encoded(each) for each in second.commands]:
        return None
    return template


def _encoded(command: Command) -> Command:
    argument = command.argument
    return command._replace(argument=argument.encode() if isinstance(argument, str) else argument)


def _texts(captured: Captured, names: list[str]) -> dict[str, str] | None:
    """Return the texts of a message's own headers and its delivery tag, as they were rendered."""
    for command in captured.commands:
        if command.name != "E":
            message: Any = json.loads(command.argument)
            texts = {name: message["headers"].get(name) for name in names}
            texts[_TAG] = message["properties"][_TAG]
            if all(isinstance(text, str) and text for text in texts.values()):
                return texts
    return None


def _pattern(command: Command, texts: Mapping[str, str]) -> Pattern:
    # Two headers may have one text, in all messages alike: the first name then stands for both.
    names = {text: name for name, text in reversed(list(texts.items()))}
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", str(command.argument))
    slots = tuple((index, names[part]) for index, part in enumerate(parts) if part in names)
    filled = {index for index, _ in slots}
    pieces = tuple("" if index in filled else part for index, part in enumerate(parts))
    return Pattern(command.name, command.key, pieces, slots)
