"""What is seen of the beats of one namespace, and whether they do their work."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from ..beat import MAX_INTERVAL
from ..broker import Broker, Capability
from ..errors import BrokerUnreachable
from ..leadership import KEY, TTL, beat_id
from ..registry import BeatState, BeatStatus
from .console import duration

T = TypeVar("T")

#: A beat speaks every 5 s: one that has said nothing for so long is gone, or cut off.
SEEN_WITHIN: timedelta = timedelta(seconds=15)
#: How much later than its longest sleep a beat may tick: what a full batch, and clocks that are
#: 2 s apart, can take.
_TICK_GRACE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Sight:
    """The beats of one namespace at one instant.

    Args:
        namespace: whose beats these are.
        beats: what each one said last, the newest word first.
        now: the present, by the clock of the registry; aware, UTC.
        leader: the beat that holds the lease; "" where none does, or none is taken.
        all_active: every beat may work; else one leads and the others stand by.
        max_interval: the longest sleep between two ticks.
    """

    namespace: str
    beats: Sequence[BeatStatus]
    now: datetime
    leader: str = ""
    all_active: bool = False
    max_interval: timedelta = MAX_INTERVAL

    def silence(self, beat: BeatStatus) -> timedelta:
        """Return how long ago a beat was last heard."""
        return self.now - (beat.seen_at or beat.ticked_at)

    def silent(self, beat: BeatStatus) -> bool:
        """Tell whether a beat says nothing any more, and has not said good-bye."""
        return beat.state is not BeatState.STOPPED and self.silence(beat) > SEEN_WITHIN

    def stuck(self, beat: BeatStatus) -> bool:
        """Tell whether a beat speaks and does not tick."""
        idle = (beat.seen_at or beat.ticked_at) - beat.ticked_at
        return idle > self.max_interval + _TICK_GRACE

    def claims(self, beat: BeatStatus) -> bool:
        """Tell whether a beat says that it works, and said so lately."""
        return beat.state is BeatState.ACTIVE and not self.silent(beat)

    def leads(self, beat: BeatStatus) -> bool:
        """Tell whether a beat holds the lease; where none is taken, whether it works."""
        return self.claims(beat) if self.all_active else beat.beat == self.leader


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why runs are late, or soon will be.

    Args:
        kind: one word for programs.
        text: one sentence for people.
        beat: whose problem it is; "" when it is everybody's.
    """

    kind: str
    text: str
    beat: str = ""


def look(
    broker: Broker, namespace: str, *, all_active: bool = False, max_interval: timedelta
) -> Sight:
    """Ask a broker for the beats that show themselves, and who leads.

    Args:
        broker: declares `REGISTRY`; where it has no leases, every beat works.
        namespace: whose beats they are.
        all_active: the app's setting.
        max_interval: the app's setting.

    Raises:
        BrokerUnreachable: it did not answer.
    """
    leased = Capability.LEASES in broker.capabilities and not all_active
    registry = broker.registry()
    holder = broker.leases().holder(KEY) if leased else None
    return Sight(
        namespace,
        registry.beats(),
        registry.now(),
        leader="" if holder is None else holder.owner,
        all_active=not leased,
        max_interval=max_interval,
    )


def ask_to_write(broker: Broker) -> None:
    """Write what changes nothing: a server that only reads, or is full, answers all but this.

    Raises:
        BrokerUnreachable: it takes no writes; the error's state says why.
    """
    name = f"health:{uuid.uuid4()}"
    broker.forget([name])
    if Capability.LEASES in broker.capabilities:
        leases = broker.leases()
        lease = leases.claim(name, beat_id(), TTL)
        if lease is not None:
            leases.release(lease)


def bounded(work: Callable[[], T], seconds: float) -> T:
    """Return what `work` returns, or raise what it raises, within a time.

    Args:
        work: runs on a thread of its own, which is left behind when it hangs.
        seconds: how long to wait for it.

    Raises:
        BrokerUnreachable: it did not end in time.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, name="periodic-look", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if results:
        return results[0]
    raise BrokerUnreachable(f"it has not answered within {seconds:g} s; it hangs")


def problems_of(sight: Sight) -> list[Problem]:
    """Return why the beats do not do their work; empty when at least one does, as it should.

    It does when it says that it works, was heard within 15 s and has ticked in its time. Where one
    beat is to lead, several that work are a problem too.
    """
    claiming = [beat for beat in sight.beats if sight.claims(beat)]
    if len(claiming) > 1 and not sight.all_active:
        names = ", ".join(beat.beat for beat in claiming)
        return [
            Problem(
                "several-leaders",
                f"{len(claiming)} beats work where one is to lead: {names}; set all_active to the "
                "same value in all of them (nothing is sent twice)",
            )
        ]
    if any(not sight.stuck(beat) for beat in claiming):
        return []
    if not sight.beats:
        return [
            Problem(
                "no-beat",
                f"no beat of the namespace {sight.namespace!r} has shown itself in the last hour; "
                "start one: celery -A your_app beat -S periodic",
            )
        ]
    return _each(sight) or [_stopped(sight)]


def _each(sight: Sight) -> list[Problem]:
    """Return what is wrong with the beats that have not stopped."""
    problems: list[Problem] = []
    present = [each for each in sight.beats if each.state is not BeatState.STOPPED]
    waiting: list[BeatStatus] = []
    for beat in present:
        if sight.silent(beat):
            continue
        if sight.stuck(beat):
            problems.append(_stuck(sight, beat))
        elif beat.state is BeatState.STANDBY:
            waiting.append(beat)
        else:
            text = f"beat {beat.beat} does not dispatch, it is {beat.state}: {beat.reason}"
            problems.append(Problem(str(beat.state), text, beat.beat))
    if waiting:
        problems.append(_standby(sight, waiting))
    silent = [beat for beat in present if sight.silent(beat)]
    if silent:
        problems.append(_silent(sight, silent))
    return problems


def _stuck(sight: Sight, beat: BeatStatus) -> Problem:
    idle = duration(((beat.seen_at or beat.ticked_at) - beat.ticked_at).total_seconds())
    longest = duration(sight.max_interval.total_seconds())
    return Problem(
        "stuck",
        f"beat {beat.beat} is {beat.state} and has not ticked for {idle}, though it ticks at least "
        f"every {longest}; it hangs: look at its log, and restart it",
        beat.beat,
    )


def _standby(sight: Sight, waiting: Sequence[BeatStatus]) -> Problem:
    held = f"the lease is held by {sight.leader}" if sight.leader else "nobody holds the lease"
    count = f"{len(waiting)} beats stand by" if len(waiting) > 1 else f"{waiting[0].beat} stands by"
    return Problem(
        "standby",
        f"no beat works: {count} and {held}; after a crash another takes over within "
        f"{duration(TTL.total_seconds())}",
    )


def _silent(sight: Sight, silent: Sequence[BeatStatus]) -> Problem:
    last = silent[0]
    ago = duration(sight.silence(last).total_seconds())
    told = f"beat {last.beat} ({last.state}) has said nothing for {ago}"
    if len(silent) > 1:
        told = f"{len(silent)} beats say nothing any more, the last was {last.beat} {ago} ago"
    return Problem(
        "silent", f"{told}; it was killed, is paused, or cannot reach the broker", last.beat
    )


def _stopped(sight: Sight) -> Problem:
    last = sight.beats[0]
    ago = duration(sight.silence(last).total_seconds())
    return Problem(
        "stopped",
        f"every beat has stopped, the last was {last.beat} {ago} ago; start one",
        last.beat,
    )
