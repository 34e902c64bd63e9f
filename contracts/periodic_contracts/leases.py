"""The contract of leases: one holder, until an end that the store sets, with a growing token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from .claimants import MISSING, Claimants, MakeLeases, background, claimed, owner_of
from .contract import Contract, MakeBroker, needs
from .locks import LockPromises
from .racing import contend
from .ticking import ahead_of

if TYPE_CHECKING:
    import periodic

    from .clocks import DrivenClock
    from .core import Core

#: What a store may be off when it reads its clock twice.
_READINGS = timedelta(milliseconds=2)
_HOUR = timedelta(hours=1)


class LeaseContract(LockPromises, Claimants, Contract):
    """A key has one holder; who lost it is told so, and frees nobody else's lease."""

    # -- one holder ------------------------------------------------------------------------------

    @needs("LEASES")
    def test_a_key_has_one_holder(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """While one holds a key another gets nothing, and both see who holds it."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(150))

        assert (lease.key, lease.owner) == (key, "first")
        assert second.claim(key, "second", clock.units(150)) is None
        assert owner_of(first, key) == owner_of(second, key) == "first"

    @needs("LEASES")
    def test_a_key_that_nobody_has_claimed_has_no_holder(
        self, leases: periodic.LeaseStore, key: str
    ) -> None:
        """Asking is not claiming."""
        assert leases.holder(key) is None
        assert leases.holder(key) is None

    @needs("LEASES")
    def test_the_holder_is_shown_as_it_claimed(
        self, clock: DrivenClock, leases: periodic.LeaseStore, key: str
    ) -> None:
        """Owner, token and end are those of the claim, in UTC, whatever letters the owner has."""
        owner = "host 1:42 „schön“ ☀\nnext line"
        lease = claimed(leases, key, owner, clock.units(150))
        shown = leases.holder(key)

        assert shown is not None
        assert (shown.key, shown.owner, shown.token) == (key, owner, lease.token)
        assert abs(shown.expires_at - lease.expires_at) <= _READINGS
        assert lease.expires_at.utcoffset() == timedelta(0)

    @needs("LEASES")
    def test_claims_at_the_same_moment_have_one_winner(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """Nothing fits between the look at the key and its taking: four race, twenty times."""
        stores = [make_leases() for _ in range(4)]
        won = contend(stores, key, clock.units(150), rounds=20)

        assert [len(leases) for leases in won] == [1] * 20
        assert stores[0].holder(key) is None

    @needs("LEASES")
    def test_keys_do_not_meet(
        self, clock: DrivenClock, leases: periodic.LeaseStore, key: str
    ) -> None:
        """Two keys have two holders, however alike they look."""
        keys = [key, f"{key}:", f"{key}:lease", f"{key} ☀", f"{{{key}}}", f"{key}\n"]
        held = [claimed(leases, each, each, clock.units(150)) for each in keys]
        leases.release(held[0])

        assert [owner_of(leases, each) for each in keys] == [None, *keys[1:]]

    @needs("LEASES")
    def test_namespaces_of_leases_do_not_meet(
        self, clock: DrivenClock, make_broker: MakeBroker, key: str
    ) -> None:
        """Applications that share a broker do not lock each other out."""
        one, two = (
            make_broker(clock.core_clock, namespace=namespace).leases()
            for namespace in ("one", "two")
        )
        claimed(one, key, "first", clock.units(150))
        lease = claimed(two, key, "second", clock.units(150))
        two.release(lease)

        assert owner_of(one, key) == "first"

    # -- the end ---------------------------------------------------------------------------------

    @needs("LEASES")
    def test_a_lease_ends_by_itself(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """A holder that died keeps others out until its lease ends, and no longer."""
        first, second = make_leases(), make_leases()
        claimed(first, key, "first", clock.units(5))
        clock.advance(clock.units(2))
        assert second.claim(key, "second", clock.units(150)) is None
        clock.advance(clock.units(4))

        assert first.holder(key) is None
        claimed(second, key, "second", clock.units(150))

    @needs("LEASES")
    def test_a_renewed_lease_ends_later(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """It ends so long after its renewal, with the token that it had."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(5))
        clock.advance(clock.units(2))
        renewed = first.renew(lease, clock.units(10))
        clock.advance(clock.units(5))

        assert (renewed.owner, renewed.token) == (lease.owner, lease.token)
        assert renewed.expires_at - lease.expires_at >= clock.units(7) - _READINGS
        assert second.claim(key, "second", clock.units(150)) is None
        clock.advance(clock.units(6))
        claimed(second, key, "second", clock.units(150))

    @needs("LEASES")
    def test_the_holder_that_claims_again_renews(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """A claim whose answer was lost can be made again: it is the same lease, longer."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(5))
        clock.advance(clock.units(2))
        again = claimed(first, key, "first", clock.units(10))
        clock.advance(clock.units(5))

        assert again.token == lease.token
        assert again.expires_at > lease.expires_at
        assert second.claim(key, "second", clock.units(150)) is None

    @needs("LEASES")
    def test_a_lease_that_has_ended_is_not_revived(
        self, core: Core, clock: DrivenClock, leases: periodic.LeaseStore, key: str
    ) -> None:
        """Nobody has claimed the key since, but somebody may have, and gone: the holder is told."""
        lease = claimed(leases, key, "first", clock.units(2))
        clock.advance(clock.units(3))
        with pytest.raises(core.LeaseLost, match=key):
            leases.renew(lease, clock.units(150))

        assert leases.holder(key) is None

    @needs("LEASES")
    def test_a_lease_that_was_taken_over_is_not_renewed(
        self, core: Core, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """The new holder keeps the key, until the end that it was promised."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(2))
        clock.advance(clock.units(3))
        claimed(second, key, "second", clock.units(5))
        with pytest.raises(core.LeaseLost, match=key):
            first.renew(lease, clock.units(150))

        assert owner_of(first, key) == "second"
        clock.advance(clock.units(6))
        assert first.holder(key) is None

    @needs("LEASES")
    @pytest.mark.parametrize("by", [_HOUR, -_HOUR], ids=["ahead", "behind"])
    def test_a_client_whose_clock_is_wrong_ends_nothing_early_or_late(
        self, clock: DrivenClock, make_broker: MakeBroker, key: str, by: timedelta
    ) -> None:
        """Leases end by one clock, the store's: that of who claims or asks does not count."""
        right = make_broker(clock.core_clock).leases()
        wrong = make_broker(ahead_of(clock.core_clock, by)).leases()
        lease = claimed(right, key, "right", clock.units(150))
        assert wrong.claim(key, "wrong", clock.units(150)) is None
        assert owner_of(wrong, key) == "right"
        right.release(lease)

        claimed(wrong, key, "wrong", clock.units(2))
        assert owner_of(right, key) == "wrong"
        clock.advance(clock.units(3))
        claimed(right, key, "right", clock.units(150))

    @needs("LEASES")
    @pytest.mark.parametrize("seconds", [0, -15])
    def test_a_lease_that_ends_before_it_begins_is_refused(
        self, leases: periodic.LeaseStore, key: str, seconds: int
    ) -> None:
        """A lifetime that is not above zero is a mistake, and nothing is held."""
        with pytest.raises(ValueError, match=key):
            leases.claim(key, "first", timedelta(seconds=seconds))

        assert leases.holder(key) is None

    # -- release ---------------------------------------------------------------------------------

    @needs("LEASES")
    def test_a_released_key_is_free_at_once(
        self, core: Core, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """The next one need not wait; giving back twice does nothing, and a lease is over."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(150))
        assert first.release(lease) is True
        assert first.release(lease) is False
        with pytest.raises(core.LeaseLost):
            first.renew(lease, clock.units(150))

        claimed(second, key, "second", clock.units(150))

    @needs("LEASES")
    @pytest.mark.parametrize("successor", ["second", "first"])
    def test_a_lease_that_has_ended_frees_nobody_elses(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str, successor: str
    ) -> None:
        """A slow holder gives back what it no longer has; its successor, even itself, keeps it."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(2))
        clock.advance(clock.units(3))
        later = claimed(second, key, successor, clock.units(150))
        assert first.release(lease) is False

        held = second.holder(key)
        assert held is not None
        assert (held.owner, held.token) == (successor, later.token)

    # -- fencing ---------------------------------------------------------------------------------

    @needs("LEASES")
    @pytest.mark.parametrize("how", ["released", "ended"])
    def test_tokens_grow_with_each_claim(
        self, clock: DrivenClock, make_leases: MakeLeases, key: str, how: str
    ) -> None:
        """Whoever claims, and however the last lease went: what is guarded can tell them apart."""
        first, second = make_leases(), make_leases()
        tokens: list[int] = []
        for leases, owner in ((first, "a"), (second, "b"), (second, "a"), (first, "a")):
            lease = claimed(leases, key, owner, clock.units(150 if how == "released" else 2))
            tokens.append(lease.token)
            if how == "released":
                leases.release(lease)
            else:
                clock.advance(clock.units(3))

        assert tokens == sorted(set(tokens))

    # -- waiting ---------------------------------------------------------------------------------

    @needs("LEASES")
    def test_a_release_wakes_who_waits(
        self, core: Core, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """The wait ends with the release, long before the lease would and the timeout."""
        first, second = make_leases(), make_leases()
        lease = claimed(first, key, "first", clock.units(1_000))
        waiting = background(second.wait_released, key, clock.units(1_000), core.Wake())
        first.release(lease)
        waiting.result(MISSING)

        claimed(second, key, "second", clock.units(150))

    @needs("LEASES")
    def test_the_end_of_the_lease_ends_the_wait(
        self, core: Core, clock: DrivenClock, make_leases: MakeLeases, key: str
    ) -> None:
        """A holder that died releases nothing: the wait ends all the same."""
        first, second = make_leases(), make_leases()
        claimed(first, key, "first", clock.units(3))
        waiting = background(second.wait_released, key, clock.units(1_000), core.Wake())
        clock.advance(clock.units(4))
        waiting.result(MISSING)

        claimed(second, key, "second", clock.units(150))

    @needs("LEASES")
    def test_a_wait_can_be_ended_from_outside(
        self, core: Core, clock: DrivenClock, leases: periodic.LeaseStore, key: str
    ) -> None:
        """A stop need not wait for a key, and the lease is left alone."""
        claimed(leases, key, "first", clock.units(1_000))
        wake = core.Wake()
        waiting = background(leases.wait_released, key, clock.units(1_000), wake)
        wake.set()
        waiting.result(MISSING)

        assert owner_of(leases, key) == "first"

    @needs("LEASES")
    def test_a_key_that_is_free_is_not_waited_for(
        self, core: Core, clock: DrivenClock, leases: periodic.LeaseStore, key: str
    ) -> None:
        """A release that came before the wait is not missed."""
        leases.release(claimed(leases, key, "first", clock.units(1_000)))
        waiting = background(leases.wait_released, key, clock.units(1_000), core.Wake())

        waiting.result(MISSING)

    # -- without ---------------------------------------------------------------------------------

    @needs("LEASES", absent=True)
    def test_leases_cannot_be_asked_for(self, core: Core, make_broker: MakeBroker) -> None:
        """Asked for what it does not declare, the adapter says so."""
        with pytest.raises(core.NotSupported, match="LEASES"):
            make_broker().leases()
