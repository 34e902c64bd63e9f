"""The contract of dedup: however many beats, however often restarted, each occurrence once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from .claims import Claims, statuses
from .contract import NAMESPACE, Contract, MakeBroker, needs
from .cursors import CursorPromises
from .messages import ContractMessage, ids_of
from .racing import CannotBePublishedError, kill_in_the_second_of_three, overtaken, race, refuse

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]


class DedupContract(CursorPromises, Contract):
    """A claim is won once, by comparing cursors; what was enqueued is never enqueued again."""

    # -- one claim -------------------------------------------------------------------------------

    def test_a_claim_is_won_once(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Of two beats with the same occurrence one dispatches it, the other gets TAKEN."""
        claims = Claims.now(core, clock)
        first, second = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(first)
        claims.adopt(second)
        won = first.dispatch([claims.dispatch(1)])
        lost = second.dispatch([claims.dispatch(1)])

        assert statuses(won) == ["DISPATCHED"]
        assert statuses(lost) == ["TAKEN"]
        assert ids_of(enqueued()) == claims.ids(1)

    def test_outcomes_tell_where_the_cursor_stands(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Won or taken, the outcome's cursor is the newest fire time dispatched."""
        claims = Claims.now(core, clock)
        first, second = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(first)
        claims.adopt(second)
        won = first.dispatch(claims.chain(1, 2))
        lost = second.dispatch([claims.dispatch(1)])

        assert [outcome.cursor for outcome in won] == [claims.at(1), claims.at(2)]
        assert [outcome.cursor for outcome in lost] == [claims.at(2)]

    def test_the_same_beat_asking_again_gets_taken(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A repeated batch, as after an answer that was lost, enqueues nothing twice."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch(claims.chain(1, 3))
        again = broker.dispatch(claims.chain(1, 3))

        assert statuses(again) == ["TAKEN"] * 3
        assert len(enqueued()) == 3

    def test_a_claim_from_a_stale_cursor_is_taken(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A claim wins by an equal cursor, not by a later one: a beat ahead skips nothing."""
        claims = Claims.now(core, clock)
        beat, ahead = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(beat)
        beat.dispatch([claims.dispatch(1)])
        jumped = ahead.dispatch([claims.dispatch(3, previous=0)])
        caught_up = beat.dispatch(claims.chain(2, 3))

        assert statuses(jumped) == ["TAKEN"]
        assert statuses(caught_up) == ["DISPATCHED", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2, 3)

    def test_an_overlapping_chain_adds_only_what_is_new(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A beat that comes later with a longer chain dispatches the rest of it."""
        claims = Claims.now(core, clock)
        first, second = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(first)
        claims.adopt(second)
        first.dispatch(claims.chain(1, 2))
        outcomes = second.dispatch(claims.chain(1, 4))

        assert statuses(outcomes) == ["TAKEN", "TAKEN", "DISPATCHED", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2, 3, 4)

    # -- identity --------------------------------------------------------------------------------

    def test_an_occurrence_has_one_id_for_ever(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """The id comes from namespace, entry, kind and fire time alone, on any machine."""
        clock.set("2026-03-08T06:59:00+00:00")
        fire_time = datetime.fromisoformat("2026-03-08T03:00:00-04:00")
        occurrence = core.Occurrence(NAMESPACE, "report", fire_time)
        broker = make_broker(clock.core_clock)
        cursor = broker.adopt([core.Adoption("report", "0" * 16, clock.now())])["report"]
        message = ContractMessage(occurrence)
        broker.dispatch([core.Dispatch(occurrence, cursor, "0" * 16, message)])

        (received,) = enqueued()
        assert received.id == received.correlation_id == "a0c030c5-9bd7-5ba5-bb7e-986d40208ab8"

    def test_a_retry_has_the_same_id(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """What failed and is tried again, by another beat, later, has the id it had."""
        claims = Claims.now(core, clock)
        first, second = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(first)
        failed = first.dispatch([claims.dispatch(1, before=refuse)])
        clock.advance(clock.units(2))
        claims.adopt(second)
        second.dispatch([claims.dispatch(1)])

        assert statuses(failed) == ["FAILED"]
        assert ids_of(enqueued()) == claims.ids(1)

    def test_namespaces_do_not_meet(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Applications that share a broker share neither claims nor ids."""
        ids: list[str] = []
        for namespace in ("one", "two"):
            claims = Claims.now(core, clock, namespace=namespace)
            broker = make_broker(clock.core_clock, namespace=namespace)
            claims.adopt(broker)
            assert statuses(broker.dispatch([claims.dispatch(1)])) == ["DISPATCHED"]
            ids += claims.ids(1)

        assert ids_of(enqueued()) == sorted(ids)
        assert len(set(ids)) == 2

    def test_closing_twice_does_nothing(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Closing gives back what is held, once; what was enqueued stays enqueued."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1)])
        broker.close()
        broker.close()

        assert ids_of(enqueued()) == claims.ids(1)

    # -- failure ---------------------------------------------------------------------------------

    def test_a_failed_message_moves_nothing_and_the_others_go_on(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Nothing of it is enqueued, its cursor stays, the batch goes on, a retry goes through."""
        broker = make_broker(clock.core_clock)
        good, bad, after = (
            Claims.now(core, clock, entry=entry) for entry in ("good", "bad", "after")
        )
        for claims in (good, bad, after):
            claims.adopt(broker)
        batch = [good.dispatch(1), bad.dispatch(1, before=refuse), after.dispatch(1)]
        outcomes = broker.dispatch(batch)

        assert statuses(outcomes) == ["DISPATCHED", "FAILED", "DISPATCHED"]
        assert isinstance(outcomes[1].error, CannotBePublishedError)
        assert outcomes[1].cursor == bad.at(0) == bad.adopt(broker, anchor=9)
        assert sorted(message.entry for message in enqueued()) == ["after", "good"]
        assert statuses(broker.dispatch([bad.dispatch(1)])) == ["DISPATCHED"]
        assert ids_of(enqueued()) == bad.ids(1)

    def test_what_follows_a_failed_message_waits_for_it(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A later occurrence of the same entry does not overtake the one that failed."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        outcomes = broker.dispatch([claims.dispatch(1, before=refuse), claims.dispatch(2)])

        assert "DISPATCHED" not in statuses(outcomes)
        assert outcomes[-1].cursor == claims.at(0)
        assert enqueued() == []
        assert statuses(broker.dispatch(claims.chain(1, 2))) == ["DISPATCHED", "DISPATCHED"]
        assert len(enqueued()) == 2

    @needs("ATOMIC_DISPATCH")
    def test_a_message_that_fails_late_is_not_enqueued(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Code that raises after kombu took the message undoes the claim and the message."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        outcomes = broker.dispatch([claims.dispatch(1, after=refuse)])

        assert statuses(outcomes) == ["FAILED"]
        assert enqueued() == []
        assert statuses(broker.dispatch([claims.dispatch(1)])) == ["DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1)

    @needs("ATOMIC_DISPATCH")
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_beat_killed_while_publishing_neither_loses_nor_repeats(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        moment: str,
    ) -> None:
        """Killed in the middle of a batch, before or after a publish: the next beat makes it 1."""
        claims = Claims.now(core, clock)
        kill_in_the_second_of_three(claims, make_broker(clock.core_clock), moment)
        survivor = make_broker(clock.core_clock)
        claims.adopt(survivor)
        survivor.dispatch(claims.chain(1, 3))

        assert ids_of(enqueued()) == claims.ids(1, 2, 3)

    @needs("ATOMIC_DISPATCH", absent=True)
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_beat_killed_while_publishing_repeats_under_the_same_ids_only(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        moment: str,
    ) -> None:
        """Without an atomic step a kill may repeat, with the same id, but never loses."""
        claims = Claims.now(core, clock)
        kill_in_the_second_of_three(claims, make_broker(clock.core_clock), moment)
        survivor = make_broker(clock.core_clock)
        claims.adopt(survivor)
        survivor.dispatch(claims.chain(1, 3))
        counted = Counter(message.id for message in enqueued())

        assert sorted(counted) == claims.ids(1, 2, 3)
        assert max(counted.values()) <= 2

    # -- many beats at once ----------------------------------------------------------------------

    @needs("ATOMIC_DISPATCH")
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_claim_in_the_middle_of_another_wins_once(
        self,
        core: Core,
        clock: DrivenClock,
        make_broker: MakeBroker,
        enqueued: Enqueued,
        moment: str,
    ) -> None:
        """Nothing fits between the look at the cursor and its move: not even another beat."""
        claims = Claims.now(core, clock)
        slow, quick = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(slow)
        claims.adopt(quick)

        def claim(hook: Callable[[], None]) -> list[periodic.Outcome]:
            fields: dict[str, Any] = {moment: hook}
            return slow.dispatch([claims.dispatch(1, **fields)])

        won = overtaken(claim, lambda: quick.dispatch([claims.dispatch(1)]))

        assert won == ["DISPATCHED", "TAKEN"]
        assert ids_of(enqueued()) == claims.ids(1)

    @needs("ATOMIC_DISPATCH")
    def test_racing_beats_lose_and_double_nothing(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Three beats in threads, 5 entries, 20 instants: each occurrence is enqueued once."""
        expected = race(core, clock, make_broker)

        assert ids_of(enqueued()) == expected

    @needs("ATOMIC_DISPATCH", absent=True)
    def test_racing_beats_lose_nothing_and_double_under_the_same_id_only(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Without an atomic step beats may double, with the same id, but nothing is lost."""
        expected = race(core, clock, make_broker)

        assert sorted({message.id for message in enqueued()}) == expected
