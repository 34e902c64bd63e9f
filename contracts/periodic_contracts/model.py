"""What a broker is, in a few lines: the model that every adapter is held against."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What was enqueued: an entry and the number of its occurrence.
Sent = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """A dispatch as the model sees it: occurrences and instants are numbers.

    Args:
        entry: whose occurrence it is.
        number: of the occurrence.
        previous: where the cursor must stand.
        up_to: where the cursor goes.
        fingerprint: of the schedule.
        fails: "before" or "after" kombu took the message, or "".
    """

    entry: str
    number: int
    previous: int
    up_to: int
    fingerprint: str
    fails: str = ""


@dataclass(slots=True)
class Model:
    """Per entry a cursor with its schedule's fingerprint, and what was enqueued, in order."""

    cursors: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    sent: list[Sent] = field(default_factory=list[Sent])

    def adopt(self, entry: str, fingerprint: str, anchor: int, copy: int | None = None) -> int:
        """Return where the entry stands; what is new or edited starts."""
        kept = self.cursors.get(entry)
        if kept is None:
            self.cursors[entry] = (anchor if copy is None else copy, fingerprint)
        elif kept[1] != fingerprint:
            self.cursors[entry] = (anchor, fingerprint)
        return self.cursors[entry][0]

    def dispatch(self, batch: list[Step]) -> list[tuple[str, int]]:
        """Claim by comparing, enqueue, move; return what became of each and where it stands."""
        outcomes: list[tuple[str, int]] = []
        believed: dict[str, int] = {}
        for step in batch:
            kept = self.cursors.get(step.entry)
            stands = kept[0] if kept else believed.setdefault(step.entry, step.previous)
            if stands != step.previous:
                outcomes.append(("TAKEN", stands))
            elif step.fails:
                outcomes.append(("FAILED", stands))
            else:
                self.sent.append((step.entry, step.number))
                self.cursors[step.entry] = (step.up_to, step.fingerprint)
                outcomes.append(("DISPATCHED", step.up_to))
        return outcomes

    def forget(self, entries: list[str]) -> None:
        """Forget where entries stand; what was enqueued stays."""
        for entry in entries:
            self.cursors.pop(entry, None)
