"""The contract of the model: whatever beats do, in whatever order, the broker does what it says.

Hypothesis makes up what two beats do with two entries, kills them between any two steps, and
compares the broker with `Model` after each; what fails is shortened to the fewest steps.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from .claims import Claims
from .clocks import ManualClockDriver
from .contract import Contract, MakeBroker, capability_names
from .messages import Received, draining
from .model import Model, Sent, Step
from .racing import KilledError, kill, refuse
from .stories import BEAT, BEATS, ENTRIES, ENTRY, NUMBER, RUNS, VERSIONS, Run

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: Where an entry starts that nobody knows: an anchor at which nothing else stands.
_ANEW = -100


@dataclass(slots=True)
class _Beat:
    broker: periodic.Broker
    #: Entry -> where this beat knows it to stand, and by which schedule.
    knows: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


class BrokerMachine(RuleBasedStateMachine):
    """Beats with brokers of their own on one state, and the model of it.

    Args:
        core: the core under test.
        clock: whose units count; it stands still.
        consume: returns what was enqueued since the last call.
        make_broker: makes a broker on the state.
        atomic: a death loses and repeats nothing; else it may repeat.
        namespace: that nobody has used.
    """

    def __init__(
        self,
        core: Core,
        clock: DrivenClock,
        consume: Callable[[], list[Received]],
        make_broker: MakeBroker,
        *,
        atomic: bool,
        namespace: str,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._consume = consume
        self._make_broker = make_broker
        self._atomic = atomic
        self._namespace = namespace
        self._claims = {
            entry: Claims.now(core, clock, entry=entry, namespace=namespace) for entry in ENTRIES
        }
        self._model = Model()
        self._made: list[periodic.Broker] = []
        self._beats = [_Beat(self._new_broker()) for _ in range(BEATS)]
        consume()  # what another story may have left

    def teardown(self) -> None:
        """Close what dead beats left open."""
        for broker in self._made:
            broker.close()

    @invariant()
    def what_was_enqueued_is_what_the_model_says(self) -> None:
        """Each message once, each entry's in order."""
        received, expected = self._enqueued(), self._model.sent
        self._model.sent = []
        for entry in ENTRIES:
            assert _of(entry, received) == _of(entry, expected), entry

    # -- what beats do ---------------------------------------------------------------------------

    @rule(
        beat=BEAT,
        entry=ENTRY,
        version=st.sampled_from(VERSIONS),
        anchor=st.none() | NUMBER,
        copy=st.none() | NUMBER,
    )
    def put(
        self, beat: int, entry: str, version: str, anchor: int | None, copy: int | None
    ) -> None:
        """Take up an entry: new, known or edited, with a copy of its cursor or without.

        Counting starts at a number, or where the entry stands: two versions side by side.
        """
        if anchor is None:
            anchor = self._model.cursors.get(entry, (0, version))[0]
        self._adopt(self._beats[beat], entry, version, anchor, copy)

    @rule(beat=BEAT, runs=RUNS)
    def dispatch(self, beat: int, runs: list[Run]) -> None:
        """Dispatch a batch, and go on from where the outcomes say that entries stand."""
        one = self._beats[beat]
        batch = self._batch(one, runs)
        outcomes = self._dispatch(one, batch)
        for step, (_, stands) in zip(batch, outcomes, strict=True):
            one.knows[step.entry] = (stands, step.fingerprint)

    @rule(beat=BEAT, runs=RUNS)
    def die_before_the_answer(self, beat: int, runs: list[Run]) -> None:
        """Dispatch a batch and die; the next beat asks where entries stand."""
        one = self._beats[beat]
        self._dispatch(one, self._batch(one, runs))
        self._come_back(one)

    @rule(
        beat=BEAT,
        runs=RUNS,
        place=st.integers(0, 5),
        moment=st.sampled_from(["before", "after"]),
    )
    def die_while_publishing(self, beat: int, runs: list[Run], place: int, moment: str) -> None:
        """Die right before or after one message of a batch is published."""
        one = self._beats[beat]
        batch = self._batch(one, runs)
        place %= len(batch)
        hook: dict[str, Any] = {moment: kill}
        dispatches = [
            self._make(step, **(hook if number == place else {}))
            for number, step in enumerate(batch)
        ]
        try:
            one.broker.dispatch(dispatches)
        except KilledError:
            self._settle_the_death(one, batch, place, moment)
        else:
            # Nobody publishes what is taken, so that nobody died of it.
            self._model.dispatch(batch)
            self._come_back(one)

    @rule(beat=BEAT)
    def restart(self, beat: int) -> None:
        """Stop a beat in order and start another in its place."""
        self._beats[beat].broker.close()
        self._come_back(self._beats[beat])

    @rule(beat=BEAT, entries=st.lists(ENTRY, max_size=2))
    def forget(self, beat: int, entries: list[str]) -> None:
        """Forget entries, whoever may still know them."""
        self._beats[beat].broker.forget(entries)
        self._model.forget(entries)

    # -- steps -----------------------------------------------------------------------------------

    def _new_broker(self) -> periodic.Broker:
        broker = self._make_broker(self._clock.core_clock, namespace=self._namespace)
        self._made.append(broker)
        return broker

    def _adopt(
        self, one: _Beat, entry: str, version: str, anchor: int, copy: int | None = None
    ) -> None:
        stands = self._ask(one, entry, version, anchor, copy)
        expected = self._model.adopt(entry, version, anchor, copy)

        assert stands == expected, f"{entry} stands at {stands}; by the model at {expected}"

    def _ask(
        self, one: _Beat, entry: str, version: str, anchor: int, copy: int | None = None
    ) -> int:
        claims = self._claims[entry]
        at = claims.adopt(one.broker, anchor=anchor, fingerprint=version, copy=copy)
        one.knows[entry] = (claims.number(at), version)
        return claims.number(at)

    def _come_back(self, one: _Beat) -> None:
        one.broker = self._new_broker()
        for entry, (_, version) in one.knows.items():
            self._adopt(one, entry, version, _ANEW)

    def _batch(self, one: _Beat, runs: list[Run]) -> list[Step]:
        batch: list[Step] = []
        for run in runs:
            if run.entry not in one.knows:
                self._adopt(one, run.entry, VERSIONS[0], 0)
            stands, version = one.knows[run.entry]
            for place in range(run.count):
                previous = stands + run.off + place
                number = previous + 1
                up_to = number + (run.given_up if place == run.count - 1 else 0)
                fails = ""
                if place == run.fails:
                    fails = "after" if run.late and self._atomic else "before"
                batch.append(Step(run.entry, number, previous, up_to, version, fails))
        return batch

    def _make(self, step: Step, **hooks: Any) -> periodic.Dispatch:
        if step.fails and not hooks:
            hooks = {step.fails: refuse}
        return self._claims[step.entry].dispatch(
            step.number,
            previous=step.previous,
            up_to=step.up_to if step.up_to != step.number else None,
            fingerprint=step.fingerprint,
            **hooks,
        )

    def _dispatch(self, one: _Beat, batch: list[Step]) -> list[Sent]:
        """Let a beat dispatch; return what became of each, and where its entry stands."""
        outcomes = [
            (outcome.status.name, self._claims[step.entry].number(outcome.cursor))
            for step, outcome in zip(
                batch, one.broker.dispatch([self._make(step) for step in batch]), strict=True
            )
        ]

        assert outcomes == self._model.dispatch(batch)
        return outcomes

    def _enqueued(self) -> list[Sent]:
        sent: list[Sent] = []
        for message in self._consume():
            claims = self._claims[message.entry]
            number = claims.number(datetime.fromisoformat(message.fire_time))

            assert message.id == claims.occurrence(number).id
            sent.append((message.entry, number))
        return sent

    # -- deaths ----------------------------------------------------------------------------------

    def _settle_the_death(self, one: _Beat, batch: list[Step], place: int, moment: str) -> None:
        """Find out how far a killed beat came; it must have come to a place that exists."""
        received = self._enqueued()
        tried = [(step.entry, step.number) for step in batch[: place + (moment == "after")]]
        one.broker = self._new_broker()
        for entry, (_, version) in list(one.knows.items()):
            stands = self._ask(one, entry, version, _ANEW)
            places = [self._place(entry, version, batch[:done]) for done in range(place + 1)]
            found = (stands, _of(entry, received))

            assert any(self._fits(found, each, _of(entry, tried)) for each in places), (
                f"{entry} stands at {stands} after a death in which {found[1]} were enqueued; "
                f"without it: {places}"
            )
            self._model.cursors[entry] = (stands, version)

    def _place(self, entry: str, version: str, done: list[Step]) -> tuple[int, list[int]]:
        """Return where an entry stands and what of it was enqueued when so much was done."""
        model = Model(dict(self._model.cursors))
        model.dispatch(done)
        return model.adopt(entry, version, _ANEW), _of(entry, model.sent)

    def _fits(
        self, found: tuple[int, list[int]], place: tuple[int, list[int]], tried: list[int]
    ) -> bool:
        """Tell whether nothing is lost and, where the broker is atomic, nothing is too much."""
        if self._atomic:
            return found == place
        lost = Counter(place[1]) - Counter(found[1])
        unheard_of = Counter(found[1]) - Counter(tried)
        return found[0] == place[0] and not lost and not unheard_of


