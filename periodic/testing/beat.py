"""A beat for tests: what is due runs at once, and time leaps from run to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..beat import Beat
from ..broker import Dispatch
from ..clock import Clock, ManualClock, Wake
from ..entry import Entry, Occurrence
from ..simulation.broker import Line, SimulatedBroker
from .expected import Moment, listed, moment

_NAMESPACE = "test"


class Fired(NamedTuple):
    """An occurrence that was sent, and run.

    Args:
        entry: the entry's name.
        task: the registered name of its task.
        fire_time: when it should happen; UTC.
        result: what the task returned.
    """

    entry: str
    task: str
    fire_time: datetime
    result: Any = None


Execute = Callable[[Entry, Occurrence], Any]


class TestBeat:
    """A beat whose messages are run at once, in this thread: for users' own tests.

    Planner, claims and policies are those of every beat; the broker is this process's memory.

    Args:
        entries: what it has; counting starts now.
        clock: whose time counts.
        move: makes the clock read a later instant; `advance_to` of a `ManualClock` unless given.
        execute: runs the task of an occurrence and returns its result; nothing runs unless given.

    >>> from datetime import UTC, datetime, timedelta
    >>> from periodic import Entry, crontab
    >>> clock = ManualClock(datetime(2026, 3, 7, 12, tzinfo=UTC))
    >>> nightly = crontab(minute=30, hour=2, tz="America/New_York")
    >>> beat = TestBeat([Entry(name="report", task="shop.report", schedule=nightly)], clock)
    >>> [fired.fire_time.isoformat() for fired in beat.leap()]
    ['2026-03-08T07:00:00+00:00']
    >>> beat.assert_fired("report", at="2026-03-08T03:00-04:00")
    """

    __test__ = False  # its name begins as a test class does

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        clock: Clock | None = None,
        *,
        move: Callable[[datetime], None] | None = None,
        execute: Execute | None = None,
    ) -> None:
        self.clock: Clock = (
            clock if clock is not None else ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        )
        if move is None:
            if not isinstance(self.clock, ManualClock):
                raise TypeError(
                    f"{self.clock!r} is moved by others; give TestBeat(move=...), which makes it "
                    "read an instant, or use a ManualClock"
                )
            move = self.clock.advance_to
        self._move = move
        self._execute = execute
        self._sent: list[Dispatch] = []
        steady = _Steady(self.clock)
        line = Line(SimulatedBroker(steady, _NAMESPACE), self._sent.extend)
        self._entries: dict[str, Entry] = {}
        self._beat = Beat(
            line, lambda _entry, _occurrence: _SILENCE, namespace=_NAMESPACE, clock=steady
        )
        #: All that was sent, in order.
        self.fired: list[Fired] = []
        for entry in entries:
            self.put(entry)
        self._beat.tick()

    @property
    def entries(self) -> Sequence[Entry]:
        """The entries, in the order in which they were put."""
        return tuple(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Add or change an entry; counting starts now."""
        self._entries[entry.name] = entry
        self._beat.put(entry)

    def remove(self, name: str) -> None:
        """Take an entry out; an unknown name is no error."""
        self._entries.pop(name, None)
        self._beat.remove(name)

    def run_due(self) -> list[Fired]:
        """Send and run all that is due by the clock; return it.

        Raises:
            Exception: what a task raised; the occurrences after it were sent and are not run.
        """
        found: list[Fired] = []
        while True:
            wake = self._beat.tick()
            sent, self._sent[:] = list(self._sent), []
            for each in sent:
                occurrence = each.occurrence
                entry = self._entries[occurrence.entry]
                result = None if self._execute is None else self._execute(entry, occurrence)
                fired = Fired(entry.name, entry.task, occurrence.fire_time, result)
                found.append(fired)
                self.fired.append(fired)
            if wake is None or wake > self.clock.now():
                return found

    @property
    def next_wake(self) -> datetime | None:
        """When something is due next; UTC, or None."""
        return self._beat.tick()

    def leap(self) -> list[Fired]:
        """Let time leap to the next run, and run what is due then; return it."""
        wake = self.next_wake
        if wake is not None and wake > self.clock.now():
            self._move(wake)
        return self.run_due()

    def leap_to(self, at: Moment) -> list[Fired]:
        """Let time leap from run to run until an instant; return what ran.

        Args:
            at: aware, or ISO 8601 with an offset; runs at it are included.
        """
        end = moment(at)
        found = self.run_due()
        while (wake := self.next_wake) is not None and wake <= end:
            self._move(max(wake, self.clock.now()))
            found += self.run_due()
        if end > self.clock.now():
            self._move(end)
        return found

    def assert_fired(
        self, entry: str, *, at: Moment | None = None, times: int | None = None
    ) -> None:
        """Assert that an entry was sent.

        Args:
            entry: its name.
            at: for this fire time; any unless given.
            times: exactly so often; at least once unless given.

        Raises:
            AssertionError: it was not; the message tells what was.
        """
        self._known(entry)
        found = self._of(entry, at)
        if times is None and not found:
            raise AssertionError(f"{entry!r} was not sent{_for(at)}{self._told(entry)}")
        if times is not None and len(found) != times:
            raise AssertionError(
                f"{entry!r} was sent {len(found)} times{_for(at)}, not {times}{self._told(entry)}"
            )

    def refute_fired(self, entry: str, *, at: Moment | None = None) -> None:
        """Assert that an entry was not sent.

        Args:
            entry: its name.
            at: for this fire time; any unless given.

        Raises:
            AssertionError: it was; the message tells when.
        """
        self._known(entry)
        if self._of(entry, at):
            raise AssertionError(f"{entry!r} was sent{_for(at)}{self._told(entry)}")

    def _of(self, entry: str, at: Moment | None) -> list[Fired]:
        zone = self._entries[entry].schedule.tz or UTC if entry in self._entries else UTC
        wanted = None if at is None else moment(at, zone)
        return [
            each for each in self.fired if each.entry == entry and wanted in (None, each.fire_time)
        ]

    def _known(self, entry: str) -> None:
        if entry not in self._entries and all(each.entry != entry for each in self.fired):
            names = ", ".join(map(repr, self._entries)) or "none"
            raise AssertionError(f"no entry is named {entry!r}; there are: {names}")

    def _told(self, entry: str) -> str:
        zone = self._entries[entry].schedule.tz or UTC if entry in self._entries else UTC
        sent = [each.fire_time for each in self._of(entry, None)]
        lines = list(listed("sent for", sent, zone))
        return "\n".join(["; it was", *lines]) if lines else "; it was never sent"


def _for(at: Moment | None) -> str:
    return "" if at is None else f" for {at}"


class _Steady(Clock):
    """A clock whose monotonic time goes with its wall time: leaps are no steps of the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.now()
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        self._monotonic = max(self._monotonic, (self.now() - self._start).total_seconds())
        return self._monotonic

    def wait_until(self, deadline: float, wake: Wake) -> bool:
        return self._clock.wait_until(deadline, wake)


class _Silence:
    def publish(self, producer: Any) -> None:
        """Publish nothing: what the broker took is run by the test beat."""


_SILENCE = _Silence()
