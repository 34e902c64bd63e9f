"""The contract of a store: versions, revisions, all-or-nothing steps, and an audit of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import pytest

from .contract import NAMESPACE, Contract
from .telling import SECOND, START, TellingPromises

if TYPE_CHECKING:
    import periodic

    from .core import Core

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


class StoreContract(TellingPromises, Contract):
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
        return core.ManualClock(START)

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
        assert read.created_at == read.updated_at == read.since == START

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
        time.advance(SECOND)
        same = put(schedules)
        changed = put(schedules, args=[1])

        assert [first.version, other.version, same.version] == [1, 2, 1]
        assert changed.version == schedules.store.revision() == 3
        assert same == first
        assert (changed.created_at, changed.updated_at) == (START, START + SECOND)
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
        until = START + timedelta(hours=1)
        schedules.pause("job", note="stocktaking\nand more", until=until)
        put(schedules, args=[1])
        paused = open_store().get("job")
        time.advance(SECOND)
        resumed = schedules.resume("job")

        assert paused is not None
        assert paused.pause is not None
        assert (paused.pause.at, paused.pause.until) == (START, until)
        assert paused.pause.note == "stocktaking\nand more"
        assert paused.paused(until - SECOND)
        assert not paused.paused(until)
        assert (resumed.pause, resumed.since) == (None, START + SECOND)
