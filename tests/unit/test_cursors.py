"""Cursor stores: one exclusive, all-or-nothing step at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from periodic import (
    Adoption,
    BrokerUnreachable,
    ConfigError,
    Cursor,
    CursorStore,
    FileCursors,
    MemoryCursors,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CursorStore:
    """Return an empty store of each kind."""
    makers: dict[str, Callable[[], CursorStore]] = {
        "memory": MemoryCursors,
        "file": lambda: FileCursors(tmp_path / "cursors"),
    }
    return makers[request.param]()


def test_what_was_set_is_kept(store: CursorStore) -> None:
    """A cursor set in one step is there in the next, to the microsecond."""
    cursor = Cursor(NOON + timedelta(microseconds=1), "f")
    with store.step("shop") as table:
        table.set("job", cursor)
        assert cursor == table.get("job")

    with store.step("shop") as table:
        assert cursor == table.get("job")
        assert table.get("other") is None


def test_namespaces_are_apart(store: CursorStore) -> None:
    """The same name in another namespace is another entry."""
    with store.step("shop") as table:
        table.set("job", Cursor(NOON, "f"))

    with store.step("bank") as table:
        assert table.get("job") is None


def test_a_step_that_raises_keeps_nothing(store: CursorStore) -> None:
    """After an exception in the step everything is as before."""

    def break_off() -> None:
        with store.step("shop") as table:
            table.set("job", Cursor(NOON, "f"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()

    with store.step("shop") as table:
        assert table.get("job") is None


def test_where_an_unknown_entry_stands_is_believed_once_in_a_step(store: CursorStore) -> None:
    """The first word counts for the step, the next step asks anew, and a known cursor wins."""
    with store.step("shop") as table:
        assert NOON == table.stand("job", NOON)
        assert NOON == table.stand("job", NOON + HOUR)
        assert NOON + HOUR == table.stand("other", NOON + HOUR)

    with store.step("shop") as table:
        assert NOON + HOUR == table.stand("job", NOON + HOUR)
        table.set("job", Cursor(NOON, "f"))
        assert NOON == table.stand("job", NOON + HOUR)


def test_steps_exclude_each_other(store: CursorStore) -> None:
    """Read-then-write in a step is atomic: threads that count lose no count."""

    def count() -> None:
        for _ in range(50):
            with store.step("shop") as table:
                seen = table.get("count")
                at = NOON if seen is None else seen.at
                table.set("count", Cursor(at + timedelta(seconds=1), "f"))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with store.step("shop") as table:
        assert Cursor(NOON + timedelta(seconds=200), "f") == table.get("count")


def test_adoption(store: CursorStore) -> None:
    """New entries start at their anchor, known ones where they stood, edited ones anew."""
    with store.step("shop") as table:
        table.set("known", Cursor(NOON, "same"))
        table.set("edited", Cursor(NOON, "old"))
        found = table.adopt(
            [
                Adoption("new", "f", NOON + HOUR),
                Adoption("known", "same", NOON + HOUR),
                Adoption("edited", "changed", NOON + HOUR),
            ]
        )

    assert {"new": NOON + HOUR, "known": NOON, "edited": NOON + HOUR} == found


def test_a_lost_cursor_is_where_the_beat_says(store: CursorStore) -> None:
    """`stand` falls back to what the beat knows when the store knows nothing."""
    with store.step("shop") as table:
        assert table.stand("job", NOON) == NOON
        table.set("job", Cursor(NOON + HOUR, "f"))
        assert NOON + HOUR == table.stand("job", NOON)


def test_a_file_outlives_its_store(tmp_path: Path) -> None:
    """Another store on the same file sees the cursors."""
    with FileCursors(tmp_path / "cursors").step("shop") as table:
        table.set("job", Cursor(NOON, "f"))

    with FileCursors(tmp_path / "cursors").step("shop") as table:
        assert Cursor(NOON, "f") == table.get("job")


def test_a_foreign_file_is_refused_and_kept(tmp_path: Path) -> None:
    """A file that is no cursor file is an error that names it; its content stays."""
    path = tmp_path / "celerybeat-schedule"
    path.write_bytes(b"not a database, but somebody's data" * 40)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="celerybeat-schedule"):
        FileCursors(path)
    assert before == path.read_bytes()


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    """A path that cannot be made is an error that says what to name instead."""
    with pytest.raises(ConfigError, match="name a file in a directory"):
        FileCursors(tmp_path / "missing" / "cursors")


def test_a_locked_file_is_an_outage(tmp_path: Path) -> None:
    """A file that another process holds is a state that passes, not a crash."""
    store = FileCursors(tmp_path / "cursors", timeout=0.05)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BrokerUnreachable, match="locked"), store.step("shop"):
            pass  # pragma: no cover - the step never opens


def test_stores_made_at_the_same_moment(tmp_path: Path) -> None:
    """Beats that start together on a new file all get it, in threads as in processes."""
    for number in range(20):
        barrier, failures = threading.Barrier(6), list[BaseException]()

        def make(path: Path, barrier: threading.Barrier, failures: list[BaseException]) -> None:
            barrier.wait(10)
            try:
                FileCursors(path)
            except ConfigError as error:
                failures.append(error)

        path = tmp_path / f"cursors-{number}"
        threads = [threading.Thread(target=make, args=(path, barrier, failures)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert [] == failures


def test_a_deleted_file_is_made_again(tmp_path: Path) -> None:
    """A file that is removed under a running store is an empty one, not an error for ever."""
    store = FileCursors(tmp_path / "cursors")
    with store.step("shop") as table:
        table.set("job", Cursor(NOON, "f"))
    for file in tmp_path.iterdir():
        file.unlink()

    with store.step("shop") as table:
        assert table.stand("job", NOON + HOUR) == NOON + HOUR


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be linked the store makes its file in place."""

    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with FileCursors(tmp_path / "cursors").step("shop") as table:
        table.set("job", Cursor(NOON, "f"))
        assert Cursor(NOON, "f") == table.get("job")
