"""A store in Redis or Valkey."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
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
from .documents import to_audit_document, to_audit_row, to_document, to_record

#: Seconds that an answer may take.
_PATIENCE = 5
_OFTEN = timedelta(milliseconds=20)
#: How many names are asked for at once.
_MANY = 1000
#: How often a step is tried again that others have overtaken.
_TRIES = 1000


class RedisStore(ScheduleStore):
    """Records in a hash, with the order of the names and of the changes beside it.

    A step watches the revision and is tried again when somebody was faster, so it is all or
    nothing. What is written past this class does not count as a change. A server that loses its
    data loses the entries: keep it on disk, or use a database.

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
        with self.asking() as client:
            return self._read(client, list(names))

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
        """Change records, again from the start when somebody else was faster."""
        with self.asking() as client:
            for _ in range(_TRIES):
                with client.pipeline() as pipe:
                    pipe.watch(f"{self._key}revision")
                    revision = int(pipe.get(f"{self._key}revision") or 0)
                    found = self._read(pipe, names)
                    writes = self.planned(names, found, change)
                    try:
                        return self._carry_out(pipe, writes, revision, origin)
                    except redis.WatchError:
                        continue
        raise StoreUnreachable(
            f"the store was changed by others in each of {_TRIES} tries to change it; try again"
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
        except redis.WatchError:
            raise
        except (redis.RedisError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise StoreUnreachable(f"the store in Redis cannot be used now: {reason}") from error

    # -- steps -----------------------------------------------------------------------------------

    def _read(self, client: Any, names: Sequence[str]) -> dict[str, EntryRecord]:
        found: dict[str, EntryRecord] = {}
        for start in range(0, len(names), _MANY):
            some = names[start : start + _MANY]
            texts = client.hmget(f"{self._key}entries", some)
            found.update(
                (name, to_record(name, text))
                for name, text in zip(some, texts, strict=True)
                if text is not None
            )
        return found

    def _all(self) -> Iterator[EntryRecord]:
        page = self.page(Query(limit=_MANY))
        while page:
            yield from page
            page = self.page(Query(after=page[-1].name, limit=_MANY))

    def _carry_out(
        self, pipe: Any, writes: Sequence[Write], revision: int, origin: Origin
    ) -> list[EntryRecord | None]:
        kept: list[EntryRecord | None] = []
        pipe.multi()
        at, first = self.clock.now(), revision
        for write in writes:
            if not changes_something(write):
                kept.append(write.before)
                continue
            revision += 1
            after = None if write.after is None else replace(write.after, version=revision)
            kept.append(after)
            self._keep(pipe, write.name, after, revision)
            row = AuditRow(
                revision=revision,
                name=write.name,
                at=at,
                origin=origin,
                before=None if write.before is None else write.before.to_dict(),
                after=None if after is None else after.to_dict(),
            )
            pipe.zadd(f"{self._key}audit", {to_audit_document(row): revision})
        if revision != first:
            pipe.set(f"{self._key}revision", revision)
            pipe.zremrangebyscore(f"{self._key}audit", "-inf", revision - self.audit_kept)
            pipe.publish(self.channel, revision)
            pipe.execute()
            self._forget(revision)
        return kept

    def _keep(self, pipe: Any, name: str, record: EntryRecord | None, revision: int) -> None:
        if record is None:
            pipe.hdel(f"{self._key}entries", name)
            pipe.zrem(f"{self._key}names", name)
        else:
            pipe.hset(f"{self._key}entries", name, to_document(record))
            pipe.zadd(f"{self._key}names", {name: 0})
        pipe.zadd(f"{self._key}changes", {name: revision})

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
