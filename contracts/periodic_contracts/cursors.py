"""The part of the contract of dedup about cursors: kept, edited, copied, lost, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .claims import Claims, statuses
from .contract import MakeBroker
from .messages import ids_of
from .racing import refuse

if TYPE_CHECKING:
    from .clocks import DrivenClock
    from .core import Core
    from .messages import Received

Enqueued = Callable[[], "list[Received]"]

_EDITED = "fedcba9876543210"


class CursorPromises:
    """Each entry has one cursor, which says what was dispatched; `DedupContract` has these."""

    def test_an_entry_never_seen_starts_at_its_anchor(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Counting starts where the first beat says, and the second beat joins it there."""
        claims = Claims.now(core, clock)

        assert claims.adopt(make_broker(clock.core_clock), anchor=0) == claims.at(0)
        assert claims.adopt(make_broker(clock.core_clock), anchor=5) == claims.at(0)

    def test_a_restart_resumes_from_the_cursor(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A new broker object on the same state stands where the old one stood."""
        claims = Claims.now(core, clock)
        before = make_broker(clock.core_clock)
        claims.adopt(before)
        before.dispatch(claims.chain(1, 2))
        before.close()
        after = make_broker(clock.core_clock)

        assert claims.adopt(after, anchor=4) == claims.at(2)
        assert statuses(after.dispatch(claims.chain(2, 4))) == ["TAKEN", "DISPATCHED", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2, 3, 4)

    def test_an_edit_starts_counting_anew(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Another schedule under the same name starts at its own anchor: never a misfire."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1)])

        assert claims.adopt(broker, anchor=5, fingerprint=_EDITED) == claims.at(5)
        assert claims.adopt(broker, anchor=7, fingerprint=_EDITED) == claims.at(5)

    def test_what_is_given_up_with_an_occurrence_moves_the_cursor_past_it(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """`up_to`: occurrences after the one enqueued that are given up do not come again."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        (outcome,) = broker.dispatch([claims.dispatch(1, up_to=3)])

        assert outcome.cursor == claims.at(3) == claims.adopt(broker, anchor=9)
        assert statuses(broker.dispatch(claims.chain(2, 4))) == ["TAKEN", "TAKEN", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 4)

    # -- lost --------------------------------------------------------------------------------------

    def test_after_a_loss_a_restart_resumes_from_the_copy(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """Where no cursor is known the copy is believed: nothing is repeated, nothing skipped."""
        claims = Claims.now(core, clock)
        before, after = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(before)
        before.dispatch(claims.chain(1, 3))
        before.forget([claims.entry])

        assert claims.adopt(after, anchor=6, copy=3) == claims.at(3)
        assert statuses(after.dispatch(claims.chain(3, 5))) == ["TAKEN", "DISPATCHED", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2, 3, 4, 5)

    def test_a_copy_is_not_believed_where_a_cursor_is_known(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Behind the cursor or ahead of it: what the broker knows is what counts."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch(claims.chain(1, 2))

        assert claims.adopt(broker, anchor=6, copy=1) == claims.at(2)
        assert claims.adopt(broker, anchor=6, copy=5) == claims.at(2)

    def test_a_copy_is_not_believed_after_an_edit(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """The cursor of another schedule is a cursor: an edit starts at its anchor all the same."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)

        assert claims.adopt(broker, anchor=5, fingerprint=_EDITED, copy=3) == claims.at(5)

    def test_after_a_loss_a_running_beat_is_believed(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """A beat that still knows where the entry stood goes on from there, and others join it."""
        claims = Claims.now(core, clock)
        running, other = make_broker(clock.core_clock), make_broker(clock.core_clock)
        claims.adopt(running)
        running.dispatch(claims.chain(1, 3))
        other.forget([claims.entry])

        assert statuses(running.dispatch(claims.chain(4, 5))) == ["DISPATCHED", "DISPATCHED"]
        assert claims.adopt(other, anchor=9) == claims.at(5)
        assert ids_of(enqueued()) == claims.ids(1, 2, 3, 4, 5)

    def test_after_a_loss_what_follows_a_failed_message_still_waits_for_it(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker, enqueued: Enqueued
    ) -> None:
        """The beat is believed by its first word; its next one does not skip the failure."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.forget([claims.entry])
        outcomes = broker.dispatch([claims.dispatch(1, before=refuse), claims.dispatch(2)])

        assert "DISPATCHED" not in statuses(outcomes)
        assert outcomes[-1].cursor == claims.at(0)
        assert statuses(broker.dispatch(claims.chain(1, 2))) == ["DISPATCHED", "DISPATCHED"]
        assert ids_of(enqueued()) == claims.ids(1, 2)

    # -- forgotten ---------------------------------------------------------------------------------

    def test_a_forgotten_entry_that_comes_back_starts_at_its_anchor(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """An entry that was removed and is put again later makes up for nothing in between."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        claims.adopt(broker)
        broker.dispatch([claims.dispatch(1)])
        broker.forget([claims.entry])

        assert claims.adopt(make_broker(clock.core_clock), anchor=5) == claims.at(5)

    def test_forgetting_leaves_all_others_alone(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Other entries, and the same entry of another application, stand where they stood."""
        here, other = Claims.now(core, clock), Claims.now(core, clock, entry="other")
        there = Claims.now(core, clock, namespace="elsewhere")
        broker = make_broker(clock.core_clock)
        elsewhere = make_broker(clock.core_clock, namespace="elsewhere")
        here.adopt(broker)
        other.adopt(broker)
        there.adopt(elsewhere)
        broker.forget([here.entry])

        assert other.adopt(broker, anchor=5) == other.at(0)
        assert there.adopt(elsewhere, anchor=5) == there.at(0)

    def test_forgetting_what_is_not_known_is_no_error(
        self, core: Core, clock: DrivenClock, make_broker: MakeBroker
    ) -> None:
        """Unknown names and no names at all are forgotten as well as any; so is one forgotten."""
        claims = Claims.now(core, clock)
        broker = make_broker(clock.core_clock)
        broker.forget([])
        broker.forget(["never seen"])
        claims.adopt(broker)
        broker.forget(["never seen", claims.entry])
        broker.forget([claims.entry])

        assert claims.adopt(broker, anchor=5) == claims.at(5)
