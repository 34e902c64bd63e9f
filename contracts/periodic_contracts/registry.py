"""The contract of the registry: each beat shows itself to whoever asks, and none stays for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .contract import Contract, MakeBroker, needs

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: How long a beat that says nothing any more is remembered.
REMEMBERED = timedelta(hours=1)
#: Clocks of registries may count in whole seconds.
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)

_THREADS = 8


class RegistryContract(Contract):
    """What beats say of themselves can be read by all of their namespace, for an hour."""

    @needs("REGISTRY")
    def test_a_beat_is_shown_as_it_described_itself(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Whoever asks, through a broker of its own, reads every word: host, state, reason, lag."""
        status = _status(core, clock, state=core.BeatState.SKEWED, reason="2 s ahead, „schön“ ☀")
        make_broker(clock.core_clock).registry().announce(status)
        (shown,) = make_broker(clock.core_clock).registry().beats()

        assert replace(shown, seen_at=None) == status

    @needs("REGISTRY")
    def test_nobody_is_shown_who_did_not_say_so(
        self, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Making a broker, or reading the registry, is no word of a beat."""
        make_broker(clock.core_clock)

        assert make_broker(clock.core_clock).registry().beats() == []

    @needs("REGISTRY")
    def test_a_word_is_dated_by_the_clock_of_the_registry(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """`seen_at` counts against `now()` of the registry, whatever clock the beat goes by."""
        registry = make_broker(clock.core_clock).registry()
        before = registry.now()
        registry.announce(_status(core, clock, ticked_at=clock.now() - timedelta(days=400)))
        (shown,) = registry.beats()

        assert shown.seen_at is not None
        assert before.utcoffset() == shown.seen_at.utcoffset() == timedelta(0)
        assert before - _SECOND <= shown.seen_at <= registry.now() + _SECOND

    @needs("REGISTRY")
    def test_the_last_word_of_a_beat_counts(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """A beat stands in the registry once, in the state that it named last; so does its end."""
        registry = make_broker(clock.core_clock).registry()
        status = _status(core, clock)
        for state in (core.BeatState.STANDBY, core.BeatState.ACTIVE, core.BeatState.STOPPED):
            registry.announce(status.with_state(state))

        assert [each.state.name for each in registry.beats()] == ["STOPPED"]

    @needs("REGISTRY")
    def test_the_newest_word_comes_first(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """By when the registry heard of them, not by when the beats say that they ticked."""
        registry = make_broker(clock.core_clock).registry()
        for number, beat in enumerate(["one", "two", "three", "one"]):
            ticked_at = clock.now() - timedelta(days=number)
            registry.announce(_status(core, clock, beat=beat, ticked_at=ticked_at))
            clock.advance(clock.units(1))

        assert [each.beat for each in registry.beats()] == ["one", "three", "two"]

    @needs("REGISTRY")
    def test_beats_of_another_namespace_are_not_shown(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Applications that share a broker see their own beats."""
        for namespace in ("one", "two"):
            registry = make_broker(clock.core_clock, namespace=namespace).registry()
            registry.announce(_status(core, clock, beat=f"beat of {namespace}"))
        shown = make_broker(clock.core_clock, namespace="one").registry().beats()

        assert [each.beat for each in shown] == ["beat of one"]

    @needs("REGISTRY")
    def test_a_beat_that_is_silent_for_an_hour_is_forgotten(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """At the next word of another: not a minute before the hour, and surely one after it."""
        registry = make_broker(clock.core_clock).registry()
        registry.announce(_status(core, clock, beat="killed"))
        _let_pass(registry, clock, REMEMBERED - _MINUTE)
        registry.announce(_status(core, clock, beat="alive"))
        remembered = sorted(each.beat for each in registry.beats())
        _let_pass(registry, clock, 2 * _MINUTE)
        registry.announce(_status(core, clock, beat="alive"))

        assert remembered == ["alive", "killed"]
        assert [each.beat for each in registry.beats()] == ["alive"]

    @needs("REGISTRY")
    def test_beats_that_speak_at_once_are_all_heard(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """No word is lost to another that is written at the same moment, from other threads."""
        brokers = [make_broker(clock.core_clock) for _ in range(_THREADS)]
        beats = [f"beat-{number}" for number in range(_THREADS)]

        def speak(broker: periodic.Broker, beat: str) -> None:
            for _ in range(3):
                broker.registry().announce(_status(core, clock, beat=beat))

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(speak, brokers, beats))

        assert sorted(each.beat for each in brokers[0].registry().beats()) == beats

    @needs("REGISTRY", absent=True)
    def test_beats_cannot_show_themselves(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Asked for what it does not declare, the adapter says so."""
        with pytest.raises(core.NotSupported, match="REGISTRY"):
            make_broker(clock.core_clock).registry()


def _status(core: Core, clock: DrivenClock, **fields: Any) -> periodic.BeatStatus:
    """Make what a beat says of itself; `fields` are what is said otherwise."""
    said: dict[str, Any] = {
        "beat": "shop-1:4711:5f3a",
        "host": "shop-1",
        "pid": 4711,
        "state": core.BeatState.ACTIVE,
        "reason": "",
        "started_at": clock.now() - timedelta(minutes=5),
        "ticked_at": clock.now(),
        "entries": 12,
        "lag": 0.25,
    }
    return core.BeatStatus(**{**said, **fields})


def _let_pass(registry: periodic.BeatRegistry, clock: DrivenClock, by: timedelta) -> None:
    """Let time pass on the clock of a registry, where that is in the hands of the contract."""
    before = registry.now()
    clock.advance(by)
    if registry.now() - before < by:
        pytest.skip(f"the registry has a clock of its own: {by} do not pass on it when told")
