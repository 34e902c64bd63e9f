"""A store in Redis or Valkey."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import redis

from ..clock import Clock
from ..errors import ConfigError, StoreUnreachable
from ..records import AuditRow, Changes, EntryRecord, Origin, Query
from ..store import (
    AUDIT_KEPT,
    REMOVALS_KEPT,
    Change,
    ScheduleStore,
    StoreWatch,
    Write,
    changes_something,
)
from .documents import audit_parts, document_parts, to_audit_row, to_record
from .guessing import Beliefs, Look

#: Seconds that an answer may take.
_PATIENCE = 5
_OFTEN = timedelta(milliseconds=20)
#: How many names are asked for at once.
_MANY = 1000
_STEP = Path(__file__).with_name("redis_step.lua").read_text(encoding="utf-8")


class RedisStore(ScheduleStore):
    """Records in a hash, with the order of the names and of the changes beside it.

    A step is one script, which compares what is there with what the step was decided on: all or
    nothing, and one round trip where entries are new or were seen last as they are. What is written
    past this class does not count as a change. A server that loses its data loses the entries: keep
    it on disk, or use a database.

    Args:
        client: of `redis`, with decoded answers.
        namespace: whose records these are.
        clock: says when a record was made and changed.
        audit_kept: how many changes the audit remembers.
    """

    def __init__(
        self,
        client: Any,
        namespace: str,
        *,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> None:
        super().__init__(namespace, clock=clock, audit_kept=audit_kept)
        self._client = client
        self._key = f"{{periodic:{namespace}}}:"
        self._script = client.register_script(_STEP)
        self._beliefs = Beliefs()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        namespace: str,
        clock: Clock | None = None,
        audit_kept: int = AUDIT_KEPT,
    ) -> Self:
        """Open `redis://` or `rediss://`; no connection is established yet.

        Raises:
            ConfigError: it is no such URL.
        """
        try:
            client = redis.Redis.from_url(
                url,
                decode_responses=True,
                encoding_errors="surrogateescape",  # bytes that are no text spoil one record alone
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
            )
        except (ValueError, TypeError) as error:
            raise ConfigError(f"the URL of the store is not one of Redis: {error}") from error
        return cls(client, namespace, clock=clock, audit_kept=audit_kept)

    # -- reading ---------------------------------------------------------------------------------

    def revision(self) -> int:
        """Return the number of changes so far."""
        with self.asking() as client:
            return int(client.get(f"{self._key}revision") or 0)

    def read(self, names: Iterable[str]) -> dict[str, EntryRecord]:
        """Return the records of these names."""
        wanted = list(names)
        with self.asking() as client:
            found = self._read(client, wanted)
        self._beliefs.see_read(wanted, found)
        return found

    def page(self, query: Query) -> list[EntryRecord]:
        """Return records in the order of their names."""
        found: list[EntryRecord] = []
        start = max(query.after, query.prefix)
        low = f"({start}" if query.after and start == query.after else f"[{start}"
        with self.asking() as client:
            while len(found) < query.limit:
                names = client.zrangebylex(f"{self._key}names", low, "+", start=0, num=_MANY)
                records = self._read(client, names)
                wanted = (records[name] for name in names if name in records)
                found += [record for record in wanted if query.takes(record)]
                if len(names) < _MANY or not names[-1].startswith(query.prefix):
                    break
                low = f"({names[-1]}"
        return found[: query.limit]

    def changes(self, since: int | None) -> Changes:
        """Return what is otherwise since a revision."""
        with self.asking() as client:
            # First the revision, then the records: what is newer is told again, not missed.
            counters = client.mget(f"{self._key}revision", f"{self._key}forgotten")
            revision, forgotten = (int(each or 0) for each in counters)
            if since is None or since < forgotten or since > revision:
                return Changes(revision, self._all(), whole=True)
            names = client.zrangebyscore(f"{self._key}changes", f"({since}", "+inf")
            records = self._read(client, names)
        there = [records[name] for name in names if name in records]
        return Changes(revision, there, [name for name in names if name not in records])

    def audit(
        self, name: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[AuditRow]:
        """Return changes, the newest first."""
        found: list[AuditRow] = []
        high = "+inf" if before is None else f"({before}"
        with self.asking() as client:
            while len(found) < limit:
                texts = client.zrevrangebyscore(
                    f"{self._key}audit", high, "-inf", start=0, num=_MANY
                )
                rows = [to_audit_row(text) for text in texts]
                found += [row for row in rows if name in (None, row.name)]
                if len(rows) < _MANY:
                    break
                high = f"({rows[-1].revision}"
        return found[:limit]

    def watch(self) -> StoreWatch:
        """Return a watch that listens on the store's channel."""
        return _Subscription(self)

    # -- writing ---------------------------------------------------------------------------------

    def update(
        self, names: Sequence[str], change: Change, origin: Origin
    ) -> list[EntryRecord | None]:
        """Change records in one script, again where somebody else was faster."""
        return self._beliefs.step(
            names,
            change,
            decide=self.planned,
            look=self._look,
            attempt=lambda writes, look: self._attempt(writes, look, origin),
        )

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    @property
    def channel(self) -> str:
        """Where changes are told."""
        return f"{self._key}changed"

    @contextmanager
    def asking(self) -> Generator[Any]:
        """Yield the client; what goes wrong means that the store cannot be reached.

        Raises:
            StoreUnreachable: so it is.
        """
        try:
            yield self._client
        except (redis.RedisError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise StoreUnreachable(f"the store in Redis cannot be used now: {reason}") from error

    # -- steps -----------------------------------------------------------------------------------

    def _read(self, client: Any, names: Sequence[str]) -> dict[str, EntryRecord]:
        texts = self._texts(client, names)
        return {name: to_record(name, text) for name, text in texts.items()}

    def _texts(self, client: Any, names: Sequence[str]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for start in range(0, len(names), _MANY):
            some = names[start : start + _MANY]
            found = client.hmget(f"{self._key}entries", some)
            texts.update(
                (name, text) for name, text in zip(some, found, strict=True) if text is not None
            )
        return texts

    def _all(self) -> Iterator[EntryRecord]:
        page = self.page(Query(limit=_MANY))
        yield from page
        while len(page) == _MANY:  # by number: a name that somebody has written may be empty
            page = self.page(Query(after=page[-1].name, limit=_MANY))
            yield from page

    def _look(self, names: Sequence[str]) -> Look:
        with self.asking() as client:
            return Look.at(self._texts(client, names))

    def _attempt(
        self, writes: Sequence[Write], look: Look, origin: Origin
    ) -> list[EntryRecord | None] | Look:
        """Send a step; the script keeps it where the texts are those that it was decided on."""
        at = self.clock.now()
        told: list[str] = []
        for write in writes:
            told += (write.name, look.texts.get(write.name, ""))
            told += self._told(write, at, origin)
        keys = [self._key + each for each in ("entries", "names", "changes", "audit", "revision")]
        with self.asking():
            fresh, *answers = self._script(keys, [self.audit_kept, self.channel, *told])
            if not fresh:
                found = zip(writes, answers, strict=True)
                return Look.at({write.name: text for write, text in found if text})
            kept: list[EntryRecord | None] = []
            for write, version in zip(writes, answers, strict=True):
                if not changes_something(write):
                    kept.append(write.before)
                elif write.after is None:
                    kept.append(None)
                    self._forget(int(version))
                else:
                    kept.append(replace(write.after, version=int(version)))
        return kept

    def _told(self, write: Write, at: datetime, origin: Origin) -> tuple[str, ...]:
        """Return what the script is told of one record: what to do, and the texts for it."""
        if not changes_something(write):
            return ("", "", "", "", "", "")
        row = AuditRow(
            revision=0,
            name=write.name,
            at=at,
            origin=origin,
            before=None if write.before is None else write.before.to_dict(),
            after=None if write.after is None else write.after.to_dict(),
        )
        if write.after is None:
            return ("remove", "", "", *audit_parts(row), "")
        return ("keep", *document_parts(write.after), *audit_parts(row))

    def _forget(self, revision: int) -> None:
        """Forget removals that are so far back that nobody asks for them; seldom, in lots."""
        up_to = revision - REMOVALS_KEPT
        if up_to <= 0 or revision % (REMOVALS_KEPT // 10):
            return
        client = self._client
        names = client.zrangebyscore(f"{self._key}changes", "-inf", up_to)
        there = self._read(client, names)
        gone = [name for name in names if name not in there]
        if gone:
            # A name that comes back meanwhile is told by its new revision all the same.
            client.set(f"{self._key}forgotten", up_to)
            for name in gone:
                if float(client.zscore(f"{self._key}changes", name) or revision) <= up_to:
                    client.zrem(f"{self._key}changes", name)


class _Subscription(StoreWatch):
    """Listens on a connection of its own."""

    every = _OFTEN

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._subscription: Any = None

    def changed(self) -> bool:
        """Tell whether a change was told."""
        with self._store.asking() as client:
            try:
                if self._subscription is None:
                    self._subscription = client.pubsub(ignore_subscribe_messages=True)
                    self._subscription.subscribe(self._store.channel)
                    self._subscription.get_message(timeout=_PATIENCE)
                    return True  # what came before nobody has heard
                heard = False
                while self._waits():
                    message: Mapping[str, Any] | None = self._subscription.get_message(timeout=0)
                    heard = heard or message is not None
            except BaseException:
                self.close()
                raise
        return heard

    def close(self) -> None:
        """Hang up."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _waits(self) -> bool:
        """Tell whether something can be read."""
        return bool(self._subscription.connection.can_read(timeout=0))
