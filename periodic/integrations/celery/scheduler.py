"""`celery beat -S periodic`: the beat as a scheduler class of Celery."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from celery import Celery
from celery.beat import ScheduleEntry, Scheduler

from ...beat import Beat
from ...broker import Outcome, Status
from ...clock import Clock, SystemClock, seconds_until
from ...entry import Entry
from ...errors import ConfigError
from ...sources import Runs
from .deferral import deferred_signals
from .entries import checked_schedule, definitions_of, read_entries, with_defaults
from .live import entries_to_run
from .making import open_beat
from .onlook import Definitions
from .settings import Settings, connection_to_broker

logger: logging.Logger = logging.getLogger(__name__)

#: The longest sleep that a tick asks of Celery's service, in seconds: stops and changes are seen.
LONGEST_SLEEP = 0.5
#: The same where entries change at any moment in a store: nothing wakes Celery's service.
LONGEST_SLEEP_WITH_STORE = 0.05
#: Seconds between two full looks at `beat_schedule` for entries that were replaced.
_CONF_LOOK = 5.0


def refuse(reason: object) -> SystemExit:
    """Return what ends a command with one sentence on standard error, and status 1."""
    return SystemExit(f"periodic refuses to start: {reason}")


class BeatScheduler(Scheduler):
    """Celery's scheduler interface on a beat of `periodic`.

    A tick dispatches everything that is due. Entries that Celery code adds, changes or removes
    (`add`, `update_from_dict`, `merge_inplace`, `schedule[name]`, `add_periodic_task` and
    assignments to `beat_schedule`) change the running beat; an entry's dict that is changed in
    place is not noticed. The base class's heap is not used: overriding `is_due` or `reserve` has
    no effect.

    Args:
        app: the Celery app.
        schedule: further entries, in the form of `beat_schedule`.
        max_interval: the longest sleep between two ticks, in seconds.
        Producer: accepted for Celery's sake; publishing is the adapter's.
        lazy: only say what would run: no I/O.
        sync_every_tasks: accepted for Celery's sake; cursors are kept with each dispatch.
        schedule_filename: where `celery beat -s` points; `.cursors` is added to it.
        clock: where time comes from; the machine's unless given.
        **kwargs: what later versions of Celery may pass.

    Raises:
        SystemExit: the app's settings are not valid; the text is one sentence.
    """

    def __init__(
        self,
        app: Celery,
        schedule: Any = None,
        max_interval: float | None = None,
        Producer: Any = None,  # noqa: N803  # Celery's name
        lazy: bool = False,  # noqa: FBT001, FBT002  # Celery's signature
        sync_every_tasks: int | None = None,
        *,
        schedule_filename: str | None = None,
        clock: Clock | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            self._settings = Settings.of(
                app, schedule_filename=schedule_filename, max_interval=max_interval
            )
            self._adapter = self._settings.adapter_for(connection_to_broker(app))
        except ConfigError as error:
            raise refuse(error) from error
        self._clock = clock if clock is not None else SystemClock()
        self._beat: Beat | None = None
        #: What takes the entries of the code: the beat, or what follows a store beside it.
        self._runs: Runs | None = None
        self._stopped = False
        self._definitions = Definitions(app, self._changed)
        self._conf_seen: dict[str, Any] = {}
        self._conf_look_at = 0.0
        self._conf_problem = ""
        self._given: Any = schedule() if callable(schedule) else schedule
        super().__init__(
            app,
            Producer=Producer,
            lazy=True,
            sync_every_tasks=sync_every_tasks,
            **kwargs,
        )
        longest: Any = self._settings.max_interval.total_seconds()  # a stub wants whole seconds
        self.max_interval = longest
        if not lazy:
            self.setup_schedule()

    # -- what Celery's service calls --------------------------------------------------------------

    def setup_schedule(self) -> None:
        """Read all entries and make the beat; problems are logged once each."""
        try:
            given = checked_schedule(self._given, "schedule")
            self._conf_seen = definitions_of(self.app)
        except ConfigError as error:
            raise refuse(error) from error
        self._conf_look_at = self._clock.monotonic() + _CONF_LOOK
        definitions = with_defaults(self.app, {**self._conf_seen, **given})
        self._definitions.keep(definitions)
        self._start(definitions)

    def _start(self, definitions: Mapping[str, Any]) -> None:
        loaded = read_entries(self.app, definitions)
        try:
            beat = open_beat(self.app, self._settings, clock=self._clock, observer=self._observe)
            runs = self._runs = entries_to_run(self.app, self._settings, beat)
        except ConfigError as error:
            raise refuse(error) from error
        self._beat = beat
        self._stopped = False
        loaded.report()
        for entry in loaded.entries:
            runs.put(entry)

    def tick(self, *_: Any, **__: Any) -> float:
        """Dispatch everything that is due.

        Returns:
            How long the service may sleep, in seconds: at most half a second.
        """
        with deferred_signals(self._stop_beat):
            if self._beat is None:  # ticked again after a close
                self.setup_schedule()
            elif self._stopped:  # a signal came, and whoever handled it goes on
                self._beat.close()
                self._start(self._definitions.kept())
            beat = self._beat
            if beat is None:
                return LONGEST_SLEEP
            self._follow_conf()
            sleep = LONGEST_SLEEP if self._settings.store is None else LONGEST_SLEEP_WITH_STORE
            longest = min(sleep, self._settings.max_interval.total_seconds())
            return seconds_until(beat.tick(), self._clock, at_most=longest)

    def _stop_beat(self) -> None:
        """Let a tick end after the batch in hand; safe in a signal handler."""
        self._stopped = True
        if self._beat is not None:
            self._beat.stop()

    def should_sync(self) -> bool:
        """Return False: there is nothing to save later."""
        return False

    def sync(self) -> None:
        """Do nothing: every dispatch keeps its cursor at once."""

    def close(self) -> None:
        """Stop the beat and give back its connection; again, or in a signal handler, is safe."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.stop()
            beat.close()
        super().close()

    @property
    def info(self) -> str:
        """Lines for the banner of `celery beat`."""
        adapter = f"{self._adapter.__module__}:{self._adapter.__qualname__}"
        return f"    . namespace -> {self._settings.namespace}\n    . adapter -> {adapter}"

    # -- entries ----------------------------------------------------------------------------------

    def get_schedule(self) -> Definitions:  # type: ignore[override]  # a mapping, but no dict
        """Return name -> `ScheduleEntry`, for onlookers; assigning changes the beat."""
        return self._definitions

    def set_schedule(self, schedule: Mapping[str, Any]) -> None:
        """Make `schedule` the whole set of entries."""
        self.merge_inplace(schedule)

    #: A property in Celery, too; its stub calls it a plain attribute.
    schedule: property = property(  # pyright: ignore[reportIncompatibleVariableOverride]
        get_schedule, set_schedule
    )

    def add(self, **kwargs: Any) -> ScheduleEntry:
        """Add or change one entry of the running beat; keywords as in its dict, and name."""
        name = kwargs.pop("name")
        self._definitions[name] = kwargs
        return self._definitions[name]

    def update_from_dict(self, dict_: Mapping[str, Any]) -> None:
        """Add or change entries of the running beat."""
        self._definitions.update(dict_)

    def merge_inplace(self, b: Mapping[str, Any]) -> None:
        """Make `b` the whole set of entries."""
        for name in [name for name in self._definitions if name not in b]:
            del self._definitions[name]
        self._definitions.update(b)

    def reserve(self, entry: ScheduleEntry) -> ScheduleEntry:  # type: ignore[override]  # its stub is wrong
        """Return the entry's next instance, as Celery does; the beat's plan is its own."""
        following: ScheduleEntry = next(entry)
        return following

    def _changed(self, name: str, definition: Any) -> None:
        """Bring one change of the definitions to the beat; None: the entry is gone."""
        runs = self._runs
        if self._beat is None or runs is None:
            return
        if definition is None:
            runs.remove(name)
            return
        loaded = read_entries(self.app, {name: definition})
        loaded.report()
        for entry in loaded.entries:
            runs.put(entry)
        if loaded.problems:
            runs.remove(name)

    def _observe(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.status is Status.DISPATCHED:
            self._definitions.ran(entry.name, outcome.occurrence.fire_time)

    def _follow_conf(self) -> None:
        """Take up what was added to `beat_schedule` since, or replaced in it."""
        conf: Any = self.app.conf
        given, seen, now = conf.beat_schedule, self._conf_seen, self._clock.monotonic()
        grown = isinstance(given, Mapping) and len(cast("Mapping[str, Any]", given)) != len(seen)
        if not grown and now < self._conf_look_at:
            return
        self._conf_look_at = now + _CONF_LOOK
        try:
            current = definitions_of(self.app)
        except ConfigError as error:
            if self._conf_problem != str(error):
                logger.error("the entries stay as they are: %s", error)  # noqa: TRY400  # a sentence
            self._conf_problem = str(error)
            return
        self._conf_seen, self._conf_problem = current, ""
        for name in [name for name in seen if name not in current]:
            self._definitions.pop(name, None)
        for name, definition in current.items():
            if seen.get(name) is not definition:
                self._definitions[name] = definition
