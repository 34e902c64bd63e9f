"""A correct store in small steps, so that each fault beside it is one step done wrong."""

import threading
from copy import deepcopy
from dataclasses import replace

from periodic import AuditRow, Changes, ScheduleStore, StoreWatch

PLACES = {}


class Watch(StoreWatch):
    def __init__(self, store):
        self.store = store
        self.seen = store.revision()

    def changed(self):
        before, self.seen = self.seen, self.store.revision()
        return before != self.seen

    def close(self):
        pass


class HonestStore(ScheduleStore):
    """Everything under one lock; `place` holds what all handles of a URL share."""

    watch_class = Watch

    @classmethod
    def open(cls, url, *, namespace, clock=None, audit_kept=10_000):
        store = cls(namespace, clock=clock, audit_kept=audit_kept)
        start = {"lock": threading.RLock(), "revision": 0, "records": {}, "log": [], "audit": []}
        store.place = PLACES.setdefault((cls, url, store.key()), start)
        return store

    def key(self):
        return self.namespace

    def out(self, record):
        return deepcopy(record)

    def revision(self):
        return self.place["revision"]

    def read(self, names):
        records = self.place["records"]
        return {name: self.out(records[name]) for name in names if name in records}

    def page(self, query):
        records = self.place["records"]
        found = [records[name] for name in sorted(records) if query.takes(records[name])]
        return [self.out(record) for record in found[: query.limit]]

    def changes(self, since):
        with self.place["lock"]:
            records, revision = self.place["records"], self.place["revision"]
            if since is None or since > revision:
                return Changes(revision, [self.out(r) for r in records.values()], whole=True)
            names = dict.fromkeys(name for at, name in self.place["log"] if at > since)
            there = [self.out(records[name]) for name in names if name in records]
            return Changes(revision, there, [name for name in names if name not in records])

    def update(self, names, change, origin):
        with self.place["lock"]:
            writes = self.planned(names, self.read(names), change)
            for write in writes:
                if write.after != write.before:
                    self.keep(write, origin)
            kept = self.read(names)
            return [kept.get(name) for name in names]

    def keep(self, write, origin):
        revision = self.count(write)
        after = None
        if write.after is None:
            self.place["records"].pop(write.name, None)
        else:
            after = replace(write.after, version=self.version(write, revision))
            self.place["records"][write.name] = deepcopy(after)
        self.place["log"].append((revision, write.name))
        row = AuditRow(
            revision=revision,
            name=write.name,
            at=self.clock.now(),
            origin=origin,
            before=None if write.before is None else write.before.to_dict(),
            after=None if after is None else after.to_dict(),
        )
        self.place["audit"].append(row)
        self.bound()

    def count(self, _write):
        self.place["revision"] += 1
        return self.place["revision"]

    def version(self, _write, revision):
        return revision

    def bound(self):
        del self.place["audit"][: -self.audit_kept]

    def audit(self, name=None, *, limit=100, before=None):
        rows = [
            row
            for row in reversed(self.place["audit"])
            if name in (None, row.name) and (before is None or row.revision < before)
        ]
        return rows[:limit]

    def watch(self):
        return self.watch_class(self)

    def close(self):
        pass
