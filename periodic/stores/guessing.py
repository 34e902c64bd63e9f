"""A step in one round trip: decided on what is believed to be there, and kept only if it is so.

A store beyond a network sends the decision together with what it was based on, and the server
compares. Where the belief was wrong it answers what there is, and the step is decided again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from ..errors import StoreUnreachable
from ..records import EntryRecord
from ..store import Change, Write
from .documents import to_document, to_record

#: How often a step is tried again that others have overtaken.
TRIES = 1000
#: How many records are remembered.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What is there, or believed to be.

    Args:
        found: name -> record; what is missing is not there.
        texts: name -> the record as the server keeps it, where it compares that.
    """

    found: Mapping[str, EntryRecord] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, texts: Mapping[str, str]) -> Self:
        """Return what records say that are kept, or remembered, as texts."""
        return cls({name: to_record(name, text) for name, text in texts.items()}, texts)


#: Sends a step; returns what there is now, by place, or what there is instead of what was believed.
Attempt = Callable[[Sequence[Write], Look], Sequence[EntryRecord | None] | Look]
#: Decides: returns what a step does, by place.
Decide = Callable[[Sequence[str], Mapping[str, EntryRecord], Change], Sequence[Write]]


class Beliefs:
    """Remembers the records that were seen last, as text, so that nobody changes them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, names: Sequence[str]) -> Look:
        """Return what is believed of some names; what was never seen is believed not to be."""
        with self._lock:
            texts = {name: self._texts[name] for name in names if name in self._texts}
        return Look.at(texts)

    def see(self, names: Sequence[str], records: Sequence[EntryRecord | None]) -> None:
        """Take note of what there is."""
        with self._lock:
            for name, record in zip(names, records, strict=True):
                self._texts.pop(name, None)
                if record is not None and not record.problem:
                    self._texts[name] = to_document(record)
            while len(self._texts) > _MOST:
                del self._texts[next(iter(self._texts))]

    def see_read(self, names: Sequence[str], found: Mapping[str, EntryRecord]) -> None:
        """Take note of what somebody has read: whoever looks at one is likely to change it."""
        if len(names) == 1:
            self.see(names, [found.get(names[0])])

    def step(
        self,
        names: Sequence[str],
        change: Change,
        *,
        decide: Decide,
        look: Callable[[Sequence[str]], Look],
        attempt: Attempt,
    ) -> list[EntryRecord | None]:
        """Carry out a step.

        Args:
            names: each once.
            change: the caller's; what it raises is only believed where nothing was guessed.
            decide: the store's `planned`.
            look: asks the server what there is.
            attempt: sends the step.

        Raises:
            StoreUnreachable: others were faster each time.
        """
        known, guessed = self.of(names), True
        for _ in range(TRIES):
            try:
                writes = decide(names, known.found, change)
            except Exception:
                if not guessed:  # else it may only be the belief that is wrong
                    raise
                known, guessed = look(names), False
                continue
            answer = attempt(writes, known)
            if not isinstance(answer, Look):
                self.see(names, answer)
                return list(answer)
            known, guessed = answer, False
        raise StoreUnreachable(
            f"the store was changed by others in each of {TRIES} tries to change it; try again"
        )
