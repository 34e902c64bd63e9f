"""The contract of a store: versions, revisions, all-or-nothing steps, and an audit of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import pytest

from .contract import NAMESPACE, Contract

if TYPE_CHECKING:
    import periodic

    from .core import Core

_START = datetime(2026, 3, 2, 12, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_THREADS = 4
#: What each kind of JSON value may look like.
_EVERYTHING: dict[str, Any] = {
    "text": "„schön“ ☀ 😀",
    "none": None,
    "list": [1, 2.5, True, {"deep": [[]]}],
    "": {},
}


class MakeSchedules(Protocol):
    """Opens the store once more, as another process would, and returns its entries."""

    def __call__(
        self, *, namespace: str = NAMESPACE, audit_kept: int = 1000, who: str = ""
    ) -> periodic.Schedules:
        """Open it."""
        ...


class StoreContract(Contract):
    """Entries that change while beats run are never lost, half written or overwritten unseen."""

    #: The store's class.
    adapter: ClassVar[type[periodic.ScheduleStore]]  # type: ignore[assignment]  # no broker here

    @pytest.fixture
    def store_url(self) -> str:
        """The URL of an empty store; every store's author writes this one."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `store_url`: the URL of an empty store"
        )

    @pytest.fixture
    def core(self, periodic_core: Core) -> Core:
        """The core under test; its classes are the ones that count."""
        if not issubclass(self.adapter, periodic_core.ScheduleStore):
            name = cast("Any", periodic_core).__name__
            raise TypeError(f"{self.adapter.__name__} is no ScheduleStore of the core {name!r}")
        return periodic_core

    @pytest.fixture
    def time(self, core: Core) -> periodic.ManualClock:
        """The clock of whoever changes something."""
        return core.ManualClock(_START)

    @pytest.fixture
    def open_store(
        self, core: Core, store_url: str, time: periodic.ManualClock
    ) -> Iterator[MakeSchedules]:
        """Open the store as often as the test likes, on one state; all are closed after it."""
        opened: list[periodic.ScheduleStore] = []

        def open_one(
            *, namespace: str = NAMESPACE, audit_kept: int = 1000, who: str = ""
        ) -> periodic.Schedules:
            store = self.adapter.open(
                store_url, namespace=namespace, clock=time, audit_kept=audit_kept
            )
            opened.append(store)
            return core.Schedules(store, who=who)

        yield open_one
        for store in opened:
            store.close()

    @pytest.fixture
    def put(self, core: Core) -> Callable[..., periodic.EntryRecord]:
        """Put an entry that runs each minute, unless the test says otherwise."""

        def put(
            schedules: periodic.Schedules, name: str = "job", **given: Any
        ) -> periodic.EntryRecord:
            usual: dict[str, Any] = {"task": "shop.job", "schedule": core.interval(minutes=1)}
            return schedules.put(name, **{**usual, **given})

        return put

    # -- what is kept ----------------------------------------------------------------------------

    def test_what_is_put_is_read_as_it_was_by_everybody(
        self, core: Core, open_store: MakeSchedules
    ) -> None:
        """Each word of an entry, whatever JSON can say, through another handle."""
        schedule = core.crontab(minute="*/5", hour="8-17", tz="Europe/London")
        written = open_store().put(
            "für Ünal/7 'x' \"y\" %_",
            task="shop.job",
            schedule=schedule,
            args=["a", 1, _EVERYTHING],
            kwargs=_EVERYTHING,
            options={"queue": "mail", "priority": 3},
            enabled=False,
            catch_up="all",
            catch_up_window=timedelta(minutes=90),
        )
        read = open_store().get("für Ünal/7 'x' \"y\" %_")

        assert read == written
        assert read is not None
        assert core.Schedule.from_dict(read.schedule or {}) == schedule
        assert read.definition["args"] == ["a", 1, _EVERYTHING]
        assert read.definition["kwargs"] == _EVERYTHING
        assert read.definition["options"] == {"queue": "mail", "priority": 3}
        assert read.definition["catch_up"] == "all"
        assert read.definition["catch_up_window"] == 5400
        assert not read.enabled
        assert read.created_at == read.updated_at == read.since == _START

    def test_an_unknown_name_is_nothing(self, core: Core, open_store: MakeSchedules) -> None:
        """Reading it returns None; changing it is an error, and makes nothing."""
        schedules = open_store()
        before = schedules.store.revision()

        assert schedules.get("nobody") is None
        for change in (schedules.pause, schedules.resume, schedules.delete):
            with pytest.raises(core.UnknownEntry, match="nobody"):
                change("nobody")
        with pytest.raises(core.UnknownEntry, match="nobody"):
            schedules.rename("nobody", "somebody")
        assert schedules.store.revision() == before
        assert list(schedules.list()) == []

    def test_what_is_handed_out_is_the_callers_own(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Whoever changes a record in its hands has changed nothing in the store."""
        schedules = open_store()
        put(schedules, kwargs={"days": [1]})
        record = schedules.get("job")
        assert record is not None
        record.definition["kwargs"]["days"].append(2)

        again = schedules.get("job")
        assert again is not None
        assert again.definition["kwargs"] == {"days": [1]}

    def test_namespaces_of_records_do_not_meet(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Applications that share a store see and change their own entries."""
        one, two = open_store(namespace="one"), open_store(namespace="two")
        put(one)
        put(two, args=[2])
        two.delete("job")

        assert one.get("job") is not None
        assert two.get("job") is None
        assert [row.origin.action for row in one.audit()] == ["put"]
        assert one.store.revision() == 1

    def test_names_are_told_apart_by_every_letter(
        self, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Case, accents and spaces inside a name count; the order is that of code points."""
        schedules = open_store()
        names = ["Job", "job", "jöb", "jo b", "job2", "job%", "job_", "JOB"]
        for name in names:
            put(schedules, name)

        assert [record.name for record in schedules.list()] == sorted(names)
        assert [record.name for record in schedules.list("job_")] == ["job_"]
        assert [record.name for record in schedules.list("job%")] == ["job%"]

    # -- versions --------------------------------------------------------------------------------

    def test_each_change_has_a_version_of_its_own_and_idle_ones_have_none(
        self,
        open_store: MakeSchedules,
        put: Callable[..., periodic.EntryRecord],
        time: periodic.ManualClock,
    ) -> None:
        """The revision grows by one with each change; what is as it was changes nothing."""
        schedules = open_store()
        first = put(schedules)
        other = put(schedules, "other")
        time.advance(_SECOND)
        same = put(schedules)
        changed = put(schedules, args=[1])

        assert [first.version, other.version, same.version] == [1, 2, 1]
        assert changed.version == schedules.store.revision() == 3
        assert same == first
        assert (changed.created_at, changed.updated_at) == (_START, _START + _SECOND)
        assert [row.revision for row in schedules.audit()] == [3, 2, 1]

    def test_a_stale_write_is_a_conflict_and_changes_nothing(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Whoever read an older version than there is loses, whichever way it writes."""
        one, two = open_store(), open_store()
        stale = put(one).version
        fresh = put(two, args=[2]).version
        for write in (
            lambda: put(one, args=[1], if_version=stale),
            lambda: one.set("job", args=[1], if_version=stale),
            lambda: one.pause("job", if_version=stale),
            lambda: one.delete("job", if_version=stale),
            lambda: one.rename("job", "new", if_version=stale),
        ):
            with pytest.raises(core.StaleVersion, match="job"):
                write()

        assert put(one, args=[1], if_version=fresh).version == 3
        assert [record.name for record in two.list()] == ["job"]

    def test_an_entry_that_was_made_anew_is_another(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """A version from before a removal never fits what came after it."""
        schedules = open_store()
        version = put(schedules).version
        schedules.delete("job")
        put(schedules)

        with pytest.raises(core.StaleVersion):
            put(schedules, args=[1], if_version=version)

    def test_version_zero_means_that_there_must_be_none(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """So an entry is made once, by one of two that try."""
        schedules = open_store()
        put(schedules, if_version=0)
        with pytest.raises(core.DuplicateEntry, match="job"):
            put(schedules, args=[1], if_version=0)

        assert [record.version for record in schedules.list()] == [1]

    def test_changes_at_the_same_moment_follow_one_another(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Threads that count up one entry by its version lose no count, whoever has to repeat."""
        put(open_store(), args=[0])
        each = 5

        def count(schedules: periodic.Schedules) -> None:
            done = 0
            while done < each:
                record = schedules.get("job")
                assert record is not None
                args = [record.definition["args"][0] + 1]
                try:
                    schedules.set("job", args=args, if_version=record.version)
                except core.StaleVersion:
                    continue
                done += 1

        handles = [open_store() for _ in range(_THREADS)]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(count, handles))
        record = open_store().get("job")

        assert record is not None
        assert record.definition["args"] == [_THREADS * each]
        assert record.version == 1 + _THREADS * each

    # -- steps -----------------------------------------------------------------------------------

    def test_many_are_changed_together_or_not_at_all(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """One that is refused leaves all as they were, in each form of many."""
        schedules = open_store()
        put(schedules, "a")
        put(schedules, "b")
        good = {"task": "shop.job", "schedule": 60, "args": [1]}
        before = schedules.store.revision()
        with pytest.raises(core.EntryError):
            schedules.put_many({"a": good, "c": {**good, "args": object()}})
        for change in (schedules.pause_many, schedules.resume_many, schedules.delete_many):
            with pytest.raises(core.UnknownEntry):
                change(["a", "b", "nobody"])

        assert schedules.store.revision() == before
        assert [record.version for record in schedules.list()] == [1, 2]

        schedules.put_many({"b": good, "c": good})
        schedules.pause_many(["a", "c"], note="night")
        schedules.delete_many(["b", "c"])
        assert [(each.name, each.pause is not None) for each in schedules.list()] == [("a", True)]

    def test_a_rename_is_one_step(
        self, core: Core, open_store: MakeSchedules, put: Callable[..., periodic.EntryRecord]
    ) -> None:
        """Definition and pause go along; a name that is taken is refused and nothing moves."""
        schedules = open_store()
        put(schedules, "old", args=[1])
        schedules.pause("old", note="why")
        put(schedules, "taken")
        with pytest.raises(core.DuplicateEntry):
            schedules.rename("old", "taken")
        renamed = schedules.rename("old", "new")

        assert renamed.definition["args"] == [1]
        assert renamed.pause is not None
        assert renamed.pause.note == "why"
        assert [record.name for record in open_store().list()] == ["new", "taken"]

    def test_a_pause_is_kept_with_its_note_and_its_end(
        self,
        open_store: MakeSchedules,
        put: Callable[..., periodic.EntryRecord],
        time: periodic.ManualClock,
    ) -> None:
        """A change of the entry does not end it; resuming does, and counting starts then."""
        schedules = open_store()
        put(schedules)
        until = _START + timedelta(hours=1)
        schedules.pause("job", note="stocktaking\nand more", until=until)
        put(schedules, args=[1])
        paused = open_store().get("job")
        time.advance(_SECOND)
        resumed = schedules.resume("job")

        assert paused is not None
        assert paused.pause is not None
        assert (paused.pause.at, paused.pause.until) == (_START, until)
        assert paused.pause.note == "stocktaking\nand more"
        assert paused.paused(until - _SECOND)
        assert not paused.paused(until)
        assert (resumed.pause, resumed.since) == (None, _START + _SECOND)

    # -- looking ---------------------------------------------------------------------------------

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
        assert watch.every <= _SECOND

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
        time.advance(_SECOND)
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
        assert (made.at, changed.at) == (_START, _START + _SECOND)
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