class ModelContract(Contract):
    """Whatever beats do, in whatever order, and wherever they die: the broker is its model."""

    #: How many stories hypothesis makes up in its default profile; other profiles in proportion.
    stories: ClassVar[int] = 20
    #: How many steps a story may have; short ones come first, so that failures are short.
    steps: ClassVar[Sequence[int]] = (5, 20)
    #: Whether what failed is shortened to the fewest steps, which takes a while.
    shorten: ClassVar[bool] = True

    def test_whatever_beats_do_the_broker_is_its_model(
        self, core: Core, connection: Any, make_broker: MakeBroker
    ) -> None:
        """Take up, edit, dispatch, die, restart, forget: cursors and messages as the model says."""
        atomic = "ATOMIC_DISPATCH" in capability_names(self.adapter)
        numbers = itertools.count()
        profile = settings()
        left_out = {Phase.explain} if self.shorten else {Phase.explain, Phase.shrink}
        with ManualClockDriver(core) as clock, draining(connection) as consume:

            def story() -> BrokerMachine:
                namespace = f"model-{next(numbers)}"
                return BrokerMachine(
                    core, clock, consume, make_broker, atomic=atomic, namespace=namespace
                )

            for steps in self.steps:
                run_state_machine_as_test(
                    cast("type[BrokerMachine]", story),
                    settings=settings(
                        max_examples=max(1, self.stories * profile.max_examples // 100),
                        stateful_step_count=steps,
                        deadline=None,
                        report_multiple_bugs=False,
                        phases=set(profile.phases) - left_out,
                        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                    ),
                )


def _of(entry: str, sent: list[Sent]) -> list[int]:
    return [number for name, number in sent if name == entry]
