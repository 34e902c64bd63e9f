"""One face for driving time, whoever keeps it: freezegun, time-machine, the core or the machine.

Contracts speak of `clock.units(n)`, `clock.advance(...)` and `clock.set(...)`, never of seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from types import TracebackType

    import periodic

    from .core import Core

#: Where the driven clocks begin, unless a contract sets them: an ordinary Monday noon, UTC.
START = "2026-03-02T12:00:00+00:00"

#: Modules that must see the real clock under freezegun, or their time-outs never end. Never
#: `celery` as a whole: its `app.now()` and `crontab` would then see the real time.
FREEZEGUN_IGNORES = (
    "kombu",
    "celery.backends",
    "celery.result",
    "redis",
    "amqp",
    "vine",
    "billiard",
    "_pytest.timing",
)


def configure_freezegun() -> None:
    """Tell freezegun which modules keep the real clock; telling it again changes nothing."""
    import freezegun  # noqa: PLC0415  # an optional dependency

    freezegun.configure(extend_ignore_list=list(FREEZEGUN_IGNORES))


class DrivenClock(ABC):
    """A clock that a contract moves; a context manager that holds time while it is open.

    Args:
        core: the core under test.
    """

    #: How the clock is called in `Contract.clocks` and in test ids.
    name: ClassVar[str]
    #: How long one unit lasts: far above a tick's cost, far below the misfire threshold.
    unit: ClassVar[timedelta] = timedelta(seconds=5)

    def __init__(self, core: Core) -> None:
        self._core = core

    def __enter__(self) -> Self:
        """Take hold of time; it reads `START`."""
        self._start(datetime.fromisoformat(START))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of time."""
        self._stop()

    @property
    @abstractmethod
    def core_clock(self) -> periodic.Clock:
        """The clock of the core to inject; it reads the time that is driven here."""

    def now(self) -> datetime:
        """Return the wall time that the core reads, in UTC."""
        return self.core_clock.now()

    def units(self, count: float) -> timedelta:
        """Return how long `count` units last on this clock."""
        return self.unit * count

    @abstractmethod
    def advance(self, by: timedelta) -> None:
        """Let time pass; zero or more."""

    @abstractmethod
    def set(self, instant: datetime | str) -> None:
        """Make the wall clock read an instant: an aware datetime, or ISO 8601 with an offset.

        Going forward, time passes; going back, the wall clock is set.
        """

    @abstractmethod
    def _start(self, instant: datetime) -> None: ...

    def _stop(self) -> None:  # noqa: B027  # nothing to let go of, unless time is held
        ...

    def _instant(self, given: datetime | str) -> datetime:
        return self._core.to_utc(datetime.fromisoformat(given) if isinstance(given, str) else given)


class FrozenClock(DrivenClock):
    """The machine's clock as freezegun freezes it; the core reads it through `SystemClock`.

    freezegun loses `fold` whenever it converts between zones, and freezes the monotonic clock.
    """

    name = "freezegun"

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._clock = core.SystemClock()
        self._freezer: Any = None
        self._factory: Any = None

    @property
    def core_clock(self) -> periodic.Clock:
        """The core's `SystemClock`, which reads frozen time."""
        return self._clock

    def advance(self, by: timedelta) -> None:
        """Move frozen time forward."""
        self._factory.tick(by)

    def set(self, instant: datetime | str) -> None:
        """Move frozen time to an instant."""
        self._factory.move_to(self._instant(instant))

    def _start(self, instant: datetime) -> None:
        import freezegun  # noqa: PLC0415  # an optional dependency

        configure_freezegun()
        self._freezer = freezegun.freeze_time(instant)
        self._factory = self._freezer.start()

    def _stop(self) -> None:
        self._freezer.stop()


class TravelClock(DrivenClock):
    """The machine's clock as time-machine sets it; the monotonic clock stays real."""

    name = "time-machine"

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._clock = core.SystemClock()
        self._travel: Any = None
        self._traveller: Any = None

    @property
    def core_clock(self) -> periodic.Clock:
        """The core's `SystemClock`, which reads the time travelled to."""
        return self._clock

    def advance(self, by: timedelta) -> None:
        """Travel forward."""
        self._traveller.shift(by)

    def set(self, instant: datetime | str) -> None:
        """Travel to an instant."""
        self._traveller.move_to(self._instant(instant), tick=False)

    def _start(self, instant: datetime) -> None:
        import time_machine  # noqa: PLC0415  # an optional dependency

        self._travel = time_machine.travel(instant, tick=False)
        self._traveller = self._travel.start()

    def _stop(self) -> None:
        self._travel.stop()


class ManualClockDriver(DrivenClock):
    """The core's own `ManualClock`, injected; the machine's clock is left alone."""

    name = "manual"

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._clock = core.ManualClock(datetime.fromisoformat(START))

    @property
    def core_clock(self) -> periodic.Clock:
        """The core's `ManualClock`."""
        return self._clock

    def advance(self, by: timedelta) -> None:
        """Let time pass on the manual clock."""
        self._clock.advance(by)

    def set(self, instant: datetime | str) -> None:
        """Advance to an instant, or step back to it."""
        by = self._instant(instant) - self._clock.now()
        (self._clock.advance if by >= timedelta(0) else self._clock.step)(by)

    def _start(self, instant: datetime) -> None:
        self._clock = self._core.ManualClock(instant)


class WallClock(DrivenClock):
    """The machine's clock as it runs: for what only a server's own clock can expire."""

    name = "wall"
    unit = timedelta(milliseconds=200)

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._clock = core.SystemClock()
        self._wake = core.Wake()

    @property
    def core_clock(self) -> periodic.Clock:
        """The core's `SystemClock`."""
        return self._clock

    def advance(self, by: timedelta) -> None:
        """Wait."""
        self._clock.wait_until(self._clock.monotonic() + by.total_seconds(), self._wake)

    def set(self, instant: datetime | str) -> None:
        """Refuse: nobody sets the machine's clock."""
        raise NotImplementedError(
            f"the wall clock cannot be set to {instant}; a contract that needs an instant runs on "
            f"{FrozenClock.name}, {TravelClock.name} or {ManualClockDriver.name}"
        )

    def _start(self, instant: datetime) -> None: ...


#: Every clock by its name.
CLOCKS: dict[str, type[DrivenClock]] = {
    clock.name: clock for clock in (FrozenClock, TravelClock, ManualClockDriver, WallClock)
}

#: The clocks that can be set: what a contract runs under unless it says otherwise.
DRIVEN = (FrozenClock.name, TravelClock.name, ManualClockDriver.name)
