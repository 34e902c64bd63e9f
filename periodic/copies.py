"""A copy of the cursors beside the broker, for the day on which the broker has lost its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from .clock import Clock
from .cursors import Cursor, CursorStore
from .errors import BrokerUnreachable

logger: logging.Logger = logging.getLogger(__name__)

#: Seconds between two writes: a copy that is this old repeats what was dispatched since.
_SAVE_EVERY = 1.0


class CursorCopy:
    """Keeps in a store what the broker said of the cursors; written at most once a second.

    A copy is worth less than a dispatch: when its store fails that is logged, once, and the beat
    goes on without.

    Args:
        store: where the copy is kept; None keeps none.
        namespace: whose cursors these are.
        clock: whose monotonic time counts the seconds.
    """

    def __init__(self, store: CursorStore | None, namespace: str, clock: Clock) -> None:
        self._store = store
        self._namespace = namespace
        self._clock = clock
        self._unsaved: dict[str, Cursor] = {}
        self._save_at = clock.monotonic()
        self._failed = False

    @property
    def kept(self) -> bool:
        """Whether there is a copy at all."""
        return self._store is not None

    def load(self, names: Iterable[str]) -> dict[str, Cursor]:
        """Return what is known of these entries."""
        if self._store is None:
            return {}
        try:
            with self._store.step(self._namespace) as table:
                found = {name: table.get(name) for name in names}
        except BrokerUnreachable as error:
            self._report(error)
            return {}
        return {name: cursor for name, cursor in found.items() if cursor is not None}

    def record(self, name: str, at: datetime, fingerprint: str) -> None:
        """Take note of where an entry stands; nothing is written yet."""
        if self._store is not None:
            self._unsaved[name] = Cursor(at, fingerprint)

    def save(self, *, now: bool = False) -> None:
        """Write what was recorded, if the last write is long enough ago.

        Args:
            now: write in any case: the beat stops.
        """
        if self._store is None or not self._unsaved:
            return
        if not now and self._clock.monotonic() < self._save_at:
            return
        unsaved, self._unsaved = self._unsaved, {}
        try:
            with self._store.step(self._namespace) as table:
                table.keep(unsaved)
        except BrokerUnreachable as error:
            self._report(error)
        else:
            self._failed = False
        self._save_at = self._clock.monotonic() + _SAVE_EVERY

    def forget(self, names: Iterable[str]) -> None:
        """Forget entries that are gone."""
        if self._store is None:
            return
        gone = list(names)
        for name in gone:
            self._unsaved.pop(name, None)
        try:
            with self._store.step(self._namespace) as table:
                for name in gone:
                    table.remove(name)
        except BrokerUnreachable as error:
            self._report(error)

    def _report(self, error: BrokerUnreachable) -> None:
        if not self._failed:
            logger.warning(
                "the copy of the cursors is not kept: %s; runs go on, but a broker that loses its "
                "data now makes a restarted beat count anew",
                error,
                extra={"event": "copy-failed"},
            )
        self._failed = True
