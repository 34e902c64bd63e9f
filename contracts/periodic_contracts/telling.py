"""The part of the contract of a store about what it tells: lists, changes, a watch, the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import periodic

    from .core import Core
    from .store import MakeSchedules

#: When the clock begins of whoever changes something.
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TellingPromises:
    """Whoever asks is told what there is and what is otherwise; `StoreContract` has these."""

    # -- lists -----------------------------------------------------------------------------------

    def test_pages_follow_one_another_without_gap_or_repetition(
        self, open_store: MakeSchedules
    ) -> None:
        """Each page starts behind the last name of the one before, even if that is gone by now."""
        schedules = open_store()
        good = {"task": "shop.job", "schedule": 60}
        names = [f"user:{number:02}:report" for number in range(25)]
        schedules.put_many(dict.fromkeys(reversed(names), good))
        first = [record.name for record in schedules.list(limit=10)]
        schedules.delete(first[-1])
        second = [record.name for record in schedules.list(limit=10, after=first[-1])]
        third = [record.name for record in schedules.list(limit=10, after=second[-1])]

        assert first + second + third == names
        assert [record.name for record in schedules.all("user:1", limit=4)] == names[10:20]

    def test_lists_are_filtered(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """By task, by what the definition says, by pause and by source."""
        schedules = open_store()
        put(schedules, "a", task="other")
        put(schedules, "b", enabled=False)
        put(schedules, "c")
        schedules.pause("c")

        def names(**filters: Any) -> list[str]:
            return [record.name for record in schedules.list(**filters)]

        assert names(task="other") == ["a"]
        assert names(enabled=False) == ["b"]
        assert names(enabled=True) == ["a", "c"]
        assert names(paused=True) == ["c"]
        assert names(paused=False) == ["a", "b"]
        assert names(source="store") == ["a", "b", "c"]
        assert names(source="code") == []

    # -- what a beat asks ------------------------------------------------------------------------

    def test_what_is_otherwise_since_a_revision_is_told_and_nothing_else(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Made, changed and removed; an entry that changed twice once, as it is now."""
        schedules, store = open_store(), open_store().store
        for name in ("same", "changed", "gone", "back"):
            put(schedules, name)
        everything = store.changes(None)
        before = sorted(record.name for record in everything.records)
        put(schedules, "new")
        put(schedules, "changed", args=[1])
        put(schedules, "changed", args=[2])
        put(schedules, "short")
        for name in ("gone", "back", "short"):
            schedules.delete(name)
        put(schedules, "back", args=[3])
        since = store.changes(everything.revision)

        assert everything.whole
        assert before == ["back", "changed", "gone", "same"]
        assert not since.whole
        told = {record.name: record.definition.get("args") for record in since.records}
        assert told == {"new": None, "changed": [2], "back": [3]}
        assert set(since.removed) == {"gone", "short"}
        assert since.revision == store.revision() == schedules.store.revision()
        assert list(store.changes(since.revision).records) == []

    def test_what_is_told_is_what_is_read(
        self,
        open_store: MakeSchedules,
        time: periodic.ManualClock,
        put: Callable[..., periodic.EntryRecord],
    ) -> None:
        """In every field of every kind of record, told as a whole or since a revision."""
        schedules, store = open_store(), open_store().store
        put(schedules, "usual")
        put(schedules, "full", args=[1, {"a": []}], kwargs={"b": None}, options={"queue": "q"})
        put(schedules, "off", enabled=False, catch_up="all")
        put(schedules, "paused")
        first = store.revision()
        time.advance(SECOND)
        schedules.pause("paused", note="stocktaking", until=START + timedelta(days=1))
        put(schedules, "usual", args=[2])
        put(schedules, "full", kwargs={"b": 3})
        schedules.set("off", catch_up_window=60)
        read = store.read(["usual", "full", "off", "paused"])

        for since in (None, first):
            assert {each.name: each for each in store.changes(since).records} == read
        assert all(
            each.created_at == START < START + SECOND == each.updated_at for each in read.values()
        )

    def test_a_revision_that_never_was_gets_all_there_is(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """A store that was put back from a copy is read anew, not waited for."""
        schedules = open_store()
        put(schedules)
        changes = schedules.store.changes(1000)

        assert changes.whole
        assert [record.name for record in changes.records] == ["job"]
        assert changes.revision == 1

    def test_a_watch_sees_the_changes_of_others(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Quiet while nothing happens, soon there when something does; the revision says what."""
        schedules, store = open_store(), open_store().store
        put(schedules)
        watch = store.watch()
        wait = core.SystemClock()
        never = core.Wake()
        watch.changed()
        quiet = watch.changed()
        put(schedules, args=[1])
        latest = wait.monotonic() + 1
        seen = watch.changed()
        while not seen and wait.monotonic() < latest:
            wait.wait_until(wait.monotonic() + watch.every.total_seconds(), never)
            seen = watch.changed()
        watch.close()

        assert not quiet
        assert seen
        assert watch.every <= SECOND

    # -- audit -----------------------------------------------------------------------------------

    def test_every_change_is_audited(
        self,
        open_store: MakeSchedules,
        put: Callable[..., periodic.EntryRecord],
        time: periodic.ManualClock,
    ) -> None:
        """Who, when, from where, what it was and what it is; the newest first."""
        schedules = open_store(who="maria")
        put(schedules)
        time.advance(SECOND)
        schedules.by("cron", via="import").set("job", args=[1])
        schedules.pause("job", note="why")
        schedules.resume("job")
        schedules.rename("job", "new")
        schedules.delete("new")
        rows = open_store().audit()

        told = [(row.origin.who, row.origin.via, row.origin.action, row.name) for row in rows]
        assert told == [
            ("maria", "api", "delete", "new"),
            ("maria", "api", "rename", "new"),
            ("maria", "api", "rename", "job"),
            ("maria", "api", "resume", "job"),
            ("maria", "api", "pause", "job"),
            ("cron", "import", "set", "job"),
            ("maria", "api", "put", "job"),
        ]
        made, changed = rows[-1], rows[-2]
        assert (made.at, changed.at) == (START, START + SECOND)
        assert made.before is None
        assert made.after is not None
        assert made.after["task"] == "shop.job"
        assert changed.before is not None
        assert changed.after is not None
        assert ("args" in changed.before, changed.after["args"]) == (False, [1])
        assert rows[0].after is None
        assert [row.name for row in schedules.audit("new")] == ["new", "new"]
        assert schedules.audit(limit=1, before=rows[0].revision) == [rows[1]]

    def test_the_audit_keeps_the_newest(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """It is bounded: what is older than the newest so many changes is gone."""
        schedules = open_store(audit_kept=5)
        for number in range(12):
            put(schedules, args=[number])

        assert [row.revision for row in schedules.audit()] == [12, 11, 10, 9, 8]
