"""The contract of leadership: one connection claims at a time, and the next one in due time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from .claims import Claims, statuses
from .contract import Contract, MakeBroker, needs
from .messages import ids_of

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

#: How often a broker that stands by looks until a hand-over counts as lost, and seconds between.
_LOOKS, _PAUSE = 100, 0.05


def leads(core: Core, broker: periodic.Broker) -> bool:
    """Let a broker stand until it leads; tell whether it came to that."""
    for _ in range(_LOOKS):
        if broker.lead():
            return True
        core.Wake().sleep(_PAUSE)
    return False


class LeadershipContract(Contract):
    """One broker of a namespace leads; nobody else claims while its connection lives."""

    @needs("LEADERSHIP")
    def test_one_leads_and_stays_it(
        self, core: Core, clock: DrivenClock, open_broker: MakeBroker
    ) -> None:
        """The first that asks leads, as often as it asks; another does not."""
        first, second = open_broker(clock.core_clock), open_broker(clock.core_clock)

        assert leads(core, first)
        assert [second.lead(), first.lead(), second.lead(), first.lead()] == [
            False,
            True,
            False,
            True,
        ]

    @needs("LEADERSHIP")
    def test_who_does_not_lead_claims_nothing(
        self, core: Core, clock: DrivenClock, open_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """It is told so, by the outcome and by the error, and nothing is enqueued."""
        claims = Claims.now(core, clock)
        first, second = open_broker(clock.core_clock), open_broker(clock.core_clock)
        assert leads(core, first)
        claims.adopt(first)
        (outcome,) = second.dispatch([claims.dispatch(1)])

        assert outcome.status.name == "FAILED"
        assert isinstance(outcome.error, core.NotLeading)
        with pytest.raises(core.NotLeading):
            claims.adopt(second)
        with pytest.raises(core.NotLeading):
            second.forget([claims.entry])
        assert enqueued() == []

    @needs("LEADERSHIP")
    @pytest.mark.parametrize("way", ["resign", "close"])
    def test_who_leaves_hands_over(
        self,
        core: Core,
        clock: DrivenClock,
        open_broker: MakeBroker,
        enqueued: Enqueued,
        way: str,
    ) -> None:
        """The next one leads, and stands where the one before stood."""
        claims = Claims.now(core, clock)
        first, second = open_broker(clock.core_clock), open_broker(clock.core_clock)
        assert leads(core, first)
        claims.adopt(first)
        first.dispatch(claims.chain(1, 2))
        getattr(first, way)()

        assert leads(core, second)
        assert claims.adopt(second, anchor=9) == claims.at(2)
        assert statuses(second.dispatch(claims.chain(2, 3))) == ["TAKEN", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2, 3)

    @needs("LEADERSHIP")
    def test_who_has_resigned_may_lead_again(
        self, core: Core, clock: DrivenClock, open_broker: MakeBroker
    ) -> None:
        """There and back, many times: nothing is used up."""
        first, second = open_broker(clock.core_clock), open_broker(clock.core_clock)
        for broker in [first, second] * 8:
            assert leads(core, broker)
            broker.resign()
            broker.resign()

    @needs("LEADERSHIP")
    def test_leaders_of_two_namespaces_do_not_meet(
        self, core: Core, clock: DrivenClock, open_broker: MakeBroker
    ) -> None:
        """Applications that share a broker each have a leader."""
        one = open_broker(clock.core_clock, namespace="one")
        two = open_broker(clock.core_clock, namespace="two")

        assert leads(core, one)
        assert leads(core, two)

    @needs("LEADERSHIP", absent=True)
    def test_leading_cannot_be_asked_for(self, core: Core, open_broker: MakeBroker) -> None:
        """What is not declared says so by name."""
        broker = open_broker()
        with pytest.raises(core.NotSupported, match="LEADERSHIP"):
            broker.lead()
        with pytest.raises(core.NotSupported, match="LEADERSHIP"):
            broker.resign()
